//! The status of a response, as it is stored.

/// How a status is stored that is not known: a request that only `/verify` saw has one where the proxy never told it.
pub const STATUS_NOT_KNOWN: u16 = 0;

/// The status, of what is stored.
pub const fn known_status(stored: u16) -> Option<u16> {
    match stored {
        STATUS_NOT_KNOWN => None,
        status => Some(status),
    }
}
