//! The body of an upstream's response that has begun. If its length is not known, one look is taken at what follows its first
//! piece: mostly that is its end. The caller then gets head, piece and end in one write, not in two.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

type Polled = Option<Result<Frame<Bytes>, hyper::Error>>;

pub(crate) struct Begun {
    body: Incoming,
    /// What has been read already.
    ahead: VecDeque<Result<Frame<Bytes>, hyper::Error>>,
    /// Nothing follows it.
    has_ended: bool,
}

impl Begun {
    /// Never waits for the upstream.
    pub(crate) async fn of(body: Incoming) -> Self {
        let has_length = body.size_hint().exact().is_some() || body.is_end_stream();
        let mut begun = Self {
            body,
            ahead: VecDeque::new(),
            has_ended: false,
        };
        if !has_length && begun.look().await {
            // The task that reads the upstream's connection passes one piece on, and goes on when that was taken.
            let_others_run().await;
            begun.look().await;
        }
        begun
    }

    /// Takes a piece if one is there. False if none is.
    async fn look(&mut self) -> bool {
        match poll_fn(|cx| Poll::Ready(Pin::new(&mut self.body).poll_frame(cx))).await {
            Poll::Ready(Some(frame)) => {
                self.ahead.push_back(frame);
                true
            }
            Poll::Ready(None) => {
                self.has_ended = true;
                false
            }
            Poll::Pending => false,
        }
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Polled> {
        if let Some(frame) = self.ahead.pop_front() {
            return Poll::Ready(Some(frame));
        }
        if self.has_ended {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && (self.has_ended || self.body.is_end_stream())
    }

    /// `None` if it is not known.
    pub(crate) fn length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Goes on when all tasks of this thread that can run now have run.
async fn let_others_run() {
    let mut have_run = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut have_run, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
