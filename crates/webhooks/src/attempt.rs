//! One attempt of one delivery: chooses the key, signs, sends, judges the response, and records the outcome with its
//! consequences.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName, HeaderValue};
use model::{AttemptId, AttemptOutcome, AuditId, EventId, HopRecord, Timestamp};
use redact::Needles;
use tokio::time::Instant;
use vault::Zeroizing;

use crate::connection::millis;
use crate::decide::{self, Before, Report};
use crate::evidence;
use crate::own_headers;
use crate::schedule;
use crate::sender::Headers;
use crate::signing::{self, SigningPlan, SigningSecret};
use crate::storage::{Claimed, FinishedAttempt, HeldScope};
use crate::{Parts, Sender, Sent, StorageFailure, Webhooks};

/// How soon to try again after a fault of our own (the vault, the keys). It does not count as an attempt.
const OUR_FAULT_SECONDS: i64 = 30;

/// What became of a claimed delivery.
pub(crate) enum Ran {
    /// The attempt was made. It is not written yet.
    Finished(Box<FinishedAttempt>),
    /// Nothing was sent. The delivery is due again at this time.
    DueAt(Timestamp),
    /// Nothing was sent: there is no key, or the database failed. A key or the end of the lease makes it due.
    Left,
}

/// Makes the attempt.
pub(crate) async fn run(webhooks: &Webhooks, sender: &Sender, claimed: Claimed) -> Ran {
    let attempt = Attempt {
        webhooks,
        sender,
        claimed: &claimed,
    };
    attempt.run().await.unwrap_or_else(|error| {
        // The lease expires, and then a worker picks the delivery up again.
        tracing::error!(error = %error, delivery = %claimed.delivery, "could not make a delivery attempt; its lease will expire and it will be made again");
        Ran::Left
    })
}

struct Attempt<'a> {
    webhooks: &'a Webhooks,
    sender: &'a Sender,
    claimed: &'a Claimed,
}

/// What every try sends, and the secrets that sign it: the webhook's own secret and, during an overlap, its previous
/// one.
struct Letter {
    body: Bytes,
    own_secrets: Vec<Zeroizing<Vec<u8>>>,
    /// The webhook's own headers.
    own_headers: HeaderMap,
}

/// The tries of one attempt, combined.
struct Tried {
    outcome: AttemptOutcome,
    hops: Vec<HopRecord>,
    retry_after: Option<String>,
    signed_by: SigningSecret,
}

