//! `/operator/v1/companies`: lists all companies and creates one, or a brand if the request has a `parent`.

use accounts::AccountsError;
use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::ClientId;

use super::body::JsonBody;
use super::{Operator, listed, refused_by_accounts};
use crate::admin::listing;
use crate::api_error::ApiError;
use crate::services::Services;

pub async fn list_companies(State(services): State<Services>) -> Response {
    match services.core.accounts.companies().await {
        Ok(companies) => listed(&listing::companies(&companies)),
        Err(error) => refused_by_accounts(&error),
    }
}

/// `parent` is a Client ID.
#[derive(Debug)]
struct NewCompany {
    name: String,
    parent: Option<ClientId>,
}

impl NewCompany {
    fn read(body: &JsonBody) -> Result<Self, ApiError> {
        let mut members = body.members("name, and parent for a brand")?;
        let name = members.required("name", "name must be a string.");
        let parent = members.optional("parent", "A Client ID is 32 lower-case hexadecimal digits.");
        members.all(name.map(|name| Self { name, parent }))
    }
}

pub async fn create_company(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let company = NewCompany::read(&body)?;
    let created = services
        .core
        .accounts
        .create_company(&company.name, company.parent, &operator.actor)
        .await
        .map_err(|error| match error {
            AccountsError::InvalidName => ApiError::invalid("name", error.to_string()),
            AccountsError::UnknownCompany | AccountsError::ParentIsABrand => {
                ApiError::invalid("parent", error.to_string())
            }
            error => ApiError::failed("a company could not be created", &error),
        })?;
    services
        .core
        .keys
        .company_changed()
        .await
        .map_err(|error| ApiError::failed("a new company could not be loaded", &error))?;
    let body = serde_json::json!({ "company_id": created.id, "client_id": created.client_id });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}
