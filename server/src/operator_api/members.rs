//! `/operator/v1/members`: who may sign in to a company's pages. Removing a member or setting a password signs the
//! person out everywhere before the response is sent.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use model::{ClientId, MemberId, Role, SecretText};
use serde::Deserialize;

use super::body::JsonBody;
use super::{Operator, created, invalid, listed, not_found, refused_by_accounts};
use crate::admin::{Answer, listing, objects};
use crate::api_error::ApiError;
use crate::people;
use crate::services::Services;

#[derive(Debug, Deserialize)]
pub struct OfCompany {
    pub(super) client_id: ClientId,
}

pub async fn list_members(
    State(services): State<Services>,
    query: Result<Query<OfCompany>, QueryRejection>,
) -> Response {
    let Ok(Query(OfCompany { client_id })) = query else {
        return invalid("client_id", "Name the company: ?client_id=<Client ID>.");
    };
    match services.core.accounts.members(client_id).await {
        Ok(members) => listed(&listing::members(&members)),
        Err(error) => refused_by_accounts(&error),
    }
}

/// Without a `password`, one is generated and returned this one time. A person who already has an account keeps their
/// password.
#[derive(Debug)]
struct NewMember {
    client_id: ClientId,
    email: String,
    role: Role,
    password: Option<SecretText>,
}

impl NewMember {
    fn read(body: &JsonBody) -> Result<Self, ApiError> {
        let mut members = body.members("client_id, email and role")?;
        let client_id = members.required("client_id", "A Client ID is 32 lower-case hexadecimal digits.");
        let email = members.required("email", "email must be a string.");
        let role = members.required("role", "This is not a role.");
        let password = members.optional("password", "password must be a string.");
        let new = client_id.zip(email).zip(role);
        members.all(new.map(|((client_id, email), role)| Self {
            client_id,
            email,
            role,
            password,
        }))
    }
}

pub async fn create_member(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let new = NewMember::read(&body)?;
    let added = people::add_member(
        &services.core,
        new.client_id,
        &new.email,
        new.role,
        new.password,
        &operator.actor,
    );
    Ok(match added.await {
        Ok(added) => created(objects::member(added)),
        Err(error) => refused_by_accounts(&error),
    })
}

pub async fn remove_member(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    Path(member): Path<String>,
) -> Response {
    let Ok(member) = member.parse::<MemberId>() else {
        return not_found();
    };
    match services
        .core
        .accounts
        .remove_member(member, &operator.actor)
        .await
    {
        Ok(removed) => listed(&Answer::One(objects::revoked(&removed))),
        Err(error) => refused_by_accounts(&error),
    }
}

/// Without a `password`, one is generated and returned this one time.
pub async fn set_password(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    Path(member): Path<String>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let Ok(member) = member.parse::<MemberId>() else {
        return Ok(not_found());
    };
    let mut members = body.members("password, or an empty object")?;
    let given: Option<SecretText> = members.optional("password", "password must be a string.");
    members.all(Some(()))?;
    let set = async {
        let email = services.core.accounts.member_email(member).await?;
        people::set_password(&services.core, &email, given, &operator.actor).await
    };
    Ok(match set.await {
        Ok((revoked, made)) => {
            let object = objects::revoked(&revoked).with_secret("password", made);
            listed(&Answer::One(object))
        }
        Err(error) => refused_by_accounts(&error),
    })
}

/// Ends all of the member's sessions. They can sign in again.
pub async fn sign_out_member(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    Path(member): Path<String>,
) -> Response {
    let Ok(member) = member.parse::<MemberId>() else {
        return not_found();
    };
    let ended = async {
        let email = services.core.accounts.member_email(member).await?;
        services
            .core
            .accounts
            .revoke_sessions_of(&email, &operator.actor)
            .await
    };
    match ended.await {
        Ok(ended) => listed(&Answer::One(objects::revoked(&ended))),
        Err(error) => refused_by_accounts(&error),
    }
}
