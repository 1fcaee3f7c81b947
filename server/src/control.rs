//! The control socket in the data directory (mode 0600). `gatehouse admin` sends one command as a line of JSON and gets
//! one line back, so that the running server applies the command under its own rules. This file knows nothing about
//! commands and their results; `serve` says who executes them.
//!
//! The server speaks first. A command is sent only to a server that has sent its greeting. A client that connects while
//! the server is shutting down gets no greeting and knows that nothing was done. Commands and replies contain secrets,
//! so all buffers are wiped.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vault::Zeroizing;

use crate::config::ConfigError;
use crate::data_dir::{DataDir, control_socket};
use crate::error::StartError;
use crate::listener::ACCEPT_PAUSE;
use crate::wiped;

/// Longer than any command.
const LONGEST_COMMAND: usize = 64 * 1024;
/// Longer than any list.
const LONGEST_REPLY: usize = 256 * 1024 * 1024;
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a stopping server waits for the command of a client it has greeted.
const LAST_COMMAND: Duration = Duration::from_secs(1);
/// How long to wait before trying the lock or the socket again.
pub(crate) const TRY_AGAIN: Duration = Duration::from_millis(20);

const GREETING: &[u8] = b"gatehouse";
/// `admin` sends its command at once. A client that connects and stays silent makes room for others.
const SAY_IT_WITHIN: Duration = Duration::from_secs(2);

/// The line the server sends back.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply<Answer> {
    Done(Answer),
    Refused(String),
}

/// What travels over the socket.
pub trait Request: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Whether it may take longer than [`TIMEOUT`]. It is given up when the server stops, instead of delaying that.
    fn is_long(&self) -> bool;
}

/// Listens until `stop` and executes `at_once` commands at the same time. Others wait their turn. This process holds
/// the lock on the data directory, so an existing socket there is left over and can be replaced.
pub fn serve<Command, Answer, Carrying>(
    data_dir: &DataDir,
    carry_out: impl Fn(Command) -> Carrying + Clone + Send + Sync + 'static,
    at_once: usize,
    stop: CancellationToken,
    tasks: &TaskTracker,
) -> Result<(), StartError>
where
    Command: Request,
    Answer: Serialize + Send + Sync + 'static,
    Carrying: Future<Output = Result<Answer, StartError>> + Send + 'static,
{
    let path = control_socket(data_dir.path());
    let fault = |error: std::io::Error| {
        ConfigError::new(format!(
            "data-dir is {}, but the control socket cannot be created there: {error}.",
            data_dir.path().display()
        ))
    };
    if path.exists() {
        std::fs::remove_file(&path).map_err(fault)?;
    }
    let listener = UnixListener::bind(&path).map_err(fault)?;
    // The directory has mode 0700. This keeps others from the socket even if someone opens up the directory later.
    let private = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    std::fs::set_permissions(&path, private).map_err(fault)?;
    let commands = tasks.clone();
    tasks.spawn(async move {
        let places = Arc::new(Semaphore::new(at_once));
        loop {
            let (accepted, place) = tokio::select! {
                () = stop.cancelled() => break,
                next = next(&listener, &places) => match next {
                    Some(next) => next,
                    None => break,
                },
            };
            let stream = match accepted {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::warn!(%error, "could not accept a control connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (carry_out, stop) = (carry_out.clone(), stop.clone());
            // Tracked, so that the server does not close its database while a command runs.
            commands.spawn(async move {
                answer(stream, carry_out, &stop).await;
                drop(place);
            });
        }
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::debug!(%error, "the control socket was already gone");
        }
    });
    Ok(())
}

/// Accepts the next connection once there is room for it.
async fn next(
    listener: &UnixListener,
    places: &Arc<Semaphore>,
) -> Option<(std::io::Result<UnixStream>, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    let accepted = listener.accept().await;
    Some((accepted.map(|(stream, _)| stream), place))
}

async fn answer<Command, Answer, Carrying>(
    mut stream: UnixStream,
    carry_out: impl Fn(Command) -> Carrying,
    stop: &CancellationToken,
) where
    Command: Request,
    Answer: Serialize,
    Carrying: Future<Output = Result<Answer, StartError>>,
{
    let Some(command) = hear(&mut stream, stop).await else {
        return;
    };
    let reply = match serde_json::from_slice::<Command>(&command) {
        Ok(command) => finish(command, carry_out, stop).await,
        Err(_) => Reply::Refused(
            "The server does not understand this command. It may be a different version.".to_owned(),
        ),
    };
    let Ok(mut line) = wiped::json(&reply) else {
        return;
    };
    line.push(b'\n');
    match tokio::time::timeout(TIMEOUT, stream.write_all(&line)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the reply to a command was not read"),
        Err(_) => tracing::debug!("the reply to a command was not read in time"),
    }
}

/// Greets the client and reads its command. `None` if it sends none.
async fn hear(stream: &mut UnixStream, stop: &CancellationToken) -> Option<Zeroizing<Vec<u8>>> {
    tokio::time::timeout(TIMEOUT, stream.write_all(&[GREETING, b"\n"].concat()))
        .await
        .ok()?
        .ok()?;
    let stopping = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_COMMAND).await;
    };
    let command = tokio::select! {
        command = wiped::line(stream, LONGEST_COMMAND) => command.ok()?,
        () = stopping => return None,
        () = tokio::time::sleep(SAY_IT_WITHIN) => return None,
    };
    (!command.is_empty()).then_some(command)
}

