//! Searches one text for credentials, anything that looks like one, and values of secret names, at every depth of
//! escapes, base64 and hex. Every part of a message that is stored goes through this search.

use std::borrow::Cow;
use std::cell::{Cell, RefCell, RefMut};

use crate::json::Scans;
use crate::memory::Memory;
use crate::names::Names;
use crate::needles::{Needles, SHORTEST};
use crate::seen::Known;
use crate::spans::{merge, replace};
use crate::view::{MOST_LAYERS, View, plain};
use crate::{armour, finder, pairs, schemes};

/// Maximum nesting of base64 and hex: four levels.
const DEEPEST: u32 = 4;

/// Maximum number of bytes examined per byte of text, however it is nested. Ordinary text takes between one and four.
const WORK_PER_BYTE: usize = 48;
/// Added to the limit, so that short texts are not cut short.
const LEAST_WORK: usize = 4096;

/// Searches the parts of one message.
pub struct Search<'a> {
    names: &'a Names,
    /// Names and values that were read before.
    memory: RefCell<Memory>,
    /// What to search for. `None` if it only collects the values of secret fields and redacts nothing.
    needles: Option<&'a Needles>,
    /// Number of bytes examined so far, for tests and benchmarks.
    work: Cell<usize>,
    /// The work that is left for the current text.
    left: Cell<usize>,
    /// Whether the current text hides anything, or may do so: more than a credential as it was sent.
    hides: Cell<bool>,
    /// Values of secret fields that were redacted.
    harvest: RefCell<Needles>,
    /// What an earlier pass found of JSON.
    scans: RefCell<Scans>,
}

/// What one pass over a message leaves to the next.
pub(crate) struct Carried {
    pub(crate) memory: Memory,
    scans: Scans,
}

impl std::fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Search([redacted])")
    }
}

impl<'a> Search<'a> {
    pub fn new(names: &'a Names, needles: &'a Needles) -> Self {
        Self {
            needles: Some(needles),
            ..Self::gathering(names, Memory::of_one(names.seen()))
        }
    }

    /// A search that only collects the values of a message's secret fields. What its methods return is empty.
    pub(crate) fn gathering(names: &'a Names, memory: Memory) -> Self {
        Self {
            names,
            memory: RefCell::new(memory),
            needles: None,
            work: Cell::new(0),
            left: Cell::new(0),
            hides: Cell::new(false),
            harvest: RefCell::default(),
            scans: RefCell::default(),
        }
    }

    /// The next pass over the same message, with the secrets that are known now.
    pub(crate) fn next(names: &'a Names, needles: &'a Needles, carried: Carried) -> Self {
        Self {
            needles: Some(needles),
            scans: RefCell::new(carried.scans),
            ..Self::gathering(names, carried.memory)
        }
    }

    /// Whether it only collects the values of secret fields.
    pub(crate) fn only_gathers(&self) -> bool {
        self.needles.is_none()
    }

