//! The two peers that repeat what they are told: the API behind the gateway, and a receiver of webhooks.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::exchange::header;

/// An API that repeats everything it is sent, in its headers and its body.
pub(crate) fn echoing_upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || echo(stream));
        }
    });
    address
}

/// A receiver that knows the secret and repeats it wherever it can. It first redirects, then refuses.
pub(crate) fn telling_receiver(secret: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut seen = Vec::new();
            let mut buffer = [0; 16_384];
            while !seen.windows(4).any(|window| window == b"\r\n\r\n") {
                match stream.read(&mut buffer) {
                    Ok(count) if count > 0 => seen.extend_from_slice(&buffer[..count]),
                    _ => break,
                }
            }
            let redirect = seen.starts_with(b"POST /hook ");
            let (line, location) = if redirect {
                (
                    "307 Temporary Redirect",
                    format!("Location: /told?key={secret}\r\n"),
                )
            } else {
                ("401 Unauthorized", String::new())
            };
            let body = format!("I expected {secret}.");
            let answer = format!(
                "HTTP/1.1 {line}\r\n{location}X-Expected: {secret}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            // The sender may be gone.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

fn echo(mut stream: TcpStream) {
    let mut seen = Vec::new();
    let mut buffer = [0; 16_384];
    loop {
        let Ok(count) = stream.read(&mut buffer) else {
            return;
        };
        seen.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&seen).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if count == 0 {
                return;
            }
            continue;
        };
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let length = header(&seen, "content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        if (chunked && !body.ends_with("0\r\n\r\n")) || body.len() < length {
            continue;
        }
        let target = head.split(' ').nth(1).unwrap_or_default();
        let lines: Vec<String> = head
            .lines()
            .chain(body.lines())
            .map(|line| format!("{line:?}"))
            .collect();
        let json = format!("[{}]", lines.join(","));
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Echo: {target}\r\nSet-Cookie: s={target}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{json}",
            json.len()
        );
        // The upstream does not care whether its caller is gone.
        let _ = stream.write_all(answer.as_bytes());
        return;
    }
}
