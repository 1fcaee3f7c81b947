//! The API behind the demo's gateway. It responds with plausible JSON and publishes an event when an order is created.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use model::{Actor, ClientId, Environment, EventType, RequestId};
use serde_json::{Value, json};
use webhooks::Publication;

use crate::services::Services;

pub(super) fn router(services: Services) -> Router {
    Router::new()
        .route(
            "/v1/users/",
            get(|| async { Json(users()) }).post(|| async { (StatusCode::CREATED, Json(user(4))) }),
        )
        .route("/v1/users/{id}/", get(one_user))
        .route("/v1/orders/", get(|| async { Json(orders()) }).post(create_order))
        .route("/v1/links/", get(|| async { Json(links()) }))
        .route("/v1/links/{id}/report/", get(report))
        .route("/v1/tasks/", get(|| async { Json(tasks()) }))
        .route("/v1/companies/", get(|| async { Json(companies()) }))
        .route(
            "/v1/bridge-tokens/",
            axum::routing::post(|| async { (StatusCode::CREATED, Json(bridge_token())) }),
        )
        .fallback(|| async { not_found() })
        .with_state(services)
}

fn page(results: Vec<Value>) -> Value {
    json!({ "count": results.len(), "next": null, "previous": null, "results": results })
}

fn user(number: usize) -> Value {
    const PEOPLE: [(&str, &str); 4] = [
        ("Maya", "Lindqvist"),
        ("Tomás", "Rivera"),
        ("Aiko", "Tanaka"),
        ("Samuel", "Osei"),
    ];
    let (first, last) = PEOPLE[(number.max(1) - 1) % PEOPLE.len()];
    json!({
        "id": format!("9c2{number}f0a17d5e4b83"), "external_user_id": format!("applicant-10{number}"),
        "first_name": first, "last_name": last,
        "email": format!("{}@example.com", first.to_lowercase().replace('á', "a")), "phone": "+15550100",
    })
}

fn users() -> Value {
    page((1..=4).map(user).collect())
}

async fn one_user(Path(id): Path<String>) -> Response {
    if id.len() == 16 {
        Json(user(1)).into_response()
    } else {
        not_found()
    }
}

fn order(status: &str) -> Value {
    json!({
        "id": "4b1c7e90d2a84f6e", "order_number": "NW-2043", "status": status, "products": ["income", "employment"],
        "employers": [{ "company_name": "Acme Logistics", "status": status }], "applicant": user(1),
    })
}

fn orders() -> Value {
    page(
        ["pending", "completed", "expired"]
            .into_iter()
            .map(order)
            .collect(),
    )
}

fn links() -> Value {
    let link = |id: &str, status: &str| json!({ "id": id, "status": status, "data_source": "payroll", "is_active": status == "done" });
    page(vec![
        link("1f4a", "done"),
        link("27bd", "done"),
        link("3c09", "login_error"),
    ])
}

async fn report(Path(id): Path<String>) -> Json<Value> {
    Json(json!({
        "id": format!("report-{id}"), "link_id": id, "status": "done",
        "employments": [{
            "job_title": "Warehouse lead", "is_active": true, "start_date": "2021-03-15",
            "income": "58240.00", "income_unit": "YEARLY", "company": { "name": "Acme Logistics" },
        }],
    }))
}

fn tasks() -> Value {
    page(vec![
        json!({ "id": "task-71", "status": "done", "product_type": "income", "link_id": "1f4a" }),
    ])
}

fn companies() -> Value {
    json!([{ "company_mapping_id": "5f2d", "name": "Northgate Hospitals" }, { "company_mapping_id": "60aa", "name": "Northern Rail" }])
}

fn bridge_token() -> Value {
    json!({ "bridge_token": "demo-bridge-token", "expires_in": 3600 })
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "detail": "Not Found." }))).into_response()
}

/// The gateway's headers say who is calling and the request id. The event refers to that request.
async fn create_order(State(services): State<Services>, headers: HeaderMap) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let brand = text("x-gatehouse-brand").filter(|brand| *brand != "-");
    let client_id = brand.or_else(|| text("x-gatehouse-client-id"));
    let client_id = client_id.and_then(|text| text.parse::<ClientId>().ok());
    let environment = text("x-gatehouse-environment").and_then(|text| text.parse::<Environment>().ok());
    let request_id = text("x-request-id").and_then(|text| text.parse::<RequestId>().ok());
    if let (Some(client_id), Some(environment)) = (client_id, environment)
        && let Some(company) = super::world::company_id(&services, client_id).await
    {
        let payload =
            json!({ "order_id": "4b1c7e90d2a84f6e", "order_number": "NW-2043", "status": "pending" })
                .to_string();
        let event_type = EventType::from_static("order-created");
        let publication = Publication {
            company,
            environment,
            event_type,
            payload: &payload,
            happened_at: None,
            request_id,
            idempotency_key: None,
        };
        if let Err(error) = services.webhooks.publish(publication, &Actor::system()).await {
            tracing::warn!(
                error = crate::error::chain(&error),
                "could not publish the event of a demo order"
            );
        }
    }
    (StatusCode::CREATED, Json(order("pending"))).into_response()
}
