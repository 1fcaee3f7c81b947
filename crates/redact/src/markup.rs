//! Markup in free text: finds tags that give a secret name to the text after them or to their own attributes.

use crate::names::Names;
use crate::pairs::{is_label_name, is_value_name};
use crate::words::Words;

/// A longer text between two tags is not treated as a name.
const LONGEST_NAME: usize = 96;

/// Maximum length of a tag that is skipped to reach a value.
const LONGEST_TAG: usize = 256;

/// The length of the tag or CDATA opening at the beginning of the text.
pub(crate) fn tag_at(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'<') {
        return None;
    }
    if text.starts_with(CDATA) {
        return Some(CDATA.len());
    }
    let window = &text[..text.len().min(LONGEST_TAG)];
    Some(window.iter().position(|byte| *byte == b'>')? + 1)
}

const CDATA: &[u8] = b"<![CDATA[";

/// The tags of a text, in order.
#[derive(Default)]
pub(crate) struct Tags {
    /// Where the current tag opened, until it closes.
    open: Option<usize>,
    /// Whether the open tag has an attribute like `name="password"`.
    labelled: bool,
    /// Whether there was an element like `<value>`.
    has_value: bool,
}

impl Tags {
    /// Handles a `<` at this place.
    pub(crate) fn begin(&mut self, at: usize) {
        self.open = Some(at);
        self.labelled = false;
    }

    /// Handles an attribute that names a secret.
    pub(crate) fn label(&mut self) {
        self.labelled = true;
    }

    /// Whether a tag is open here.
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Handles a `>` at this place, and returns the span to redact because of the tag that it closes.
    pub(crate) fn end(&mut self, text: &[u8], at: usize, names: &Names) -> Option<(usize, usize)> {
        if self.open.is_none() && std::mem::take(&mut self.labelled) {
            // An earlier `>` inside an attribute looked like the end of this tag.
            return (at + 1 < text.len()).then_some((at + 1, text.len()));
        }
        let begin = self.open.take()? + 1;
        let labelled = std::mem::take(&mut self.labelled);
        let tag = &text[begin..at];
        if matches!(tag.first(), None | Some(b'/' | b'!' | b'?')) {
            return None;
        }
        let ends_name = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'/';
        let name_length = tag.iter().position(ends_name).unwrap_or(tag.len());
        let element = std::str::from_utf8(&tag[..name_length]).unwrap_or_default();
        let has_content = !tag.ends_with(b"/") && !is_void(element);
        if labelled {
            // The value is in another attribute or in the content.
            let end = if has_content { text.len() } else { at };
            return (begin + name_length < end).then_some((begin + name_length, end));
        }
        if !has_content {
            return None;
        }
        let content = at + 1;
        let value = if names.is_secret(element) {
            content
        } else if let Some(end) = after_label(text, content, element, names) {
            // `<value>x</value><name>password</name>`
            if self.has_value { 0 } else { end }
        } else {
            self.has_value |= Words::of(element).last().is_some_and(is_value_name);
            return None;
        };
        (value < text.len()).then_some((value, text.len()))
    }
}

/// Where the value of a secret name begins: `<key>password</key><string>…`, `<name>password</name><value>…`,
/// `<dt>Password</dt><dd>…`.
fn after_label(text: &[u8], content: usize, element: &str, names: &Names) -> Option<usize> {
    let words = Words::of(element);
    if !words.last().is_some_and(is_label_element) {
        return None;
    }
    let rest = &text[content..];
    let spaces = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let opens_cdata = rest[spaces..].starts_with(CDATA);
    let skipped = spaces + if opens_cdata { CDATA.len() } else { 0 };
    let rest = &rest[skipped..];
    let window = &rest[..rest.len().min(LONGEST_NAME)];
    let length = window.iter().position(|byte| matches!(byte, b'<' | b']'))?;
    let name = std::str::from_utf8(&window[..length]).ok()?.trim_end();
    (names.is_secret(name) || names.ends_secret(name)).then_some(content + skipped + length)
}

/// HTML elements that have no content.
fn is_void(element: &str) -> bool {
    [
        "input", "meta", "link", "img", "br", "hr", "source", "embed", "track", "wbr",
    ]
    .iter()
    .any(|name| element.eq_ignore_ascii_case(name))
}

/// Elements whose content names the element before or after them.
fn is_label_element(last_word: &[u8]) -> bool {
    matches!(
        last_word,
        b"dt" | b"th" | b"td" | b"legend" | b"strong" | b"b" | b"span" | b"string"
    ) || (is_label_name(last_word) && !matches!(last_word, b"type" | b"id" | b"path"))
}
