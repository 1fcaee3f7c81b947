//! The released server and its command line, for the benchmarks that measure it from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::memory::Memory;

pub(crate) const DASHBOARD: &str = "127.0.0.1:13000";
pub(crate) const GATEWAY: &str = "127.0.0.1:18080";
pub(crate) const OPERATOR: &str = "127.0.0.1:19090";

/// How long the server may take to start, and to store what waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A data directory, and the program that works on it.
#[derive(Clone, Debug)]
pub(crate) struct Installation {
    pub(crate) binary: PathBuf,
    pub(crate) folder: PathBuf,
    /// PostgreSQL instead of files.
    pub(crate) database_url: Option<String>,
}

impl Installation {
    /// `gatehouse admin …`, with what it answers.
    pub(crate) fn admin(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = Command::new(&self.binary);
        command.args(["admin", "--json", "--data-dir"]).arg(&self.folder);
        if let Some(url) = &self.database_url {
            command.args(["--database-url", url]);
        }
        let output = command
            .args(arguments)
            .output()
            .with_context(|| format!("{} does not start", self.binary.display()))?;
        ensure!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).context("what the command printed")
    }

    /// `gatehouse serve …`, once it is ready.
    pub(crate) async fn serve(&self, arguments: &[&str]) -> Result<Server> {
        let mut command = Command::new(&self.binary);
        command
            .args(["serve", "--rate-limit", "off", "--log", "warn", "--data-dir"])
            .arg(&self.folder)
            .args([
                "--listen",
                DASHBOARD,
                "--gateway-listen",
                GATEWAY,
                "--operator-listen",
                OPERATOR,
            ])
            .args(arguments);
        if let Some(url) = &self.database_url {
            command.args(["--database-url", url]);
        }
        let mut server = Server(command.spawn()?);
        server.wait_until_ready().await?;
        Ok(server)
    }
}

/// A text in the answer of a command.
pub(crate) fn text(object: &Value, name: &str) -> Result<String> {
    let text = object.get(name).and_then(Value::as_str);
    text.map(str::to_owned)
        .with_context(|| format!("no {name} in the command's answer"))
}

/// A server in a process of its own, which ends with this.
#[derive(Debug)]
pub(crate) struct Server(Child);

impl Server {
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
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(Path::new("/proc").join(self.0.id().to_string()).join("status"))?;
        Ok(Memory::parse(&status).context("its memory")?.most)
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Stops it as an operator does.
    pub(crate) fn stop(&mut self) -> Result<()> {
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

/// What the operator's listener answers, with its head.
pub(crate) async fn get(path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(OPERATOR).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {OPERATOR}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    Ok(response)
}
