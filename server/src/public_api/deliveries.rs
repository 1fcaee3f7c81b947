//! `/v1/webhook-deliveries/?webhook=<id>`: a webhook's deliveries, newest first, with the filters of the page; and
//! `/v1/webhook-deliveries/<id>/`: one of them with its payload and every attempt. Both are read only, and neither has a
//! secret or a signature.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use gateway::Caller;
use http::{Request, StatusCode};
use model::{
    Attempt, AttemptId, AttemptOutcome, Delivery, DeliveryCursor, DeliveryFilter, DeliveryId, DeliveryPage,
    DeliveryRow, DeliveryStateFilter, Environment, EventId, EventType, FailureClass, HeaderField, HopRecord,
    InvalidWebhook, RequestId, TimingRecord, WebhookId,
};
use serde::Serialize;
use serde_json::value::RawValue;
use webhooks::fault;

use super::page::Query;
use super::{Answer, PublicApi, failed, json, refused};
use crate::api_error::ApiError;

/// The parameter that names the webhook. `webhook_id` is the id of an event everywhere.
const WEBHOOK: &str = "webhook";

#[derive(Serialize)]
struct CursorPage {
    next: Option<String>,
    previous: Option<String>,
    results: Vec<Row>,
}

/// A delivery, in the list and as the beginning of one.
#[derive(Serialize)]
struct Row {
    id: DeliveryId,
    webhook: WebhookId,
    webhook_id: EventId,
    event_type: EventType,
    accepted_at: String,
    /// A word of the filter `state`.
    state: &'static str,
    test: bool,
    attempts: u32,
    attempts_at_most: u32,
    replays: u32,
    next_attempt_at: Option<String>,
    last_status_code: Option<u16>,
    last_failure: Option<FailureClass>,
    last_duration_ms: Option<u64>,
}

/// One delivery.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    row: Row,
    env_type: Environment,
    event_created_at: String,
    request_id: Option<RequestId>,
    webhook_payload: Box<RawValue>,
    /// Oldest first.
    history: Vec<Try>,
}

#[derive(Serialize)]
struct Try {
    id: AttemptId,
    /// Attempts of the schedule and replays are numbered separately.
    number: u32,
    replay: bool,
    started_at: String,
    duration_ms: u64,
    status_code: Option<u16>,
    failure: Option<FailureClass>,
    signed_by_key_ending: Option<String>,
    /// One for each redirect, and for a try with the other key.
    requests: Vec<Hop>,
}

#[derive(Serialize)]
struct Hop {
    webhook_url: String,
    address: Option<String>,
    timing: TimingRecord,
    status_code: Option<u16>,
    response_headers: Vec<Header>,
    response_body: String,
    response_truncated: bool,
}

#[derive(Serialize)]
struct Header {
    name: String,
    value: String,
}

/// `b` (before) or `a` (after), followed by a place in the list.
struct Cursor(DeliveryCursor);

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_at_checked(1) {
            Some(("b", place)) => Ok(Self(DeliveryCursor::Before(place.parse().map_err(|_| ())?))),
            Some(("a", place)) => Ok(Self(DeliveryCursor::After(place.parse().map_err(|_| ())?))),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            DeliveryCursor::Newest => Ok(()),
            DeliveryCursor::Before(place) => write!(f, "b{place}"),
            DeliveryCursor::After(place) => write!(f, "a{place}"),
        }
    }
}

/// What a program asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    webhook: WebhookId,
    filter: DeliveryFilter,
    cursor: DeliveryCursor,
}

impl PublicApi {
    pub(super) async fn deliveries(&self, caller: &Caller, request: &Request<Bytes>) -> Answer {
        let query = Query::of(request);
        let asked = asked(&query, request.uri().query().unwrap_or_default()).map_err(ApiError::Incorrect)?;
        let found = self.webhooks.deliveries(
            caller.company.id,
            Some(caller.environment),
            asked.webhook,
            &asked.filter,
            asked.cursor,
            query.page_size(),
        );
        let DeliveryPage { rows, older, newer } = found.await.map_err(refused)?;
        let origin = caller.reached.url();
        let link = |cursor| query.link(&origin, request, "cursor", &Cursor(cursor).to_string());
        json(
            StatusCode::OK,
            &CursorPage {
                next: older.map(DeliveryCursor::Before).map(link),
                previous: newer.map(DeliveryCursor::After).map(link),
                results: rows.into_iter().map(row).collect(),
            },
        )
    }

    pub(super) async fn delivery(&self, caller: &Caller, id: DeliveryId) -> Answer {
        let found = self.webhooks.delivery(caller.company.id, id).await;
        let delivery = found.map_err(refused)?;
        // Another environment's is not there for this key.
        if delivery.environment != caller.environment {
            return Err(ApiError::NotFound);
        }
        json(StatusCode::OK, &whole(delivery).map_err(|error| failed(&error))?)
    }
}

