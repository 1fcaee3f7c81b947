//! `/v1/webhook-requests/`: one row per attempt of the last 30 days, newest first (contract section 4.8).

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use gateway::Caller;
use http::{Request, StatusCode};
use model::{AttemptOutcome, EventId, EventType, FailureClass, InvalidWebhook, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use webhooks::event_types::KnownTypes;
use webhooks::{HistoryEntry, HistoryFilter, HistoryPage, fault};

use super::page::Query;
use super::{Answer, PublicApi, failed, json, refused};
use crate::api_error::ApiError;

/// How far back the history goes.
const KEPT_SECONDS: i64 = 30 * 24 * 3600;
/// Tolerance for the time a request is under way: the caller computed "30 days ago" before it arrived.
const ON_THE_WAY_SECONDS: i64 = 300;

/// A page of a cursor-paged list (contract section 2.4).
#[derive(Serialize)]
struct CursorPage {
    next: Option<String>,
    previous: Option<String>,
    results: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    webhook_id: EventId,
    event_type: EventType,
    event_created_at: String,
    status_code: Option<u16>,
    error_message: Option<String>,
    webhook_payload: Box<RawValue>,
    webhook_url: String,
}

/// `b` (before) or `a` (after), followed by the number of a row.
struct Cursor(HistoryPage);

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |digits: &str| digits.parse::<i64>().map_err(|_| ());
        match text.split_at_checked(1) {
            Some(("b", digits)) => Ok(Self(HistoryPage::Before(number(digits)?))),
            Some(("a", digits)) => Ok(Self(HistoryPage::After(number(digits)?))),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            HistoryPage::Newest => Ok(()),
            HistoryPage::Before(seq) => write!(f, "b{seq}"),
            HistoryPage::After(seq) => write!(f, "a{seq}"),
        }
    }
}

impl PublicApi {
    pub(super) async fn history(&self, caller: &Caller, request: &Request<Bytes>) -> Answer {
        let query = Query::of(request);
        let known = self.webhooks.event_types();
        let mut filter = filter(&query, &known, self.webhooks.now()).map_err(ApiError::Incorrect)?;
        let (size, page) = (filter.size as usize, filter.page);
        // Fetch one row more than the page holds. If it is there, there is another page.
        filter.size += 1;
        let entries = self
            .webhooks
            .history(caller.company.id, caller.environment, filter)
            .await
            .map_err(refused)?;
        let (entries, older, newer) = cut(entries, size, page);
        let origin = caller.reached.url();
        let link = |page| query.link(&origin, request, "cursor", &Cursor(page).to_string());
        let results = entries.into_iter().map(row).collect::<Result<_, _>>();
        json(
            StatusCode::OK,
            &CursorPage {
                next: older.map(link),
                previous: newer.map(link),
                results: results.map_err(|error| failed(&error))?,
            },
        )
    }
}

/// Removes the extra row and works out where the older and newer pages begin, if they exist.
fn cut(
    mut entries: Vec<HistoryEntry>,
    size: usize,
    page: HistoryPage,
) -> (Vec<HistoryEntry>, Option<HistoryPage>, Option<HistoryPage>) {
    let more = entries.len() > size;
    match page {
        HistoryPage::After(_) if more => drop(entries.remove(0)),
        _ => entries.truncate(size),
    }
    let (first, last) = (
        entries.first().map(|one| one.row.seq),
        entries.last().map(|one| one.row.seq),
    );
    let (older, newer) = match page {
        HistoryPage::Newest => (more, false),
        HistoryPage::Before(_) => (more, true),
        HistoryPage::After(_) => (true, more),
    };
    let older = last.filter(|_| older).map(HistoryPage::Before);
    let newer = first.filter(|_| newer).map(HistoryPage::After);
    (entries, older, newer)
}

fn row(entry: HistoryEntry) -> Result<Row, serde_json::Error> {
    let HistoryEntry { row, payload } = entry;
    let (status_code, error_message) = match row.outcome {
        AttemptOutcome::Succeeded { status } => (Some(status), None),
        AttemptOutcome::Failed {
            class: FailureClass::Status,
            status: Some(status),
        } => (Some(status), Some(format!("The receiver returned {status}."))),
        AttemptOutcome::Failed { class, status } => (status, Some(format!("{}.", class.label()))),
    };
    Ok(Row {
        webhook_id: row.event_id,
        event_type: row.event_type,
        event_created_at: row.event_created_at.to_rfc3339(),
        status_code,
        error_message,
        webhook_payload: RawValue::from_string(payload)?,
        webhook_url: row.url,
    })
}

