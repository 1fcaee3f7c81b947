//! Reads HTTP/1.1 messages without judging them: bytes that a library would refuse are what these tests are about.

/// The first line and the headers.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) line: Vec<u8>,
    /// Names are as they were sent.
    pub(super) headers: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
}

impl Head {
    /// The second word of a request line. Bytes that are not UTF-8 are replaced.
    pub(super) fn target(&self) -> String {
        let line = String::from_utf8_lossy(&self.line);
        line.split(' ').nth(1).unwrap_or_default().to_owned()
    }

    pub(super) fn method(&self) -> String {
        let line = String::from_utf8_lossy(&self.line);
        line.split(' ').next().unwrap_or_default().to_owned()
    }

    /// The second word of a response line.
    pub(super) fn status(&self) -> u16 {
        self.target().parse().unwrap_or_default()
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = move |(one, _): &&(String, String)| one.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(of_name)
            .map(|(_, value)| value.as_str())
    }

    /// The headers whose names are this one for programs that turn names into variables.
    pub(super) fn folded<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a (String, String)> {
        let fold = |name: &str| {
            name.to_ascii_lowercase()
                .replace(|sign: char| !sign.is_ascii_alphanumeric(), "-")
        };
        self.headers
            .iter()
            .filter(move |(name, _)| fold(name).starts_with(prefix))
    }

    /// The value of a header that is there once. Otherwise all values, so that a comparison fails and says why.
    pub(super) fn one(&self, name: &str) -> String {
        let values: Vec<&str> = self.all(name).collect();
        match values[..] {
            [value] => value.to_owned(),
            _ => format!("{values:?}"),
        }
    }
}

impl Message {
    /// The first message and how many bytes it has, once it is complete. A response without a length ends where the
    /// connection ends, so its body is what has arrived.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = position(bytes, b"\r\n\r\n")?;
        let head = head(&bytes[..end]);
        let rest = &bytes[end + 4..];
        let is_chunked = head
            .all("transfer-encoding")
            .any(|coding| coding.eq_ignore_ascii_case("chunked"));
        let (body, taken) = if is_chunked {
            chunks(rest)?
        } else {
            let length = head.all("content-length").next();
            let length = length.map_or(0, |length| length.parse().unwrap_or(usize::MAX));
            (rest.get(..length)?.to_vec(), length)
        };
        Some((Self { head, body }, end + 4 + taken))
    }
}

fn head(bytes: &[u8]) -> Head {
    let mut lines = Vec::new();
    let mut rest = bytes;
    while let Some(end) = position(rest, b"\r\n") {
        lines.push(&rest[..end]);
        rest = &rest[end + 2..];
    }
    lines.push(rest);
    let headers = lines[1..].iter().map(|line| {
        let line = String::from_utf8_lossy(line);
        let (name, value) = line.split_once(':').unwrap_or((&*line, ""));
        (name.to_owned(), value.trim().to_owned())
    });
    Head {
        line: lines[0].to_vec(),
        headers: headers.collect(),
    }
}

fn chunks(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = position(&bytes[at..], b"\r\n")?;
        let size = std::str::from_utf8(&bytes[at..at + line]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        at += line + 2;
        body.extend_from_slice(bytes.get(at..at + size)?);
        bytes.get(at + size..at + size + 2)?;
        at += size + 2;
        if size == 0 {
            return Some((body, at));
        }
    }
}

fn position(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[test]
fn a_message_is_complete_when_its_last_byte_has_arrived() {
    for whole in [
        &b"POST /\xff HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"[..],
        b"POST /\xff HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n",
    ] {
        for end in 0..whole.len() {
            assert!(Message::read(&whole[..end]).is_none(), "{end}");
        }
        let mut two = whole.to_vec();
        two.extend_from_slice(b"GET");
        let (message, taken) = Message::read(&two).expect("complete");
        assert_eq!((message.body.as_slice(), taken), (&b"abc"[..], whole.len()));
        assert_eq!(message.head.target(), "/\u{fffd}");
    }
}
