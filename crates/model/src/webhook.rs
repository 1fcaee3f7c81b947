//! Webhooks, deliveries and attempts, as the page sees them.

use serde::{Deserialize, Serialize};

use crate::{
    AttemptId, DeliveryId, Environment, EventId, EventType, HeaderField, KeyId, RequestId, SecretText,
    Timestamp, WebhookId,
};

/// Seconds from a failed attempt to the next: three documented retries, then ever slower ones. Attempt 1 has no delay;
/// ten attempts in all.
pub const RETRY_DELAYS_SECONDS: [i64; 9] = [30, 30, 30, 300, 1_800, 7_200, 18_000, 36_000, 36_000];

/// Which events a webhook receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookEvents {
    /// All types, present and future.
    All,
    /// These; never empty, sorted, without repetition.
    Only(Vec<EventType>),
}

impl WebhookEvents {
    pub fn includes(&self, event_type: &EventType) -> bool {
        match self {
            Self::All => true,
            Self::Only(types) => types.contains(event_type),
        }
    }
}

/// A configured endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    pub id: WebhookId,
    pub name: String,
    pub url: String,
    pub environment: Environment,
    pub events: WebhookEvents,
    pub enabled: bool,
    /// Set if it is not enabled.
    pub disabled: Option<DisabledReason>,
    /// Who paused it, by the name that the audit trail has. None where it is not paused, or that is not known.
    pub paused_by: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Webhook {
    /// Why nothing is sent to it: "Paused by ana@example.com." None where it is enabled.
    pub fn disabled_sentence(&self) -> Option<String> {
        Some(match (self.disabled?, &self.paused_by) {
            (DisabledReason::ByHand, Some(who)) => format!("Paused by {who}."),
            (reason, _) => reason.sentence().to_owned(),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// A member or a program paused it.
    ByHand,
    /// The receiver answered 410.
    Gone,
    /// It failed for five days.
    FailedTooLong,
}

impl DisabledReason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ByHand => "by_hand",
            Self::Gone => "gone",
            Self::FailedTooLong => "failed_too_long",
        }
    }

    pub fn from_name(text: &str) -> Option<Self> {
        [Self::ByHand, Self::Gone, Self::FailedTooLong]
            .into_iter()
            .find(|one| one.as_str() == text)
    }

    pub const fn sentence(self) -> &'static str {
        match self {
            Self::ByHand => "Paused.",
            Self::Gone => "Disabled: the receiver returned 410 Gone.",
            Self::FailedTooLong => "Disabled: every delivery failed for five days.",
        }
    }
}

/// How deliveries to a webhook are sent, beyond what the documented webhook object says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookOptions {
    /// The names of its own headers, as given, in the order of their lower-case forms. Their values are never shown again.
    pub headers: Vec<String>,
    /// The most attempts a second. None is no limit.
    pub rate_limit: Option<u32>,
}

/// What a form or the public API asks for, before it is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDraft {
    pub name: String,
    pub url: String,
    pub environment: Environment,
    pub events: WebhookEvents,
    pub enabled: bool,
}

/// One fault of a draft. `field` is the public API's name of it: `name`, `webhook_url`, `env_type`, `events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvalidWebhook {
    pub field: String,
    pub message: String,
}

/// How a webhook is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookHealth {
    /// No delivery yet.
    Idle,
    /// No delivery yet, or none since it was enabled again, but a test event, which arrived or did not.
    Tested {
        delivered: bool,
    },
    /// The latest attempt succeeded.
    Healthy,
    /// Attempts have been failing since then.
    Failing {
        since: Timestamp,
    },
    /// It failed, was enabled again or got another URL, and nothing has been delivered since the first of those failures.
    NotDelivered {
        since: Timestamp,
    },
    /// Deliveries wait: the environment has no active key to sign with.
    Held,
    Disabled,
}

/// One row of the Webhooks table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRow {
    pub webhook: Webhook,
    pub health: WebhookHealth,
    pub last_delivery_at: Option<Timestamp>,
    pub next_attempt_at: Option<Timestamp>,
    /// Deliveries that arrived, not attempts.
    pub delivered_24_hours: u64,
    /// Deliveries that were tried and have not arrived.
    pub failed_24_hours: u64,
    /// Deliveries that still wait for an attempt, those on hold among them.
    pub pending: u64,
    /// Deliveries that the operator holds.
    pub on_hold: u64,
}

