//! A response body on its way to the caller. The gateway captures a copy of its bytes, limits every wait, and finishes
//! the request's recording when the body ends.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use keys::Keys;
use model::Verdict;
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::places::Place;
use crate::recording::{Ending, Recording};
use crate::revocation::{MOMENT, Revocation};
use crate::trailers::Passing;
use crate::upstream::Lease;

/// The body of every response from the gateway. Dropping it early tells the upstream that the caller has gone.
pub struct AnswerBody {
    source: Source,
    recording: Option<Recording>,
    /// The upstream's connection and the place in flight, until the response has ended.
    holds: Option<(Lease, Place)>,
    /// The trailers that may pass.
    trailers: Passing,
}

enum Source {
    Whole(Option<Bytes>),
    Upstream(Upstream),
}

struct Upstream {
    body: Incoming,
    idle: Duration,
    alarm: Option<Alarm>,
    left: Option<u64>,
    revocation: Revocation,
}

/// Runs while nothing arrives.
struct Alarm {
    sleep: Pin<Box<Sleep>>,
    /// When the upstream has sent nothing for too long.
    stalled: Instant,
}

/// The response ended early. The connection is closed so that the caller notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BrokenOff {
    #[error("the upstream broke off in the middle of its answer")]
    ByUpstream,
    #[error("the upstream stopped in the middle of its answer")]
    Stalled,
    #[error("the key is no longer accepted: {0}")]
    KeyEnded(Verdict),
}

impl AnswerBody {
    /// A response that the gateway made itself.
    pub(crate) fn whole(
        response: Response<Bytes>,
        mut recording: Recording,
        method: &Method,
    ) -> Response<Self> {
        let (parts, body) = response.into_parts();
        recording.answer(parts.status, &parts.headers);
        let sent = carries_body(method, parts.status) && !body.is_empty();
        let (source, recording) = if sent {
            recording.answer_piece(&body);
            (Some(body), Some(recording))
        } else {
            recording.finish(Ending::Whole);
            (None, None)
        };
        Response::from_parts(
            parts,
            Self {
                source: Source::Whole(source),
                recording,
                holds: None,
                trailers: Passing::none(),
            },
        )
    }

    /// A response to a request that belongs to no known company, so that no log can record it.
    pub(crate) fn unrecorded(response: Response<Bytes>, method: &Method) -> Response<Self> {
        let (parts, body) = response.into_parts();
        let sent = carries_body(method, parts.status) && !body.is_empty();
        Response::from_parts(
            parts,
            Self {
                source: Source::Whole(sent.then_some(body)),
                recording: None,
                holds: None,
                trailers: Passing::none(),
            },
        )
    }

    /// The upstream's response, streamed. It is cut off when the key of its request is deleted.
    pub(crate) fn upstream(
        response: Response<Incoming>,
        mut recording: Recording,
        method: &Method,
        idle: Duration,
        holds: (Lease, Place),
        revocation: Revocation,
    ) -> Response<Self> {
        let (parts, body) = response.into_parts();
        recording.answer(parts.status, &parts.headers);
        let is_http2 = holds.0.is_http2();
        let (recording, holds) = if carries_body(method, parts.status) && !body.is_end_stream() {
            (Some(recording), Some(holds))
        } else {
            // An empty body is never polled, so this is its end.
            holds.0.give_back();
            recording.finish(Ending::Whole);
            (None, None)
        };
        // In HTTP/2, trailers may follow a body of known length.
        let left = body.size_hint().exact().filter(|_| !is_http2);
        let source = Source::Upstream(Upstream {
            body,
            idle,
            alarm: None,
            left,
            revocation,
        });
        Response::from_parts(
            parts,
            Self {
                source,
                recording,
                holds,
                trailers: Passing::none(),
            },
        )
    }

    /// Lets these trailers pass.
    pub(crate) fn passing(mut self, trailers: Passing) -> Self {
        self.trailers = trailers;
        self
    }

