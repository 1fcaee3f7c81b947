//! Buffers for secrets. They are wiped from memory when dropped, and allocated large enough from the start: a buffer
//! that grows leaves its old bytes behind.

use axum::body::Body;
use bytes::Bytes;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt};
use vault::Zeroizing;

/// Larger than any response that contains a secret.
const ROOM: usize = 64 * 1024;

/// Serialises the value as JSON.
pub(crate) fn json(value: &impl Serialize) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(Vec::with_capacity(ROOM));
    serde_json::to_writer(&mut *buffer, value)?;
    Ok(buffer)
}

/// A response body that is wiped when the HTTP library drops it. The library's own copies are not wiped.
pub(crate) fn body(bytes: Zeroizing<Vec<u8>>) -> Body {
    Body::from(Bytes::from_owner(bytes))
}

/// Reads to the end of a line, or to the end of the stream. The result does not contain the newline. Nothing may follow
/// the line.
pub(crate) async fn line(
    stream: &mut (impl AsyncRead + Unpin),
    longest: usize,
) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(ROOM));
    let mut piece = Zeroizing::new([0; 4096]);
    loop {
        let read = stream.read(&mut piece[..]).await?;
        let piece = &piece[..read];
        let end = piece.iter().position(|byte| *byte == b'\n');
        let piece = &piece[..end.unwrap_or(read)];
        if line.len() + piece.len() > longest {
            return Err(std::io::Error::other("the line is too long"));
        }
        if line.len() + piece.len() > line.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(2 * line.capacity() + piece.len()));
            larger.extend_from_slice(&line);
            line = larger;
        }
        line.extend_from_slice(piece);
        if end.is_some() || read == 0 {
            return Ok(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_is_read_to_its_end_and_no_longer_than_allowed() {
        let long = "x".repeat(200_000);
        let text = format!("{long}\n");
        let read = line(&mut text.as_bytes(), 200_000).await.expect("a line");
        assert_eq!(&*read, long.as_bytes());
        assert!(line(&mut text.as_bytes(), 199_999).await.is_err());
        let without_an_end = line(&mut &b"abc"[..], 10).await.expect("a line");
        assert_eq!(&*without_an_end, b"abc");
    }
}
