//! Decodes `Content-Encoding`, so that compressed bodies can be searched and stored. The output is limited in size
//! and in its ratio to the input, so a small body cannot expand without bound.

use std::io::Read;

use crate::fields::Headers;

/// Maximum number of encodings applied to one body.
const MOST: usize = 2;

/// Maximum expansion. JSON with many similar rows reaches a ratio of about fifty; anything far above that is not text
/// that a person would read.
const LARGEST_RATIO: usize = 200;

/// A decoded body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) bytes: Vec<u8>,
    /// Whether the decoded body continues after `bytes`.
    pub(crate) cut_off: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Gzip,
    Deflate,
    Brotli,
}

/// The first `limit` bytes of the decoded `body`. `cut_off` says whether its end is missing. `None` if it cannot be
/// decoded, or not within the limits.
pub(crate) fn undo(headers: &Headers, body: &[u8], cut_off: bool, limit: usize) -> Option<Plain> {
    let encodings = encodings(headers)?;
    let mut plain = Plain {
        bytes: body.to_vec(),
        cut_off,
    };
    for encoding in encodings.iter().rev() {
        plain = undo_one(*encoding, &plain, limit)?;
    }
    Some(plain)
}

pub(crate) const CONTENT_ENCODING: &str = "content-encoding";

/// The value of a header that should be plain ASCII.
pub(crate) fn ascii(value: &[u8]) -> Option<&str> {
    let is_visible = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    value
        .iter()
        .all(is_visible)
        .then(|| std::str::from_utf8(value).ok())?
}

/// The encodings in the order in which they were applied. `None` if one is unknown or there are too many.
fn encodings(headers: &Headers) -> Option<Vec<Encoding>> {
    let mut found = Vec::new();
    for value in headers.all(CONTENT_ENCODING) {
        for name in ascii(value)?.split(',') {
            match name.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => {}
                "gzip" | "x-gzip" => found.push(Encoding::Gzip),
                "deflate" => found.push(Encoding::Deflate),
                "br" => found.push(Encoding::Brotli),
                _ => return None,
            }
        }
    }
    (found.len() <= MOST).then_some(found)
}

fn undo_one(encoding: Encoding, from: &Plain, limit: usize) -> Option<Plain> {
    let body = from.bytes.as_slice();
    let mut bytes = Vec::with_capacity(limit.min(body.len() * 4) + 1);
    let ended = match encoding {
        Encoding::Gzip => read(flate2::read::MultiGzDecoder::new(body), limit, &mut bytes),
        Encoding::Deflate if is_zlib(body) => read(flate2::read::ZlibDecoder::new(body), limit, &mut bytes),
        Encoding::Deflate => read(flate2::read::DeflateDecoder::new(body), limit, &mut bytes),
        Encoding::Brotli => read(
            brotli_decompressor::Decompressor::new(body, 4096),
            limit,
            &mut bytes,
        ),
    };
    let more = bytes.len() > limit;
    bytes.truncate(limit);
    if bytes.len() > body.len().saturating_mul(LARGEST_RATIO) {
        return None;
    }
    match ended {
        // A cut-off body ends early because the rest was not kept. A complete one that ends early is invalid.
        Err(_) if !from.cut_off || bytes.is_empty() => None,
        Err(_) => Some(Plain { bytes, cut_off: true }),
        Ok(()) => Some(Plain {
            bytes,
            cut_off: more || from.cut_off,
        }),
    }
}

/// Reads one byte more than the limit, to find out whether there is more.
fn read(source: impl Read, limit: usize, into: &mut Vec<u8>) -> std::io::Result<()> {
    source.take(limit as u64 + 1).read_to_end(into).map(|_| ())
}

/// `deflate` means zlib, but some senders use the raw stream.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..]
        if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)).is_multiple_of(31))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn headers(encoding: &'static str) -> Headers {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        headers.into()
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).expect("writing to memory");
        encoder.finish().expect("writing to memory")
    }

    /// Text that does not compress too well.
    fn text() -> Vec<u8> {
        (0..4000_u32)
            .flat_map(|number| format!("{:x},", number.wrapping_mul(2_654_435_761)).into_bytes())
            .collect()
    }

    #[test]
    fn gzip_and_both_kinds_of_deflate_are_undone() {
        let text = text();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&text).expect("writing to memory");
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        bare.write_all(&text).expect("writing to memory");
        for (name, body) in [
            ("gzip", gzip(&text)),
            ("x-gzip, identity", gzip(&text)),
            ("deflate", zlib.finish().expect("writing to memory")),
            ("deflate", bare.finish().expect("writing to memory")),
            ("gzip, gzip", gzip(&gzip(&text))),
        ] {
            let plain = undo(&headers(name), &body, false, 1 << 20).expect(name);
            assert_eq!((plain.bytes == text, plain.cut_off), (true, false), "{name}");
            let start = undo(&headers(name), &body, false, 100).expect(name);
            if !name.contains("gzip, gzip") {
                assert_eq!((&start.bytes[..], start.cut_off), (&text[..100], true), "{name}");
            }
        }
        let half = &gzip(&text)[..2000];
        let plain = undo(&headers("gzip"), half, true, 1 << 20).expect("a beginning");
        assert!(plain.cut_off && text.starts_with(&plain.bytes) && plain.bytes.len() > 1000);
        assert_eq!(undo(&headers("gzip"), half, false, 1 << 20), None, "broken");
    }

    #[test]
    fn brotli_is_undone() {
        // "hello hello hello hello\n", by the reference encoder.
        let body = [
            0x8f, 0x0b, 0x80, b'h', b'e', b'l', b'l', b'o', b' ', b'h', b'e', b'l', b'l', b'o', b' ', b'h',
            b'e', b'l', b'l', b'o', b' ', b'h', b'e', b'l', b'l', b'o', b'\n', 0x03,
        ];
        let plain = undo(&headers("br"), &body, false, 1024).expect("brotli");
        assert_eq!(plain.bytes, b"hello hello hello hello\n");
    }

    #[test]
    fn too_much_expansion_and_unknown_encodings_are_refused() {
        let bomb = gzip(&vec![b' '; 10_000_000]);
        assert_eq!(
            undo(&headers("gzip"), &bomb[..60.min(bomb.len())], true, 16 * 1024),
            None
        );
        assert_eq!(undo(&headers("zstd"), b"x", false, 100), None);
        assert_eq!(undo(&headers("gzip, gzip, gzip"), b"x", false, 100), None);
        assert_eq!(undo(&headers("gzip"), b"no gzip at all", false, 100), None);
    }
}