/// Everything of a webhook's own page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDetail {
    pub row: WebhookRow,
    /// Which key signs the next attempt; none where the environment has no active key.
    pub signing_key: Option<SigningKey>,
    /// After a rotation, the webhook's previous secret also signs, until then.
    pub former_secret_until: Option<Timestamp>,
    pub options: WebhookOptions,
    /// If it is failing, sentences that say how many attempts failed and how. Else empty.
    pub diagnosis: String,
    /// The latest, newest first.
    pub deliveries: Vec<DeliveryRow>,
}

/// The key that signs, and why that one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    pub key_id: KeyId,
    pub last_four: String,
    /// Of two keys, it last succeeded for this webhook; else it is the only one, or the older.
    pub last_succeeded: bool,
    /// How many keys are active.
    pub active_keys: usize,
}

/// The result of a rotation: the webhook's new secret. Both sign until the previous one ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotatedSecret {
    pub secret: SecretText,
    pub former_secret_until: Timestamp,
}

/// What an installation calls itself in deliveries: the value of `User-Agent`, and the header of the signature by API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryHeaders {
    pub user_agent: String,
    pub sign: String,
}

impl DeliveryHeaders {
    pub const USER_AGENT: &str = "Gatehouse-Webhook-Service/2.0";
    pub const SIGN: &str = "X-WEBHOOK-SIGN";
}

impl Default for DeliveryHeaders {
    fn default() -> Self {
        Self {
            user_agent: Self::USER_AGENT.to_owned(),
            sign: Self::SIGN.to_owned(),
        }
    }
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Waits for its first or next attempt, or one is in progress.
    Pending,
    /// Waits for an API key to sign with.
    Held,
    /// Ended: the receiver returned a 2xx.
    Delivered,
    /// Ended: all attempts failed, or the webhook was deleted before they were made.
    Exhausted,
    /// Nothing was sent: the webhook was disabled when the event arrived, or was deleted before the first attempt.
    Skipped,
    /// Ended: the operator cancelled it while it waited. Only a replay sends it.
    Cancelled,
}

impl DeliveryState {
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Held,
        Self::Delivered,
        Self::Exhausted,
        Self::Skipped,
        Self::Cancelled,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Held => "held",
            Self::Delivered => "delivered",
            Self::Exhausted => "exhausted",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether an attempt is still to come.
    pub const fn waits(self) -> bool {
        matches!(self, Self::Pending | Self::Held)
    }

    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

/// One row of a webhook's deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRow {
    pub id: DeliveryId,
    pub webhook_id: WebhookId,
    pub event_id: EventId,
    pub event_type: EventType,
    /// A test event: one attempt, not retried, not counted.
    pub test: bool,
    pub state: DeliveryState,
    /// Attempts made by the schedule.
    pub attempts: u32,
    /// Attempts the schedule has.
    pub attempts_at_most: u32,
    /// Replays; they use up none of the schedule's attempts.
    pub replays: u32,
    /// None while the webhook is paused or disabled, or the delivery is on hold.
    pub next_attempt_at: Option<Timestamp>,
    /// It waits, and nothing is sent until the webhook is enabled.
    pub webhook_is_off: bool,
    /// It waits until the operator resumes it.
    pub on_hold: bool,
    pub created_at: Timestamp,
    pub last_status: Option<u16>,
    pub last_failure: Option<FailureClass>,
    /// Of the last attempt, in milliseconds.
    pub last_duration_ms: Option<u64>,
}

/// A delivery of an event that is linked to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestDelivery {
    pub row: DeliveryRow,
    pub to: RequestReceiver,
}

/// Whose webhook receives an event. A company sees that its brands' webhooks received something, and nothing else of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestReceiver {
    /// The company's own, with its name.
    Webhook(String),
    /// The company's own, which has been deleted since.
    DeletedWebhook,
    /// One of this brand's.
    Brand(String),
}

