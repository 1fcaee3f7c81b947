//! Invariant 3, from the outside. A real server gets a secret in every way a caller can send it. It signs webhooks with
//! it, and their receiver repeats the secret in its responses. The server logs at its most detailed level. Then the
//! test searches every file it wrote, every line it printed, every page it showed, and every server function response
//! except the two that ask for the secret. It searches for the text, its halves, the bytes of its digits, and hex and
//! base64 of the text.

mod exchange;
mod needles;
mod peers;

use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::exchange::{body, field, header, request, request_id, status};
use crate::needles::{holds, needles, own_needles};
use crate::peers::{echoing_upstream, telling_receiver};

const GATEHOUSE: &str = env!("CARGO_BIN_EXE_gatehouse");
const PASSWORD: &str = "correct horse battery staple";

#[test]
fn a_secret_is_in_no_file_no_output_and_no_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let company = admin(&data, &["create-company", "--name", "Acme"], "");
    let client_id = field(&company, "client_id");
    let member = [
        "create-member",
        "--client-id",
        &client_id,
        "--email",
        "ana@example.com",
        "--role",
        "owner",
    ];
    admin(&data, &member, PASSWORD);
    let key = admin(
        &data,
        &[
            "create-key",
            "--client-id",
            &client_id,
            "--environment",
            "sandbox",
        ],
        "",
    );
    let (key_id, secret) = (field(&key, "key_id"), field(&key, "secret"));
    let token = admin(&data, &["create-operator-token", "--name", "backend"], "");
    let token = field(&token, "token");

    let server = Server::start(folder.path(), &data, echoing_upstream());
    let requests = server.send_the_secret_in_every_way(&client_id, &secret);
    let cookie = server.sign_in();
    let mut pages = server.pages(&client_id, &requests, &cookie);
    assert!(
        pages.iter().any(|(_, page)| holds(page, b"/v1/users/")),
        "the requests are on the pages"
    );
    assert!(
        pages.iter().any(|(_, page)| holds(page, b"[redacted]")),
        "with the secret removed"
    );
    pages.extend(server.deliver_to_a_receiver_that_knows(&client_id, &secret, &token, &cookie));
    for name in ["keys/reveal_key", "keys/copy_key"] {
        let answer = server.call("POST", name, &client_id, &format!("key={key_id}"), &cookie);
        assert!(holds(&answer, secret.as_bytes()), "{name} returns it on request");
    }
    for (name, arguments) in [
        ("keys/list", ""),
        ("keys/deletion_facts", &*format!("key={key_id}")),
        ("keys/one", &*format!("key={key_id}")),
        ("keys/deleted", ""),
        ("webhooks/list", ""),
        ("company/context", ""),
    ] {
        let answer = server.call("GET", name, &client_id, arguments, &cookie);
        pages.push((format!("/rpc/{name}"), answer));
    }
    let (own_secrets, shown) = server.use_the_webhooks_own_secret(&client_id, &cookie);
    pages.extend(shown);
    let last_four = &secret[secret.len() - 4..];
    let delete = ["delete-key", "--key-id", &key_id, "--last-four", last_four];
    admin(&data, &delete, "");
    let refused = server.gateway_request("GET", "/v1/after/", &client_id, &secret, "", "");
    assert_eq!(status(&refused), 401);
    pages.extend(server.pages(&client_id, &[request_id(&refused)], &cookie));
    let written = server.stop();

    let mut needles = needles(&secret);
    for own in &own_secrets {
        needles.extend(own_needles(own));
    }
    for (place, content) in pages.iter().chain(&written) {
        for (form, needle) in &needles {
            assert!(!holds(content, needle), "the secret is in {place}, as {form}");
        }
    }
    // Check that the search can find something that is there.
    for place in ["gatehouse.db", "stdout", "stderr"] {
        assert!(
            written.iter().any(|(name, _)| name.contains(place)),
            "{place} was searched"
        );
    }
    assert!(
        written
            .iter()
            .any(|(_, content)| holds(content, client_id.as_bytes()))
    );
}

/// A server in its own process, with everything it prints in two files.
struct Server {
    child: Child,
    folder: PathBuf,
    data: PathBuf,
    dashboard: SocketAddr,
    gateway: SocketAddr,
    operator: SocketAddr,
}

