//! Converts rows to typed values, including the few values whose text form only the store uses.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{
    AttemptOutcome, DeliveryRow, DeliveryState, DisabledReason, EventType, FailureClass, Webhook,
    WebhookEvents,
};
use sqlx::any::AnyRow;
use vault::Sealed;
use webhooks::decide::{self, Outlook};
use webhooks::{Endpoint, FormerSecret, OwnSecrets, Replay, SealedHeader, Standing};

use crate::{Columns, StoreError};

/// Reads a webhook from the columns of the table alias `w`.
pub(super) fn webhook(row: &AnyRow) -> Result<Webhook, StoreError> {
    Ok(Webhook {
        id: row.parsed("id")?,
        name: row.text("name")?,
        url: row.text("url")?,
        environment: row.parsed("environment")?,
        events: events(row.maybe_text("events")?.as_deref())?,
        enabled: row.flag("enabled")?,
        disabled: disabled(row)?,
        paused_by: row.maybe_text("paused_by")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

/// The webhook's own headers, from the column `headers`.
pub(crate) fn headers_column(row: &AnyRow) -> Result<Vec<SealedHeader>, StoreError> {
    let Some(text) = row.maybe_text("headers")? else {
        return Ok(Vec::new());
    };
    let corrupt = || StoreError::corrupt("headers of a webhook cannot be read");
    let pairs: Vec<(String, String)> = serde_json::from_str(&text).map_err(|_| corrupt())?;
    let headers = pairs.into_iter().map(|(name, value)| {
        let bytes = STANDARD.decode(value).map_err(|_| corrupt())?;
        Ok(SealedHeader {
            name,
            value: Sealed::from_bytes(bytes),
        })
    });
    headers.collect()
}

/// NULL for none.
pub(super) fn headers_text(headers: &[SealedHeader]) -> Result<Option<String>, StoreError> {
    if headers.is_empty() {
        return Ok(None);
    }
    let pairs: Vec<(&str, String)> = headers
        .iter()
        .map(|header| (header.name.as_str(), STANDARD.encode(header.value.as_bytes())))
        .collect();
    let text = serde_json::to_string(&pairs);
    text.map(Some)
        .map_err(|error| StoreError::corrupt(format!("headers: {error}")))
}

/// The most attempts a second, from the column `rate_limit`.
pub(super) fn rate_limit(row: &AnyRow) -> Result<Option<u32>, StoreError> {
    row.maybe_int("rate_limit")?
        .map(|rate| number(rate, "rate_limit"))
        .transpose()
}

/// Where deliveries go, what they carry and which secrets sign them. A deleted webhook has no secrets.
pub(super) fn endpoint(row: &AnyRow) -> Result<Endpoint, StoreError> {
    let former = row
        .maybe_blob("previous_secret")?
        .zip(row.maybe_time("previous_until")?);
    Ok(Endpoint {
        url: row.text("url")?,
        own_secrets: OwnSecrets {
            current: Sealed::from_bytes(row.blob("sealed_secret")?),
            former: former.map(|(bytes, until)| FormerSecret {
                sealed: Sealed::from_bytes(bytes),
                until,
            }),
        },
        last_key: row.maybe_parsed("last_key_id")?,
        headers: headers_column(row)?.into(),
        rate_limit: rate_limit(row)?,
    })
}

/// The webhook's standing, from the columns `disabled_reason` and `deleted_at`.
pub(super) fn standing(row: &AnyRow) -> Result<Standing, StoreError> {
    Ok(match row.maybe_time("deleted_at")? {
        Some(_) => Standing::Deleted,
        None => Standing::of(disabled(row)?),
    })
}

/// Why a webhook is disabled. `None` if it is enabled.
pub(super) fn disabled(row: &AnyRow) -> Result<Option<DisabledReason>, StoreError> {
    let reason = row.maybe_text("disabled_reason")?;
    named(reason.as_deref(), "disabled_reason", DisabledReason::from_name)
}

/// The columns of a [`DeliveryRow`], from `deliveries` as `d`, with the type of its event and the standing of its
/// webhook.
pub(super) const DELIVERY_COLUMNS: &str = "d.id, d.webhook_id, d.event_id, d.test, d.state, d.brake, d.attempts, d.replays, d.due_at, \
     d.lease, d.created_at, d.last_status, d.last_failure, d.last_duration_ms, e.event_type, \
     w.disabled_reason, w.deleted_at";

pub(super) fn delivery(row: &AnyRow) -> Result<DeliveryRow, StoreError> {
    let test = row.flag("test")?;
    let attempts = number(row.int("attempts")?, "attempts")?;
    let under_way = row.maybe_text("lease")?.is_some();
    let (state, on_hold) = (state(row)?, on_hold(row)?);
    let Outlook {
        next_attempt_at,
        webhook_is_off,
    } = decide::outlook(
        standing(row)?,
        state,
        under_way,
        on_hold,
        row.maybe_time("due_at")?,
    );
    Ok(DeliveryRow {
        id: row.parsed("id")?,
        webhook_id: row.parsed("webhook_id")?,
        event_id: row.parsed("event_id")?,
        event_type: row.parsed("event_type")?,
        test,
        state,
        attempts,
        attempts_at_most: decide::attempts_at_most(test),
        replays: number(row.int("replays")?, "replays")?,
        next_attempt_at,
        webhook_is_off,
        on_hold,
        created_at: row.time("created_at")?,
        last_status: status(row, "last_status")?,
        last_failure: named(
            row.maybe_text("last_failure")?.as_deref(),
            "last_failure",
            FailureClass::from_name,
        )?,
        last_duration_ms: row
            .maybe_int("last_duration_ms")?
            .and_then(|ms| u64::try_from(ms).ok()),
    })
}

/// The columns `brake` of a delivery on hold and of a cancelled one.
const HOLD: &str = "hold";
const CANCELLED: &str = "cancelled";

/// A delivery's state, from the columns `state` and `brake`.
pub(super) fn state(row: &AnyRow) -> Result<DeliveryState, StoreError> {
    if row.maybe_text("brake")?.as_deref() == Some(CANCELLED) {
        return Ok(DeliveryState::Cancelled);
    }
    maybe_state(row, "state")?.ok_or_else(|| StoreError::corrupt("state is missing"))
}

/// Whether the operator holds it, from the column `brake`.
pub(super) fn on_hold(row: &AnyRow) -> Result<bool, StoreError> {
    Ok(row.maybe_text("brake")?.as_deref() == Some(HOLD))
}

/// The columns `state` and `brake`. The former knows no cancelled deliveries: SQLite could only learn another state by
/// copying the table.
pub(super) const fn state_columns(
    state: DeliveryState,
    on_hold: bool,
) -> (&'static str, Option<&'static str>) {
    match state {
        DeliveryState::Cancelled => (DeliveryState::Skipped.as_str(), Some(CANCELLED)),
        state if on_hold => (state.as_str(), Some(HOLD)),
        state => (state.as_str(), None),
    }
}

fn maybe_state(row: &AnyRow, name: &str) -> Result<Option<DeliveryState>, StoreError> {
    named(row.maybe_text(name)?.as_deref(), name, DeliveryState::from_name)
}

/// What a pending replay has to remember.
pub(super) fn replay(row: &AnyRow) -> Result<Option<Replay>, StoreError> {
    let Some(from) = maybe_state(row, "replayed_from")? else {
        return Ok(None);
    };
    Ok(Some(Replay {
        from,
        resume_at: row.maybe_time("resume_at")?,
    }))
}

pub(super) fn status(row: &AnyRow, name: &str) -> Result<Option<u16>, StoreError> {
    row.maybe_int(name)?
        .map(|status| number(status, name))
        .transpose()
}

/// Reads the columns `status` and `failure`. An attempt without a failure is a success.
pub(super) fn outcome(row: &AnyRow) -> Result<AttemptOutcome, StoreError> {
    let status = status(row, "status")?;
    let failure = named(
        row.maybe_text("failure")?.as_deref(),
        "failure",
        FailureClass::from_name,
    )?;
    match (failure, status) {
        (Some(class), status) => Ok(AttemptOutcome::Failed { class, status }),
        (None, Some(status)) => Ok(AttemptOutcome::Succeeded { status }),
        (None, None) => Err(StoreError::corrupt(
            "an attempt has neither a status nor a failure",
        )),
    }
}

/// The two columns that store an outcome.
pub(super) fn outcome_columns(outcome: &AttemptOutcome) -> (Option<i64>, Option<&'static str>) {
    match outcome {
        AttemptOutcome::Succeeded { status } => (Some(i64::from(*status)), None),
        AttemptOutcome::Failed { class, status } => (status.map(i64::from), Some(class.as_str())),
    }
}

/// A comma-separated list. NULL means all event types.
pub(super) fn events_column(events: &WebhookEvents) -> Option<String> {
    match events {
        WebhookEvents::All => None,
        WebhookEvents::Only(types) => {
            Some(types.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(","))
        }
    }
}

pub(super) fn events(column: Option<&str>) -> Result<WebhookEvents, StoreError> {
    let Some(list) = column else {
        return Ok(WebhookEvents::All);
    };
    let types = list
        .split(',')
        .map(str::parse::<EventType>)
        .collect::<Result<_, _>>();
    types
        .map(WebhookEvents::Only)
        .map_err(|_| StoreError::corrupt(format!("events holds {list:?}")))
}

pub(super) fn number<T: TryFrom<i64>>(value: i64, name: &str) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::corrupt(format!("{name} holds {value}")))
}

fn named<T>(text: Option<&str>, name: &str, read: fn(&str) -> Option<T>) -> Result<Option<T>, StoreError> {
    let Some(text) = text else { return Ok(None) };
    read(text)
        .map(Some)
        .ok_or_else(|| StoreError::corrupt(format!("{name} holds {text:?}")))
}