/// A delivery with its event and every attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    pub row: DeliveryRow,
    pub webhook_name: String,
    pub environment: Environment,
    pub event_created_at: Timestamp,
    /// The request that caused the event.
    pub request_id: Option<RequestId>,
    /// The bytes that are sent, which are JSON.
    pub body: String,
    /// Oldest first.
    pub attempts: Vec<Attempt>,
}

/// One try, with the evidence that was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub id: AttemptId,
    /// From 1; scheduled attempts and replays are numbered separately.
    pub number: u32,
    pub started_at: Timestamp,
    pub duration_ms: u64,
    pub outcome: AttemptOutcome,
    /// Which key signed.
    pub signed_by_last_four: Option<String>,
    /// It is a replay.
    pub replay: bool,
    /// What was sent where: one entry for each hop and for each try with another key.
    pub hops: Vec<HopRecord>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// A 2xx.
    Succeeded { status: u16 },
    Failed {
        class: FailureClass,
        status: Option<u16>,
    },
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The name did not resolve.
    Dns,
    /// The name, or the address it resolved to, is one that deliveries may not reach.
    BlockedAddress,
    /// Nothing listened on the port.
    Refused,
    /// TLS failed.
    Tls,
    /// No connection in time.
    TimeoutConnect,
    /// No response in time.
    TimeoutHeaders,
    /// The response did not end in time.
    TimeoutBody,
    /// The connection broke, or the response was not HTTP.
    Protocol,
    /// A status that is not a 2xx.
    Status,
    /// Too many redirects, one without a location, or one from https to http.
    Redirect,
}

impl FailureClass {
    pub const ALL: [Self; 10] = [
        Self::Dns,
        Self::BlockedAddress,
        Self::Refused,
        Self::Tls,
        Self::TimeoutConnect,
        Self::TimeoutHeaders,
        Self::TimeoutBody,
        Self::Protocol,
        Self::Status,
        Self::Redirect,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::BlockedAddress => "blocked_address",
            Self::Refused => "refused",
            Self::Tls => "tls",
            Self::TimeoutConnect => "timeout_connect",
            Self::TimeoutHeaders => "timeout_headers",
            Self::TimeoutBody => "timeout_body",
            Self::Protocol => "protocol",
            Self::Status => "status",
            Self::Redirect => "redirect",
        }
    }

    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// Two or three words.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Dns => "Name not found",
            Self::BlockedAddress => "Address not allowed",
            Self::Refused => "Connection refused",
            Self::Tls => "TLS failed",
            Self::TimeoutConnect => "Connection timed out",
            Self::TimeoutHeaders => "No response in time",
            Self::TimeoutBody => "Response incomplete",
            Self::Protocol => "Not an HTTP response",
            Self::Status => "Error response",
            Self::Redirect => "Redirect not followed",
        }
    }

    /// What to check.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Dns => "Check the host name of the URL and its DNS records.",
            Self::BlockedAddress => "The URL must resolve to public addresses only.",
            Self::Refused => "Check that your receiver is running and listening on this port.",
            Self::Tls => "Check that the certificate is valid for this name and that its chain is complete.",
            Self::TimeoutConnect => "Check that no firewall is blocking Gatehouse.",
            Self::TimeoutHeaders | Self::TimeoutBody => {
                "Return a 2xx immediately and do the work afterwards; the whole attempt must finish within 10 s."
            }
            Self::Protocol => "Check that the port speaks HTTP.",
            Self::Status => "Any 2xx counts as received. Check the response and your endpoint's own log.",
            Self::Redirect => "Use the final URL in the webhook.",
        }
    }
}

/// One request of an attempt, and its response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopRecord {
    pub url: String,
    /// The address that was connected to.
    pub address: Option<String>,
    pub request_headers: Vec<HeaderField>,
    pub status: Option<u16>,
    pub response_headers: Vec<HeaderField>,
    /// The first 16 KiB, as text.
    pub response_body: String,
    pub response_truncated: bool,
    pub timing: TimingRecord,
}

/// Milliseconds each part of a hop took; `None` where it was not reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimingRecord {
    pub dns_ms: Option<u64>,
    pub connect_ms: Option<u64>,
    pub tls_ms: Option<u64>,
    pub first_byte_ms: Option<u64>,
    pub body_ms: Option<u64>,
}
