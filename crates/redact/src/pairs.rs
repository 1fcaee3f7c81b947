//! Secret names and their values in free text: `password: x` in GraphQL, in JSON inside a string, in lines, in
//! cookies and in query strings; also the user part of a URL, and `Bearer …`.
//!
//! Free text has no grammar that says where a value ends, so everything after a secret name is redacted, to the end
//! of the text. Only in a query string does the text continue after the next `&`.

use crate::markup::Tags;
use crate::names::Names;
use crate::view::View;
use crate::words::Words;
use crate::{columns, markup, schemes};

/// Number of bytes before a separator that are read as a name, possibly with prose before it.
const PROSE: usize = 48;

/// Maximum number of bytes of a value in free text that the rest of the message is searched for.
const LONGEST_VALUE: usize = 4096;

/// Finds the values of secret names in `text`. `view` is the source of `text` if it was escaped. Calls `see_value`
/// with each value whose end is known.
pub(crate) fn find(
    text: &[u8],
    view: Option<&View>,
    names: &Names,
    spans: &mut Vec<(usize, usize)>,
    see_value: &mut dyn FnMut(&[u8]),
) {
    let mut reader = Reader {
        text,
        view,
        names,
        labelled: false,
        has_value: None,
        gone: false,
        tags: Tags::default(),
    };
    let mut passed = 0;
    for (at, byte) in text.iter().enumerate() {
        if at < passed || !IS_SIGN[usize::from(*byte)] {
            continue;
        }
        let Some((begin, end)) = reader.see(at, *byte) else {
            continue;
        };
        let password = reader.password_in(at, begin, end);
        let value = reader.value_in(
            password.unwrap_or(begin),
            end,
            *byte == b'=' || password.is_some(),
        );
        if value.counts {
            see_value(&text[value.begin..value.end]);
        }
        if !reader.gone {
            spans.push((begin, end));
        }
        // The rest is redacted anyway; it is only read to find more values.
        reader.gone |= end == text.len();
        passed = if reader.gone { value.end } else { end };
    }
    // The members may come in any order: `{"value":"x","name":"password"}`.
    if let Some(value) = reader.has_value.filter(|_| reader.labelled) {
        spans.push((0, text.len()));
        let value = reader.value_in(value, text.len(), true);
        if value.counts {
            see_value(&text[value.begin..value.end]);
        }
    }
}

/// The bytes that [`Reader::see`] reads.
const IS_SIGN: [bool; 256] = {
    let mut signs = [false; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        signs[at] = matches!(
            byte,
            b'=' | b':'
                | b'<'
                | b'>'
                | b'('
                | b'\''
                | b'"'
                | b' '
                | b'+'
                | b'\t'
                | b'\n'
                | b'\r'
                | 0x0b
                | 0x0c
        ) || schemes::may_begin_space(byte);
        at += 1;
    }
    signs
};

/// A value in free text, without its quotes or brackets.
struct Value {
    begin: usize,
    end: usize,
    /// Whether its end is known.
    counts: bool,
}

struct Reader<'a> {
    text: &'a [u8],
    view: Option<&'a View>,
    names: &'a Names,
    /// Set when `name: password` was seen.
    labelled: bool,
    /// The beginning of the value of `value: …`, if there was one.
    has_value: Option<usize>,
    /// Whether everything from here on is redacted.
    gone: bool,
    tags: Tags,
}

