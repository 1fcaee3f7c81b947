//! Splits a name into words, without allocating: every name of every message is read this way.

/// Only the end of a longer name is read, in bytes.
const LONGEST_NAME: usize = 160;

/// Lower case takes up to half as many bytes again: `Ⱥ` has two, `ⱥ` three.
const ROOM: usize = LONGEST_NAME / 2 * 3;

/// The words of a name in lower case.
pub(crate) struct Words {
    /// All words, one directly after the other.
    letters: [u8; ROOM],
    /// Where each word ends.
    ends: [u8; LONGEST_NAME],
    count: usize,
}

impl Words {
    /// Splits at anything that is not a letter or digit, between letters and digits, and where camel case starts a
    /// word.
    pub(crate) fn of(name: &str) -> Self {
        let name = &name[name.ceil_char_boundary(name.len().saturating_sub(LONGEST_NAME))..];
        let mut words = Self {
            letters: [0; ROOM],
            ends: [0; LONGEST_NAME],
            count: 0,
        };
        if name.is_ascii() {
            words.read_ascii(name.as_bytes());
        } else {
            words.read(name);
        }
        words
    }

    fn read_ascii(&mut self, name: &[u8]) {
        let (mut begin, mut length) = (0, 0);
        let mut before = Kind::Other;
        for (at, byte) in name.iter().enumerate() {
            let kind = KINDS[usize::from(*byte)];
            // Most characters continue a word.
            if kind != before || kind == Kind::Upper {
                let next = || name.get(at + 1).is_some_and(|next| next.is_ascii_lowercase());
                if length > begin && ends_word(before, kind, next) {
                    self.end(length);
                    begin = length;
                }
                before = kind;
            }
            if kind != Kind::Other {
                self.letters[length] = byte.to_ascii_lowercase();
                length += 1;
            }
        }
        if length > begin {
            self.end(length);
        }
    }

    fn read(&mut self, name: &str) {
        let (mut begin, mut length) = (0, 0);
        let mut before = Kind::Other;
        let mut chars = name.chars().peekable();
        while let Some(c) = chars.next() {
            let kind = Kind::of(c);
            let next = || chars.peek().is_some_and(|next| Kind::of(*next) == Kind::Lower);
            if length > begin && ends_word(before, kind, next) {
                self.end(length);
                begin = length;
            }
            match kind {
                Kind::Other => {}
                Kind::Upper => {
                    for lower in c.to_lowercase() {
                        length += lower.encode_utf8(&mut self.letters[length..]).len();
                    }
                }
                Kind::Lower | Kind::Digit => length += c.encode_utf8(&mut self.letters[length..]).len(),
            }
            before = kind;
        }
        if length > begin {
            self.end(length);
        }
    }

    fn end(&mut self, at: usize) {
        self.ends[self.count] = at as u8;
        self.count += 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The word at this position, or an empty one beyond the last.
    pub(crate) fn word(&self, at: usize) -> &[u8] {
        if at >= self.count {
            return &[];
        }
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.letters[usize::from(begin)..usize::from(self.ends[at])]
    }

    pub(crate) fn last(&self) -> Option<&[u8]> {
        self.count.checked_sub(1).map(|at| self.word(at))
    }

    /// Removes the last word.
    pub(crate) fn pop(&mut self) {
        self.count = self.count.saturating_sub(1);
    }

    /// The words from this position on.
    pub(crate) fn starting_at(&self, begin: usize) -> impl ExactSizeIterator<Item = &[u8]> {
        (begin..self.count.max(begin)).map(|at| self.word(at))
    }

    /// Whether these words are at this position.
    pub(crate) fn has(&self, at: usize, words: &[impl AsRef<[u8]>]) -> bool {
        at + words.len() <= self.count
            && self
                .starting_at(at)
                .zip(words)
                .all(|(word, other)| word == other.as_ref())
    }

    /// All words written as one.
    pub(crate) fn joined(&self) -> &[u8] {
        let end = self.count.checked_sub(1).map_or(0, |last| self.ends[last]);
        &self.letters[..usize::from(end)]
    }

    /// Whether the words, with dashes between them, are this text.
    pub(crate) fn are_spelt(&self, text: &[u8]) -> bool {
        text.len() + 1 == self.joined().len() + self.count
            && self.starting_at(0).eq(text.split(|byte| *byte == b'-'))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lower,
    Upper,
    Digit,
    Other,
}

impl Kind {
    const fn of_ascii(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' => Self::Lower,
            b'A'..=b'Z' => Self::Upper,
            b'0'..=b'9' => Self::Digit,
            _ => Self::Other,
        }
    }

    fn of(c: char) -> Self {
        match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => Self::of_ascii(byte),
            _ if !c.is_alphanumeric() => Self::Other,
            _ if c.is_uppercase() => Self::Upper,
            _ => Self::Lower,
        }
    }
}

const KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Other; 256];
    let mut at = 0;
    while at < 256 {
        kinds[at] = Kind::of_ascii(at as u8);
        at += 1;
    }
    kinds
};

/// Whether a word ends before a character of the kind `now`. `lower_follows` says whether the one after that is a
/// small letter.
fn ends_word(before: Kind, now: Kind, lower_follows: impl FnOnce() -> bool) -> bool {
    match (before, now) {
        (_, Kind::Other) | (Kind::Lower, Kind::Upper) => true,
        // In `SSNLast`, the last capital belongs to the next word.
        (Kind::Upper, Kind::Upper) => lower_follows(),
        (Kind::Digit, Kind::Lower | Kind::Upper) | (Kind::Lower | Kind::Upper, Kind::Digit) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spaced(name: &str) -> String {
        let words = Words::of(name);
        let words: Vec<_> = words.starting_at(0).map(String::from_utf8_lossy).collect();
        words.join(" ")
    }

    #[test]
    fn names_are_read_as_words() {
        for (name, expected) in [
            ("applicant_ssn", "applicant ssn"),
            ("SSNLast4", "ssn last 4"),
            ("userPassword", "user password"),
            ("X-Auth-Key", "x auth key"),
            ("user[password]", "user password"),
            ("/data/attributes/email", "data attributes email"),
            ("OTPCode", "otp code"),
            ("größe2", "größe 2"),
            ("ÄRGERNIS", "ärgernis"),
            ("", ""),
            ("--", ""),
        ] {
            assert_eq!(spaced(name), expected, "{name}");
        }
    }

    #[test]
    fn only_the_end_of_a_long_name_is_read_and_lower_case_fits() {
        // The lower case of each of these letters takes three bytes instead of two.
        for (letter, lower) in [("Ⱥ", "ⱥ"), ("İ", "i\u{307}")] {
            let long = letter.repeat(200);
            assert_eq!(spaced(&long), lower.repeat(80));
            assert_eq!(spaced(&format!("{long}-")), lower.repeat(79));
        }
        assert_eq!(Words::of(&"a-".repeat(200)).len(), 80);
        assert_eq!(Words::of(&"a1".repeat(200)).len(), 160);
    }

    #[test]
    fn words_are_compared_with_how_they_are_spelt() {
        let words = Words::of("setCookie2");
        assert!(words.are_spelt(b"set-cookie-2"));
        assert!(!words.are_spelt(b"set-cookie2-"));
        assert!(!words.are_spelt(b"setc-ookie-2"));
        assert!(words.has(1, &["cookie", "2"]) && !words.has(2, &["2", ""]));
        assert_eq!(words.joined(), b"setcookie2");
    }
}
