//! Reads JSON once: which values are redacted because of their names, and which parts must be searched.
//!
//! The text must be valid JSON up to where it ends. Anything else is rejected: a more lenient reader could find a
//! secret member that this scanner did not see.

use std::cmp::Reverse;

use crate::json::{Cut, Is, Passage};
use crate::json_bytes::{is_number, unquoted};
use crate::names::Verdict;
use crate::needles::SHORTEST;
use crate::search::{Features, Search};
use crate::view::plain;

/// Maximum nesting depth. No real client nests this deeply.
const DEEPEST: usize = 256;

/// Longer strings are not treated as names.
const LONGEST_NAME: usize = 96;

/// Why the scan ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The text ended in the middle of a value.
    Missing,
    /// It is not JSON.
    Wrong,
}

/// The kind of a JSON value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The inside of a string.
    String(usize, usize),
    Number,
    /// `true`, `false` and `null` reveal nothing, so they are never searched for elsewhere.
    Word,
    Object,
    Array,
}

/// A member of an object or an element of an array, already read.
#[derive(Clone, Copy)]
struct Part {
    begin: usize,
    end: usize,
    kind: Kind,
}

/// An object that names its own field: `{"name":"password","value":"x"}`.
#[derive(Default)]
struct Labels {
    values: Vec<Part>,
    /// Where its labels begin among those of all objects that are being read.
    first: usize,
}

pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    truncated: bool,
    search: &'a Search<'a>,
    /// How many of the values that are being read are secret.
    secrets: usize,
    /// The labels of the objects that are being read.
    labels: Vec<(usize, usize)>,
    pub(crate) cuts: Vec<Cut>,
    pub(crate) passages: Vec<Passage>,
    /// Strings without their quotes, and numbers, that are long enough to search for elsewhere.
    pub(crate) values: Vec<(usize, usize)>,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str, truncated: bool, search: &'a Search<'a>) -> Self {
        Self {
            text,
            at: 0,
            truncated,
            search,
            secrets: 0,
            labels: Vec::new(),
            cuts: Vec::new(),
            // As many as a list of small objects has. To grow one copies tens of kilobytes.
            passages: Vec::with_capacity(text.len() / 16),
            values: Vec::with_capacity(text.len() / 16),
        }
    }

    /// Reads the whole text.
    pub(crate) fn whole(&mut self) -> Result<(), End> {
        self.value(0)?;
        self.only_space_is_left()
    }

    fn peek(&mut self) -> Result<u8, End> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied().ok_or(End::Missing)
    }

    fn only_space_is_left(&mut self) -> Result<(), End> {
        match self.peek() {
            Err(End::Missing) => Ok(()),
            _ => Err(End::Wrong),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Part, End> {
        if depth > DEEPEST {
            return Err(End::Wrong);
        }
        let first = self.peek()?;
        let begin = self.at;
        let kind = match first {
            b'{' => self.object(depth).map(|()| Kind::Object),
            b'[' => self.array(depth).map(|()| Kind::Array),
            b'"' => self
                .searched_string()
                .map(|(begin, end)| Kind::String(begin, end)),
            b'-' | b'0'..=b'9' => self.number().map(|()| Kind::Number),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => Err(End::Wrong),
        }?;
        let (from, to) = match kind {
            Kind::String(from, to) => (from, to),
            Kind::Number => (begin, self.at),
            Kind::Word | Kind::Object | Kind::Array => (0, 0),
        };
        if to - from >= SHORTEST {
            self.values.push((from, to));
        }
        Ok(Part {
            begin,
            end: self.at,
            kind,
        })
    }

    fn object(&mut self, depth: usize) -> Result<(), End> {
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        let mut labels = Labels {
            first: self.labels.len(),
            ..Labels::default()
        };
        let ended = self.members(depth, &mut labels);
        let Labels { values, first } = labels;
        if !values.is_empty() {
            let names = &self.labels[first..];
            // If the text was cut off before the object said which field it is about, redact its strings and numbers in
            // case they are secret.
            let is_unsaid = ended == Err(End::Missing) && names.is_empty();
            let is_secret = names
                .iter()
                .any(|(begin, end)| self.is_secret_label(*begin, *end));
            for part in values {
                let is_text = matches!(part.kind, Kind::String(..) | Kind::Number);
                if is_secret || (is_unsaid && is_text) {
                    self.cut_value(part.begin, part.end, part.kind, true);
                }
            }
        }
        self.labels.truncate(first);
        ended
    }

    fn members(&mut self, depth: usize, labels: &mut Labels) -> Result<(), End> {
        loop {
            if self.peek()? != b'"' {
                return Err(End::Wrong);
            }
            let name = self.name()?;
            if self.peek()? != b':' {
                return Err(End::Wrong);
            }
            self.at += 1;
            self.peek()?;
            let value = self.at;
            let read = if name.is_secret {
                self.secret_value(depth, !name.is_content)
            } else {
                self.value(depth + 1)
            };
            self.see_labels(name, value, read, labels);
            read?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(End::Wrong),
            }
        }
    }

    /// Notes names and values of fields. Whether a name is secret matters only if the object has a value, too.
    fn see_labels(&mut self, name: Verdict, begin: usize, read: Result<Part, End>, labels: &mut Labels) {
        if name.is_value {
            match read {
                Ok(part) => labels.values.push(part),
                // The string was cut off; use the part that is there.
                Err(End::Missing) if self.text.as_bytes()[begin] == b'"' => {
                    let part = Part {
                        begin,
                        end: self.text.len(),
                        kind: Kind::String(begin + 1, self.text.len()),
                    };
                    labels.values.push(part);
                }
                Err(_) => {}
            }
        } else if name.is_label
            && let Ok(Part {
                kind: Kind::String(begin, end),
                ..
            }) = read
        {
            self.labels.push((begin, end));
        }
    }

    /// Whether this string is the name of something secret.
    fn is_secret_label(&self, begin: usize, end: usize) -> bool {
        end - begin <= LONGEST_NAME && self.search.names().is_secret(&plain(&self.text[begin..end]))
    }

    fn array(&mut self, depth: usize) -> Result<(), End> {
        self.at += 1;
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        // Alternating names and values: `["authorization","x"]`, `["accept","x","cookie","y"]`.
        let mut name_is_secret = false;
        let mut values: Vec<Part> = Vec::new();
        let mut count = 0_usize;
        let ended = loop {
            let begin = match self.peek() {
                Ok(_) => self.at,
                Err(end) => break Err(end),
            };
            let read = self.value(depth + 1);
            match read {
                Ok(Part {
                    kind: Kind::String(begin, end),
                    ..
                }) if count.is_multiple_of(2) => {
                    name_is_secret = self.is_secret_label(begin, end);
                }
                Ok(_) if count.is_multiple_of(2) => name_is_secret = false,
                Ok(part) if name_is_secret => values.push(part),
                Err(End::Missing) if count % 2 == 1 && name_is_secret => values.push(Part {
                    begin,
                    end: self.text.len(),
                    kind: Kind::Array,
                }),
                _ => {}
            }
            if let Err(end) = read {
                break Err(end);
            }
            count += 1;
            match self.peek() {
                Ok(b',') => self.at += 1,
                Ok(b']') => {
                    self.at += 1;
                    break Ok(());
                }
                Ok(_) => break Err(End::Wrong),
                Err(end) => break Err(end),
            }
        };
        if count.is_multiple_of(2) || ended.is_err() {
            for part in values {
                let is_name =
                    matches!(part.kind, Kind::String(begin, end) if self.is_secret_label(begin, end));
                if !is_name {
                    self.cut_value(part.begin, part.end, part.kind, true);
                }
            }
        }
        ended
    }

    /// Redacts the whole value, up to its end or the end of the text.
    fn secret_value(&mut self, depth: usize, harvested: bool) -> Result<Part, End> {
        let begin = self.at;
        let before = self.cuts.len();
        self.secrets += 1;
        let read = self.value(depth + 1);
        self.secrets -= 1;
        // Parts already redacted inside it are covered by this cut.
        self.cuts.truncate(before);
        match read {
            Ok(part) => self.cut_value(part.begin, part.end, part.kind, harvested),
            Err(End::Missing) => self.cut_value(begin, self.text.len(), Kind::Array, harvested),
            Err(End::Wrong) => {}
        }
        read
    }

    fn cut_value(&mut self, begin: usize, end: usize, kind: Kind, harvested: bool) {
        if kind == Kind::Word {
            return;
        }
        self.cuts.push(Cut {
            begin,
            end: Reverse(end),
            whole_value: true,
            harvested,
        });
    }

    fn cut_part(&mut self, begin: usize, end: usize) {
        self.cuts.push(Cut {
            begin,
            end: Reverse(end),
            whole_value: false,
            harvested: false,
        });
    }

    /// Reads the name of a member. Its contents are searched.
    fn name(&mut self) -> Result<Verdict, End> {
        let begin = self.at + 1;
        let end = self.whole_string()?;
        let name = &self.text[begin..end];
        let known = self.search.name(name, plain);
        if !known.is_plain {
            self.search_part(begin, end, false);
        } else if self.secrets == 0 && name.len() >= SHORTEST {
            self.pass(begin, end, Is::Open, None);
        }
        Ok(known.verdict)
    }

    /// The bounds of the string's contents, without its quotes. The contents are searched.
    fn searched_string(&mut self) -> Result<(usize, usize), End> {
        let begin = self.at + 1;
        let end = self.whole_string()?;
        self.search_part(begin, end, false);
        Ok((begin, end))
    }

    /// The end of the string's contents. If the string was cut off, the contents that are there are searched.
    fn whole_string(&mut self) -> Result<usize, End> {
        let begin = self.at + 1;
        let end = self.string();
        if end == Err(End::Missing) {
            self.search_part(begin, self.text.len(), true);
        }
        end
    }

    fn search_part(&mut self, begin: usize, end: usize, cut_off: bool) {
        let features = Features::of(&self.text.as_bytes()[begin..end]);
        if !cut_off && features.is_plain(end - begin) {
            return;
        }
        let is = match (self.secrets > 0, cut_off) {
            (false, false) if features.is_open() => Is::Open,
            (false, false) => Is::Text,
            (false, true) => Is::Beginning,
            (true, false) => Is::Gone,
            (true, true) => Is::GoneBeginning,
        };
        self.pass(begin, end, is, Some(features));
    }

    fn pass(&mut self, begin: usize, end: usize, is: Is, features: Option<Features>) {
        self.passages.push(Passage {
            begin,
            end,
            features,
            is,
        });
    }

    /// The end of the string.
    fn string(&mut self) -> Result<usize, End> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        loop {
            at += unquoted(&bytes[at..]);
            match bytes.get(at).ok_or(End::Missing)? {
                b'"' => break,
                b'\\' => at = self.escape(at)?,
                0..=0x1f => return Err(End::Wrong),
                _ => at += 1,
            }
        }
        self.at = at + 1;
        Ok(at)
    }

    /// The end of the escape sequence at `at`.
    fn escape(&self, at: usize) -> Result<usize, End> {
        let bytes = self.text.as_bytes();
        match bytes.get(at + 1).ok_or(End::Missing)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 2),
            b'u' => {
                let digits = &bytes[at + 2..bytes.len().min(at + 6)];
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(End::Wrong);
                }
                if digits.len() < 4 {
                    Err(End::Missing)
                } else {
                    Ok(at + 6)
                }
            }
            _ => Err(End::Wrong),
        }
    }

    fn number(&mut self) -> Result<(), End> {
        let begin = self.at;
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest
            .iter()
            .take_while(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
            .count();
        if length == rest.len() && self.truncated {
            // The number may continue after the cut.
            self.cut_part(self.at, self.text.len());
            return Err(End::Missing);
        }
        if !is_number(&rest[..length]) {
            return Err(End::Wrong);
        }
        self.at += length;
        // A presented secret can be a number, in a member with an ordinary name.
        if length >= SHORTEST && self.secrets == 0 {
            self.pass(begin, self.at, Is::Number, None);
        }
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<Kind, End> {
        let rest = &self.text[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(Kind::Word);
        }
        if word.starts_with(rest) {
            Err(End::Missing)
        } else {
            Err(End::Wrong)
        }
    }
}