fn row(row: DeliveryRow) -> Row {
    let state = DeliveryStateFilter::of(row.state, row.on_hold, row.attempts);
    Row {
        id: row.id,
        webhook: row.webhook_id,
        webhook_id: row.event_id,
        event_type: row.event_type,
        accepted_at: row.created_at.to_rfc3339(),
        state: state.as_str(),
        test: row.test,
        attempts: row.attempts,
        attempts_at_most: row.attempts_at_most,
        replays: row.replays,
        next_attempt_at: row.next_attempt_at.map(|at| at.to_rfc3339()),
        last_status_code: row.last_status,
        last_failure: row.last_failure,
        last_duration_ms: row.last_duration_ms,
    }
}

fn whole(delivery: Delivery) -> Result<Whole, serde_json::Error> {
    Ok(Whole {
        row: row(delivery.row),
        env_type: delivery.environment,
        event_created_at: delivery.event_created_at.to_rfc3339(),
        request_id: delivery.request_id,
        webhook_payload: RawValue::from_string(delivery.body)?,
        history: delivery.attempts.into_iter().map(attempt).collect(),
    })
}

fn attempt(attempt: Attempt) -> Try {
    let (status_code, failure) = match attempt.outcome {
        AttemptOutcome::Succeeded { status } => (Some(status), None),
        AttemptOutcome::Failed { class, status } => (status, Some(class)),
    };
    Try {
        id: attempt.id,
        number: attempt.number,
        replay: attempt.replay,
        started_at: attempt.started_at.to_rfc3339(),
        duration_ms: attempt.duration_ms,
        status_code,
        failure,
        signed_by_key_ending: attempt.signed_by_last_four,
        requests: attempt.hops.into_iter().map(hop).collect(),
    }
}

/// Without the request's headers: they have the signatures.
fn hop(hop: HopRecord) -> Hop {
    let header = |HeaderField { name, value, .. }| Header { name, value };
    Hop {
        webhook_url: hop.url,
        address: hop.address,
        timing: hop.timing,
        status_code: hop.status,
        response_headers: hop.response_headers.into_iter().map(header).collect(),
        response_body: hop.response_body,
        response_truncated: hop.response_truncated,
    }
}

/// What is asked for, or an error for every wrong parameter.
fn asked(query: &Query, text: &str) -> Result<Asked, Vec<InvalidWebhook>> {
    let mut faults = Vec::new();
    let webhook = match query.get(WEBHOOK).map(str::parse::<WebhookId>) {
        None => {
            faults.push(fault(WEBHOOK, "This field is required."));
            None
        }
        Some(Err(_)) => {
            faults.push(fault(WEBHOOK, "Enter the id of a webhook."));
            None
        }
        Some(Ok(id)) => Some(id),
    };
    let (filter, wrong) = DeliveryFilter::parse_lenient(text);
    let wrong = wrong
        .into_iter()
        .map(|one| fault(one.name, format!("Must be {}.", one.wants)));
    faults.extend(wrong);
    let cursor = match query.get("cursor").map(str::parse::<Cursor>) {
        None => DeliveryCursor::Newest,
        Some(Ok(cursor)) => cursor.0,
        Some(Err(())) => {
            faults.push(fault("cursor", "Invalid cursor."));
            DeliveryCursor::Newest
        }
    };
    match webhook {
        Some(webhook) if faults.is_empty() => Ok(Asked {
            webhook,
            filter,
            cursor,
        }),
        _ => Err(faults),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "48427a36d43c4d5aa6324bc06c692456";

    fn read(text: &str) -> Result<Asked, Vec<String>> {
        let request = Request::builder()
            .uri(format!("/v1/webhook-deliveries/?{text}"))
            .body(Bytes::new());
        let query = Query::of(&request.expect("a request"));
        asked(&query, text).map_err(|faults| faults.into_iter().map(|fault| fault.field).collect())
    }

    #[test]
    fn the_parameters_are_those_of_the_pages_address() {
        let asked = read(&format!("webhook={ID}&state=failing&status=5xx&page_size=7")).expect("read");
        assert_eq!(asked.filter.to_string(), "state=failing&status=5xx");
        assert_eq!(
            (asked.webhook.to_string().as_str(), asked.cursor),
            (ID, DeliveryCursor::Newest)
        );
        let cursor = format!("b1767614400000-{ID}");
        let asked = read(&format!("webhook={ID}&cursor={cursor}")).expect("read");
        assert_eq!(Cursor(asked.cursor).to_string(), cursor);
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        assert_eq!(read(""), Err(vec!["webhook".to_owned()]));
        let all = read("webhook=x&state=lost&event=&status=999&from=now&cursor=c1");
        assert_eq!(
            all,
            Err(["webhook", "state", "status", "from", "cursor"]
                .map(str::to_owned)
                .to_vec())
        );
    }
}
