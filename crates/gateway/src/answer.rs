//! A response body on its way to the caller. The gateway captures a copy of its bytes, limits every wait, and finishes
//! the request's recording when the body ends.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use keys::Keys;
use model::Verdict;
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::begun::Begun;
use crate::places::Place;
use crate::recording::{Ending, Recording};
use crate::revocation::{MOMENT, Revocation};
use crate::trailers::Passing;
use crate::upstream::Lease;

/// The body of every response from the gateway. Dropping it early tells the upstream that the caller has gone.
///
/// A response is handed on a dozen times before its head is sent, so what belongs to its body is in memory of its own.
pub struct AnswerBody {
    /// `None` if there is no body.
    sending: Option<Box<Sending>>,
}

struct Sending {
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
    body: Begun,
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
        let body = if carries_body(method, parts.status) && !body.is_empty() {
            recording.answer_piece(&body);
            Self::ours(body, Some(recording))
        } else {
            recording.finish(Ending::Whole);
            Self { sending: None }
        };
        Response::from_parts(parts, body)
    }

    /// A response to a request that belongs to no known company, so that no log can record it.
    pub(crate) fn unrecorded(response: Response<Bytes>, method: &Method) -> Response<Self> {
        let (parts, body) = response.into_parts();
        let body = if carries_body(method, parts.status) && !body.is_empty() {
            Self::ours(body, None)
        } else {
            Self { sending: None }
        };
        Response::from_parts(parts, body)
    }

    fn ours(body: Bytes, recording: Option<Recording>) -> Self {
        let sending = Sending {
            source: Source::Whole(Some(body)),
            recording,
            holds: None,
            trailers: Passing::none(),
        };
        Self {
            sending: Some(Box::new(sending)),
        }
    }

    /// The upstream's response, streamed. It is cut off when the key of its request is deleted.
    pub(crate) fn upstream(
        response: Response<Begun>,
        mut recording: Recording,
        method: &Method,
        idle: Duration,
        holds: (Lease, Place),
        revocation: Revocation,
    ) -> Response<Self> {
        let (parts, body) = response.into_parts();
        recording.answer(parts.status, &parts.headers);
        if !carries_body(method, parts.status) || body.is_end_stream() {
            // An empty body is never polled, so this is its end.
            holds.0.give_back();
            recording.finish(Ending::Whole);
            return Response::from_parts(parts, Self { sending: None });
        }
        // In HTTP/2, trailers may follow a body of known length.
        let left = body.length().filter(|_| !holds.0.is_http2());
        let upstream = Upstream {
            body,
            idle,
            alarm: None,
            left,
            revocation,
        };
        let sending = Sending {
            source: Source::Upstream(upstream),
            recording: Some(recording),
            holds: Some(holds),
            trailers: Passing::none(),
        };
        let body = Self {
            sending: Some(Box::new(sending)),
        };
        Response::from_parts(parts, body)
    }

    /// Lets these trailers pass.
    pub(crate) fn passing(mut self, trailers: Passing) -> Self {
        if let Some(sending) = &mut self.sending {
            sending.trailers = trailers;
        }
        self
    }
}

impl Sending {
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

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let polled = match &mut self.source {
            Source::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Piece::Data(bytes)))),
            Source::Upstream(upstream) => match &self.recording {
                Some(recording) => upstream.poll(recording.keys(), cx),
                None => Poll::Ready(None),
            },
        };
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                self.finish(Ending::Whole);
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(fault))) => {
                self.finish(match fault {
                    BrokenOff::ByUpstream => Ending::UpstreamBroke,
                    BrokenOff::Stalled => Ending::UpstreamStalled,
                    BrokenOff::KeyEnded(verdict) => Ending::Revoked(verdict),
                });
                Poll::Ready(Some(Err(fault)))
            }
            Poll::Ready(Some(Ok(Piece::Trailers(trailers)))) => {
                let trailers = self.trailers.of(&trailers);
                // Nothing follows them, so nothing is polled again.
                self.finish(Ending::Whole);
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            Poll::Ready(Some(Ok(Piece::Data(data)))) => {
                if let (Some(recording), Source::Upstream(_)) = (&mut self.recording, &self.source) {
                    recording.answer_piece(&data);
                }
                // A reader that knows the length does not poll again after the last byte.
                if self.is_end_stream() {
                    self.finish(Ending::Whole);
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
        match &mut self.get_mut().sending {
            Some(sending) => sending.poll(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.sending
            .as_ref()
            .is_none_or(|sending| sending.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        match self.sending.as_ref().map(|sending| &sending.source) {
            None | Some(Source::Whole(None)) => SizeHint::with_exact(0),
            Some(Source::Whole(Some(bytes))) => SizeHint::with_exact(bytes.len() as u64),
            Some(Source::Upstream(upstream)) => upstream.body.size_hint(),
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
            match self.body.poll_frame(cx) {
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
