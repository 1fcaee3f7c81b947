//! `POST /c/{company}/development/logs/export`: every request that a filter finds, as a file. A post and not a link, because
//! it leaves audit rows and costs work, so another site's page must not be able to begin one. A plain form downloads it.
//!
//! The file is written by a task of its own, a page at a time, and only as fast as it is read. It ends at once when the
//! reader goes away, the session ends, or the server stops. If it does not end well, the transfer breaks off.

use std::io;
use std::sync::Arc;

use accounts::{Membership, Visit};
use app::AppError;
use axum::Form;
use axum::body::Body;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use logs::{LogStoreError, Scope, Walk};
use model::{Actor, ActorKind, AuditId, LogFilter, LogRow, Permission, RequestId, Timestamp};
use serde::Deserialize;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::export_format::{self, Format, Summary};
use super::exports::ExportPlace;
use super::{AppState, plain_page};
use crate::caller::Caller;
use crate::incident;
use crate::ports::logs::scope_of;

/// Requests that are read together.
const ROWS: usize = 1000;
/// Requests that are read together with their headers and bodies, of which each may have tens of kilobytes.
const ENTRIES: usize = 32;

/// The fields of the export form.
#[derive(Debug, Deserialize)]
pub struct ExportForm {
    /// As in the address of the Logs page. Its cursor is ignored: an export is never only one page.
    #[serde(default)]
    filter: String,
    format: Format,
}

/// What the task sends to the response.
enum Piece {
    Text(String),
    /// Nothing is missing. Without it, the transfer breaks off.
    End,
}

/// One export in progress.
struct Export {
    state: AppState,
    visit: Visit,
    membership: Arc<Membership>,
    actor: Actor,
    scope: Scope,
    walk: Walk,
    format: Format,
    begun: AuditId,
    /// Requests that were sent.
    requests: u64,
    out: Sender<Piece>,
    _place: ExportPlace,
}

/// How an export ended.
enum Ended {
    Whole,
    Cancelled,
    SignedOut,
    Stopped,
    Failed,
}

impl Ended {
    const fn words(&self) -> &'static str {
        match self {
            Self::Whole => "complete",
            Self::Cancelled => "cancelled by the reader",
            Self::SignedOut => "ended: no longer allowed",
            Self::Stopped => "ended: the server stopped",
            Self::Failed => "failed",
        }
    }
}

/// The route's guard has already checked the permission.
pub async fn export_requests(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(membership): Extension<Arc<Membership>>,
    headers: HeaderMap,
    form: Result<Form<ExportForm>, FormRejection>,
) -> Response {
    match begin(&state, caller, membership, form).await {
        Ok(response) => response,
        Err(error) => refused(&error, &headers, &state),
    }
}

async fn begin(
    state: &AppState,
    caller: Caller,
    membership: Arc<Membership>,
    form: Result<Form<ExportForm>, FormRejection>,
) -> Result<Response, AppError> {
    let visit = caller.visit.ok_or(AppError::SignedOut)?;
    let Form(ExportForm { filter, format }) =
        form.map_err(|_| AppError::invalid("format", "This form could not be read."))?;
    // Ignoring a part would export more than was asked for.
    if LogFilter::has_unknown(&filter) {
        return Err(AppError::invalid("filter", "It has a part that no filter has."));
    }
    let filter: LogFilter = filter.parse().map_err(|fault| AppError::invalid_filter(&fault))?;
    let owner = membership.company.parent.unwrap_or(membership.company.id);
    let place = state.exports.begin(owner).ok_or(AppError::TooOften {
        retry_after_seconds: 30,
    })?;
    let (services, scope) = (state.services(), scope_of(&membership.company));
    let reading = services
        .reading
        .clone()
        .within(services.core.retention, membership.company.log_days);
    let walk = reading.walk(scope, &filter, services.clock().now()).await;
    let walk = walk.map_err(|error| unreadable(&error))?;
    let actor = Actor {
        kind: ActorKind::Member,
        name: visit.email.to_string(),
        address: Some(caller.address.to_string()),
    };
    let begun = services.core.accounts.record_export_begun(
        membership.company.id,
        &actor,
        in_the_audit(format, &filter, walk.range()),
    );
    let begun = begun.await.map_err(|error| AppError::Internal {
        incident: incident::logged("an export could not be written down", &error),
    })?;
    let name = file_name(&membership.company.name, walk.range(), format);
    let (out, pieces) = mpsc::channel(1);
    let export = Export {
        state: state.clone(),
        visit,
        membership,
        actor,
        scope,
        walk,
        format,
        begun,
        requests: 0,
        out,
        _place: place,
    };
    state.exports.spawn(export.run());
    let headers = [
        (CONTENT_TYPE, format.content_type().to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, body(pieces)).into_response())
}

