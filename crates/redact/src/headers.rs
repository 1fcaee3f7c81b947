//! Headers: credentials are found by the header's name, even if a proxy renamed it. All other values are searched
//! like any text.

use std::borrow::Cow;

use model::HeaderField;

use crate::fields::Headers;
use crate::search::Search;
use crate::spans::REDACTED;
use crate::visible::visible;

/// Maximum number of bytes of one value.
const LONGEST_VALUE: usize = 4096;

/// All headers in their original order, including repeated names.
pub(crate) fn redact_headers(headers: &Headers, search: &Search<'_>) -> Vec<HeaderField> {
    if search.only_gathers() {
        // The values of secret headers are among the needles already.
        return Vec::new();
    }
    let headers = headers.iter();
    headers
        .map(|(name, value)| redact_header(name, &String::from_utf8_lossy(value), search))
        .collect()
}

/// One header.
pub(crate) fn redact_header(name: &str, value: &str, search: &Search<'_>) -> HeaderField {
    let known = search.name(name, Cow::Borrowed);
    // A header's name can contain a secret too.
    let (name, in_name) = search.name_text(name, known);
    if known.verdict.is_secret_header {
        return HeaderField {
            name,
            value: REDACTED.to_owned(),
            redacted: true,
        };
    }
    let kept = &value[..value.floor_char_boundary(LONGEST_VALUE)];
    let (value, in_value) = search.value_text(kept, kept.len() < value.len());
    HeaderField {
        name,
        value: visible(value),
        redacted: in_name + in_value > 0,
    }
}
