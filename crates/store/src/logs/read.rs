//! Answers questions, from what is in memory and from the container. A segment that turns out to be damaged is set aside,
//! and the question is asked again without it.

use std::sync::Arc;
use std::time::Instant;

use logs::{Found, LogStoreError, Question, Scope, Sought, Traced};
use model::{Body, BodyAbsence, LogEntry, RequestId};
use segments::{ReadError, SegmentId, Source};

use super::catalogue;
use super::{Inner, blocking};
use crate::{StoreError, Urgency};

/// See [`logs::Reader::find`].
pub(super) async fn find(
    inner: &Arc<Inner>,
    scope: Scope,
    question: &Question,
) -> Result<Found, LogStoreError> {
    let question = question.clone();
    let late_at = Instant::now() + question.budget;
    ask(inner, move |as_of, source| {
        let question = Question {
            as_of: Some(question.as_of.map_or(as_of, |asked| asked.min(as_of))),
            ..question.clone()
        };
        source.answer(scope, &question, &|| Instant::now() >= late_at)
    })
    .await
}

/// See [`logs::Reader::entry`].
pub(super) async fn entry(
    inner: &Arc<Inner>,
    scope: Scope,
    request: RequestId,
) -> Result<Option<LogEntry>, LogStoreError> {
    Ok(entries(inner, scope, &[request]).await?.pop())
}

/// See [`logs::Reader::entries`]. All of them are read in one look at the log.
pub(super) async fn entries(
    inner: &Arc<Inner>,
    scope: Scope,
    requests: &[RequestId],
) -> Result<Vec<LogEntry>, LogStoreError> {
    let ids: Arc<[RequestId]> = requests.into();
    let ask = || {
        let ids = Arc::clone(&ids);
        ask(inner, move |_, source| {
            let found = ids.iter().map(|id| source.entry(scope, *id));
            found.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()
        })
    };
    let found = ask().await?;
    if !found.iter().any(is_damaged) {
        return Ok(found);
    }
    // They may have been removed on purpose in the meantime. The second look knows.
    let found = ask().await?;
    for entry in found.iter().filter(|entry| is_damaged(entry)) {
        let request = entry.row.request_id;
        tracing::error!(%request, "headers and bodies of a request in the log cannot be read");
    }
    Ok(found)
}

/// See [`logs::Sink::trace`].
pub(super) async fn trace(
    inner: &Arc<Inner>,
    sought: Arc<[Sought]>,
    above: i64,
) -> Result<Traced, LogStoreError> {
    ask(inner, move |as_of, source| {
        let erased = &source.view.erased;
        let erased = sought.iter().filter(|one| erased.covers(one.client_id, one.at));
        Ok(Traced {
            erased: erased.map(|one| one.request).collect(),
            stored: source.stored(sought.iter().map(|one| one.request), above)?,
            as_of,
        })
    })
    .await
}

/// Whether its headers and bodies cannot be read.
fn is_damaged(entry: &LogEntry) -> bool {
    [&entry.request_body, &entry.response_body].iter().any(|body| {
        matches!(
            body,
            Body::Absent {
                why: BodyAbsence::Damaged,
                ..
            }
        )
    })
}

/// Asks in a task of its own, because a page is rendered on a stack that is almost full.
async fn ask<T, Q>(inner: &Arc<Inner>, question: Q) -> Result<T, LogStoreError>
where
    T: Send + 'static,
    Q: Fn(i64, &Source<'_>) -> Result<T, ReadError> + Send + Sync + 'static,
{
    tokio::spawn(ask_until_answered(Arc::clone(inner), question))
        .await
        .map_err(|error| LogStoreError::Unavailable(Box::new(error)))?
}

/// Asks until no segment is in the way. `question` gets the `seq` up to which the view has every row.
async fn ask_until_answered<T, Q>(inner: Arc<Inner>, question: Q) -> Result<T, LogStoreError>
where
    T: Send + 'static,
    Q: Fn(i64, &Source<'_>) -> Result<T, ReadError> + Send + Sync + 'static,
{
    let question = Arc::new(question);
    let mut in_the_way = None;
    loop {
        inner.follow().await?;
        let seen = inner.state.known().change;
        let (as_of, view) = inner.state.view();
        let (asking, reading) = (Arc::clone(&question), Arc::clone(&inner));
        let answer = blocking(move || {
            let source = Source {
                view: &view,
                container: &reading.blobs,
                cache: &reading.cache,
            };
            asking(as_of, &source)
        })
        .await?;
        let (segment, error) = match answer {
            Ok(answer) => return Ok(answer),
            Err(ReadError::Unavailable(error)) => return Err(LogStoreError::Unavailable(error)),
            Err(error @ (ReadError::Damaged { segment, .. } | ReadError::Missing { segment })) => {
                (segment, error)
            }
        };
        // If it was removed or set aside by another node, it will be out of the way once its change has been followed.
        let marked = set_aside(&inner, segment, seen, &error).await?;
        if in_the_way.replace(segment) == Some(segment) && !marked {
            return Err(LogStoreError::Unavailable(Box::new(error)));
        }
    }
}

/// Takes a segment out of all answers, until a start finds that it can be read again. Returns whether it was in them.
pub(super) async fn set_aside(
    inner: &Inner,
    segment: SegmentId,
    seen: i64,
    error: &ReadError,
) -> Result<bool, StoreError> {
    let dialect = inner.db.dialect();
    let marked = inner
        .db
        .write::<_, StoreError, _>(Urgency::Interactive, move |connection| {
            Box::pin(async move {
                catalogue::hold_order(connection, dialect).await?;
                let change = catalogue::next_change(connection).await?;
                catalogue::mark_damaged(connection, segment, seen, change).await
            })
        })
        .await?;
    if let Some(day) = marked {
        tracing::error!(segment = segment.0, %day, %error, "a segment of the log cannot be read and is set aside");
    }
    Ok(marked.is_some())
}
