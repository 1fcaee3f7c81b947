//! `/operator/v1/members`: who may enter a company's page. A removed member, and one whose password is set, is signed out
//! everywhere before the answer.

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use model::{ClientId, MemberId, Role, SecretText};
use serde::Deserialize;

use super::{Operator, created, invalid, listed, missing, refused_by_accounts, unreadable};
use crate::admin::{Answer, listing, objects};
use crate::dashboard::AppState;
use crate::people;

#[derive(Debug, Deserialize)]
pub struct OfCompany {
    pub(super) client_id: ClientId,
}

pub async fn list_members(
    State(state): State<AppState>,
    query: Result<Query<OfCompany>, QueryRejection>,
) -> Response {
    let Ok(Query(OfCompany { client_id })) = query else {
        return invalid("client_id", "Name the company: ?client_id=<Client ID>.");
    };
    match state.accounts.members(client_id).await {
        Ok(members) => listed(&listing::members(&members)),
        Err(error) => refused_by_accounts(&error),
    }
}

/// Without `password` one is made up and answered this once. Somebody who has an account keeps theirs.
#[derive(Debug, Deserialize)]
pub struct NewMember {
    client_id: ClientId,
    email: String,
    role: Role,
    password: Option<SecretText>,
}

pub async fn create_member(
    State(state): State<AppState>,
    Extension(operator): Extension<Operator>,
    body: Result<Json<NewMember>, JsonRejection>,
) -> Response {
    let new = match body {
        Ok(Json(new)) => new,
        Err(rejection) => return unreadable(&rejection.body_text()),
    };
    let added = people::add_member(
        &state.services.core,
        new.client_id,
        &new.email,
        new.role,
        new.password,
        &operator.actor,
    );
    match added.await {
        Ok(added) => created(objects::member(added)),
        Err(error) => refused_by_accounts(&error),
    }
}

pub async fn remove_member(
    State(state): State<AppState>,
    Extension(operator): Extension<Operator>,
    Path(member): Path<String>,
) -> Response {
    let Ok(member) = member.parse::<MemberId>() else {
        return missing("member");
    };
    match state.accounts.remove_member(member, &operator.actor).await {
        Ok(removed) => listed(&Answer::One(objects::revoked(&removed))),
        Err(error) => refused_by_accounts(&error),
    }
}

/// Without `password` one is made up and answered this once.
#[derive(Debug, Deserialize)]
pub struct NewPassword {
    password: Option<SecretText>,
}

pub async fn set_password(
    State(state): State<AppState>,
    Extension(operator): Extension<Operator>,
    Path(member): Path<String>,
    body: Result<Json<NewPassword>, JsonRejection>,
) -> Response {
    let Ok(member) = member.parse::<MemberId>() else {
        return missing("member");
    };
    let given = match body {
        Ok(Json(NewPassword { password })) => password,
        Err(rejection) => return unreadable(&rejection.body_text()),
    };
    let set = async {
        let email = state.accounts.member_email(member).await?;
        people::set_password(&state.services.core, &email, given, &operator.actor).await
    };
    match set.await {
        Ok((revoked, made)) => {
            let object = objects::revoked(&revoked).with_secret("password", made);
            listed(&Answer::One(object))
        }
        Err(error) => refused_by_accounts(&error),
    }
}

/// Ends all sessions of the member, who may sign in again.
pub async fn sign_out_member(
    State(state): State<AppState>,
    Extension(operator): Extension<Operator>,
    Path(member): Path<String>,
) -> Response {
    let Ok(member) = member.parse::<MemberId>() else {
        return missing("member");
    };
    let ended = async {
        let email = state.accounts.member_email(member).await?;
        state.accounts.revoke_sessions_of(&email, &operator.actor).await
    };
    match ended.await {
        Ok(ended) => listed(&Answer::One(objects::revoked(&ended))),
        Err(error) => refused_by_accounts(&error),
    }
}
