//! Server-side sessions: a random token in a cookie, and its SHA-256 in the database.

use std::net::IpAddr;

use model::{PersonId, SessionId, Timestamp};

/// A stored session. Only the browser knows the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub token_hash: [u8; 32],
    pub person: PersonId,
    pub created_at: Timestamp,
    /// The time of the latest request, to the minute.
    pub seen_at: Timestamp,
    /// When it ends, however much it is used.
    pub expires_at: Timestamp,
    /// When the password was last entered.
    pub proof_at: Timestamp,
    /// The address it was started from. Missing in sessions that are older than this field.
    pub address: Option<IpAddr>,
}

/// How long a session lasts, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// From sign-in, however much it is used.
    pub absolute_seconds: i64,
    /// From the latest request.
    pub idle_seconds: i64,
}

impl Default for SessionLimits {
    /// Two weeks, or one day without a request.
    fn default() -> Self {
        Self {
            absolute_seconds: 14 * 24 * 3600,
            idle_seconds: 24 * 3600,
        }
    }
}

/// How often `seen_at` may be written. Without a limit, every page view would cost a write.
const SEEN_EVERY_SECONDS: i64 = 60;

impl Session {
    /// The session's name in lists and for revoking: half of the token's hash, which does not reveal the token.
    pub fn id(&self) -> SessionId {
        let [first @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = self.token_hash;
        SessionId::from_random(first)
    }

    /// Whether the session is still valid.
    pub fn is_alive(&self, now: Timestamp, limits: SessionLimits) -> bool {
        now < self.expires_at && now < self.seen_at.plus_seconds(limits.idle_seconds)
    }

    /// Whether `seen_at` is old enough to be written again.
    pub fn wants_touch(&self, now: Timestamp) -> bool {
        now.millis_since(self.seen_at) >= SEEN_EVERY_SECONDS * 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(seen_at: i64, expires_at: i64) -> Session {
        Session {
            token_hash: [0; 32],
            person: PersonId::from_random([1; 16]),
            created_at: Timestamp::default(),
            seen_at: Timestamp::from_millis(seen_at),
            expires_at: Timestamp::from_millis(expires_at),
            proof_at: Timestamp::default(),
            address: None,
        }
    }

    #[test]
    fn a_session_ends_when_idle_and_at_the_latest_at_its_end() {
        let limits = SessionLimits {
            absolute_seconds: 100,
            idle_seconds: 10,
        };
        let session = session(0, 100_000);
        assert!(session.is_alive(Timestamp::from_millis(9_999), limits));
        assert!(!session.is_alive(Timestamp::from_millis(10_000), limits), "idle");
        let busy = Session {
            seen_at: Timestamp::from_millis(99_999),
            ..session
        };
        assert!(busy.is_alive(Timestamp::from_millis(99_999), limits));
        assert!(
            !busy.is_alive(Timestamp::from_millis(100_000), limits),
            "absolute"
        );
    }
}
