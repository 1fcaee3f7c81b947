//! The control socket in the data directory (0600): `gatehouse admin` sends one command as a line of JSON and gets one
//! line back, so that the running server applies it by its own rules.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, Answer, Command};
use crate::config::ConfigError;
use crate::core::Core;
use crate::data_dir::{DataDir, control_socket};
use crate::error::StartError;

/// Longer than any command.
const MAX_LINE: u64 = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(30);

/// One line back.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Done(Answer),
    Refused(String),
}

/// Listens until `stop`. The lock on the data directory is held, so a socket that lies there is a dead one.
pub fn serve(
    data_dir: &DataDir,
    core: Arc<Core>,
    stop: CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), StartError> {
    let path = control_socket(data_dir.path());
    let fault = |error: std::io::Error| {
        ConfigError::new(format!(
            "data-dir is {}, and no control socket can be made in it: {error}.",
            data_dir.path().display()
        ))
    };
    if path.exists() {
        std::fs::remove_file(&path).map_err(fault)?;
    }
    let listener = UnixListener::bind(&path).map_err(fault)?;
    // The directory is 0700 where we made it; where it was there before, this closes the socket to others.
    let private = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    std::fs::set_permissions(&path, private).map_err(fault)?;
    tasks.spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                    let core = Arc::clone(&core);
                    tokio::spawn(async move {
                        if tokio::time::timeout(TIMEOUT, answer(stream, &core)).await.is_err() {
                            tracing::debug!("a control connection took too long");
                        }
                    });
                },
            }
        }
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::debug!(%error, "the control socket was gone already");
        }
    });
    Ok(())
}

async fn answer(stream: UnixStream, core: &Core) {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    if BufReader::new(read.take(MAX_LINE))
        .read_line(&mut line)
        .await
        .is_err()
    {
        return;
    }
    let reply = match serde_json::from_str::<Command>(&line) {
        Ok(command) => match admin::carry_out(command, core).await {
            Ok(answer) => Reply::Done(answer),
            Err(error) => Reply::Refused(error.to_string()),
        },
        Err(_) => {
            Reply::Refused("The server does not understand this command: is it another version?".to_owned())
        }
    };
    let Ok(mut line) = serde_json::to_vec(&reply) else {
        return;
    };
    line.push(b'\n');
    if let Err(error) = write.write_all(&line).await {
        tracing::debug!(%error, "the answer to a command was not read");
    }
}

/// Sends a command to the server that holds `data_dir`.
pub async fn send(data_dir: &Path, command: &Command) -> Result<Answer, StartError> {
    let path = control_socket(data_dir);
    let stream = UnixStream::connect(&path).await.map_err(|error| {
        StartError::Refused(format!(
            "Another process is using {}, and it does not answer on its control socket ({error}).",
            data_dir.display()
        ))
    })?;
    let exchange = async {
        let (read, mut write) = stream.into_split();
        let mut line = serde_json::to_vec(command)?;
        line.push(b'\n');
        write.write_all(&line).await?;
        let mut reply = String::new();
        BufReader::new(read).read_line(&mut reply).await?;
        Ok::<Reply, std::io::Error>(serde_json::from_str(&reply)?)
    };
    let reply = tokio::time::timeout(TIMEOUT, exchange).await;
    let reply = reply.map_err(|_| StartError::Refused("The server did not answer in time.".to_owned()))?;
    match reply.map_err(StartError::failed("talking to the running server"))? {
        Reply::Done(answer) => Ok(answer),
        Reply::Refused(sentence) => Err(StartError::Refused(sentence)),
    }
}