impl Attempt<'_> {
    async fn run(&self) -> Result<Ran, StorageFailure> {
        let parts = self.webhooks.parts();
        let claimed = self.claimed;
        let secrets = match parts
            .signing
            .signing_secrets(claimed.company, claimed.environment)
            .await
        {
            Ok(secrets) => secrets,
            Err(error) => {
                tracing::error!(error = %error, delivery = %claimed.delivery, "the signing keys are not available");
                return self.give_back().await.map(Ran::DueAt);
            }
        };
        let Some(plan) = signing::choose(secrets, claimed.endpoint.last_key, claimed.before) else {
            self.hold().await?;
            return Ok(Ran::Left);
        };
        let Some(letter) = self.letter() else {
            return self.give_back().await.map(Ran::DueAt);
        };

        let started_at = parts.clock.now();
        let started = Instant::now();
        let tried = self.tries(plan, &letter).await;
        let finished = self.finished(tried, started_at, millis(started));
        Ok(Ran::Finished(Box::new(finished)))
    }

    /// Tries once. If two keys are active and the response may mean that the receiver only knows the other key, tries
    /// again with that key. Both tries share one deadline.
    async fn tries(&self, plan: SigningPlan, letter: &Letter) -> Tried {
        let deadline = self.sender.deadline();
        let first = self.post(&plan.first, letter, deadline).await;
        let Some(other) = plan.other.filter(|_| signing::may_be_another_key(&first.outcome)) else {
            let Sent {
                outcome,
                hops,
                retry_after,
            } = first;
            return Tried {
                outcome,
                hops,
                retry_after,
                signed_by: plan.first,
            };
        };
        let second = self.post(&other, letter, deadline).await;
        let mut hops = first.hops;
        hops.extend(second.hops);
        Tried {
            outcome: second.outcome,
            hops,
            retry_after: second.retry_after,
            signed_by: other,
        }
    }

    async fn post(&self, key: &SigningSecret, letter: &Letter, deadline: Instant) -> Sent {
        let headers = self.headers(key, letter);
        let mut sent = self
            .sender
            .post(
                self.claimed.company,
                &self.claimed.endpoint.url,
                Headers {
                    all: &headers,
                    own_origin: &letter.own_headers,
                },
                letter.body.clone(),
                deadline,
            )
            .await;
        let mut secrets = Needles::default();
        secrets.add(key.secret.expose().as_bytes());
        for own in &letter.own_secrets {
            secrets.add(STANDARD.encode(&**own).as_bytes());
        }
        let names = &self.webhooks.parts().names;
        if letter.own_headers.is_empty() {
            evidence::redact(&mut sent.hops, &secrets, names);
        } else {
            for value in letter.own_headers.values() {
                own_headers::add_to(&mut secrets, value.as_bytes());
            }
            // A receiver may repeat its request. A value that is too short to search for is found by its name.
            let names = names.and(letter.own_headers.keys().map(HeaderName::as_str));
            evidence::redact(&mut sent.hops, &secrets, &names);
        }
        sent
    }

    /// The contract's signature, plus the Standard Webhooks signatures: one per secret, separated by spaces.
    fn headers(&self, key: &SigningSecret, letter: &Letter) -> HeaderMap {
        let parts = self.webhooks.parts();
        let mut headers =
            signature_headers(parts, self.claimed.event, key, &letter.own_secrets, &letter.body);
        headers.insert(USER_AGENT, parts.headers.user_agent.clone());
        headers
    }

    /// Unseals the event and the secrets. If that fails, logs it and returns `None`, and nothing may be sent.
    fn letter(&self) -> Option<Letter> {
        let Claimed {
            company,
            environment,
            webhook,
            event,
            ..
        } = *self.claimed;
        let parts = self.webhooks.parts();
        let body = parts.master_key.open(
            &self.webhooks.body_place(company, environment, event),
            &self.claimed.body,
        );
        let place = self.webhooks.secret_place(company, environment, webhook);
        let (own, now) = (&self.claimed.endpoint.own_secrets, parts.clock.now());
        let former = own.former.iter().filter(|former| former.until > now);
        let own_secrets: Result<Vec<_>, _> = std::iter::once(&own.current)
            .chain(former.map(|former| &former.sealed))
            .map(|sealed| parts.master_key.open(&place, sealed))
            .collect();
        let place = self.webhooks.header_place(company, environment, webhook);
        let Some(own_headers) = own_headers::open(&self.claimed.endpoint.headers, &parts.master_key, &place)
        else {
            tracing::error!(delivery = %self.claimed.delivery, "could not unseal a webhook's headers");
            return None;
        };
        match (body, own_secrets) {
            (Ok(body), Ok(own_secrets)) => Some(Letter {
                body: Bytes::copy_from_slice(&body),
                own_secrets,
                own_headers,
            }),
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(%error, delivery = %self.claimed.delivery, "could not unseal an event or a secret");
                None
            }
        }
    }

    async fn give_back(&self) -> Result<Timestamp, StorageFailure> {
        let parts = self.webhooks.parts();
        let at = parts.clock.now().plus_seconds(OUR_FAULT_SECONDS);
        parts
            .store
            .queue
            .give_back(vec![(self.claimed.delivery, self.claimed.lease)], at)
            .await?;
        Ok(at)
    }

    /// Holds the delivery because there is no key. A key may have been generated between our check and this write, too
    /// early to release the delivery. So we check again after the write.
    async fn hold(&self) -> Result<(), StorageFailure> {
        let parts = self.webhooks.parts();
        let Claimed {
            company, environment, ..
        } = *self.claimed;
        parts.store.queue.hold(self.claimed, parts.clock.now()).await?;
        self.webhooks.release(HeldScope { company, environment }).await?;
        self.webhooks.tell(company);
        Ok(())
    }

    fn finished(&self, tried: Tried, started_at: Timestamp, duration_ms: u64) -> FinishedAttempt {
        let claimed = self.claimed;
        let Tried {
            outcome,
            mut hops,
            retry_after,
            signed_by,
        } = tried;
        let id = AttemptId::time_ordered(started_at, vault::random());
        let place = self
            .webhooks
            .evidence_place(claimed.company, claimed.environment, id);
        evidence::seal(&mut hops, &self.webhooks.parts().master_key, &place);
        let ended_at = self.webhooks.parts().clock.now();
        let made = Made {
            id,
            audit: AuditId::time_ordered(ended_at, vault::random()),
            started_at,
            ended_at,
            duration_ms,
            outcome,
            hops,
            retry_after,
            signed_by,
        };
        concluded(claimed, made, vault::random())
    }
}

