//! What a change of a webhook's options leaves.

use model::WebhookOptions;

use crate::storage::{OptionsChange, SealedHeader};

/// The most headers of its own that a webhook has.
const MOST: usize = 20;
/// The most bytes of all names and sealed values together. Receivers refuse larger heads of requests.
const MOST_BYTES: usize = 8 * 1024;

/// A webhook's options with its headers' sealed values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredOptions {
    /// In the order of their lower-case names.
    pub headers: Vec<SealedHeader>,
    pub rate_limit: Option<u32>,
}

impl StoredOptions {
    /// What may be shown of them.
    pub fn shown(&self) -> WebhookOptions {
        WebhookOptions {
            headers: self.headers.iter().map(|header| header.name.clone()).collect(),
            rate_limit: self.rate_limit,
        }
    }
}

/// Applies the change. A header that is both set and removed is set. `None` if there would be too many headers.
pub fn options_after(before: StoredOptions, change: OptionsChange) -> Option<StoredOptions> {
    let OptionsChange {
        set,
        removed,
        rate_limit,
    } = change;
    let names = |name: &String| {
        set.iter()
            .map(|header| &header.name)
            .chain(&removed)
            .any(|one| one.eq_ignore_ascii_case(name))
    };
    let mut headers: Vec<SealedHeader> = before
        .headers
        .into_iter()
        .filter(|header| !names(&header.name))
        .collect();
    headers.extend(set);
    headers.sort_by_cached_key(|header| header.name.to_ascii_lowercase());
    let bytes: usize = headers
        .iter()
        .map(|header| header.name.len() + header.value.as_bytes().len())
        .sum();
    (headers.len() <= MOST && bytes <= MOST_BYTES).then_some(StoredOptions {
        headers,
        rate_limit: rate_limit.unwrap_or(before.rate_limit),
    })
}

#[cfg(test)]
mod tests {
    use vault::Sealed;

    use super::*;

    fn header(name: &str, value: &[u8]) -> SealedHeader {
        SealedHeader {
            name: name.to_owned(),
            value: Sealed::from_bytes(value.to_vec()),
        }
    }

    #[test]
    fn a_change_sets_and_removes_by_name_whatever_its_case() {
        let before = StoredOptions {
            headers: vec![header("Authorization", b"a"), header("X-Tenant", b"t")],
            rate_limit: Some(5),
        };
        let change = OptionsChange {
            set: vec![header("x-tenant", b"u"), header("B", b"b")],
            removed: vec!["AUTHORIZATION".to_owned(), "none".to_owned()],
            rate_limit: None,
        };
        let after = StoredOptions {
            headers: vec![header("B", b"b"), header("x-tenant", b"u")],
            rate_limit: Some(5),
        };
        assert_eq!(options_after(before.clone(), change), Some(after));
        let unlimited = OptionsChange {
            rate_limit: Some(None),
            ..OptionsChange::default()
        };
        let after = StoredOptions {
            rate_limit: None,
            ..before.clone()
        };
        assert_eq!(options_after(before, unlimited), Some(after));
    }

    #[test]
    fn there_are_at_most_twenty_headers_and_eight_kilobytes() {
        let many = |count: usize, value: &[u8]| OptionsChange {
            set: (0..count).map(|n| header(&format!("X-{n:02}"), value)).collect(),
            ..OptionsChange::default()
        };
        let after = |change| options_after(StoredOptions::default(), change).map(|after| after.headers.len());
        assert_eq!(after(many(20, b"v")), Some(20));
        assert_eq!(after(many(21, b"v")), None);
        assert_eq!(after(many(2, &[0; 4092])), Some(2));
        assert_eq!(after(many(2, &[0; 4093])), None);
    }
}
