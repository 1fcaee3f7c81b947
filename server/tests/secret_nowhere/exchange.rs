//! A request and its response as bytes, so that nothing is decoded before it is searched.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Sends one request on its own connection and returns the whole response with its chunks joined.
pub(crate) fn request(to: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(to).expect("it listens");
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {to}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    );
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a timeout");
    stream.write_all(text.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        panic!("{method} {path} got {} bytes and then {error}", answer.len());
    }
    match header(&answer, "transfer-encoding") {
        Some(_) => without_chunks(&answer),
        None => answer,
    }
}

fn without_chunks(answer: &[u8]) -> Vec<u8> {
    let body = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head")
        + 4;
    let (mut whole, mut rest) = (answer[..body].to_vec(), &answer[body..]);
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line])
            .ok()
            .and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.expect("a size of a chunk");
        whole.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
    whole
}

pub(crate) fn status(answer: &[u8]) -> u16 {
    let line = String::from_utf8_lossy(&answer[..answer.len().min(16)]).into_owned();
    line.split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default()
}

pub(crate) fn header(answer: &[u8], name: &str) -> Option<String> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let mut named = lines.filter(|(given, _)| given.eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.trim().to_owned())
}

pub(crate) fn body(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer).into_owned();
    text.split_once("\r\n\r\n").expect("a head").1.to_owned()
}

pub(crate) fn request_id(answer: &[u8]) -> String {
    header(answer, "x-request-id").expect("every answer has one")
}

pub(crate) fn field(json: &str, name: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(json).expect("JSON");
    value[name].as_str().expect("a text").to_owned()
}