/// The headers that sign an event now: by the API key and by each of the webhook's own secrets.
pub(crate) fn signature_headers(
    parts: &Parts,
    event: EventId,
    key: &SigningSecret,
    own_secrets: &[Zeroizing<Vec<u8>>],
    body: &[u8],
) -> HeaderMap {
    let id = event.to_string();
    let seconds = parts.clock.now().as_millis() / 1000;
    let signatures: Vec<String> = own_secrets
        .iter()
        .map(|secret| vault::sign_standard_webhook(secret, &id, seconds, body))
        .collect();
    let values = [
        (
            parts.headers.sign.clone(),
            vault::sign_v1(key.secret.expose(), body),
        ),
        (HeaderName::from_static("webhook-signature"), signatures.join(" ")),
        (HeaderName::from_static("webhook-timestamp"), seconds.to_string()),
        (HeaderName::from_static("webhook-id"), id),
    ];
    // Hex, base64 and digits are always valid header values.
    values
        .into_iter()
        .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)))
        .collect()
}

/// An attempt that was made, with the evidence of it.
#[derive(Debug)]
pub struct Made {
    pub id: AttemptId,
    pub audit: AuditId,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub duration_ms: u64,
    pub outcome: AttemptOutcome,
    pub hops: Vec<HopRecord>,
    /// The receiver's `Retry-After`, as received.
    pub retry_after: Option<String>,
    pub signed_by: SigningSecret,
}

/// What has to be written about an attempt: what happens to the delivery next, and what the webhook's health is told.
/// `random` is any two bytes.
pub fn concluded(claimed: &Claimed, made: Made, random: [u8; 2]) -> FinishedAttempt {
    let before = Before {
        attempts: claimed.attempts,
        test: claimed.test,
        replay: claimed.replay,
    };
    let asked = made
        .retry_after
        .and_then(|value| schedule::retry_after_seconds(&value, made.ended_at));
    FinishedAttempt {
        claimed: claimed.clone(),
        id: made.id,
        started_at: made.started_at,
        ended_at: made.ended_at,
        duration_ms: made.duration_ms,
        then: decide::then(before, &made.outcome, made.ended_at, asked, random),
        report: (!claimed.test).then_some(Report::of(&made.outcome, made.signed_by.key_id)),
        audit: made.audit,
        outcome: made.outcome,
        signed_by: Some(made.signed_by.key_id),
        signed_by_last_four: Some(made.signed_by.last_four),
        hops: made.hops,
    }
}

impl Webhooks {
    /// Makes the held deliveries of a company and environment due if there is a key now.
    pub(crate) async fn release(&self, scope: HeldScope) -> Result<(), StorageFailure> {
        let parts = self.parts();
        if parts
            .signing
            .signing_secrets(scope.company, scope.environment)
            .await?
            .is_empty()
        {
            return Ok(());
        }
        let waking = parts.store.queue.release(scope).await?;
        if !waking.is_empty() {
            self.bell().ring(scope.company, waking, Vec::new());
            self.tell(scope.company);
        }
        Ok(())
    }
}
