//! Names with secret values inside free text: `password: x` in GraphQL, in JSON inside a string, in lines, in cookies
//! and in query strings of URLs; the user of a URL; `Bearer …`.
//!
//! A text has no grammar to rely on, so what follows a secret name goes to the end of the text. Only a query string
//! goes on after the next `&`.

use crate::names::{Names, words};
use crate::view::View;

/// So many bytes before a separator are read as a name with prose before it.
const PROSE: usize = 48;

/// A token after `Bearer` or `Basic` is at least so long; shorter ones need a digit.
const CLEARLY_A_TOKEN: usize = 16;
const SHORTEST_TOKEN: usize = 6;

/// Where values of secret names stand in `text`. `view` is where `text` comes from, if it was escaped.
pub(crate) fn find(text: &[u8], view: Option<&View>, names: &Names, spans: &mut Vec<(usize, usize)>) {
    let mut reader = Reader {
        text,
        view,
        names,
        labelled: false,
        has_value: false,
    };
    let mut passed = 0;
    for (at, byte) in text.iter().enumerate() {
        if at < passed {
            continue;
        }
        let span = match byte {
            b'=' | b':' | b'>' => reader.separator(at),
            b' ' | b'+' => token_after_scheme(text, at),
            _ => None,
        };
        if let Some(span) = span {
            passed = span.1;
            spans.push(span);
        }
    }
    // `{"value":"x","name":"password"}`, in whatever order.
    if reader.labelled && reader.has_value {
        spans.push((0, text.len()));
    }
}

struct Reader<'a> {
    text: &'a [u8],
    view: Option<&'a View>,
    names: &'a Names,
    /// `name: password` was seen …
    labelled: bool,
    /// … or `value: …`.
    has_value: bool,
}

impl Reader<'_> {
    fn separator(&mut self, at: usize) -> Option<(usize, usize)> {
        if self.text[at] == b':' && self.text[at + 1..].starts_with(b"//") {
            return self.userinfo(at + 3);
        }
        let (begin, end) = self.name_before(at)?;
        let name = std::str::from_utf8(&self.text[begin..end]).unwrap_or_default();
        if self.text[at] == b'>' {
            let opens = begin > 0 && self.text[begin - 1] == b'<';
            return (opens && self.names.is_secret(name)).then_some((at + 1, self.text.len()));
        }
        let value = self.value_after(at)?;
        let secret = self.names.is_secret(name) || self.is_end_of_prose(begin, end);
        if !secret {
            self.look_for_labels(name, value);
            return None;
        }
        if self.is_graphql_type(value) || self.is_graphql_variable(value) {
            return None;
        }
        let end = self.end_of_value(at, begin);
        (value < end).then_some((value, end))
    }

    /// The name right before a separator, without the quotes and spaces between.
    fn name_before(&self, at: usize) -> Option<(usize, usize)> {
        let is_between = |byte: &u8| {
            matches!(
                byte,
                b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'`' | b'\\' | b'('
            )
        };
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte >= 0x80 || b"_-.$[]@#".contains(byte);
        let before = &self.text[..at];
        let end = before.iter().rposition(|byte| !is_between(byte))? + 1;
        let begin = before[..end]
            .iter()
            .rposition(|byte| !is_name(byte))
            .map_or(0, |at| at + 1);
        (begin < end).then_some((begin, end))
    }

    /// Where the value begins; none when nothing follows.
    fn value_after(&self, at: usize) -> Option<usize> {
        let mut begin = at + 1;
        while let Some(b' ' | b'\t' | b'\n' | b'\r' | b'>' | b'=') = self.text.get(begin) {
            begin += 1;
        }
        (begin < self.text.len()).then_some(begin)
    }

    /// `Your Social Security number: …`
    fn is_end_of_prose(&self, begin: usize, end: usize) -> bool {
        if begin == 0 || self.text[begin - 1] != b' ' {
            return false;
        }
        let window = &self.text[end.saturating_sub(PROSE)..end];
        let from = window
            .iter()
            .rposition(|byte| !(byte.is_ascii_alphanumeric() || *byte >= 0x80 || b" _-".contains(byte)))
            .map_or(0, |at| at + 1);
        self.names.ends_secret(&String::from_utf8_lossy(&window[from..]))
    }

    fn look_for_labels(&mut self, name: &str, value: usize) {
        let words = words(name);
        let Some(last) = words.last() else { return };
        if is_value_name(last) {
            self.has_value = true;
        } else if is_label_name(last) {
            let (begin, end) = self.word_at(value);
            let word = std::str::from_utf8(&self.text[begin..end]).unwrap_or_default();
            self.labelled |= self.names.is_secret(word);
        }
    }

    /// The word that begins here, after quotes.
    fn word_at(&self, at: usize) -> (usize, usize) {
        let quotes = self.text[at..]
            .iter()
            .take_while(|byte| matches!(byte, b'"' | b'\'' | b'\\' | b'/'))
            .count();
        let begin = at + quotes;
        let length = self.text[begin..]
            .iter()
            .take(128)
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"_-./[]".contains(byte))
            .count();
        (begin, begin + length)
    }

    /// `$password: String!` declares a variable.
    fn is_graphql_type(&self, value: usize) -> bool {
        let rest = &self.text[value..];
        let open = rest.iter().take_while(|byte| **byte == b'[').count();
        let rest = &rest[open..];
        ["String", "Int", "Float", "Boolean", "ID"].iter().any(|name| {
            rest.strip_prefix(name.as_bytes()).is_some_and(|rest| {
                let rest = rest.trim_ascii_start();
                rest.iter()
                    .find(|byte| !matches!(byte, b'!' | b']'))
                    .is_some_and(|byte| matches!(byte, b',' | b')' | b' ' | b'$'))
            })
        })
    }

    /// `password: $password` names a variable whose value stands elsewhere.
    fn is_graphql_variable(&self, value: usize) -> bool {
        let Some(rest) = self.text[value..].strip_prefix(b"$") else {
            return false;
        };
        let length = rest
            .iter()
            .take(64)
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        let ends = rest
            .get(length)
            .is_some_and(|byte| matches!(byte, b',' | b')' | b' ' | b'}' | b'\n'));
        ends && std::str::from_utf8(&rest[..length]).is_ok_and(|name| self.names.is_secret(name))
    }

    /// In a query string the next `&` ends a value, unless it is escaped more deeply than the `=` is.
    fn end_of_value(&self, separator: usize, name: usize) -> usize {
        let depth = |at: usize| self.view.map_or(1, |view| view.source_length(at));
        let in_query = self.text[separator] == b'='
            && name.checked_sub(1).is_some_and(|before| {
                matches!(self.text[before], b'?' | b'&' | b'#') && depth(before) == depth(separator)
            });
        let next = in_query.then(|| {
            (separator + 1..self.text.len())
                .find(|at| self.text[*at] == b'&' && depth(*at) == depth(separator))
        });
        next.flatten().unwrap_or(self.text.len())
    }

    /// `user:password@` of a URL whose `//` ends here.
    fn userinfo(&self, begin: usize) -> Option<(usize, usize)> {
        let rest = &self.text[begin..];
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b'/' | b'?' | b'#' | b' ' | b'"' | b'<' | b'>' | b'\n'))
            .unwrap_or(rest.len());
        let at = rest[..length].iter().rposition(|byte| *byte == b'@')?;
        (at > 0).then_some((begin, begin + at))
    }
}

