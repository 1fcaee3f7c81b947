//! What may be kept of a message that somebody else wrote. One list for all that is stored: rows of the gateway, of
//! `verify` and of the public API, and what receivers of webhooks answer.
//!
//! Three rules. Values of secret names go, wherever the name stands ([`Names`]). Credentials that came with the message,
//! and whatever has the form of an access secret, go, however they are encoded ([`Needles`], [`Search`]). And what does
//! not parse cleanly as what it claims to be is not kept at all.

mod armour;
mod body;
mod columns;
mod encoding;
mod form;
mod headers;
mod json;
mod markup;
mod message;
mod names;
mod needles;
mod pairs;
mod schemes;
mod search;
mod spans;
mod view;
mod word_lists;

use http::HeaderMap;
use model::{Body, HeaderField};

pub use body::BODY_LIMIT;
pub use message::{Redacted, message};
pub use names::{InvalidNames, Names};
pub use needles::Needles;
pub use search::Search;
pub use spans::REDACTED;

impl Search<'_> {
    /// A path with query, or a whole URL; `cut_off` when its end is missing.
    pub fn address(&self, address: &str, cut_off: bool) -> String {
        headers::shown(form::redact_address(address, cut_off, self))
    }

    /// All headers in their order.
    pub fn headers(&self, headers: &HeaderMap) -> Vec<HeaderField> {
        headers::redact_headers(headers, self)
    }

    /// One header.
    pub fn header(&self, name: &str, value: &str) -> HeaderField {
        headers::redact_header(name, value, self)
    }

    /// A body that begins with `first` and had `total_bytes` on the wire.
    pub fn body(&self, headers: &HeaderMap, first: &[u8], total_bytes: u64) -> Body {
        body::redact_body(headers, first, total_bytes, self)
    }

    /// JSON of which `truncated` says whether its end is missing; `None` when it is no JSON.
    pub fn json(&self, text: &str, truncated: bool) -> Option<String> {
        json::redact_json(text, truncated, self).map(|(text, _)| text)
    }
}
