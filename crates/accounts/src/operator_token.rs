//! Bearer tokens of the operator API, and what each may do. None can reveal an existing secret.

use std::fmt;
use std::str::FromStr;

use model::{OperatorTokenId, Timestamp};

/// One thing that a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Publish events.
    Events,
    /// List the requests of any company.
    Logs,
    /// Send requests to the log that Gatehouse did not see itself.
    Requests,
    /// List and create companies.
    Companies,
    /// List, add and remove members, set their passwords and end their sessions. A program that can set a password can
    /// sign in as that member.
    Members,
    /// List, create and delete keys.
    Keys,
    /// Read and change the catalogue of event types.
    EventTypes,
    /// Hold, resume and cancel the deliveries of any company.
    Deliveries,
    /// List and revoke operator tokens. Only the command line creates tokens, so that no token can extend its own
    /// rights or survive its revocation.
    Tokens,
}

/// The text is not the name of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a scope is one of events, logs, requests, companies, members, keys, event_types, deliveries, tokens"
)]
pub struct UnknownScope;

impl Scope {
    pub const ALL: [Self; 9] = [
        Self::Events,
        Self::Logs,
        Self::Requests,
        Self::Companies,
        Self::Members,
        Self::Keys,
        Self::EventTypes,
        Self::Deliveries,
        Self::Tokens,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Logs => "logs",
            Self::Requests => "requests",
            Self::Companies => "companies",
            Self::Members => "members",
            Self::Keys => "keys",
            Self::EventTypes => "event_types",
            Self::Deliveries => "deliveries",
            Self::Tokens => "tokens",
        }
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or(UnknownScope)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes, written as their names separated by spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Sorted, without duplicates.
    pub fn new(mut scopes: Vec<Scope>) -> Self {
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }

    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }
}

impl Default for Scopes {
    /// `events` and `logs`.
    fn default() -> Self {
        Self(vec![Scope::Events, Scope::Logs])
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_whitespace()
            .map(str::parse)
            .collect::<Result<Vec<_>, _>>()
            .map(Self::new)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            write!(f, "{}{scope}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// A stored token, without the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorToken {
    pub id: OperatorTokenId,
    pub name: String,
    pub scopes: Scopes,
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_survive_formatting_and_parsing() {
        let scopes = Scopes::new(vec![Scope::Keys, Scope::Events, Scope::Keys]);
        assert_eq!(scopes.to_string(), "events keys");
        assert_eq!("keys events".parse(), Ok(scopes));
        assert_eq!("keys secrets".parse::<Scopes>(), Err(UnknownScope));
    }
}
