//! Rows as the command line and the operator API list them. Both use the same names.

use accounts::{Company, ListedMember, ListedSession, OperatorToken};
use model::{KeyGroup, KeySummary, Timestamp};

use super::answer::{Answer, Object};

/// A parent is shown by its Client ID.
pub(crate) fn companies(companies: &[Company]) -> Answer {
    let parent = |company: &Company| {
        let parent = companies.iter().find(|one| Some(one.id) == company.parent)?;
        Some(parent.client_id)
    };
    let object = |company: &Company| {
        Object::new()
            .with("company_id", company.id)
            .with("client_id", company.client_id)
            .with("name", &company.name)
            .with_maybe("parent", parent(company))
            .with("log_days", log_days(company))
            .with("created_at", company.created_at.to_rfc3339())
    };
    Answer::List(companies.iter().map(object).collect())
}

/// How many days the company's log is kept, in the words of `set-log-days`.
pub(super) fn log_days(company: &Company) -> String {
    company
        .log_days
        .map_or_else(|| "default".to_owned(), |days| days.to_string())
}

pub(crate) fn members(members: &[ListedMember]) -> Answer {
    let object = |member: &ListedMember| {
        Object::new()
            .with("member_id", member.id)
            .with("email", &member.email)
            .with("role", member.role.as_str())
            .with("created_at", member.created_at.to_rfc3339())
    };
    Answer::List(members.iter().map(object).collect())
}

pub(crate) fn sessions(sessions: &[ListedSession]) -> Answer {
    let object = |listed: &ListedSession| {
        let session = &listed.session;
        Object::new()
            .with("session_id", listed.id)
            .with("email", &listed.email)
            .with_maybe("address", session.address)
            .with("created_at", session.created_at.to_rfc3339())
            .with("seen_at", session.seen_at.to_rfc3339())
            .with("expires_at", session.expires_at.to_rfc3339())
    };
    Answer::List(sessions.iter().map(object).collect())
}

/// Without secrets.
pub(crate) fn keys(groups: &[KeyGroup]) -> Answer {
    let keys = groups.iter().flat_map(|group| &group.keys);
    Answer::List(keys.map(key).collect())
}

/// Without its secret. What was not set is left out.
pub(crate) fn key(key: &KeySummary) -> Object {
    let terms = &key.terms;
    let set = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Object::new()
        .with("key_id", key.id)
        .with("env_type", key.environment)
        .with("last_four", &key.last_four)
        .with("created_at", key.created_at.to_rfc3339())
        .with("created_by", &key.created_by)
        .with_maybe(
            "last_used_at",
            key.last_used.as_ref().map(|used| used.at.to_rfc3339()),
        )
        .with_maybe("name", set(&terms.name))
        .with_maybe("note", set(&terms.note))
        .with_maybe("expires_at", terms.expires_at.map(Timestamp::to_rfc3339))
        .with_maybe("delete_at", terms.delete_at.map(Timestamp::to_rfc3339))
        .with_maybe("read_only", terms.read_only.then_some(true))
        .with_maybe("networks", set(&terms.networks.join(", ")))
        .with_maybe("requests_a_minute", terms.requests_a_minute)
}

/// Without the tokens themselves.
pub(crate) fn tokens(tokens: &[OperatorToken]) -> Answer {
    Answer::List(tokens.iter().map(token).collect())
}

pub(super) fn token(token: &OperatorToken) -> Object {
    Object::new()
        .with("token_id", token.id)
        .with("name", &token.name)
        .with("scopes", &token.scopes)
        .with("created_at", token.created_at.to_rfc3339())
}
