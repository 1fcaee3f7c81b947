//! Verdicts: why a request was accepted or refused. This file is the one place with their names, statuses,
//! sentences and next steps.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! verdicts {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $status:expr, $label:literal, $sentence:literal, $next:literal;)+) => {
        /// Why a request was accepted or refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Verdict {
            $($(#[$doc])* $variant),+
        }

        impl Verdict {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in data.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The status the caller gets; `None` where it is the upstream's.
            pub const fn status(self) -> Option<u16> {
                match self { $(Self::$variant => $status),+ }
            }

            /// Two or three words for a badge.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }

            /// One sentence for the company's log.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence),+ }
            }

            /// One next step; empty where there is nothing to do.
            pub const fn next_step(self) -> &'static str {
                match self { $(Self::$variant => $next),+ }
            }
        }
    };
}

verdicts! {
    Accepted = "accepted", None, "Key accepted",
        "The key was active and the request was passed on.", "";
    MissingCredentials = "missing_credentials", Some(401), "Missing credentials",
        "A credential header was missing.", "Send your Client ID and the key's secret with every request, each in its own header.";
    MalformedCredentials = "malformed_credentials", Some(401), "Malformed credentials",
        "A credential header did not have the documented format, or was sent twice.",
        "Send each header once: the Client ID is 32 hex digits, the secret is a prefix and 40 hex digits.";
    UnknownClient = "unknown_client", Some(401), "Unknown client",
        "The secret belongs to this company, but the Client ID sent with it is a different one.",
        "Send this company's Client ID, shown at the top of API Keys.";
    UnknownSecret = "unknown_secret", Some(401), "Unknown secret",
        "No current or recently deleted key of this company has this secret.",
        "Copy the secret again from API Keys, or generate a new key.";
    DeletedKey = "deleted_key", Some(401), "Deleted key",
        "The key was deleted before this request.", "Find the program that still uses it and give it an active key.";
    ExpiredKey = "expired_key", Some(401), "Expired key",
        "The key had expired before this request.", "Generate a new key and use it in your program.";
    WrongEnvironment = "wrong_environment", Some(403), "Wrong environment",
        "The key is active, but its environment does not serve this request.",
        "Use a key for the environment this request is meant for.";
    AddressNotAllowed = "address_not_allowed", Some(403), "Address not allowed",
        "The key may not be used from this address.", "Call from an allowed address, or allow this one.";
    ReadOnlyKey = "read_only_key", Some(403), "Read-only key",
        "The key may only read: GET, HEAD and OPTIONS, without method-override headers or upgrades.",
        "Use a key that may write, or send a GET, HEAD or OPTIONS request.";
    UnknownBrand = "unknown_brand", Some(400), "Unknown brand",
        "X-Brand-Id named a company that is not a brand of this one.", "Send the Client ID of one of your brands, or omit the header.";
    RateLimited = "rate_limited", Some(429), "Rate limited",
        "The key used up its request budget.", "Wait as long as Retry-After says. If it happens again, wait 1, 2, then 4 seconds longer.";
    NotReady = "not_ready", Some(503), "Not ready",
        "Gatehouse could not confirm that its keys were up to date, so it refused the request.", "Retry. If it keeps happening, send support the request ID.";
    Overloaded = "overloaded", Some(503), "Overloaded",
        "Too many requests were waiting, or this one was larger than allowed.", "Try again after a pause.";
    UpstreamUnreachable = "upstream_unreachable", Some(502), "API unreachable",
        "The key was active, but the API behind the gateway could not be reached.", "Nothing is wrong with the request. Retry, or send support the request ID.";
    UpstreamTimeout = "upstream_timeout", Some(504), "API timed out",
        "The key was active, but the API behind the gateway did not respond in time.", "Nothing is wrong with the request. Retry, or send support the request ID.";
}

impl Verdict {
    /// Whether an active key was recognised, so that headers and bodies may be kept.
    pub const fn key_was_recognised(self) -> bool {
        !matches!(
            self,
            Self::MissingCredentials
                | Self::MalformedCredentials
                | Self::UnknownClient
                | Self::UnknownSecret
                | Self::DeletedKey
                | Self::ExpiredKey
                | Self::NotReady
        )
    }
}

/// The text is not a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownVerdict;

impl fmt::Display for UnknownVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown verdict")
    }
}

impl std::error::Error for UnknownVerdict {}

impl FromStr for Verdict {
    type Err = UnknownVerdict;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|verdict| verdict.as_str() == text)
            .ok_or(UnknownVerdict)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