impl Reader<'_> {
    /// Reads one byte and returns the span to redact because of it, if any.
    fn see(&mut self, at: usize, byte: u8) -> Option<(usize, usize)> {
        match byte {
            b'=' | b':' => self.separator(at),
            b'<' => {
                self.tags.begin(at);
                None
            }
            b'>' if at > 0 && self.text[at - 1] == b'-' && !self.tags.is_open() => self.separator(at),
            b'>' => self.tags.end(self.text, at, self.names),
            b' ' | b'+' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => schemes::token_after(self.text, at)
                .or_else(|| schemes::option_after(self.text, at, self.names)),
            b'(' | b'\'' | b'"' if columns::values_follow(&self.text[..=at], self.names) => {
                (at + 1 < self.text.len()).then_some((at + 1, self.text.len()))
            }
            byte if schemes::may_begin_space(byte) => schemes::token_after(self.text, at),
            _ => None,
        }
    }

    fn separator(&mut self, at: usize) -> Option<(usize, usize)> {
        if self.text[at] == b':' && self.text[at + 1..].starts_with(b"//") {
            return self.userinfo(at + 3);
        }
        // In `->`, the name comes before both characters.
        let (begin, end) = self.name_before(if self.text[at] == b'>' { at - 1 } else { at })?;
        // Requires a name before the sign. Otherwise each sign in a long row of signs would scan for its value to the
        // end of the text.
        let value = self.value_after(at)?;
        let name = Words::of(std::str::from_utf8(&self.text[begin..end]).unwrap_or_default());
        let secret = self.names.hides(&name)
            || self.is_end_of_prose(begin, end)
            || (self.text[at] == b'=' && columns::list_is_secret(&self.text[..at], self.names));
        if !secret {
            self.look_for_labels(&name, value);
            return None;
        }
        if self.is_graphql_type(value) || self.is_graphql_variable(value) {
            return None;
        }
        let end = if self.gone {
            self.text.len()
        } else {
            self.end_of_value(at, begin)
        };
        (value < end).then_some((value, end))
    }

    /// Where the password in `user:password@` of a URL begins.
    fn password_in(&self, separator: usize, begin: usize, end: usize) -> Option<usize> {
        if !self.text[separator..].starts_with(b"://") {
            return None;
        }
        let sign = self.text[begin..end].iter().position(|byte| *byte == b':')?;
        Some(begin + sign + 1)
    }

    /// The value itself if its end is known: in quotes, or before the next separator. A plain word counts only if
    /// `is_clear` says that this is not prose, or if a tag ends it.
    fn value_in(&self, begin: usize, end: usize, is_clear: bool) -> Value {
        let text = &self.text[begin..end];
        let is_around = |byte: &u8| {
            byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b'[' | b'(' | b'{')
        };
        let mut skipped = 0;
        loop {
            skipped += text[skipped..].iter().take_while(|byte| is_around(byte)).count();
            match markup::tag_at(&text[skipped..]) {
                Some(length) => skipped += length,
                None => break,
            }
        }
        let rest = &text[skipped..];
        let rest = &rest[..rest.len().min(LONGEST_VALUE)];
        let quote = skipped
            .checked_sub(1)
            .map(|at| text[at])
            .filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
        let in_quotes = quote.and_then(|quote| rest.iter().position(|byte| *byte == quote));
        let ends = |byte: &u8| {
            byte.is_ascii_whitespace()
                || matches!(
                    byte,
                    b'"' | b'\''
                        | b'`'
                        | b'\\'
                        | b'&'
                        | b';'
                        | b','
                        | b'<'
                        | b'>'
                        | b'('
                        | b')'
                        | b'{'
                        | b'}'
                        | b'['
                        | b']'
                        | b'|'
                )
        };
        let length = in_quotes.unwrap_or_else(|| rest.iter().position(ends).unwrap_or(rest.len()));
        let value = &rest[..length];
        let is_no_word = value.iter().any(|byte| byte.is_ascii_digit() || *byte == b'@');
        let counts = in_quotes.is_some() || is_clear || is_no_word || rest.get(length) == Some(&b'<');
        Value {
            begin: begin + skipped,
            end: begin + skipped + length,
            counts: counts && length > 0,
        }
    }

    /// The name directly before a separator, ignoring quotes, parentheses and spaces between them.
    fn name_before(&self, at: usize) -> Option<(usize, usize)> {
        let is_between = |byte: &u8| {
            matches!(
                byte,
                b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'`' | b'\\' | b'(' | b')'
            )
        };
        let is_name = |byte: &u8| {
            byte.is_ascii_alphanumeric()
                || *byte >= 0x80
                || matches!(byte, b'_' | b'-' | b'.' | b'$' | b'[' | b']' | b'@' | b'#')
        };
        let before = &self.text[..at];
        let end = before.iter().rposition(|byte| !is_between(byte))? + 1;
        let begin = before[..end]
            .iter()
            .rposition(|byte| !is_name(byte))
            .map_or(0, |at| at + 1);
        (begin < end).then_some((begin, end))
    }

    /// Where the value begins, or `None` if there is none.
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
            .rposition(|byte| {
                !(byte.is_ascii_alphanumeric() || *byte >= 0x80 || matches!(byte, b' ' | b'_' | b'-'))
            })
            .map_or(0, |at| at + 1);
        self.names.ends_secret(&String::from_utf8_lossy(&window[from..]))
    }

    fn look_for_labels(&mut self, name: &Words, value: usize) {
        let Some(last) = name.last() else { return };
        if is_value_name(last) {
            self.has_value = Some(value);
        } else if is_label_name(last) || (self.tags.is_open() && matches!(last, b"class" | b"itemprop")) {
            let (begin, end) = self.word_at(value);
            let word = std::str::from_utf8(&self.text[begin..end]).unwrap_or_default();
            if self.names.is_secret(word) {
                self.labelled = true;
                self.tags.label();
            }
        }
    }

    /// The word that begins here, after any quotes.
    fn word_at(&self, at: usize) -> (usize, usize) {
        let quotes = self.text[at..]
            .iter()
            .take_while(|byte| matches!(byte, b'"' | b'\'' | b'\\' | b'/'))
            .count();
        let begin = at + quotes;
        let length = self.text[begin..]
            .iter()
            .take(128)
            .take_while(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'[' | b']')
            })
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

    /// `password: $password` names a variable whose value is elsewhere.
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

    /// In a query string the next `&` ends a value, unless it is escaped more deeply than the `=`.
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

    /// The `user:password@` of a URL whose `//` ends here.
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

