//! The released server with a company, a key and an operator token of its own, and what is set up through its interfaces.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::http::{self, Connection};
use crate::process::{Process, free_address};
use crate::publish::Load;

/// Secrets of a PostgreSQL installation must be given. This one is thrown away.
const SECRETS: [(&str, &str); 2] = [
    (
        "GATEHOUSE_MASTER_KEY",
        "6265c5d1f0a94b3e8d7c1f20a3b45c6d7e8f9011223344556677889900aabbcc",
    ),
    (
        "GATEHOUSE_PEPPER",
        "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0",
    ),
];

/// A company and a key of its own.
#[derive(Clone, Debug)]
pub(crate) struct Company {
    pub(crate) client_id: String,
    secret: String,
}

pub(crate) struct Gatehouse {
    binary: PathBuf,
    folder: PathBuf,
    pub(crate) database_url: Option<String>,
    /// Dashboard, gateway, operator.
    listeners: [SocketAddr; 3],
    pub(crate) token: String,
    pub(crate) company: Company,
    pub(crate) process: Option<Process>,
    runtime: Runtime,
}

impl Gatehouse {
    /// With an empty database. The folder must be empty too.
    pub(crate) fn new(binary: &Path, folder: &Path, database_url: Option<String>) -> Result<Self> {
        let none = Company {
            client_id: String::new(),
            secret: String::new(),
        };
        let mut gatehouse = Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            database_url,
            listeners: [free_address()?, free_address()?, free_address()?],
            token: String::new(),
            company: none,
            process: None,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        };
        let company = gatehouse.admin(&["create-company", "--name", "Northwind"])?;
        let client_id = text(&company, "client_id")?;
        let key = gatehouse.admin(&[
            "create-key",
            "--client-id",
            &client_id,
            "--environment",
            "sandbox",
        ])?;
        gatehouse.company = Company {
            secret: text(&key, "secret")?,
            client_id,
        };
        let mut arguments = vec!["create-operator-token", "--name", "bench"];
        for scope in ["events", "companies", "keys"] {
            arguments.extend(["--scope", scope]);
        }
        gatehouse.token = text(&gatehouse.admin(&arguments)?, "token")?;
        gatehouse.start()?;
        Ok(gatehouse)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(words)
            .arg("--data-dir")
            .arg(self.folder.join("data"));
        if let Some(url) = &self.database_url {
            command.args(["--database-url", url]).envs(SECRETS);
        }
        command
    }

    fn admin(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.command(&["admin", "--json"]).args(arguments).output()?;
        ensure!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).context("what the command printed")
    }

    /// Again, after it was killed or stopped. Its messages are in a file of the folder.
    pub(crate) fn start(&mut self) -> Result<()> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("server.log"))?;
        let mut command = self.command(&["serve", "--rate-limit", "off", "--log", "warn"]);
        command.args(["--allow-network", "127.0.0.0/8"]);
        let flags = ["--listen", "--gateway-listen", "--operator-listen"];
        for (flag, address) in flags.into_iter().zip(self.listeners) {
            command.args([flag, &address.to_string()]);
        }
        let mut process = Process::start(command.stdout(Stdio::null()).stderr(log))?;
        let get = http::request(
            "GET",
            self.operator(),
            "/readyz",
            &["Connection: close".to_owned()],
            "",
        );
        process.wait_until(|| {
            let status = self.runtime.block_on(async {
                let mut connection = Connection::open(self.operator()).await?;
                connection.exchange(&get).await?.status()
            });
            matches!(status, Ok(200))
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// As an operator does.
    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    pub(crate) fn kill(&mut self) -> Result<()> {
        self.process.take().context("no server is running")?.kill()
    }

    pub(crate) fn running(&self) -> Result<&Process> {
        self.process.as_ref().context("no server is running")
    }

    pub(crate) fn operator(&self) -> SocketAddr {
        self.listeners[2]
    }

    /// Events for the server's first company, as fast as one publisher can, for an hour at most.
    pub(crate) fn load(&self) -> Load {
        Load {
            operator: self.operator(),
            token: self.token.clone(),
            client_id: self.company.client_id.clone(),
            publishers: 1,
            time: Duration::from_secs(3600),
            count: usize::MAX,
            rate: None,
            one_is_rare_in: None,
            survives: false,
        }
    }

    /// Creates a webhook of the first company and returns its id. Without types it receives all of them.
    pub(crate) fn webhook(&self, url: &str, types: &[&str]) -> Result<String> {
        let request = self.webhook_request(&self.company, url, types);
        let made = self.ask(self.listeners[1], &request, 201)?;
        text(&made, "id")
    }

    pub(crate) fn enable(&self, webhook: &str, enabled: bool) -> Result<()> {
        let target = format!("/v1/webhooks/{webhook}/");
        let body = json!({ "enabled": enabled }).to_string();
        let request = http::request(
            "PATCH",
            self.listeners[1],
            &target,
            &self.company.headers(),
            &body,
        );
        self.ask(self.listeners[1], &request, 200).map(drop)
    }

    fn ask(&self, address: SocketAddr, request: &[u8], expected: u16) -> Result<Value> {
        self.runtime.block_on(async {
            let mut connection = Connection::open(address).await?;
            exchange(&mut connection, request, expected).await
        })
    }

    fn webhook_request(&self, company: &Company, url: &str, types: &[&str]) -> Vec<u8> {
        let mut webhook = json!({ "name": "Orders", "webhook_url": url, "env_type": "sandbox" });
        if !types.is_empty() {
            webhook["events"] = json!(types);
        }
        let headers = company.headers();
        http::request(
            "POST",
            self.listeners[1],
            "/v1/webhooks/",
            &headers,
            &webhook.to_string(),
        )
    }

    /// Creates companies with a key and this many webhooks each, eight at a time.
    pub(crate) fn fill(&self, companies: usize, webhooks: usize, url: &dyn Fn(u32) -> String) -> Result<()> {
        let next = std::cell::Cell::new(0);
        let work = async || -> Result<()> {
            let mut operator = Connection::open(self.operator()).await?;
            let mut gateway = Connection::open(self.listeners[1]).await?;
            while next.get() < companies {
                let number = next.replace(next.get() + 1);
                let company = self.company(&mut operator, number).await?;
                for webhook in 0..webhooks {
                    let url = url(u32::try_from(number * webhooks + webhook)?);
                    let request = self.webhook_request(&company, &url, &[]);
                    exchange(&mut gateway, &request, 201).await?;
                }
            }
            Ok(())
        };
        self.runtime.block_on(async {
            tokio::try_join!(work(), work(), work(), work(), work(), work(), work(), work())?;
            Ok(())
        })
    }

    async fn company(&self, operator: &mut Connection, number: usize) -> Result<Company> {
        let headers = [format!("Authorization: Bearer {}", self.token)];
        let post = |target: &str, body: &Value| {
            http::request("POST", self.operator(), target, &headers, &body.to_string())
        };
        let body = json!({ "name": format!("Northwind {number}") });
        let made = exchange(operator, &post("/operator/v1/companies", &body), 201).await?;
        let client_id = text(&made, "client_id")?;
        let body = json!({ "client_id": client_id, "env_type": "sandbox" });
        let key = exchange(operator, &post("/operator/v1/keys", &body), 201).await?;
        Ok(Company {
            client_id,
            secret: text(&key, "secret")?,
        })
    }
}

impl Company {
    fn headers(&self) -> [String; 2] {
        [
            format!("X-Access-Client-Id: {}", self.client_id),
            format!("X-Access-Secret: {}", self.secret),
        ]
    }
}

async fn exchange(connection: &mut Connection, request: &[u8], expected: u16) -> Result<Value> {
    let response = connection.exchange(request).await?;
    let status = response.status()?;
    ensure!(
        status == expected,
        "{status} instead of {expected}: {}",
        String::from_utf8_lossy(&response.body)
    );
    serde_json::from_slice(&response.body).context("a response")
}

fn text(object: &Value, name: &str) -> Result<String> {
    let text = object.get(name).and_then(Value::as_str);
    text.map(str::to_owned)
        .with_context(|| format!("no {name} in {object}"))
}
