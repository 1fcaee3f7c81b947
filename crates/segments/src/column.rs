//! The columns of a segment.

use crate::Dictionary;

/// A column: one number or id for each row, stored in a chunk for each block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// Milliseconds since 1970. Read with [`crate::Head::times`].
    At,
    /// Read with [`crate::Head::ids`].
    RequestId,
    /// Microseconds. Read with [`crate::Head::microseconds`].
    Duration,
    /// Microseconds plus one; 0 is none. Read with [`crate::Head::microseconds`].
    Upstream,
    /// Number in [`crate::Dictionary::Places`]. This and all below: read with [`crate::Head::numbers`].
    Place,
    /// Number in [`crate::Dictionary::Keys`].
    Key,
    /// The code in [`crate::ValueKey::environment`].
    Environment,
    /// The code in [`crate::ValueKey::recorded`].
    Recorded,
    /// Number in [`crate::Dictionary::Methods`].
    Method,
    /// The status itself.
    Status,
    /// The code in [`crate::ValueKey::verdict`].
    Verdict,
    /// Number in [`crate::Dictionary::Details`].
    Detail,
    /// Number in [`crate::Dictionary::Paths`].
    Path,
    /// Number in [`crate::Dictionary::Addresses`].
    Address,
    /// Number in [`crate::Dictionary::UserAgents`].
    UserAgent,
    /// 0 if the row's headers and bodies are in the blob of bodies; else why there are none.
    Messages,
    /// Number in [`crate::Dictionary::Errors`]. Version 1 of the format does not have it: see [`crate::Head::has`].
    Error,
}

impl Column {
    /// In the order of the format.
    pub const ALL: [Self; 17] = [
        Self::At,
        Self::RequestId,
        Self::Duration,
        Self::Upstream,
        Self::Place,
        Self::Key,
        Self::Environment,
        Self::Recorded,
        Self::Method,
        Self::Status,
        Self::Verdict,
        Self::Detail,
        Self::Path,
        Self::Address,
        Self::UserAgent,
        Self::Messages,
        Self::Error,
    ];

    /// How many of [`Self::ALL`] are not columns of `u16`; they come first.
    pub(crate) const WIDE: usize = 4;

    /// The dictionary that the column's numbers belong to.
    pub const fn dictionary(self) -> Option<Dictionary> {
        Some(match self {
            Self::Place => Dictionary::Places,
            Self::Key => Dictionary::Keys,
            Self::Method => Dictionary::Methods,
            Self::Detail => Dictionary::Details,
            Self::Path => Dictionary::Paths,
            Self::Address => Dictionary::Addresses,
            Self::UserAgent => Dictionary::UserAgents,
            Self::Error => Dictionary::Errors,
            _ => return None,
        })
    }
}