    fn finish(&mut self, ending: Ending) {
        if let Some((lease, _)) = self.holds.take()
            && ending == Ending::Whole
        {
            lease.give_back();
        }
        if let Some(recording) = self.recording.take() {
            recording.finish(ending);
        }
    }
}

/// Whether bytes follow the head of this response.
fn carries_body(method: &Method, status: StatusCode) -> bool {
    method != Method::HEAD && status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerBody")
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        let polled = match &mut this.source {
            Source::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Piece::Data(bytes)))),
            Source::Upstream(upstream) => match &this.recording {
                Some(recording) => upstream.poll(recording.keys(), cx),
                None => Poll::Ready(None),
            },
        };
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                this.finish(Ending::Whole);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(fault))) => {
                this.finish(match fault {
                    BrokenOff::ByUpstream => Ending::UpstreamBroke,
                    BrokenOff::Stalled => Ending::UpstreamStalled,
                    BrokenOff::KeyEnded(verdict) => Ending::Revoked(verdict),
                });
                Poll::Ready(Some(Err(fault)))
            }
            Poll::Ready(Some(Ok(Piece::Trailers(trailers)))) => {
                let trailers = this.trailers.of(&trailers);
                // Nothing follows them, so nothing is polled again.
                this.finish(Ending::Whole);
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Poll::Ready(Some(Ok(Piece::Data(data)))) => {
                if let (Some(recording), Source::Upstream(_)) = (&mut this.recording, &this.source) {
                    recording.answer_piece(&data);
                }
                // A reader that knows the length does not poll again after the last byte.
                if this.is_end_stream() {
                    this.finish(Ending::Whole);
                }
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Whole(bytes) => bytes.is_none(),
            Source::Upstream(upstream) => upstream.left == Some(0) || upstream.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Source::Upstream(upstream) => upstream.body.size_hint(),
        }
    }
}

/// What an upstream sends after the head of its response.
enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
}

impl Upstream {
    fn poll(&mut self, keys: &Keys, cx: &mut Context<'_>) -> Poll<Option<Result<Piece, BrokenOff>>> {
        if let Poll::Ready(verdict) = self.revocation.poll(keys, cx) {
            return Poll::Ready(Some(Err(BrokenOff::KeyEnded(verdict))));
        }
        loop {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => return self.wait(keys, cx).map(|fault| Some(Err(fault))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(BrokenOff::ByUpstream))),
                Poll::Ready(Some(Ok(frame))) => {
                    self.alarm = None;
                    match frame.into_data().map_err(Frame::into_trailers) {
                        Ok(data) => {
                            self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                            return Poll::Ready(Some(Ok(Piece::Data(data))));
                        }
                        Err(Ok(trailers)) => return Poll::Ready(Some(Ok(Piece::Trailers(trailers)))),
                        Err(Err(_)) => continue,
                    }
                }
            }
        }
    }

    /// Nothing has arrived. The alarm, which is needed anyway, goes off early once to watch the key.
    fn wait(&mut self, keys: &Keys, cx: &mut Context<'_>) -> Poll<BrokenOff> {
        let (idle, is_watched) = (self.idle, self.revocation.is_watched());
        let alarm = self.alarm.get_or_insert_with(|| {
            let now = Instant::now();
            let first = if is_watched { idle } else { idle.min(MOMENT) };
            Alarm {
                sleep: Box::pin(sleep_until(now + first)),
                stalled: now + idle,
            }
        });
        loop {
            ready!(alarm.sleep.as_mut().poll(cx));
            if alarm.sleep.deadline() >= alarm.stalled {
                return Poll::Ready(BrokenOff::Stalled);
            }
            if let Poll::Ready(verdict) = self.revocation.watch(keys, cx) {
                return Poll::Ready(BrokenOff::KeyEnded(verdict));
            }
            alarm.sleep.as_mut().reset(alarm.stalled);
        }
    }
}
