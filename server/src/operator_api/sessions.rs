//! `/operator/v1/sessions`: lists who is signed in and ends a session.

use accounts::{Email, Whose};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use model::{ClientId, SessionId};
use serde::Deserialize;

use super::{Operator, invalid, listed, not_found, refused_by_accounts};
use crate::admin::{Answer, Object, listing};
use crate::services::Services;

/// If both are missing, the list covers everyone.
#[derive(Debug, Deserialize)]
pub struct Asked {
    client_id: Option<ClientId>,
    email: Option<String>,
}

pub async fn list_sessions(
    State(services): State<Services>,
    query: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let Ok(Query(asked)) = query else {
        return invalid("client_id", "A Client ID is 32 lower-case hexadecimal digits.");
    };
    let whose = match (asked.client_id, asked.email) {
        (Some(_), Some(_)) => return invalid("email", "Name a company or a person, not both."),
        (Some(client_id), None) => Whose::Company(client_id),
        (None, Some(email)) => match email.parse::<Email>() {
            Ok(email) => Whose::Person(email),
            Err(error) => return refused_by_accounts(&error),
        },
        (None, None) => Whose::Everybody,
    };
    match services.core.accounts.sessions(&whose).await {
        Ok(sessions) => listed(&listing::sessions(&sessions)),
        Err(error) => refused_by_accounts(&error),
    }
}

pub async fn revoke_session(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    Path(session): Path<String>,
) -> Response {
    let Ok(session) = session.parse::<SessionId>() else {
        return not_found();
    };
    match services
        .core
        .accounts
        .revoke_session(session, &operator.actor)
        .await
    {
        Ok(email) => {
            let object = Object::new().with("session_id", session).with("email", email);
            listed(&Answer::One(object))
        }
        Err(error) => refused_by_accounts(&error),
    }
}
