//! As much of HTTP/1.1 as the benchmark needs, for its publishers, its receiver and what it sets up.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No message of the benchmark has a larger head.
const LARGEST_HEAD: usize = 64 * 1024;

/// A message: its head as text, and its body.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// Of a response.
    pub(crate) fn status(&self) -> Result<u16> {
        let status = self.head.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.with_context(|| format!("no status in {:?}", self.head))
    }

    /// Of a request.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().skip(1).find_map(|line| {
        let (this, value) = line.split_once(':')?;
        this.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A connection on which messages are read one after the other.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    /// What was read and belongs to no message yet.
    read: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            read: Vec::with_capacity(4096),
        })
    }

    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        Self::new(TcpStream::connect(address).await?)
    }

    /// `None` if the peer closed the connection between two messages.
    pub(crate) async fn receive(&mut self) -> Result<Option<Message>> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            ensure!(self.read.len() < LARGEST_HEAD, "a head without an end");
            if self.stream.read_buf(&mut self.read).await? == 0 {
                ensure!(self.read.is_empty(), "the connection was closed within a message");
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
        let length: usize = header(&head, "content-length").map_or(Ok(0), str::parse)?;
        while self.read.len() < end + length {
            let read = self.stream.read_buf(&mut self.read).await?;
            ensure!(read > 0, "the connection was closed within a message");
        }
        let body = self.read[end..end + length].to_vec();
        self.read.drain(..end + length);
        Ok(Some(Message { head, body }))
    }

    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Message> {
        self.stream.write_all(request).await?;
        self.receive().await?.context("the connection was closed")
    }
}

/// `headers` are whole lines without their ends.
pub(crate) fn request(
    method: &str,
    address: SocketAddr,
    target: &str,
    headers: &[String],
    body: &str,
) -> Vec<u8> {
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    if !body.is_empty() {
        request.push_str(&format!(
            "Content-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        ));
    }
    request.push_str("\r\n");
    request.push_str(body);
    request.into_bytes()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn messages_that_arrive_together_are_read_one_by_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut sender = TcpStream::connect(address).await.expect("connected");
        let (accepted, _) = listener.accept().await.expect("accepted");
        let mut connection = Connection::new(accepted).expect("a connection");
        let one = request("POST", address, "/ok/7", &["Webhook-Id: a".to_owned()], "{}");
        sender
            .write_all(&[one.clone(), one].concat())
            .await
            .expect("sent");
        drop(sender);
        for _ in 0..2 {
            let message = connection.receive().await.expect("read").expect("a message");
            assert_eq!((message.target(), &message.body[..]), ("/ok/7", &b"{}"[..]));
            assert_eq!(message.header("webhook-id"), Some("a"));
        }
        assert!(connection.receive().await.expect("read").is_none());
    }
}
