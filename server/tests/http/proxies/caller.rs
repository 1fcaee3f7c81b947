//! A caller that sends exactly the bytes it is told to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::message::Message;

/// Not the address of the proxy, which is trusted to name its callers.
pub(super) const CALLER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));

/// A request under construction.
#[derive(Clone)]
pub(super) struct Call {
    line: Vec<u8>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    pub(super) fn new(method: &str, target: impl AsRef<[u8]>) -> Self {
        let line = [method.as_bytes(), b" ", target.as_ref(), b" HTTP/1.1"].concat();
        Self {
            line,
            headers: vec![("Host".to_owned(), "api.example".to_owned())],
            body: Vec::new(),
        }
    }

    pub(super) fn get(target: impl AsRef<[u8]>) -> Self {
        Self::new("GET", target)
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With the credentials of a key.
    pub(super) fn with(self, key: &super::Key) -> Self {
        self.header("X-Access-Client-Id", &key.client_id.to_string())
            .header("X-Access-Secret", &key.secret)
    }

    pub(super) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("Content-Length", &body.len().to_string())
    }

    /// The same body in chunks.
    pub(super) fn chunked(mut self, body: &[u8]) -> Self {
        for part in body.chunks(7001) {
            self.body.extend(format!("{:x}\r\n", part.len()).into_bytes());
            self.body.extend_from_slice(part);
            self.body.extend_from_slice(b"\r\n");
        }
        self.body.extend_from_slice(b"0\r\n\r\n");
        self.header("Transfer-Encoding", "chunked")
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.line.clone();
        for (name, value) in &self.headers {
            bytes.extend(format!("\r\n{name}: {value}").into_bytes());
        }
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// The response to the last of these requests, which are sent on one connection. `None` if the connection ended without
/// one.
pub(super) async fn send(to: SocketAddr, calls: &[Call]) -> Option<Message> {
    let talking = async {
        let socket = TcpSocket::new_v4().ok()?;
        socket.bind((CALLER, 0).into()).ok()?;
        let mut stream = socket.connect(to).await.ok()?;
        let mut last = None;
        for call in calls {
            stream.write_all(&call.bytes()).await.ok()?;
            let is_head = call.line.starts_with(b"HEAD ");
            last = Some(response(&mut stream, is_head).await?);
        }
        last
    };
    test_wait::in_time("the proxy responds", talking).await
}

async fn response(stream: &mut TcpStream, is_head: bool) -> Option<Message> {
    let mut bytes = Vec::new();
    loop {
        match complete(&bytes, is_head) {
            // An interim response comes before the real one.
            Some((message, taken)) if (100..200).contains(&message.head.status()) => {
                bytes.drain(..taken);
            }
            Some((message, _)) => return Some(message),
            None if stream.read_buf(&mut bytes).await.ok()? == 0 => return None,
            None => {}
        }
    }
}

fn complete(bytes: &[u8], is_head: bool) -> Option<(Message, usize)> {
    if !is_head {
        return Message::read(bytes);
    }
    // The length of a response to HEAD is that of the response to GET.
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let without = text
        .replace("content-length:", "length-of-get:")
        .replace("transfer-encoding:", "coding-of-get:");
    Message::read(without.as_bytes())
}