async fn finish<Command, Answer, Carrying>(
    command: Command,
    carry_out: impl Fn(Command) -> Carrying,
    stop: &CancellationToken,
) -> Reply<Answer>
where
    Command: Request,
    Carrying: Future<Output = Result<Answer, StartError>>,
{
    let is_long = command.is_long();
    let given_up = async {
        if is_long {
            stop.cancelled().await;
            "The server was stopped before the command was finished."
        } else {
            tokio::time::sleep(TIMEOUT).await;
            "The command took too long."
        }
    };
    tokio::select! {
        done = carry_out(command) => done.map_or_else(|error| Reply::Refused(error.to_string()), Reply::Done),
        why = given_up => Reply::Refused(why.to_owned()),
    }
}

/// Whether a server responds on the control socket of `data_dir`.
pub(crate) async fn is_served(data_dir: &Path) -> bool {
    greeted(data_dir).await.is_some()
}

/// A connection to the server of `data_dir`, after its greeting. `None` if no server runs or the server is shutting
/// down.
async fn greeted(data_dir: &Path) -> Option<UnixStream> {
    let mut stream = UnixStream::connect(control_socket(data_dir)).await.ok()?;
    let greeting = tokio::time::timeout(TIMEOUT, wiped::line(&mut stream, GREETING.len())).await;
    let greeting = greeting.ok()?.ok()?;
    (*greeting == GREETING).then_some(stream)
}

/// Sends a command to the server that holds `data_dir`. `None` if there is none to take it; then nothing was done.
pub async fn send<Answer: DeserializeOwned>(
    data_dir: &Path,
    command: &impl Request,
) -> Result<Option<Answer>, StartError> {
    let Some(mut stream) = greeted(data_dir).await else {
        return Ok(None);
    };
    let exchange = async {
        let mut line = wiped::json(command)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        wiped::line(&mut stream, LONGEST_REPLY).await
    };
    let reply = if command.is_long() {
        exchange.await
    } else {
        let reply = tokio::time::timeout(TIMEOUT, exchange).await;
        reply.map_err(|_| StartError::Refused("The server did not respond in time.".to_owned()))?
    };
    let talking = "talking to the running server";
    let reply = reply.map_err(StartError::failed(talking))?;
    if reply.is_empty() {
        return Err(StartError::Refused(
            "The server stopped before it responded. Check whether the command was carried out.".to_owned(),
        ));
    }
    match serde_json::from_slice(&reply).map_err(StartError::failed(talking))? {
        Reply::Done(answer) => Ok(Some(answer)),
        Reply::Refused(sentence) => Err(StartError::Refused(sentence)),
    }
}