/// Names of members that say which field an object describes.
pub(crate) fn is_label_name(last_word: &[u8]) -> bool {
    matches!(
        last_word,
        b"name"
            | b"key"
            | b"field"
            | b"label"
            | b"path"
            | b"param"
            | b"parameter"
            | b"property"
            | b"header"
            | b"attribute"
            | b"type"
            | b"id"
            | b"k"
            | b"question"
            | b"column"
            | b"variable"
    )
}

/// Names of members that hold the value of that field.
pub(crate) fn is_value_name(last_word: &[u8]) -> bool {
    matches!(
        last_word,
        b"value"
            | b"values"
            | b"val"
            | b"v"
            | b"content"
            | b"contents"
            | b"data"
            | b"text"
            | b"string"
            | b"answer"
            | b"input"
            | b"raw"
            | b"old"
            | b"new"
            | b"before"
            | b"after"
            | b"previous"
            | b"current"
            | b"from"
            | b"to"
            | b"body"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> String {
        let mut spans = Vec::new();
        find(text.as_bytes(), None, &Names::default(), &mut spans, &mut |_| ());
        crate::spans::replace(text, &crate::spans::merge(spans)).0
    }

    #[test]
    fn text_after_a_secret_name_is_redacted() {
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
            (
                "<a:password type=\"text\">x</a:password>",
                "<a:password type=\"text\">[redacted]",
            ),
            ("<password\n>x</password>", "<password\n>[redacted]"),
            ("<a/><password><![CDATA[x]]>", "<a/><password>[redacted]"),
            ("<param name=\"password\">x</param>", "<param[redacted]"),
            (
                "<b>1</b><input default='x' name='password'/> z",
                "<b>1</b><input[redacted]> z",
            ),
            ("<input name=\"password\" value=\"x\">", "[redacted]"),
            ("<INPUT NAME=password VALUE=x>", "[redacted]"),
            ("<user password='x'/>", "<user password=[redacted]"),
            (
                "<dict><key>password</key>\n<string>x</string></dict>",
                "<dict><key>password[redacted]",
            ),
            (
                "<key><![CDATA[ password ]]></key><string>x",
                "<key><![CDATA[ password [redacted]",
            ),
            (
                "<member><name>api_key</name><value><string>x",
                "<member><name>api_key[redacted]",
            ),
            (
                "<a title='>' name='password'>x",
                "<a title='>' name='password'>[redacted]",
            ),
            (
                "<entry><string>password</string><string>x",
                "<entry><string>password[redacted]",
            ),
            ("<b/><i class=\"password\">x</i>", "<b/><i[redacted]"),
            ("<a><value>x</value><name>password</name></a>", "[redacted]"),
            ("password -> x", "password -> [redacted]"),
            (
                "mysql --root-password x -v",
                "mysql --root-password [redacted] -v",
            ),
            (
                "curl -u ana:x https://a.example/",
                "curl -u [redacted] https://a.example/",
            ),
            ("<dt>Your e-mail</dt><dd>x</dd>", "<dt>Your e-mail[redacted]"),
            ("Key (email)=(x) already exists.", "Key (email)=[redacted]"),
            (
                "Key (lower(email), company_id)=(x, 1) already exists.",
                "Key (lower(email), company_id)=[redacted]",
            ),
            ("Failing row contains (1, x).", "Failing row contains ([redacted]"),
            (
                "Duplicate entry 'x' for key 'users.email'",
                "Duplicate entry '[redacted]",
            ),
            (
                "INSERT INTO users (id, email) VALUES (1, 'x')",
                "INSERT INTO users (id, email) VALUES ([redacted]",
            ),
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
            "<password/>",
            "run --token-type bearer -u ana --email --verbose",
            "a -> b <i class='note'>x</i>",
            "<type>token</type><id>5</id>",
            "<order status=\"open\"><name>Ana</name><total>5</total></order>",
            "<h1>Reset your password</h1> 5 < 6 > 4",
            "Key (company_id, name)=(1, Ana) already exists.",
            "INSERT INTO orders (id, name) VALUES (1, 'x')",
            "it's 'quoted' (and more)",
        ] {
            assert_eq!(cut(text), text);
        }
    }
}
