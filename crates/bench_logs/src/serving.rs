//! `serve`: the released server under load by `wrk`, on `/verify` and then on the gateway. Every request must be stored.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

use crate::server::{GATEWAY, Installation, OPERATOR, PATIENCE, Server, get, text};

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
    let installation = Installation {
        binary: options.binary.clone(),
        folder: options.folder.clone(),
        database_url: options.database_url.clone(),
    };
    let credentials = credentials(&installation)?;
    let upstream = TcpListener::bind("127.0.0.1:0").await?;
    let address = upstream.local_addr()?;
    tokio::spawn(respond(upstream));
    let upstream = format!("prod=http://{address}");
    let mut server = installation.serve(&["--upstream", &upstream]).await?;

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

fn credentials(installation: &Installation) -> Result<Credentials> {
    let company = installation.admin(&["create-company", "--name", "Northwind"])?;
    let client_id = text(&company, "client_id")?;
    let key = installation.admin(&["create-key", "--client-id", &client_id, "--environment", "prod"])?;
    Ok(Credentials {
        secret: text(&key, "secret")?,
        client_id,
    })
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