/// Returns the filter, or an error for every wrong parameter.
fn filter(query: &Query, known: &KnownTypes, now: Timestamp) -> Result<HistoryFilter, Vec<InvalidWebhook>> {
    const NO_TYPE: &str = "This is not a valid choice.";
    const NO_TIME: &str = "Enter a valid date/time.";
    const NO_STATUS: &str = "Enter a whole number from 100 to 599.";
    let mut faults = Vec::new();
    let oldest = now.minus_seconds(KEPT_SECONDS);
    let from: Option<Timestamp> = parameter(query, "created_at__gte", NO_TIME, &mut faults);
    let to: Option<Timestamp> = parameter(query, "created_at__lte", NO_TIME, &mut faults);
    if from.is_some_and(|from| from < oldest.minus_seconds(ON_THE_WAY_SECONDS)) {
        faults.push(fault("created_at__gte", "Must not be older than 30 days."));
    }
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        faults.push(fault(
            "created_at__gte",
            "Must not be later than created_at__lte.",
        ));
    }
    let event_type: Option<EventType> = parameter(query, "event_type", NO_TYPE, &mut faults);
    if event_type
        .as_ref()
        .is_some_and(|event_type| known.get(event_type).is_none())
    {
        faults.push(fault("event_type", NO_TYPE));
    }
    let status: Option<u16> = parameter(query, "status_code", NO_STATUS, &mut faults);
    if status.is_some_and(|status| !(100..=599).contains(&status)) {
        faults.push(fault("status_code", NO_STATUS));
    }
    let cursor: Option<Cursor> = parameter(query, "cursor", "Invalid cursor.", &mut faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(HistoryFilter {
        from: from.unwrap_or(oldest),
        to,
        event_type,
        status,
        page: cursor.map_or(HistoryPage::Newest, |cursor| cursor.0),
        size: query.page_size(),
    })
}

fn parameter<T: FromStr>(
    query: &Query,
    name: &str,
    otherwise: &str,
    faults: &mut Vec<InvalidWebhook>,
) -> Option<T> {
    let read = query.get(name)?.parse().ok();
    if read.is_none() {
        faults.push(fault(name, otherwise));
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_607_200_000);

    fn asked(query: &str) -> Result<HistoryFilter, Vec<InvalidWebhook>> {
        let request = Request::builder()
            .uri(format!("/v1/webhook-requests/?{query}"))
            .body(Bytes::new());
        let query = Query::of(&request.expect("a request"));
        filter(&query, &KnownTypes::documented(), NOW)
    }

    #[test]
    fn without_parameters_the_page_is_the_newest_of_30_days() {
        let filter = asked("").expect("a filter");
        assert_eq!(
            (filter.from, filter.to, filter.size),
            (NOW.minus_seconds(KEPT_SECONDS), None, 100)
        );
        assert_eq!(
            (filter.page, filter.status, filter.event_type),
            (HistoryPage::Newest, None, None)
        );
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        for (query, field) in [
            ("created_at__gte=yesterday", "created_at__gte"),
            ("created_at__gte=2020-01-01T00:00:00Z", "created_at__gte"),
            (
                "created_at__gte=2026-01-05T00:00:00Z&created_at__lte=2026-01-04T00:00:00Z",
                "created_at__gte",
            ),
            ("created_at__lte=x", "created_at__lte"),
            ("status_code=99", "status_code"),
            ("status_code=600", "status_code"),
            ("status_code=ok", "status_code"),
            ("event_type=order-shredded", "event_type"),
            ("cursor=c1", "cursor"),
            ("cursor=b", "cursor"),
            ("cursor=%C3%BC1", "cursor"),
        ] {
            let faults = asked(query).expect_err(query);
            assert_eq!((faults.len(), faults[0].field.as_str()), (1, field), "{query}");
        }
        assert!(asked("created_at__gte=&status_code=503&event_type=order-created&cursor=a-1").is_ok());
        let all = asked("created_at__gte=x&created_at__lte=x&status_code=x&event_type=x&cursor=x");
        assert_eq!(all.expect_err("faults").len(), 5);
    }

    #[test]
    fn times_are_read_in_the_formats_that_programs_send() {
        for text in [
            "10:00:00Z",
            "10:00:00%2B00:00",
            "10:00:00+00:00",
            "10:00:00%2B0000",
            "10:00:00+0000",
            "10:00:00.000000+00:00",
        ] {
            let filter = asked(&format!("created_at__gte=2026-01-05T{text}")).expect(text);
            assert_eq!(filter.from, NOW, "{text}");
        }
    }
}
