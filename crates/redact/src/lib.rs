//! Removes secrets from HTTP messages before they are stored. Everything that is stored uses this crate: rows from
//! the gateway, `verify` and the public API, and the responses of webhook receivers.
//!
//! There are three rules. Values of secret names are redacted wherever the name appears ([`Names`]). Credentials that
//! came with the message, and anything that looks like an access secret, are redacted in any encoding ([`Needles`],
//! [`Search`]). A body that does not parse as the type it claims to be is not stored at all.

mod armour;
mod body;
mod columns;
mod encoding;
mod exact;
mod fields;
mod finder;
mod form;
mod headers;
mod json;
mod json_bytes;
mod json_scan;
mod markup;
mod memory;
mod message;
mod names;
mod needles;
mod pairs;
mod schemes;
mod search;
mod seen;
mod spans;
mod view;
mod visible;
mod word_lists;
mod words;

use model::{Body, HeaderField};

pub use body::{BODY_LIMIT, may_be_stored};
pub use fields::Headers;
pub use memory::Memory;
pub use message::{Redacted, message, message_of_batch};
pub use names::{InvalidNames, Names};
pub use needles::Needles;
pub use search::Search;
pub use spans::REDACTED;
pub use visible::visible;

impl Search<'_> {
    /// A path with its query, or a whole URL. `cut_off` says whether its end is missing.
    pub fn address(&self, address: &str, cut_off: bool) -> String {
        visible(form::redact_address(address, cut_off, self))
    }

    /// All headers in their order.
    pub fn headers(&self, headers: &Headers) -> Vec<HeaderField> {
        headers::redact_headers(headers, self)
    }

    /// One header.
    pub fn header(&self, name: &str, value: &str) -> HeaderField {
        headers::redact_header(name, value, self)
    }

    /// A body that begins with `first` and had `total_bytes` on the wire.
    pub fn body(&self, headers: &Headers, first: &[u8], total_bytes: u64) -> Body {
        body::redact_body(headers, first, total_bytes, self)
    }

    /// Redacted JSON. `truncated` says whether its end is missing. `None` if it is not JSON.
    pub fn json(&self, text: &str, truncated: bool) -> Option<String> {
        json::redact_json(text, truncated, self).map(|(text, _)| text)
    }
}
