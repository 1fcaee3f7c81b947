//! `serve`: the released server under load by `wrk`, on `/verify` and then on the gateway. Every request must be stored.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

const DASHBOARD: &str = "127.0.0.1:13000";
const GATEWAY: &str = "127.0.0.1:18080";
const OPERATOR: &str = "127.0.0.1:19090";

/// How long the server may take to start, and to store what waits.
const PATIENCE: Duration = Duration::from_secs(60);

const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{\"status\":\"ok\"}";

#[derive(Debug, clap::Args)]
pub(crate) struct ServeOptions {
    /// The released server.
    #[arg(long, default_value = "target/release/gatehouse")]
    binary: PathBuf,
    /// How long each load takes.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// PostgreSQL instead of files.
    #[arg(long)]
    database_url: Option<String>,
    #[arg(long, default_value = "target/bench/serve")]
    folder: PathBuf,
}

/// Counters of `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counters {
    seen: u64,
    stored: u64,
    dropped: u64,
    suppressed: u64,
    waiting: u64,
}

/// The key that the load uses.
struct Credentials {
    client_id: String,
    secret: String,
}

pub(crate) async fn run(options: &ServeOptions) -> Result<()> {
    if Command::new("wrk").arg("--version").output().is_err() {
        say("wrk is not installed (Debian: apt-get install wrk), so the server is not measured under load.")?;
        return Ok(());
    }
    if options.folder.exists() {
        fs::remove_dir_all(&options.folder)?;
    }
    let credentials = credentials(options)?;
    let upstream = TcpListener::bind("127.0.0.1:0").await?;
    let address = upstream.local_addr()?;
    tokio::spawn(respond(upstream));
    let mut server = Server::start(options, &format!("prod=http://{address}"))?;
    server.wait_until_ready().await?;

    say(
        "| load | requests a second | seen | stored | dropped | suppressed | stored after, s | memory, MiB |",
    )?;
    say("| --- | --- | --- | --- | --- | --- | --- | --- |")?;
    let verify = format!("http://{OPERATOR}/verify?environment=prod&profile=caddy");
    let dropped = load(options, &server, "/verify", &verify, &credentials).await?
        + load(
            options,
            &server,
            "gateway",
            &format!("http://{GATEWAY}/v1/users/"),
            &credentials,
        )
        .await?;
    server.stop()?;
    ensure!(dropped == 0, "{dropped} rows were dropped");
    Ok(())
}

/// One line of the table. Returns how many rows were dropped.
async fn load(
    options: &ServeOptions,
    server: &Server,
    name: &str,
    url: &str,
    credentials: &Credentials,
) -> Result<u64> {
    let before = counters().await?;
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", &format!("-c{}", options.connections)])
        .arg(format!("-d{}s", options.seconds))
        .args(["-H", &format!("X-Access-Client-Id: {}", credentials.client_id)])
        .args(["-H", &format!("X-Access-Secret: {}", credentials.secret)])
        .args(["-H", "Accept: application/json"]);
    if url.contains("/verify") {
        wrk.args([
            "-H",
            "X-Forwarded-Method: GET",
            "-H",
            "X-Forwarded-Uri: /v1/users/",
        ]);
    }
    wrk.arg(url);
    let output = tokio::task::spawn_blocking(move || wrk.output()).await??;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "wrk failed: {printed}");
    ensure!(
        !printed.contains("Non-2xx"),
        "the server refused requests: {printed}"
    );
    let begun = Instant::now();
    let after = loop {
        let now = counters().await?;
        if now.waiting == 0 || begun.elapsed() > PATIENCE {
            break now;
        }
        sleep(Duration::from_millis(50)).await;
    };
    let dropped = after.dropped - before.dropped;
    say(&format!(
        "| {name}, {} s | {} | {} | {} | {dropped} | {} | {:.1} | {} |",
        options.seconds,
        requests_a_second(&printed).context("wrk printed no rate")?,
        after.seen - before.seen,
        after.stored - before.stored,
        after.suppressed - before.suppressed,
        begun.elapsed().as_secs_f64(),
        server.memory()?,
    ))?;
    Ok(dropped)
}

fn credentials(options: &ServeOptions) -> Result<Credentials> {
    let company = admin(options, &["create-company", "--name", "Northwind"])?;
    let client_id = text(&company, "client_id")?;
    let key = admin(
        options,
        &["create-key", "--client-id", &client_id, "--environment", "prod"],
    )?;
    Ok(Credentials {
        secret: text(&key, "secret")?,
        client_id,
    })
}

