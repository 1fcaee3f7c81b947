//! Database errors: names listed next to values, and values that have no name at all.

use crate::names::Names;

/// Maximum number of bytes of a list of names that is read.
const LONGEST_LIST: usize = 256;

/// Phrases that come right before values without a name. Everything after them is redacted.
const PHRASES: [&str; 5] = [
    // PostgreSQL, followed by the whole row.
    "failing row contains (",
    // MySQL, which puts the name of the index after the value.
    "duplicate entry '",
    "duplicate entry \"",
    // SQL Server.
    "duplicate key value is (",
    "identified by '",
];

/// Whether `before` ends with a list that has a secret name in it, such as `Key (company, email)` before `=(…)`.
pub(crate) fn list_is_secret(before: &[u8], names: &Names) -> bool {
    let before = before.trim_ascii_end();
    let Some(inner) = before.strip_suffix(b")") else {
        return false;
    };
    let is_of_list =
        |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80 || b"_-.$\"'`[], \t\n".contains(&byte);
    let mut depth = 0_u32;
    let mut begin = inner.len();
    for (at, byte) in inner.iter().enumerate().rev().take(LONGEST_LIST) {
        match byte {
            b')' => depth += 1,
            b'(' if depth == 0 => break,
            b'(' => depth -= 1,
            byte if is_of_list(*byte) => {}
            _ => return false,
        }
        begin = at;
    }
    let list = String::from_utf8_lossy(&inner[begin..]);
    list.split(',').any(|name| names.is_secret(name))
}

/// Whether one or more secret values come next. `before` ends with the quote or parenthesis that opens them.
pub(crate) fn values_follow(before: &[u8], names: &Names) -> bool {
    let ends_with = |text: &[u8], end: &str| {
        text.len()
            .checked_sub(end.len())
            .is_some_and(|begin| text[begin..].eq_ignore_ascii_case(end.as_bytes()))
    };
    if PHRASES.iter().any(|phrase| ends_with(before, phrase)) {
        return true;
    }
    // `INSERT INTO users (email, password) VALUES (…)`
    let Some(statement) = before.strip_suffix(b"(") else {
        return false;
    };
    let statement = statement.trim_ascii_end();
    ends_with(statement, "values") && list_is_secret(&statement[..statement.len() - 6], names)
}
