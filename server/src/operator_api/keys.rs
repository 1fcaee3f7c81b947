//! `/operator/v1/keys`: lists, generates and deletes a company's API keys. Only the response that generates a secret
//! contains it, and no scope can reveal it again.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use keys::KeysError;
use model::{ClientId, Environment, KeyId};

use super::body::JsonBody;
use super::members::OfCompany;
use super::{Operator, created, failed, invalid, listed, not_found};
use crate::admin::{Answer, Object, listing};
use crate::api_error::ApiError;
use crate::services::Services;

/// `env_type` is `sandbox`, `dev` or `prod`.
#[derive(Debug)]
struct NewKey {
    client_id: ClientId,
    environment: Environment,
}

impl NewKey {
    fn read(body: &JsonBody) -> Result<Self, ApiError> {
        let mut members = body.members("client_id and env_type")?;
        let client_id = members.required("client_id", "A Client ID is 32 lower-case hexadecimal digits.");
        let environment = members.required("env_type", "An environment is one of sandbox, dev, prod.");
        let new = client_id.zip(environment);
        members.all(new.map(|(client_id, environment)| Self {
            client_id,
            environment,
        }))
    }
}

pub async fn create_key(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let new = NewKey::read(&body)?;
    let company = services
        .core
        .accounts
        .company(new.client_id)
        .await
        .map_err(|error| ApiError::failed("a company could not be looked up", &error))?
        .ok_or_else(|| ApiError::invalid("client_id", "There is no company with this Client ID."))?;
    let generated = services
        .core
        .keys
        .generate(company.id, new.environment, &operator.actor)
        .await
        .map_err(|error| match error {
            KeysError::TwoActive => ApiError::other(
                StatusCode::CONFLICT,
                "two_keys_active",
                "Two keys are active in this environment. Delete one first.",
            ),
            error => ApiError::failed("a key could not be generated", &error),
        })?;
    let object = Object::new()
        .with("key_id", generated.key.id)
        .with_secret("secret", Some(generated.secret));
    Ok(created(object))
}

pub async fn list_keys(
    State(services): State<Services>,
    query: Result<Query<OfCompany>, QueryRejection>,
) -> Response {
    let Ok(Query(of)) = query else {
        return invalid("client_id", "Name the company: ?client_id=<Client ID>.");
    };
    let company = match services.core.accounts.company(of.client_id).await {
        Ok(Some(company)) => company,
        Ok(None) => return invalid("client_id", "there is no company with this client id"),
        Err(error) => return failed("a company could not be looked up", &error),
    };
    match services.core.keys.list(company.id).await {
        Ok(groups) => listed(&listing::keys(&groups)),
        Err(error) => failed("keys could not be listed", &error),
    }
}

/// The request names the key by its id, so it needs no typed confirmation, even in Production.
pub async fn delete_key(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    Path(key): Path<String>,
) -> Response {
    let Ok(key) = key.parse::<KeyId>() else {
        return not_found();
    };
    match services.core.keys.delete_by_id(key, &operator.actor).await {
        Ok(deleted) => {
            let object = Object::new()
                .with("key_id", deleted.id)
                .with("refused_since", deleted.refused_since.to_rfc3339());
            listed(&Answer::One(object))
        }
        Err(KeysError::NotFound) => not_found(),
        Err(error) => failed("a key could not be deleted", &error),
    }
}