fn admin(options: &ServeOptions, arguments: &[&str]) -> Result<Value> {
    let mut command = Command::new(&options.binary);
    command
        .args(["admin", "--json", "--data-dir"])
        .arg(&options.folder);
    if let Some(url) = &options.database_url {
        command.args(["--database-url", url]);
    }
    let output = command
        .args(arguments)
        .output()
        .with_context(|| format!("{} does not start", options.binary.display()))?;
    ensure!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("what the command printed")
}

fn text(object: &Value, name: &str) -> Result<String> {
    let text = object.get(name).and_then(Value::as_str);
    text.map(str::to_owned)
        .with_context(|| format!("no {name} in the command's answer"))
}

struct Server(Child);

impl Server {
    fn start(options: &ServeOptions, upstream: &str) -> Result<Self> {
        let mut command = Command::new(&options.binary);
        command
            .args(["serve", "--rate-limit", "off", "--log", "warn", "--data-dir"])
            .arg(&options.folder)
            .args([
                "--listen",
                DASHBOARD,
                "--gateway-listen",
                GATEWAY,
                "--operator-listen",
                OPERATOR,
            ])
            .args(["--upstream", upstream]);
        if let Some(url) = &options.database_url {
            command.args(["--database-url", url]);
        }
        Ok(Self(command.spawn()?))
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        while !get("/readyz")
            .await
            .is_ok_and(|response| response.starts_with("HTTP/1.1 200"))
        {
            ensure!(self.0.try_wait()?.is_none(), "the server ended");
            ensure!(begun.elapsed() < PATIENCE, "the server is not ready");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// The most memory it has used, in MiB.
    fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(Path::new("/proc").join(self.0.id().to_string()).join("status"))?;
        Ok(crate::memory::Memory::parse(&status).context("its memory")?.most)
    }

    /// Stops it as an operator does.
    fn stop(&mut self) -> Result<()> {
        Command::new("kill").arg(self.0.id().to_string()).status()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After an error it still runs. If it has ended, this does nothing.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn counters() -> Result<Counters> {
    Counters::parse(&get("/metrics").await?).context("a counter is missing in /metrics")
}

impl Counters {
    fn parse(metrics: &str) -> Option<Self> {
        let value = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse().ok()
        };
        let entries = |state: &str| value(&format!("gatehouse_log_entries_total{{state=\"{state}\"}}"));
        Some(Self {
            seen: entries("seen")?,
            stored: entries("stored")?,
            dropped: entries("dropped")?,
            suppressed: entries("suppressed")?,
            waiting: value("gatehouse_log_entries_waiting ")?,
        })
    }
}

async fn get(path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(OPERATOR).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {OPERATOR}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    Ok(response)
}

/// `Requests/sec:  26123.45`
fn requests_a_second(printed: &str) -> Option<u64> {
    let line = printed
        .lines()
        .find_map(|line| line.trim().strip_prefix("Requests/sec:"))?;
    let rate: f64 = line.trim().parse().ok()?;
    Some(rate as u64)
}

/// The API behind the gateway: the same response to every request. None of them has a body.
async fn respond(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut buffer = Vec::new();
            loop {
                match stream.read_buf(&mut buffer).await {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => return,
                }
                while let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                    buffer.drain(..end + 4);
                    if stream.write_all(RESPONSE).await.is_err() {
                        return;
                    }
                }
            }
        });
    }
}

fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{line}").context("standard output")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_of_the_log_are_read() {
        let metrics = "\
            # TYPE gatehouse_log_entries_total counter\n\
            gatehouse_log_entries_total{state=\"seen\"} 10\n\
            gatehouse_log_entries_total{state=\"stored\"} 7\n\
            gatehouse_log_entries_total{state=\"dropped\"} 2\n\
            gatehouse_log_entries_total{state=\"suppressed\"} 1\n\
            gatehouse_log_entries_waiting 0\n";
        let counters = Counters {
            seen: 10,
            stored: 7,
            dropped: 2,
            suppressed: 1,
            waiting: 0,
        };
        assert_eq!(Counters::parse(metrics), Some(counters));
        assert_eq!(Counters::parse(""), None);
    }

    #[test]
    fn the_rate_is_what_wrk_prints() {
        assert_eq!(
            requests_a_second("  Latency x\nRequests/sec:  26123.45\n"),
            Some(26_123)
        );
    }
}
