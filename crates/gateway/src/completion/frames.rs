//! Lines out of a stream of bytes: divided by newlines, or each behind its length (RFC 6587), as the sender likes.

use super::line::LONGEST;

/// The longest length in digits.
const DIGITS: usize = 6;

/// A line is longer than [`LONGEST`], or has no length that can be read. Where the next begins is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost;

#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
    /// Where the next line begins.
    at: usize,
    /// Up to here there is no newline.
    looked: usize,
}

/// Where a line is, and where the next one begins.
struct Found {
    line: std::ops::Range<usize>,
    next: usize,
}

impl Frames {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.looked = self.looked.saturating_sub(self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// What is left when the sender has gone: nothing, a line without its end, or a part of one, which is no JSON.
    pub(super) fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// The next whole line.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, Lost> {
        while self
            .buffer
            .get(self.at)
            .is_some_and(|byte| matches!(byte, b'\n' | b'\r' | b' '))
        {
            self.at += 1;
        }
        let found = match self.buffer.get(self.at) {
            None => None,
            Some(b'0'..=b'9') => self.counted()?,
            Some(_) => self.divided()?,
        };
        Ok(found.map(|Found { line, next }| {
            self.at = next;
            self.looked = next;
            &self.buffer[line]
        }))
    }

    fn counted(&self) -> Result<Option<Found>, Lost> {
        let rest = &self.buffer[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > DIGITS || rest.get(digits).is_some_and(|byte| *byte != b' ') {
            return Err(Lost);
        }
        let length = std::str::from_utf8(&rest[..digits])
            .ok()
            .and_then(|text| text.parse().ok());
        let length: usize = length
            .filter(|length| (1..=LONGEST).contains(length))
            .ok_or(Lost)?;
        let begin = self.at + digits + 1;
        let next = begin + length;
        Ok((next <= self.buffer.len()).then_some(Found {
            line: begin..next,
            next,
        }))
    }

    fn divided(&mut self) -> Result<Option<Found>, Lost> {
        let from = self.looked.max(self.at);
        let end = self.buffer[from..].iter().position(|byte| *byte == b'\n');
        let end = end.map(|end| from + end);
        self.looked = end.unwrap_or(self.buffer.len());
        if self.looked - self.at > LONGEST {
            return Err(Lost);
        }
        Ok(end.map(|end| Found {
            line: self.at..end,
            next: end + 1,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All lines, when the bytes arrive in pieces of this size.
    fn lines(bytes: &[u8], piece: usize) -> (Vec<String>, Result<(), Lost>) {
        let (mut frames, mut found) = (Frames::default(), Vec::new());
        for piece in bytes.chunks(piece) {
            frames.push(piece);
            loop {
                match frames.next() {
                    Ok(Some(line)) => found.push(String::from_utf8_lossy(line).into_owned()),
                    Ok(None) => break,
                    Err(lost) => return (found, Err(lost)),
                }
            }
        }
        (found, Ok(()))
    }

    #[test]
    fn lines_are_found_however_they_are_divided_and_whatever_pieces_arrive() {
        let bytes = b"{\"a\":1}\n\r\n<1>x {}\r\n7 {\"b\":2}10 <1>{\"\n\":3}5 {\"c\"\n{}\nrest";
        let expected = [
            "{\"a\":1}",
            "<1>x {}\r",
            "{\"b\":2}",
            "<1>{\"\n\":3}",
            "{\"c\"\n",
            "{}",
        ];
        for piece in 1..=bytes.len() {
            let (found, end) = lines(bytes, piece);
            assert_eq!(
                (&found[..], end),
                (&expected.map(str::to_owned)[..], Ok(())),
                "{piece}"
            );
        }
    }

    #[test]
    fn what_has_no_end_or_no_length_is_given_up_with_little_in_memory() {
        let endless = vec![b'x'; 2 * LONGEST];
        for bytes in [&endless[..], b"0 x", b"9999999 x", b"65537 x", b"12x", b"1234567"] {
            for piece in [1, 7, 4096] {
                assert_eq!(lines(bytes, piece).1, Err(Lost));
            }
        }
        let mut longest = vec![b'x'; LONGEST];
        longest.push(b'\n');
        assert_eq!(lines(&longest, 4096).0.len(), 1);
    }
}
