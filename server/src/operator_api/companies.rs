//! `/operator/v1/companies`: all of them; and a new company, or with `parent` a brand of one.

use accounts::AccountsError;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use model::ClientId;
use serde::Deserialize;

use super::{Operator, failed, invalid, listed, refused, refused_by_accounts};
use crate::admin::listing;
use crate::dashboard::AppState;

pub async fn list_companies(State(state): State<AppState>) -> Response {
    match state.accounts.companies().await {
        Ok(companies) => listed(&listing::companies(&companies)),
        Err(error) => refused_by_accounts(&error),
    }
}

/// `parent` is a Client ID.
#[derive(Debug, Deserialize)]
pub struct NewCompany {
    name: String,
    parent: Option<ClientId>,
}

pub async fn create_company(
    State(state): State<AppState>,
    Extension(operator): Extension<Operator>,
    body: Result<Json<NewCompany>, JsonRejection>,
) -> Response {
    let Json(company) = match body {
        Ok(body) => body,
        Err(rejection) => {
            return refused(
                StatusCode::BAD_REQUEST,
                "incorrect_parameters",
                &rejection.body_text(),
            );
        }
    };
    let created = match state
        .accounts
        .create_company(&company.name, company.parent, &operator.actor)
        .await
    {
        Ok(created) => created,
        Err(error @ AccountsError::InvalidName) => return invalid("name", &error.to_string()),
        Err(error @ (AccountsError::UnknownCompany | AccountsError::ParentIsABrand)) => {
            return invalid("parent", &error.to_string());
        }
        Err(error) => return failed("a company could not be created", &error),
    };
    if let Err(error) = state.services.core.keys.company_changed().await {
        return failed("a new company could not be loaded", &error);
    }
    let body = serde_json::json!({ "company_id": created.id, "client_id": created.client_id });
    (StatusCode::CREATED, Json(body)).into_response()
}