    pub(crate) fn names(&self) -> &'a Names {
        self.names
    }

    /// Number of bytes examined, counting each as often as it was read.
    pub fn work(&self) -> usize {
        self.work.get()
    }

    /// Counts bytes that were examined elsewhere.
    pub(crate) fn worked(&self, bytes: usize) {
        self.work.set(self.work.get() + bytes);
    }

    /// What an earlier pass found of JSON.
    pub(crate) fn scans(&self) -> RefMut<'_, Scans> {
        self.scans.borrow_mut()
    }

    /// The secret values that were redacted, and what the next pass need not read again.
    pub(crate) fn into_found(self) -> (Needles, Carried) {
        let carried = Carried {
            memory: self.memory.into_inner(),
            scans: self.scans.into_inner(),
        };
        (self.harvest.into_inner(), carried)
    }

    /// Remembers a value that is redacted. `raw` is the value as written in the message.
    pub(crate) fn harvest(&self, raw: &str) {
        let mut harvest = self.harvest.borrow_mut();
        if !harvest.is_full() {
            harvest.add_value(plain(raw).as_bytes());
        }
    }

    /// What is known of a name. `decode` undoes what the place of the name allows.
    pub(crate) fn name<'n>(&self, name: &'n str, decode: impl FnOnce(&'n str) -> Cow<'n, str>) -> Known {
        let mut memory = self.memory.borrow_mut();
        memory.seen.name(name, |name| known(self.names, name, decode))
    }

    /// The redacted text and the number of redactions. If the text was `cut_off`, its last word is redacted too,
    /// because it may be the beginning of a secret.
    pub fn text(&self, text: &str, cut_off: bool) -> (String, u32) {
        self.without(text, &self.spans(text, cut_off))
    }

    /// The same for the value of a header.
    pub(crate) fn value_text(&self, value: &str, cut_off: bool) -> (String, u32) {
        if cut_off || self.only_gathers() {
            return self.text(value, cut_off);
        }
        if self.memory.borrow().knows(value) {
            return self.without(value, &self.plain_spans(value));
        }
        self.hides.set(false);
        let spans = self.spans(value, false);
        if spans.is_empty() && !self.hides.get() {
            self.memory.borrow_mut().remember(value);
        }
        self.without(value, &spans)
    }

    /// The same for a name.
    pub(crate) fn name_text(&self, name: &str, known: Known) -> (String, u32) {
        self.without(name, &self.name_spans(name, known))
    }

    fn without(&self, text: &str, spans: &[(usize, usize)]) -> (String, u32) {
        if self.only_gathers() {
            (String::new(), 0)
        } else if spans.is_empty() {
            (text.to_owned(), 0)
        } else {
            replace(text, spans)
        }
    }

    /// Reads a text that is redacted in any case, for the values of secret names in it.
    pub(crate) fn gone(&self, text: &str, cut_off: bool) {
        self.found(text, None, cut_off, true);
    }

    /// Shorter texts are no secret of the message, nor anything that looks like an access secret.
    pub(crate) fn shortest(&self) -> usize {
        let known = self.needles.map_or(0, |needles| needles.sieve().shortest);
        known.min(finder::DIGITS + 1)
    }

    /// The spans of the name that must be redacted.
    pub(crate) fn name_spans(&self, name: &str, known: Known) -> Vec<(usize, usize)> {
        if known.is_plain {
            self.plain_spans(name)
        } else {
            self.spans(name, false)
        }
    }

    /// The same for a name in which only a credential could be hidden.
    pub(crate) fn plain_spans(&self, name: &str) -> Vec<(usize, usize)> {
        self.worked(name.len());
        let mut spans = Vec::new();
        if let Some(needles) = self.needles {
            finder::find(needles, name.as_bytes(), name.len(), &mut spans);
        }
        merge(spans)
    }

    /// The spans of the text that must be redacted, in order and without overlaps.
    pub(crate) fn spans(&self, text: &str, cut_off: bool) -> Vec<(usize, usize)> {
        self.found(text, None, cut_off, false)
    }

    /// The same for a text that was looked at before.
    pub(crate) fn spans_of(
        &self,
        text: &str,
        features: Option<Features>,
        cut_off: bool,
    ) -> Vec<(usize, usize)> {
        self.found(text, features, cut_off, false)
    }

    fn found(
        &self,
        text: &str,
        features: Option<Features>,
        cut_off: bool,
        is_gone: bool,
    ) -> Vec<(usize, usize)> {
        let bytes = text.as_bytes();
        let Some(needles) = self.needles else {
            self.worked(bytes.len());
            return Vec::new();
        };
        self.left.set(LEAST_WORK + WORK_PER_BYTE * bytes.len());
        let mut spans = Vec::new();
        let level = Level {
            needles,
            depth: 0,
            is_gone,
        };
        let features = features.unwrap_or_else(|| Features::of(bytes));
        if !self.inspect(level, bytes, features, &mut spans) {
            return vec![(0, bytes.len())];
        }
        if cut_off {
            spans.extend(last_word(bytes));
        }
        merge(spans)
    }

    /// False if the text is nested so deeply that searching it would take too long.
    fn inspect(
        &self,
        level: Level<'_>,
        text: &[u8],
        features: Features,
        spans: &mut Vec<(usize, usize)>,
    ) -> bool {
        if !self.spend(text.len()) || level.depth > DEEPEST {
            return false;
        }
        if features.is_plain(text.len()) {
            return true;
        }
        if features.escapes {
            self.hides.set(true);
        }
        let mut whole = self.inspect_layer(level, text, None, features, spans);
        let mut layer = if features.escapes { View::of(text) } else { None };
        let mut layers = 1;
        while let Some(view) = layer {
            if layers > MOST_LAYERS || !self.spend(text.len()) {
                return false;
            }
            let seen = view.bytes();
            let mut found = Vec::new();
            whole &= self.inspect_layer(level, seen, Some(&view), Features::of(seen), &mut found);
            spans.extend(found.into_iter().map(|span| view.source(span)));
            layer = view.next();
            layers += 1;
        }
        whole
    }

    fn inspect_layer(
        &self,
        level: Level<'_>,
        text: &[u8],
        view: Option<&View>,
        features: Features,
        spans: &mut Vec<(usize, usize)>,
    ) -> bool {
        if !level.is_gone {
            finder::find(level.needles, text, features.longest_run, spans);
        }
        if features.signs {
            let before = spans.len();
            let mut see_value = |value: &[u8]| {
                self.hides.set(true);
                self.harvest(&String::from_utf8_lossy(value));
            };
            pairs::find(text, view, self.names, spans, &mut see_value);
            if spans.len() > before {
                self.hides.set(true);
            }
        }
        if features.longest_run < armour::SHORTEST_RUN {
            return true;
        }
        let mut whole = true;
        let inside = Level {
            depth: level.depth + 1,
            // Whether anything is found decides how much of the run is read.
            is_gone: false,
            ..level
        };
        let see = |readable: &[u8]| {
            self.hides.set(true);
            let mut inner = Vec::new();
            whole &= self.inspect(inside, readable, Features::of(readable), &mut inner);
            !inner.is_empty()
        };
        armour::find(text, see, spans);
        whole
    }

    fn spend(&self, bytes: usize) -> bool {
        self.worked(bytes);
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }
}

