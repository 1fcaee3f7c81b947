//! `GET /operator/v1/requests`: a company's requests, newest first, by the parameters of the Logs page's address. A parent's
//! requests include those of its brands. The dashboard exports the same as a file.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, http::header};
use model::{
    ClientId, FilterField, InvalidFilter, InvalidWebhook, LogFilter, LogPage, LogParts, search_line,
};
use serde_json::{Value, json};

use crate::api_error::ApiError;
use crate::ports::logs::scope_of;
use crate::request_json;
use crate::services::Services;

/// Rows of one response, if the caller does not say how many.
const ROWS: usize = 50;
const MOST_ROWS: usize = 500;

/// Other parameters than the fields of a filter.
const OTHERS: [&str; 7] = [
    "client_id",
    "limit",
    "range",
    "from",
    "to",
    "before",
    search_line::PARAMETER,
];

struct Wanted {
    client_id: ClientId,
    filter: LogFilter,
    rows: usize,
}

impl Wanted {
    /// Names every parameter that is missing, wrong or unknown: one that was ignored would widen what is returned.
    fn read(query: &str) -> Result<Self, ApiError> {
        let mut faults = Vec::new();
        let (mut client_id, mut rows) = (None, Some(ROWS));
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "client_id" => client_id = value.parse().ok(),
                "limit" => rows = value.parse().ok().filter(|rows| (1..=MOST_ROWS).contains(rows)),
                name if is_known(name) => {}
                name => faults.push(webhooks::fault(name, "There is no such parameter.")),
            }
        }
        let (filter, invalid) = LogFilter::parse_lenient(query);
        faults.extend(invalid.iter().map(fault));
        if client_id.is_none() {
            faults.push(webhooks::fault(
                "client_id",
                "Name the company: ?client_id=<Client ID>.",
            ));
        }
        if rows.is_none() {
            faults.push(webhooks::fault("limit", "A number from 1 to 500."));
        }
        match (client_id, rows) {
            (Some(client_id), Some(rows)) if faults.is_empty() => Ok(Self {
                client_id,
                filter,
                rows,
            }),
            _ => Err(ApiError::Incorrect(faults)),
        }
    }
}

fn is_known(name: &str) -> bool {
    let field = name.strip_prefix('-').unwrap_or(name);
    OTHERS.contains(&name) || FilterField::from_name(field).is_some()
}

fn fault(InvalidFilter { name, wants }: &InvalidFilter) -> InvalidWebhook {
    webhooks::fault(name, format!("This must be {wants}."))
}

pub async fn list_requests(
    State(services): State<Services>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let wanted = Wanted::read(&query.unwrap_or_default())?;
    let company = services
        .core
        .accounts
        .company(wanted.client_id)
        .await
        .map_err(|error| ApiError::failed("a company could not be looked up", &error))?
        .ok_or_else(|| ApiError::invalid("client_id", "There is no company with this Client ID."))?;
    let reading = services
        .reading
        .clone()
        .within(services.core.retention, company.log_days);
    let page = reading
        .parts(
            scope_of(&company),
            &wanted.filter,
            LogParts::ROWS_WITH_CALLERS,
            wanted.rows,
            services.clock().now(),
        )
        .await
        .map_err(|error| ApiError::failed("requests could not be listed", &error))?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer(page))).into_response())
}

/// `before` goes on below the last row. It is `null` where there are no more.
fn answer(page: LogPage) -> Value {
    json!({
        "requests": page.rows.iter().map(request_json::row).collect::<Vec<_>>(),
        "before": page.older,
        "matching": page.matching,
        "from": page.from.to_rfc3339(),
        "to": page.to.to_rfc3339(),
        "looked_back_to": page.looked_back_to.map(|at| at.to_rfc3339()),
    })
}
