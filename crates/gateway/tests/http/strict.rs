//! A second reader of HTTP/1.1, which takes little but what RFC 9112 lets a sender send.

/// A request that was read to its end.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The values of the header with this name, in lower case.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let all = self.headers.iter();
        all.filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The text before the next CR LF, and the rest.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((&bytes[..end], &bytes[end + 2..]))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

type Headers = Vec<(String, String)>;

/// Header lines up to the empty one, and the rest. `None` if they are not all there.
fn headers(mut bytes: &[u8]) -> Result<Option<(Headers, &[u8])>, String> {
    let mut headers = Vec::new();
    loop {
        let Some((next, rest)) = line(bytes) else {
            return Ok(None);
        };
        bytes = rest;
        if next.is_empty() {
            return Ok(Some((headers, bytes)));
        }
        let Some(colon) = next.iter().position(|byte| *byte == b':') else {
            return Err(format!("a header without a colon: {}", next.escape_ascii()));
        };
        let (name, value) = (&next[..colon], &next[colon + 1..]);
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(format!("a header's name: {}", name.escape_ascii()));
        }
        if value.iter().any(|byte| matches!(byte, 0..=8 | 10..=31 | 127)) {
            return Err(format!("a header's value: {}", value.escape_ascii()));
        }
        headers.push((text(name).to_ascii_lowercase(), text(value).trim().to_owned()));
    }
}

/// Skips a chunked body with its trailers. `None` if it is not all there.
fn chunked(mut bytes: &[u8]) -> Result<Option<&[u8]>, String> {
    loop {
        let Some((size, rest)) = line(bytes) else {
            return Ok(None);
        };
        if size.is_empty() || !size.iter().all(u8::is_ascii_hexdigit) {
            return Err(format!("a chunk's size: {}", size.escape_ascii()));
        }
        let size = usize::from_str_radix(&text(size), 16).map_err(|error| error.to_string())?;
        if size == 0 {
            return Ok(headers(rest)?.map(|(_, rest)| rest));
        }
        if rest.len() < size + 2 {
            return Ok(None);
        }
        if &rest[size..size + 2] != b"\r\n" {
            return Err("a chunk without its end".to_owned());
        }
        bytes = &rest[size + 2..];
    }
}

/// The end of a body with this framing. `None` if it is not all there.
fn body<'a>(headers: &Headers, rest: &'a [u8]) -> Result<Option<&'a [u8]>, String> {
    let of = |name| {
        let matching = headers.iter().filter(move |(known, _)| known == name);
        matching.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    match (
        of("content-length").as_slice(),
        of("transfer-encoding").as_slice(),
    ) {
        ([], []) => Ok(Some(rest)),
        ([], ["chunked"]) => chunked(rest),
        ([length], []) if !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit()) => {
            let length: usize = length.parse().map_err(|error| format!("{error}"))?;
            Ok(rest.get(length..))
        }
        other => Err(format!("framing {other:?}")),
    }
}

/// The first request in these bytes and its length. `None` if it is not all there.
pub(crate) fn request(bytes: &[u8]) -> Result<Option<(Request, usize)>, String> {
    let Some((first, rest)) = line(bytes) else {
        return Ok(None);
    };
    let parts: Vec<&[u8]> = first.split(|byte| *byte == b' ').collect();
    let [method, target, b"HTTP/1.1"] = parts.as_slice() else {
        return Err(format!("a request line: {}", first.escape_ascii()));
    };
    if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) {
        return Err(format!("a method: {}", method.escape_ascii()));
    }
    // Programs send text beyond ASCII as it is, and proxies pass it.
    if target.is_empty() || target.iter().any(|byte| matches!(byte, 0..=32 | 127)) {
        return Err(format!("a target: {}", target.escape_ascii()));
    }
    let Some((headers, rest)) = headers(rest)? else {
        return Ok(None);
    };
    let hosts = headers.iter().filter(|(name, _)| name == "host").count();
    if hosts != 1 {
        return Err(format!("{hosts} hosts"));
    }
    let Some(rest) = body(&headers, rest)? else {
        return Ok(None);
    };
    let method = text(method);
    Ok(Some((Request { method, headers }, bytes.len() - rest.len())))
}

/// The statuses of the responses that these bytes consist of. The last may be to HEAD, or cut off.
pub(crate) fn statuses(mut bytes: &[u8]) -> Result<Vec<u16>, String> {
    let mut statuses = Vec::new();
    while !bytes.is_empty() {
        let Some((first, rest)) = line(bytes) else {
            return Err("half a status line".to_owned());
        };
        let status = match first {
            [
                b'H',
                b'T',
                b'T',
                b'P',
                b'/',
                b'1',
                b'.',
                b'0' | b'1',
                b' ',
                code @ ..,
            ] if code.len() >= 3 => text(&code[..3]),
            _ => return Err(format!("a status line: {}", first.escape_ascii())),
        };
        let status: u16 = status.parse().map_err(|error| format!("{error}"))?;
        let Some((headers, rest)) = headers(rest)? else {
            return Err("half a head".to_owned());
        };
        statuses.push(status);
        bytes = if status < 200 || status == 204 || status == 304 {
            rest
        } else {
            match body(&headers, rest)? {
                Some(after) if after.is_empty() || after.starts_with(b"HTTP/1.") => after,
                // A response to HEAD has a length and no body.
                _ if rest.is_empty() || rest.starts_with(b"HTTP/1.") => rest,
                other => return Err(format!("a body that ends before {other:?}")),
            }
        };
    }
    Ok(statuses)
}
