//! An API on loopback that keeps every byte of the requests it gets.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::message::{Head, Message};

/// What its responses say about themselves, so that a proxy's own are told apart.
pub(super) const OF_THE_API: &str = "of-the-api";

/// Stops when dropped.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    received: Arc<Mutex<Vec<Message>>>,
    task: JoinHandle<()>,
}

impl Upstream {
    /// `/status/404` gets that status, every other path 200.
    pub(super) async fn start() -> Self {
        Self::answering(|request| {
            let path = request.target();
            let status = path.strip_prefix("/status/").and_then(|rest| rest.get(..3));
            let status = status.unwrap_or("200");
            format!(
                "HTTP/1.1 {status} Told\r\nX-Made: {OF_THE_API}\r\nX-Request-Id: {OF_THE_API}\r\nContent-Length: 2\r\n\r\nok"
            )
        })
        .await
    }

    pub(super) async fn answering(answer: impl Fn(&Head) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let received: Arc<Mutex<Vec<Message>>> = Arc::default();
        let (keep, answer) = (Arc::clone(&received), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&keep), Arc::clone(&answer)));
            }
        });
        Self {
            address,
            received,
            task,
        }
    }

    /// What has arrived since the last call.
    pub(super) fn take(&self) -> Vec<Message> {
        std::mem::take(&mut *self.received.lock().expect("no panic"))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    received: Arc<Mutex<Vec<Message>>>,
    answer: Arc<impl Fn(&Head) -> String>,
) {
    let mut bytes = Vec::new();
    loop {
        if let Some((request, taken)) = Message::read(&bytes) {
            bytes.drain(..taken);
            let mut response = answer(&request.head).into_bytes();
            if request.head.line.starts_with(b"HEAD ") {
                let end = response.windows(4).position(|four| four == b"\r\n\r\n");
                response.truncate(end.map_or(response.len(), |end| end + 4));
            }
            received.lock().expect("no panic").push(request);
            if stream.write_all(&response).await.is_err() {
                return;
            }
        } else if !matches!(stream.read_buf(&mut bytes).await, Ok(read) if read > 0) {
            return;
        }
    }
}
