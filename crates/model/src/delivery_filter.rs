//! Which deliveries of a webhook are meant: the address of the list, the parameters of the public API, and what a recovery
//! remembers.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::log_address::{QueryWriter, query_pairs};
use crate::{
    DeliveryId, DeliveryRow, DeliveryState, EventId, EventType, FailureClass, InvalidFilter, StatusFilter,
    Timestamp,
};

/// Conditions that a delivery must all meet; the default is every delivery. As text it is a query string such as
/// `state=failing&state=exhausted&event=order-created&status=5xx`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Any of these; all if it is empty. In the order of [`DeliveryStateFilter::ALL`], without repetition.
    pub states: Vec<DeliveryStateFilter>,
    pub event_type: Option<EventType>,
    /// How the last attempt ended.
    pub answer: Option<AnswerFilter>,
    /// How many attempts the schedule has made.
    pub attempts: Option<u32>,
    /// When its event was accepted: from this time on (included).
    pub from: Option<Timestamp>,
    /// Up to this time (excluded).
    pub until: Option<Timestamp>,
    /// The id of the delivery or of its event.
    pub id: Option<IdFilter>,
    /// Only test events, or none of them.
    pub tests: Option<bool>,
}

/// What a delivery's state is called in a filter. Each delivery has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryStateFilter {
    /// Waits for its first attempt.
    Waiting,
    /// Was tried, has not arrived, and is tried again.
    Failing,
    /// Waits for an API key to sign with.
    Held,
    /// Waits until the operator resumes it.
    OnHold,
    Delivered,
    Exhausted,
    Skipped,
    Cancelled,
}

impl DeliveryStateFilter {
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Failing,
        Self::Held,
        Self::OnHold,
        Self::Delivered,
        Self::Exhausted,
        Self::Skipped,
        Self::Cancelled,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Failing => "failing",
            Self::Held => "held",
            Self::OnHold => "on_hold",
            Self::Delivered => "delivered",
            Self::Exhausted => "exhausted",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// The one that a delivery with these columns has. `attempts` are the schedule's.
    pub const fn of(state: DeliveryState, on_hold: bool, attempts: u32) -> Self {
        match state {
            DeliveryState::Pending | DeliveryState::Held if on_hold => Self::OnHold,
            DeliveryState::Pending if attempts == 0 => Self::Waiting,
            DeliveryState::Pending => Self::Failing,
            DeliveryState::Held => Self::Held,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Exhausted => Self::Exhausted,
            DeliveryState::Skipped => Self::Skipped,
            DeliveryState::Cancelled => Self::Cancelled,
        }
    }
}

/// How the last attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFilter {
    /// `status`: the receiver's status.
    Status(StatusFilter),
    /// `failure`: why it failed.
    Failure(FailureClass),
}

/// An id of a delivery or of an event, whichever the text is. Both have the same form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdFilter {
    pub delivery: DeliveryId,
    pub event: EventId,
}

impl FromStr for IdFilter {
    type Err = crate::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self {
            delivery: text.parse()?,
            event: text.parse()?,
        })
    }
}

impl DeliveryFilter {
    /// The names of all parameters.
    pub const PARAMETERS: [&str; 9] = [
        "state", "event", "status", "failure", "attempts", "from", "until", "id", "test",
    ];