impl Server {
    fn start(folder: &Path, data: &Path, upstream: SocketAddr) -> Self {
        let [dashboard, gateway, operator] = free_addresses();
        let output = |name: &str| File::create(folder.join(name)).expect("an output file");
        let child = Command::new(GATEHOUSE)
            .current_dir(folder)
            .args(["serve", "--log", "trace", "--data-dir"])
            .arg(data)
            .args([
                "--listen",
                &dashboard.to_string(),
                "--gateway-listen",
                &gateway.to_string(),
            ])
            .args(["--operator-listen", &operator.to_string()])
            .args(["--upstream", &format!("sandbox=http://{upstream}")])
            .args(["--allow-network", "127.0.0.0/8"])
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .spawn()
            .expect("the server starts");
        let (folder, data) = (folder.to_owned(), data.to_owned());
        let mut server = Self {
            child,
            folder,
            data,
            dashboard,
            gateway,
            operator,
        };
        server.wait_until_it_listens();
        server
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "another process does not announce when it listens"
    )]
    fn wait_until_it_listens(&mut self) {
        let started = Instant::now();
        while [self.dashboard, self.gateway, self.operator]
            .iter()
            .any(|address| TcpStream::connect(address).is_err())
        {
            let ended = self.child.try_wait().expect("its state can be read");
            assert!(
                ended.is_none() && started.elapsed() < Duration::from_secs(60),
                "the server does not listen: {ended:?}\n{}",
                fs::read_to_string(self.folder.join("stderr")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Puts the secret everywhere a caller can: into the header it belongs in, and into every other place beside it.
    /// Returns the request ids.
    fn send_the_secret_in_every_way(&self, client_id: &str, secret: &str) -> Vec<String> {
        let other_client = "0123456789abcdef0123456789abcdef";
        let json = format!(r#"{{"note":"my key is {secret}","nested":{{"access_secret":"{secret}"}}}}"#);
        let headers = format!(
            "Authorization: Bearer {secret}\r\nCookie: s={secret}\r\nUser-Agent: tool/{secret}\r\nX-Note: {secret}\r\n"
        );
        let answers = [
            self.gateway_request(
                "GET",
                &format!("/v1/users/?token={secret}"),
                client_id,
                secret,
                "",
                "",
            ),
            self.gateway_request(
                "GET",
                &format!("/v1/users/{secret}/"),
                client_id,
                secret,
                &headers,
                "",
            ),
            self.gateway_request(
                "POST",
                "/v1/orders/",
                client_id,
                secret,
                "Content-Type: application/json\r\n",
                &json,
            ),
            self.gateway_request(
                "POST",
                "/v1/text/",
                client_id,
                secret,
                "Content-Type: text/plain\r\n",
                secret,
            ),
            // The first request has a known secret but the wrong Client ID. Then the secret is sent twice, and to
            // verify.
            self.gateway_request(
                "GET",
                &format!("/v1/{secret}/"),
                other_client,
                secret,
                &headers,
                "",
            ),
            self.gateway_request(
                "GET",
                &format!("/v1/twice/?a={secret}"),
                client_id,
                secret,
                &format!("X-Access-Secret: {secret}\r\n"),
                "",
            ),
            self.credential_request(
                self.operator,
                "GET",
                "/verify?environment=sandbox&profile=caddy",
                client_id,
                secret,
                &format!("{headers}X-Forwarded-Method: GET\r\nX-Forwarded-Uri: /v1/{secret}?a={secret}\r\n"),
                "",
            ),
        ];
        let statuses: Vec<u16> = answers.iter().map(|answer| status(answer)).collect();
        assert_eq!(statuses, [200, 200, 200, 200, 401, 401, 200]);
        answers.iter().map(|answer| request_id(answer)).collect()
    }

    fn gateway_request(
        &self,
        method: &str,
        path: &str,
        client_id: &str,
        secret: &str,
        headers: &str,
        body: &str,
    ) -> Vec<u8> {
        self.credential_request(self.gateway, method, path, client_id, secret, headers, body)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "these are the parts of a request, and each caller names them"
    )]
    fn credential_request(
        &self,
        to: SocketAddr,
        method: &str,
        path: &str,
        client_id: &str,
        secret: &str,
        headers: &str,
        body: &str,
    ) -> Vec<u8> {
        let headers = format!("X-Access-Client-Id: {client_id}\r\nX-Access-Secret: {secret}\r\n{headers}");
        request(to, method, path, &headers, body)
    }

    /// The session's cookie.
    fn sign_in(&self) -> String {
        let headers = format!(
            "Origin: http://{}\r\nContent-Type: application/x-www-form-urlencoded\r\n",
            self.dashboard
        );
        let form = format!(
            "email=ana%40example.com&password={}&next=",
            PASSWORD.replace(' ', "+")
        );
        let answer = request(self.dashboard, "POST", "/sign-in", &headers, &form);
        let cookie = header(&answer, "set-cookie").expect("one is signed in");
        cookie.split(';').next().expect("a name and a value").to_owned()
    }

    /// Every page about these requests, once each entry is in the log.
    fn pages(&self, client_id: &str, requests: &[String], cookie: &str) -> Vec<(String, Vec<u8>)> {
        let get = |path: String| {
            let page = request(self.dashboard, "GET", &path, &format!("Cookie: {cookie}\r\n"), "");
            (path, page)
        };
        let base = format!("/c/{client_id}/development");
        let mut pages: Vec<_> = ["keys", "keys?deleted=1", "logs", "webhooks"]
            .map(|tab| get(format!("{base}/{tab}")))
            .into();
        for id in requests {
            let started = Instant::now();
            pages.push(loop {
                let page = get(format!("{base}/logs/{id}"));
                if status(&page.1) == 200 {
                    break page;
                }
                assert!(
                    started.elapsed() < Duration::from_secs(30),
                    "the entry {id} is not in the log"
                );
            });
        }
        pages.push(get(format!("{base}/logs")));
        pages.push(self.exported(&base, cookie));
        assert!(
            pages.iter().all(|(_, page)| status(page) == 200),
            "every page is shown"
        );
        pages
    }

    /// The log as a file, with headers and bodies.
    fn exported(&self, base: &str, cookie: &str) -> (String, Vec<u8>) {
        let headers = format!("Cookie: {cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        let path = format!("{base}/logs/export");
        let file = request(self.dashboard, "POST", &path, &headers, "format=full&filter=");
        assert!(holds(&file, b"end_of_export") && holds(&file, b"request_headers"));
        (path, file)
    }

    /// Publishes an event for a webhook whose receiver repeats the secret in a header, in its body and in the URL it
    /// redirects to. Returns the pages about it.
    fn deliver_to_a_receiver_that_knows(
        &self,
        client_id: &str,
        secret: &str,
        token: &str,
        cookie: &str,
    ) -> Vec<(String, Vec<u8>)> {
        let receiver = telling_receiver(secret.to_owned());
        let json = "Content-Type: application/json\r\n";
        let webhook =
            format!(r#"{{"name":"Orders","webhook_url":"http://{receiver}/hook","env_type":"sandbox"}}"#);
        let created = self.gateway_request("POST", "/v1/webhooks/", client_id, secret, json, &webhook);
        assert_eq!(status(&created), 201);
        let webhook_id = field(&body(&created), "id");
        let event = format!(
            r#"{{"client_id":"{client_id}","env_type":"sandbox","event_type":"order-created","payload":{{}}}}"#
        );
        let headers = format!("{json}Authorization: Bearer {token}\r\n");
        let published = request(self.operator, "POST", "/operator/v1/events", &headers, &event);
        assert_eq!(status(&published), 202);

        let cookie_line = format!("Cookie: {cookie}\r\n");
        let webhook_page = format!("/c/{client_id}/development/webhooks/{webhook_id}");
        let started = Instant::now();
        let delivery_page = loop {
            let page = request(self.dashboard, "GET", &webhook_page, &cookie_line, "");
            let text = String::from_utf8_lossy(&page).into_owned();
            let link = format!("{webhook_page}/deliveries/");
            let id = text.split(&link).nth(1).and_then(|rest| rest.split('"').next());
            if let Some(id) = id {
                let delivery = format!("{link}{id}");
                let page = request(self.dashboard, "GET", &delivery, &cookie_line, "");
                if holds(&page, b"I expected") {
                    break (delivery, page);
                }
            }
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "no attempt is on the page: {text}"
            );
        };
        let history = self.gateway_request("GET", "/v1/webhook-requests/", client_id, secret, "", "");
        assert!(holds(&history, b"order-created"));
        vec![
            (
                webhook_page.clone(),
                request(self.dashboard, "GET", &webhook_page, &cookie_line, ""),
            ),
            delivery_page,
            ("/v1/webhook-requests/".to_owned(), history),
        ]
    }

    /// Reveals, copies and rotates the webhook's own secret, and sends a test that is signed with both. Returns the
    /// secrets, and every page and response that must not contain them.
    fn use_the_webhooks_own_secret(
        &self,
        client_id: &str,
        cookie: &str,
    ) -> (Vec<String>, Vec<(String, Vec<u8>)>) {
        let list = self.call("GET", "webhooks/list", client_id, "", cookie);
        let rows: serde_json::Value = serde_json::from_str(&body(&list)).expect("JSON");
        let id = rows[0]["webhook"]["id"].as_str().expect("an id").to_owned();
        let argument = format!("webhook={id}");
        let ask = |name: &str| {
            let answer = body(&self.call("POST", &format!("webhooks/{name}"), client_id, &argument, cookie));
            let from = answer.find("whsec_").expect("it is asked for");
            answer[from..].split('"').next().expect("its end").to_owned()
        };
        let former = ask("reveal_secret");
        assert_eq!(ask("copy_secret"), former);
        let current = ask("rotate_secret");
        assert_ne!(current, former);
        let test = format!("{argument}&event_type=order-created");
        let sent = self.call("POST", "webhooks/send_test", client_id, &test, cookie);
        let delivery: String = body(&sent).chars().filter(char::is_ascii_hexdigit).collect();
        let mut shown = vec![("/rpc/webhooks/list".to_owned(), list)];
        let started = Instant::now();
        shown.push(loop {
            let name = "webhooks/delivery";
            let answer = self.call("GET", name, client_id, &format!("delivery={delivery}"), cookie);
            if holds(&answer, b"webhook-signature") {
                break (format!("/rpc/{name}"), answer);
            }
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "the test is not sent"
            );
        });
        let detail = self.call("GET", "webhooks/detail", client_id, &argument, cookie);
        shown.push(("/rpc/webhooks/detail".to_owned(), detail));
        for path in [
            format!("/c/{client_id}/development/webhooks/{id}"),
            format!("/c/{client_id}/development/webhooks/{id}/deliveries/{delivery}"),
        ] {
            let page = request(self.dashboard, "GET", &path, &format!("Cookie: {cookie}\r\n"), "");
            assert_eq!(status(&page), 200, "{path}");
            shown.push((path, page));
        }
        (vec![former, current], shown)
    }

    /// The response of one of the page's server functions.
    fn call(&self, method: &str, name: &str, client_id: &str, arguments: &str, cookie: &str) -> Vec<u8> {
        let arguments = format!("company={client_id}&{arguments}");
        let headers = format!(
            "Cookie: {cookie}\r\nOrigin: http://{}\r\nAccept: application/json\r\n",
            self.dashboard
        );
        let answer = if method == "GET" {
            let path = format!("/rpc/{name}?{arguments}");
            request(self.dashboard, "GET", &path, &headers, "")
        } else {
            let headers = format!("{headers}Content-Type: application/x-www-form-urlencoded\r\n");
            request(
                self.dashboard,
                method,
                &format!("/rpc/{name}"),
                &headers,
                &arguments,
            )
        };
        assert_eq!(
            status(&answer),
            200,
            "{name}: {}",
            String::from_utf8_lossy(&answer)
        );
        answer
    }

    /// Stops the server and reads everything it wrote and printed.
    fn stop(mut self) -> Vec<(String, Vec<u8>)> {
        let asked = Command::new("kill")
            .arg("-TERM")
            .arg(self.child.id().to_string())
            .status()
            .expect("kill runs");
        assert!(asked.success());
        assert!(self.child.wait().expect("it ends").success());
        let mut written = Vec::new();
        read_all(&self.data, &mut written);
        for name in ["stdout", "stderr"] {
            written.push((
                name.to_owned(),
                fs::read(self.folder.join(name)).expect("its output"),
            ));
        }
        written
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server has already ended unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs `gatehouse admin` and returns its JSON.
fn admin(data: &Path, command: &[&str], input: &str) -> String {
    let mut child = Command::new(GATEHOUSE)
        .current_dir(data.parent().expect("a folder"))
        .arg("admin")
        .args(command)
        .arg("--data-dir")
        .arg(data)
        .arg("--json")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input.as_bytes())
        .expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

fn free_addresses() -> [SocketAddr; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    listeners.map(|listener| listener.local_addr().expect("an address"))
}

fn read_all(folder: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_all(&path, into);
        } else if path.is_file() {
            into.push((path.display().to_string(), fs::read(&path).expect("a file")));
        }
    }
}
