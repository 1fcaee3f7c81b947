//! `GET /live/{company}`: server-sent events that tell an open tab *that* something in its company changed. The session
//! is checked at the start and again every minute. The stream ends at sign-out.
//!
//! It begins with what changed since the page was drawn, or since the last event that the page has: the address says so
//! (`?since=`), and a browser that reconnects says it too (`Last-Event-ID`).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use accounts::{Membership, Visit};
use axum::extract::{Extension, Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use clock::Ticks;
use futures_util::stream::{self, Stream};
use http::HeaderMap;
use live::{EndedSessions, Mark, Topic};
use serde::Deserialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::AppState;
use super::streams::StreamPlace;
use crate::caller::Caller;

/// Proxies close a silent connection after half a minute or more.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// When a tab that got no stream tries again.
const AGAIN: Duration = Duration::from_secs(30);
const CHECK_AGAIN: Duration = Duration::from_secs(60);

/// One open stream.
struct Listening {
    changes: Receiver<Topic>,
    ended: Receiver<EndedSessions>,
    check: Ticks,
    stop: CancellationToken,
    visit: Visit,
    client_id: model::ClientId,
    state: AppState,
    _place: StreamPlace,
    /// Topics to announce. After the stream fell behind, these are all topics.
    pending: Vec<Topic>,
    /// The build is still to be named.
    begins: bool,
}

/// The query of the address.
#[derive(Debug, Deserialize)]
pub struct LiveQuery {
    since: Option<String>,
}

/// The route's guard has already checked the session and the membership.
pub async fn live(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(membership): Extension<Arc<Membership>>,
    Query(query): Query<LiveQuery>,
    headers: HeaderMap,
) -> Response {
    let Some(visit) = caller.visit else {
        return http::StatusCode::UNAUTHORIZED.into_response();
    };
    let owner = membership.company.parent.unwrap_or(membership.company.id);
    let Some(place) = state.streams.open(owner, visit.session) else {
        return later();
    };
    let bus = &state.services().core.bus;
    let changes = bus.subscribe(membership.company.id);
    let pending =
        since(&headers, query).map_or_else(Vec::new, |since| bus.changed_since(since, membership.company.id));
    let listening = Listening {
        _place: place,
        changes,
        ended: state.services().core.bus.ended_sessions(),
        check: state.services().core.clock.every(CHECK_AGAIN),
        stop: state.services().stopping.clone(),
        visit,
        client_id: membership.company.client_id,
        state,
        pending,
        begins: true,
    };
    Sse::new(events(listening))
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response()
}

/// Too many streams are open. Browsers only try again after a pause if the response is a stream that has ended.
fn later() -> Response {
    let again = Event::default().retry(AGAIN).comment("too many streams are open");
    Sse::new(stream::iter([Ok::<_, Infallible>(again)])).into_response()
}

/// Up to where the page knows of changes. A page that does not say so is told only of what comes.
fn since(headers: &HeaderMap, query: LiveQuery) -> Option<Mark> {
    let last_event = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    last_event.map(str::to_owned).or(query.since)?.parse().ok()
}

fn events(listening: Listening) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(listening, |mut listening| async move {
        let event = listening.event().await?;
        Some((Ok(event), listening))
    })
}

impl Listening {
    /// The next event: first of all the server's build, so that a page left open across an upgrade learns of the new one.
    async fn event(&mut self) -> Option<Event> {
        let event = if std::mem::take(&mut self.begins) {
            Event::default()
                .event("build")
                .data(&self.state.leptos_options.output_name)
        } else {
            let topic = self.next().await?;
            // Browsers ignore an event without data.
            Event::default().event(topic.as_str()).data("changed")
        };
        Some(match self.reached() {
            Some(mark) => event.id(mark.to_string()),
            None => event,
        })
    }

    /// With this event everything up to this mark has been announced.
    fn reached(&self) -> Option<Mark> {
        let mark = self.state.services().core.bus.mark();
        (self.pending.is_empty() && self.changes.is_empty()).then_some(mark)
    }

    /// The next change. `None` ends the stream.
    async fn next(&mut self) -> Option<Topic> {
        loop {
            if let Some(topic) = self.pending.pop() {
                return Some(topic);
            }
            tokio::select! {
                // The order matters: after the session ends, nothing more may be sent, even if a change is waiting too.
                biased;
                () = self.stop.cancelled() => return None,
                ended = self.ended.recv() => match ended {
                    Ok(EndedSessions::One(session)) if session == self.visit.session => return None,
                    Ok(EndedSessions::One(_)) => {}
                    // The stream missed some, or another node ended sessions. Check this session again.
                    Ok(EndedSessions::Elsewhere) | Err(RecvError::Lagged(_))
                        if self.may_still_listen().await => {}
                    Ok(EndedSessions::Elsewhere) | Err(_) => return None,
                },
                () = self.check.tick() => {
                    if !self.may_still_listen().await {
                        return None;
                    }
                }
                change = self.changes.recv() => match change {
                    Ok(topic) => return Some(topic),
                    Err(RecvError::Lagged(_)) => self.pending = Topic::ALL.to_vec(),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    async fn may_still_listen(&self) -> bool {
        let accounts = &self.state.services().core.accounts;
        let alive = accounts
            .session_is_alive(self.visit.session)
            .await
            .unwrap_or(false);
        alive
            && matches!(
                accounts.membership(self.visit.person, self.client_id).await,
                Ok(Some(_))
            )
    }
}
