//! `/operator/v1/keys`: lists, generates, changes and deletes a company's API keys. Only the response that generates a secret
//! contains it, and no scope can reveal it again.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::response::Response;
use http::StatusCode;
use keys::{KeyChange, KeysError, Setting, TermsFault};
use model::{ClientId, Environment, KeyId, Timestamp};
use serde::Deserialize;

use super::body::{JsonBody, Members};
use super::members::OfCompany;
use super::{Operator, created, failed, invalid, listed, not_found};
use crate::admin::{Answer, Object, listing};
use crate::api_error::ApiError;
use crate::services::Services;

/// `env_type` is `sandbox`, `dev` or `prod`; `name` may be left out.
#[derive(Debug)]
struct NewKey {
    client_id: ClientId,
    environment: Environment,
    name: String,
}

impl NewKey {
    fn read(body: &JsonBody) -> Result<Self, ApiError> {
        let mut members = body.members("client_id and env_type")?;
        let client_id = members.required("client_id", "A Client ID is 32 lower-case hexadecimal digits.");
        let environment = members.required("env_type", "An environment is one of sandbox, dev, prod.");
        let name = members.optional("name", "A name is text.").unwrap_or_default();
        let new = client_id.zip(environment);
        members.all(new.map(|(client_id, environment)| Self {
            client_id,
            environment,
            name,
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
        .generate_named(company.id, new.environment, &new.name, &operator.actor)
        .await
        .map_err(|error| match error {
            KeysError::TwoActive => ApiError::other(
                StatusCode::CONFLICT,
                "two_keys_active",
                "Two keys are active in this environment. Delete one first.",
            ),
            KeysError::InvalidTerms(faults) => incorrect(faults),
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

const CHANGEABLE: [&str; 7] = [
    "name",
    "note",
    "expires_at",
    "delete_at",
    "read_only",
    "networks",
    "requests_a_minute",
];

/// A member that is left out is kept, and `null` takes away what was set.
fn setting<T>(
    members: &mut Members<'_>,
    name: &str,
    read: impl FnOnce(&str) -> Option<T>,
    otherwise: &str,
) -> Setting<T> {
    match members.raw(name) {
        None => Setting::Keep,
        Some("null") => Setting::Clear,
        Some(text) => match read(text) {
            Some(value) => Setting::To(value),
            None => {
                members.wrong(name, otherwise);
                Setting::Keep
            }
        },
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    serde_json::from_str::<String>(text).ok()?.parse().ok()
}

const MOMENT: &str = "Name a moment, such as 2027-01-31T12:00:00Z, or null for none.";

fn change(body: &JsonBody) -> Result<KeyChange, ApiError> {
    let mut members = body.members("what is to be changed")?;
    members.only(&CHANGEABLE);
    let number = |text: &str| serde_json::from_str(text).ok();
    let change = KeyChange {
        name: members.optional("name", "A name is text."),
        note: members.optional("note", "A note is text."),
        expires_at: setting(&mut members, "expires_at", moment, MOMENT),
        delete_at: setting(&mut members, "delete_at", moment, MOMENT),
        read_only: members.optional("read_only", "Use true or false."),
        networks: members.optional(
            "networks",
            "Name networks: [\"192.0.2.0/24\"]. An empty list is any address.",
        ),
        requests_a_minute: setting(
            &mut members,
            "requests_a_minute",
            number,
            "Use a whole number, or null for none.",
        ),
    };
    members.all(Some(change))
}

/// Every node judges by the new terms once this has answered.
pub async fn change_key(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    Path(key): Path<String>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let change = change(&body)?;
    let Ok(key) = key.parse::<KeyId>() else {
        return Ok(not_found());
    };
    match services
        .core
        .keys
        .change_by_id(key, change, &operator.actor)
        .await
    {
        Ok(changed) => Ok(listed(&Answer::One(listing::key(&changed)))),
        Err(KeysError::NotFound) => Ok(not_found()),
        Err(KeysError::InvalidTerms(faults)) => Err(incorrect(faults)),
        Err(error) => Err(ApiError::failed("a key could not be changed", &error)),
    }
}

fn incorrect(faults: Vec<TermsFault>) -> ApiError {
    let faults = faults
        .into_iter()
        .map(|wrong| webhooks::fault(wrong.field, wrong.message));
    ApiError::Incorrect(faults.collect())
}

/// `?last_four=`, for the last key of an environment with traffic.
#[derive(Debug, Deserialize)]
pub struct Confirmation {
    last_four: Option<String>,
}

/// The request names the key by its id, which is enough unless it would cut off an environment with traffic.
pub async fn delete_key(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    Path(key): Path<String>,
    query: Result<Query<Confirmation>, QueryRejection>,
) -> Response {
    let Ok(key) = key.parse::<KeyId>() else {
        return not_found();
    };
    let Ok(Query(Confirmation { last_four })) = query else {
        return invalid("last_four", "Name the last four characters of the secret once.");
    };
    let keys = &services.core.keys;
    match keys
        .delete_by_id(key, last_four.as_deref(), &operator.actor)
        .await
    {
        Ok(deleted) => {
            let object = Object::new()
                .with("key_id", deleted.id)
                .with("refused_since", deleted.refused_since.to_rfc3339());
            listed(&Answer::One(object))
        }
        Err(KeysError::NotFound) => not_found(),
        Err(KeysError::NotConfirmed { environment, .. }) => invalid("last_four", &not_confirmed(environment)),
        Err(error) => failed("a key could not be deleted", &error),
    }
}

fn not_confirmed(environment: Environment) -> String {
    format!(
        "This must be the last four characters of the key's secret, because it is the last key of {} and requests were made \
         in the last 24 hours: ?last_four=<characters>. GET /operator/v1/keys has them.",
        environment.label()
    )
}
