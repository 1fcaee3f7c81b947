//! Receivers in memory: what they answer to a request, and which deliveries they have accepted.

use std::collections::BTreeMap;

use model::{AttemptOutcome, DeliveryId, FailureClass, KeyId};

use crate::random::Random;

/// How a receiver behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 204 within 60 ms.
    Good,
    /// 204 after 0.3 to 4 s.
    Slow,
    /// A part of the requests fails in some way: 5xx, 4xx, 429 with `Retry-After`, no answer.
    Flaky,
    /// Fails while it is down and is good otherwise. See [`Receiver::down_until`].
    Sometimes,
    /// 500, always.
    Broken,
    /// Never answers.
    Hangs,
    /// Accepts one key only, and answers another signature with this status.
    Strict(u16),
}

#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) kind: Kind,
    /// Answers 410.
    pub(crate) gone: bool,
    pub(crate) down_until: i64,
    /// The key that a strict receiver accepts.
    pub(crate) knows: Option<KeyId>,
    /// How often it has accepted each delivery.
    pub(crate) accepted: BTreeMap<DeliveryId, u32>,
}

/// The answer to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    /// `None`: it never comes.
    pub(crate) status: Option<u16>,
    pub(crate) after: i64,
    pub(crate) retry_after: Option<i64>,
}

impl Reply {
    pub(crate) fn outcome(self) -> AttemptOutcome {
        match self.status {
            Some(status @ 200..300) => AttemptOutcome::Succeeded { status },
            Some(status) => AttemptOutcome::Failed {
                class: FailureClass::Status,
                status: Some(status),
            },
            None => AttemptOutcome::Failed {
                class: FailureClass::TimeoutHeaders,
                status: None,
            },
        }
    }
}

impl Receiver {
    pub(crate) fn of(kind: Kind) -> Self {
        Self {
            kind,
            gone: false,
            down_until: 0,
            knows: None,
            accepted: BTreeMap::new(),
        }
    }

    /// A request arrives, signed with this key. It has `at_most` milliseconds for the answer.
    pub(crate) fn reply(&mut self, at: i64, key: KeyId, at_most: i64, random: &mut Random) -> Reply {
        let quick = random.between(1, 60);
        let answer = |status, after| Reply {
            status: Some(status),
            after,
            retry_after: None,
        };
        let none = Reply {
            status: None,
            after: at_most,
            retry_after: None,
        };
        let reply = match self.kind {
            _ if self.gone => answer(410, quick),
            Kind::Good => answer(204, quick),
            Kind::Slow => answer(204, random.between(300, 4_000)),
            Kind::Broken => answer(500, quick),
            Kind::Hangs => none,
            Kind::Sometimes if at < self.down_until => match random.index(3) {
                0 => none,
                1 => answer(502, quick),
                _ => answer(404, quick),
            },
            Kind::Sometimes => answer(204, quick),
            Kind::Flaky if random.per_mille(650) => answer(204, quick),
            Kind::Flaky => match random.index(5) {
                0 => none,
                1 => answer(503, random.between(1, 9_000)),
                2 => answer(404, quick),
                3 => answer(302, quick),
                _ => Reply {
                    retry_after: Some(random.between(1, 600)),
                    ..answer(429, quick)
                },
            },
            Kind::Strict(_) if self.knows == Some(key) => answer(204, quick),
            Kind::Strict(status) => answer(status, quick),
        };
        if reply.after > at_most { none } else { reply }
    }

    pub(crate) fn accept(&mut self, delivery: DeliveryId) {
        *self.accepted.entry(delivery).or_insert(0) += 1;
    }

    pub(crate) fn accepted(&self, delivery: DeliveryId) -> u32 {
        self.accepted.get(&delivery).copied().unwrap_or(0)
    }
}