    /// Like `FromStr`, but leaves out what it cannot read and says which parts. Empty values and other parameters are no
    /// part of a filter.
    pub fn parse_lenient(query: &str) -> (Self, Vec<InvalidFilter>) {
        let mut filter = Self::default();
        let mut wrong = Vec::new();
        for (name, value) in query_pairs(query).filter(|(_, value)| !value.is_empty()) {
            if let Err(error) = filter.set(&name, &value)
                && !wrong.contains(&error)
            {
                wrong.push(error);
            }
        }
        filter
            .states
            .sort_by_key(|one| DeliveryStateFilter::ALL.iter().position(|other| other == one));
        filter.states.dedup();
        if let (Some(from), Some(until)) = (filter.from, filter.until)
            && until <= from
        {
            filter.until = None;
            wrong.push(InvalidFilter {
                name: "until",
                wants: "later than from",
            });
        }
        (filter, wrong)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), InvalidFilter> {
        match name {
            "state" => self
                .states
                .push(DeliveryStateFilter::from_name(value).ok_or_else(|| wants("state", A_STATE))?),
            "event" => put(
                &mut self.event_type,
                "event",
                value.parse(),
                "an event type such as order-created",
            )?,
            "status" => {
                let status = value.parse().map(AnswerFilter::Status);
                put(
                    &mut self.answer,
                    "status",
                    status,
                    "a status such as 503, 5xx or >=500, and no failure",
                )?;
            }
            "failure" => {
                let class = FailureClass::from_name(value)
                    .map(AnswerFilter::Failure)
                    .ok_or(());
                put(
                    &mut self.answer,
                    "failure",
                    class,
                    "a failure such as dns or timeout_headers, and no status",
                )?;
            }
            "attempts" => put(
                &mut self.attempts,
                "attempts",
                value.parse(),
                "a number of attempts",
            )?,
            "from" => put(&mut self.from, "from", value.parse(), A_TIME)?,
            "until" => put(&mut self.until, "until", value.parse(), A_TIME)?,
            "id" => put(
                &mut self.id,
                "id",
                value.trim().parse(),
                "the id of a delivery or a webhook_id",
            )?,
            "test" => {
                let tests = match value {
                    "only" => Ok(true),
                    "none" => Ok(false),
                    _ => Err(()),
                };
                put(&mut self.tests, "test", tests, "only or none")?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether it leaves nothing out.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a delivery meets all conditions.
    pub fn matches(&self, row: &DeliveryRow) -> bool {
        let state = DeliveryStateFilter::of(row.state, row.on_hold, row.attempts);
        let answer = match self.answer {
            None => true,
            Some(AnswerFilter::Failure(class)) => row.last_failure == Some(class),
            Some(AnswerFilter::Status(status)) => row.last_status.is_some_and(|got| {
                let (least, below) = status.bounds();
                (least..below).contains(&got)
            }),
        };
        (self.states.is_empty() || self.states.contains(&state))
            && self.event_type.as_ref().is_none_or(|one| *one == row.event_type)
            && answer
            && self.attempts.is_none_or(|attempts| attempts == row.attempts)
            && self.from.is_none_or(|from| row.created_at >= from)
            && self.until.is_none_or(|until| row.created_at < until)
            && self
                .id
                .is_none_or(|id| id.delivery == row.id || id.event == row.event_id)
            && self.tests.is_none_or(|tests| tests == row.test)
    }
}

const A_STATE: &str = "one of waiting, failing, held, on_hold, delivered, exhausted, skipped, cancelled";
const A_TIME: &str = "a time such as 2026-11-02T14:30:00Z";

const fn wants(name: &'static str, wants: &'static str) -> InvalidFilter {
    InvalidFilter { name, wants }
}

/// Sets a condition that there is once. A second, different value is refused: no delivery meets both.
fn put<T: PartialEq, E>(
    place: &mut Option<T>,
    name: &'static str,
    value: Result<T, E>,
    wanted: &'static str,
) -> Result<(), InvalidFilter> {
    let value = value.map_err(|_| wants(name, wanted))?;
    if place.as_ref().is_some_and(|earlier| *earlier != value) {
        return Err(wants(name, wanted));
    }
    *place = Some(value);
    Ok(())
}

impl FromStr for DeliveryFilter {
    type Err = InvalidFilter;

    fn from_str(query: &str) -> Result<Self, Self::Err> {
        let (filter, mut wrong) = Self::parse_lenient(query);
        if wrong.is_empty() {
            Ok(filter)
        } else {
            Err(wrong.swap_remove(0))
        }
    }
}

impl fmt::Display for DeliveryFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut query = QueryWriter::new(f);
        for state in &self.states {
            query.put("", "state", state.as_str())?;
        }
        if let Some(event_type) = &self.event_type {
            query.put("", "event", event_type.as_str())?;
        }
        match self.answer {
            Some(AnswerFilter::Status(status)) => query.put("", "status", &status.to_string())?,
            Some(AnswerFilter::Failure(class)) => query.put("", "failure", class.as_str())?,
            None => {}
        }
        if let Some(attempts) = self.attempts {
            query.put("", "attempts", &attempts.to_string())?;
        }
        for (name, at) in [("from", self.from), ("until", self.until)] {
            if let Some(at) = at {
                query.put("", name, &at.to_rfc3339())?;
            }
        }
        if let Some(id) = self.id {
            query.put("", "id", &id.delivery.to_string())?;
        }
        match self.tests {
            Some(true) => query.put("", "test", "only"),
            Some(false) => query.put("", "test", "none"),
            None => Ok(()),
        }
    }
}

impl Serialize for DeliveryFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeliveryFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