/// Ends with an error unless it is whole, so that the connection is cut and a browser says that the download failed.
fn body(pieces: Receiver<Piece>) -> Body {
    Body::from_stream(stream::unfold(Some(pieces), |pieces| async {
        let mut pieces = pieces?;
        match pieces.recv().await {
            Some(Piece::Text(text)) => Some((Ok(Bytes::from(text)), Some(pieces))),
            Some(Piece::End) => None,
            None => Some((Err(io::Error::other("the export did not end well")), None)),
        }
    }))
}

impl Export {
    async fn run(mut self) {
        let (out, stopping) = (self.out.clone(), self.state.services().stopping.clone());
        let ended = tokio::select! {
            biased;
            () = stopping.cancelled() => Ended::Stopped,
            () = out.closed() => Ended::Cancelled,
            ended = self.send_all() => ended,
        };
        let detail = format!("{} requests, {}", self.requests, ended.words());
        let accounts = &self.state.services().core.accounts;
        let company = self.membership.company.id;
        let written = accounts.record_export_ended(company, &self.actor, self.begun, detail);
        if let Err(error) = written.await {
            let error = crate::error::chain(&error);
            tracing::error!(error, "the end of an export could not be written down");
        }
        // Last, so that a file that is whole has its audit row.
        if matches!(ended, Ended::Whole) {
            self.out.send(Piece::End).await.ok();
        }
    }

    /// Gives up where it would wait for a reader that is gone: [`Self::run`] notices.
    async fn send_all(&mut self) -> Ended {
        match self.try_send_all().await {
            Ok(()) => Ended::Whole,
            Err(ended) => ended,
        }
    }

    async fn try_send_all(&mut self) -> Result<(), Ended> {
        self.send(self.format.head(), 0).await?;
        while let Some(rows) = self.next_rows().await? {
            if self.format == Format::Full {
                for rows in rows.chunks(ENTRIES) {
                    let (text, requests) = self.entries(rows).await?;
                    self.send(text, requests).await?;
                }
            } else {
                self.send(self.format.rows(&rows), rows.len()).await?;
            }
        }
        let summary = Summary {
            requests: self.requests,
            range: self.walk.range(),
            damaged: self.walk.damaged(),
            moving: self.walk.is_moving(),
        };
        self.send(self.format.end(&summary), 0).await
    }

    async fn next_rows(&mut self) -> Result<Option<Vec<LogRow>>, Ended> {
        let now = self.state.services().clock().now();
        self.walk.next(ROWS, now).await.map_err(|error| failed(&error))
    }

    async fn entries(&self, rows: &[LogRow]) -> Result<(String, usize), Ended> {
        let services = self.state.services();
        let company = &self.membership.company;
        let reading = services
            .reading
            .clone()
            .within(services.core.retention, company.log_days);
        let ids: Vec<RequestId> = rows.iter().map(|row| row.request_id).collect();
        let entries = reading.entries(self.scope, &ids, services.clock().now()).await;
        let entries = entries.map_err(|error| failed(&error))?;
        Ok((export_format::entries(&entries), entries.len()))
    }

