//! As much of an HTTP/1.1 client as the benchmark needs: one connection, responses with a length.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            stream: BufReader::new(stream),
            line: String::new(),
            body: Vec::new(),
        })
    }

    /// Sends a request and returns the status and the body of its response.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.get_mut().write_all(request)?;
        self.read_line()?;
        let status = self.line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("no status in {:?}", self.line))?;
        let mut length = 0;
        loop {
            self.read_line()?;
            let Some((name, value)) = self.line.split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body)?;
        Ok((status, &self.body))
    }

    fn read_line(&mut self) -> Result<()> {
        self.line.clear();
        let bytes = self.stream.read_line(&mut self.line)?;
        ensure!(bytes > 0, "the connection was closed");
        Ok(())
    }
}

/// A request without a body. `headers` are whole lines without their ends.
pub(crate) fn get(address: SocketAddr, target: &str, headers: &[String]) -> Vec<u8> {
    request("GET", address, target, headers, "")
}

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
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    request.push_str(body);
    request.into_bytes()
}