/// Names of members that say which field it is about.
pub(crate) fn is_label_name(last_word: &str) -> bool {
    matches!(
        last_word,
        "name"
            | "key"
            | "field"
            | "label"
            | "path"
            | "param"
            | "parameter"
            | "property"
            | "header"
            | "attribute"
            | "type"
            | "id"
            | "k"
            | "question"
            | "column"
            | "variable"
    )
}

/// Names of members that hold the value of such a field.
pub(crate) fn is_value_name(last_word: &str) -> bool {
    matches!(
        last_word,
        "value"
            | "values"
            | "val"
            | "v"
            | "content"
            | "contents"
            | "data"
            | "text"
            | "string"
            | "answer"
            | "input"
            | "raw"
            | "old"
            | "new"
            | "before"
            | "after"
            | "previous"
            | "current"
            | "from"
            | "to"
            | "body"
    )
}

/// The token after `Bearer ` or `Basic `; `at` is the space.
fn token_after_scheme(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let before = &text[at.saturating_sub(7)..at];
    let scheme = [&b"bearer"[..], b"basic"].into_iter().find(|scheme| {
        before.len() >= scheme.len() && before[before.len() - scheme.len()..].eq_ignore_ascii_case(scheme)
    })?;
    let stands_alone = before
        .len()
        .checked_sub(scheme.len() + 1)
        .is_none_or(|at| !before[at].is_ascii_alphanumeric());
    if !stands_alone {
        return None;
    }
    let spaces = text[at..]
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'+'))
        .count();
    let begin = at + spaces;
    let length = text[begin..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=:%".contains(byte))
        .count();
    if text.get(begin + length) == Some(&b'"') {
        // `Basic realm="…"` asks for a token.
        return None;
    }
    let token = &text[begin..begin + length];
    let is_token = length >= CLEARLY_A_TOKEN
        || (length >= SHORTEST_TOKEN && token.iter().any(|byte| byte.is_ascii_digit() || *byte == b'='));
    is_token.then_some((begin, begin + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> String {
        let mut spans = Vec::new();
        find(text.as_bytes(), None, &Names::default(), &mut spans);
        crate::spans::replace(text, &crate::spans::merge(spans)).0
    }

    #[test]
    fn what_follows_a_secret_name_goes() {
        for (text, expected) in [
            (
                "mutation { login(name: \"a\", password: \"x y\") { id } }",
                "mutation { login(name: \"a\", password: [redacted]",
            ),
            ("a=1\npassword=x\nb=2", "a=1\npassword=[redacted]"),
            ("a=1;password=x", "a=1;password=[redacted]"),
            (
                r#"{"a":1,"password":"x","b":2}"#,
                r#"{"a":1,"password":[redacted]"#,
            ),
            ("password => x", "password => [redacted]"),
            ("<a>1</a><password>x</password>", "<a>1</a><password>[redacted]"),
            ("Your password is: x", "Your password is: [redacted]"),
            (
                "the Social Security number: 1",
                "the Social Security number: [redacted]",
            ),
            (
                "https://a.example/?page=1&token=x&b=2",
                "https://a.example/?page=1&token=[redacted]&b=2",
            ),
            ("https://ana:pw@a.example/", "https://[redacted]@a.example/"),
            (
                "with Bearer abc123 or basic YWJjOmRlZg==",
                "with Bearer [redacted] or basic [redacted]",
            ),
            (r#"{"value":"x","name":"password"}"#, "[redacted]"),
            ("password:", "password:"),
        ] {
            assert_eq!(cut(text), expected, "{text}");
        }
    }

    #[test]
    fn ordinary_text_stays() {
        for text in [
            "Email sent at 10:30",
            "https://a.example/orders/?page=2&sort=name",
            "mutation L($email: String!, $password: String!) { login(email: $email, password: $password) { id } }",
            "Basic authentication, bearer tokens",
            r#"{"name":"order","value":"x"}"#,
            "max-age=60, public",
            "2026-01-05T10:00:00Z",
            "</password>",
        ] {
            assert_eq!(cut(text), text);
        }
    }
}