    /// Waits until the reader has room. Asks before each piece whether the reader may still have it.
    async fn send(&mut self, text: String, requests: usize) -> Result<(), Ended> {
        if text.is_empty() {
            return Ok(());
        }
        let place = self.out.clone().reserve_owned().await;
        let place = place.map_err(|_| Ended::Cancelled)?;
        if !self.is_still_allowed().await {
            return Err(Ended::SignedOut);
        }
        place.send(Piece::Text(text));
        self.requests += requests as u64;
        Ok(())
    }

    async fn is_still_allowed(&self) -> bool {
        let accounts = &self.state.services().core.accounts;
        let session = accounts.session_is_alive(self.visit.session).await;
        let client_id = self.membership.company.client_id;
        let membership = accounts.membership(self.visit.person, client_id).await;
        session.unwrap_or(false)
            && matches!(membership, Ok(Some(membership)) if membership.role.may(Permission::ExportLogs))
    }
}

fn failed(error: &LogStoreError) -> Ended {
    incident::logged("an export could not go on", error);
    Ended::Failed
}

fn unreadable(error: &LogStoreError) -> AppError {
    AppError::Internal {
        incident: incident::logged("an export could not begin", error),
    }
}

/// A page for a browser that sent the form, one sentence for a script.
fn refused(error: &AppError, headers: &HeaderMap, state: &AppState) -> Response {
    let sentence = match error {
        AppError::TooOften { .. } => {
            "Two exports of this company are in progress, or the server has too many. Wait until one has ended.".to_owned()
        }
        error => error.to_string(),
    };
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let wants_page = headers
        .get(ACCEPT)
        .is_some_and(|kinds| kinds.to_str().is_ok_and(|kinds| kinds.contains("text/html")));
    let mut response = if wants_page {
        plain_page::refused(status, "Nothing was exported", &sentence, state)
    } else {
        (status, sentence).into_response()
    };
    if let AppError::TooOften { retry_after_seconds } = error {
        response
            .headers_mut()
            .insert(RETRY_AFTER, (*retry_after_seconds).into());
    }
    response
}

fn in_the_audit(format: Format, filter: &LogFilter, (from, to): (Timestamp, Timestamp)) -> String {
    let filter = filter.first_page().to_string();
    let filter = if filter.is_empty() { "no filter" } else { &filter };
    let (from, to) = (from.to_rfc3339(), to.to_rfc3339());
    format!("{}; {filter}; {from} to {to}", format.words())
}

/// `acme-requests-20261126T1000Z-20261127T1000Z.csv`.
fn file_name(company: &str, (from, to): (Timestamp, Timestamp), format: Format) -> String {
    let mut name: String = company
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    let name = match name.trim_matches('-') {
        "" => "company",
        name => name,
    };
    let minute = |at: Timestamp| {
        at.to_rfc3339()
            .chars()
            .take(16)
            .filter(|c| !"-:".contains(*c))
            .collect::<String>()
    };
    let extension = format.extension();
    if from == Timestamp::default() {
        return format!("{name}-requests-until-{}Z.{extension}", minute(to));
    }
    format!("{name}-requests-{}Z-{}Z.{extension}", minute(from), minute(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_has_the_company_and_the_range() {
        let at = |text: &str| text.parse().expect("a time");
        let (from, to) = (at("2026-11-26T10:00:59Z"), at("2026-11-27T10:01:00Z"));
        let csv = file_name("Acme, Inc. \"\r\n", (from, to), Format::Csv);
        assert_eq!(csv, "acme-inc-requests-20261126T1000Z-20261127T1001Z.csv");
        let lines = file_name("東京", (Timestamp::default(), to), Format::Full);
        assert_eq!(lines, "company-requests-until-20261127T1001Z.jsonl");
    }
}