/// What to do with a text, or with a text that is hidden in it.
#[derive(Clone, Copy)]
struct Level<'a> {
    needles: &'a Needles,
    /// Around it, many texts are base64 or hex.
    depth: u32,
    /// Whether it is redacted in any case, so that it does not matter where the needles are.
    is_gone: bool,
}

/// Reads a name.
pub(crate) fn known<'n>(names: &Names, name: &'n str, decode: impl FnOnce(&'n str) -> Cow<'n, str>) -> Known {
    let features = Features::of(name.as_bytes());
    let is_run = features.longest_run >= armour::SHORTEST_RUN;
    Known {
        verdict: names.verdict(&decode(name)),
        is_plain: !(features.escapes || features.signs || (is_run && armour::has_readable(name.as_bytes()))),
    }
}

/// What a quick first pass found, to decide which searches the text needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    escapes: bool,
    /// Whether there are separators of names and values, or spaces.
    signs: bool,
    /// The length of the longest run of base64 letters. In short texts it may be shorter.
    longest_run: usize,
}

/// Classes of bytes.
const ESCAPE: u8 = 1;
const SIGN: u8 = 2;
const LETTER: u8 = 4;

impl Features {
    pub(crate) fn of(text: &[u8]) -> Self {
        const CLASSES: [u8; 256] = {
            let mut classes = [0; 256];
            let mut at = 0;
            while at < 256 {
                let byte = at as u8;
                classes[at] = match byte {
                    b'%' | b'\\' | b'&' => ESCAPE,
                    b'=' | b':' | b'>' | b' ' | b'\t' | 0x0b | 0x0c => SIGN,
                    b'+' | b'\r' | b'\n' => SIGN | LETTER,
                    b'/' | b'-' | b'_' => LETTER,
                    _ if schemes::may_begin_space(byte) => SIGN,
                    _ if byte.is_ascii_alphanumeric() => LETTER,
                    _ => 0,
                };
                at += 1;
            }
            classes
        };
        if text.len() < armour::SHORTEST_RUN {
            // No run of it is long enough to matter.
            let classes = text.iter().map(|byte| CLASSES[usize::from(*byte)]);
            return Self::new(classes.fold(0, |seen, class| seen | class), text.len());
        }
        let (mut seen, mut run, mut longest) = (0, 0_usize, 0_usize);
        for byte in text {
            let class = CLASSES[usize::from(*byte)];
            seen |= class;
            run = if class & LETTER == 0 { 0 } else { run + 1 };
            longest = longest.max(run);
        }
        Self::new(seen, longest)
    }

    const fn new(classes: u8, longest_run: usize) -> Self {
        Self {
            escapes: classes & ESCAPE != 0,
            signs: classes & SIGN != 0,
            longest_run,
        }
    }

    /// Whether the text cannot hide anything.
    pub(crate) const fn is_plain(self, length: usize) -> bool {
        length < SHORTEST && self.is_open()
    }

    /// Whether there is nothing in the text but, possibly, a credential as it was sent.
    pub(crate) const fn is_open(self) -> bool {
        !self.escapes && !self.signs && self.longest_run < armour::SHORTEST_RUN
    }
}

/// Maximum number of bytes redacted from a word that the end of the text cuts in two. A secret with every byte
/// escaped four times is shorter than this.
const LAST_WORD: usize = 2048;

/// The word that the end of the text cuts in two, or the last part of it.
fn last_word(text: &[u8]) -> Option<(usize, usize)> {
    let ends_word = |byte: &u8| byte.is_ascii_whitespace() || b"\"'<>{}[](),".contains(byte);
    let begin = text
        .iter()
        .rposition(ends_word)
        .map_or(0, |at| at + 1)
        .max(text.len().saturating_sub(LAST_WORD));
    (begin < text.len()).then_some((begin, text.len()))
}
