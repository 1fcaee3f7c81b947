//! Headers: credentials by name, whatever a proxy calls them; the rest is searched as any text is.

use http::HeaderMap;
use model::HeaderField;

use crate::search::Search;
use crate::spans::REDACTED;

/// At most so many bytes of one value.
const LONGEST_VALUE: usize = 4096;

/// All headers in their order, each name as often as it came.
pub(crate) fn redact_headers(headers: &HeaderMap, search: &Search<'_>) -> Vec<HeaderField> {
    headers
        .iter()
        .map(|(name, value)| redact_header(name.as_str(), &String::from_utf8_lossy(value.as_bytes()), search))
        .collect()
}

/// One header.
pub(crate) fn redact_header(name: &str, value: &str, search: &Search<'_>) -> HeaderField {
    if search.names().is_secret_header(name) {
        return HeaderField {
            // A name can hold a secret as well as a value can.
            name: search.text(name, false).0,
            value: REDACTED.to_owned(),
            redacted: true,
        };
    }
    let (name, in_name) = search.text(name, false);
    let kept = &value[..value.floor_char_boundary(LONGEST_VALUE)];
    let (value, in_value) = search.text(kept, kept.len() < value.len());
    HeaderField {
        name,
        value: shown(value),
        redacted: in_name + in_value > 0,
    }
}

/// NUL, which PostgreSQL cannot store, is shown.
pub(crate) fn shown(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{2400}")
    } else {
        text
    }
}
