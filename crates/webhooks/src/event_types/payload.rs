//! What publishing does with a payload that its type's schema does not allow.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::{EventId, EventType, Timestamp};
use serde_json::Value;

use super::schema::MOST_WORK;
use super::{KnownTypes, PayloadFault};

/// How often the server's log says that payloads of one type are wrong.
const SAY_EVERY_SECONDS: i64 = 60;

/// A check with at most this much work is done at once.
const QUICK_WORK: u64 = 5_000;

/// What is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadCheck {
    /// Payloads are not checked.
    Off,
    /// The event is accepted and counted, and the server's log says so once a minute for each type.
    #[default]
    Warn,
    /// The publication is refused.
    Reject,
}

/// How many payloads were checked since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayloadCounts {
    pub right: u64,
    /// Accepted all the same, or refused.
    pub wrong: u64,
}

/// Checks payloads, and counts.
#[derive(Debug, Default)]
pub(crate) struct Payloads {
    right: AtomicU64,
    wrong: AtomicU64,
    /// Of a check that takes long.
    turn: tokio::sync::Mutex<()>,
    said: Mutex<HashMap<EventType, Timestamp>>,
}

impl Payloads {
    /// The faults for which a publication is refused.
    pub(crate) async fn check(
        &self,
        check: PayloadCheck,
        known: &Arc<KnownTypes>,
        (event, event_type): (EventId, &EventType),
        payload: &str,
        now: Timestamp,
    ) -> Result<(), Vec<PayloadFault>> {
        if check == PayloadCheck::Off {
            return Ok(());
        }
        let Some(faults) = self.faults(known, event_type, payload).await else {
            return Ok(());
        };
        let Some(first) = faults.first() else {
            self.right.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        self.wrong.fetch_add(1, Ordering::Relaxed);
        if check == PayloadCheck::Reject {
            return Err(faults);
        }
        if self.says(event_type, now) {
            tracing::warn!(
                webhook_id = %event,
                %event_type,
                pointer = first.pointer,
                fault = first.message,
                faults = faults.len(),
                "the payload of an event is not what the schema of its type says; it is published all the same"
            );
        }
        Ok(())
    }

    /// What the type's schema says is wrong with the payload, which has been read as JSON before. `None` if it has no schema. What
    /// takes long is checked on a thread for such work, one at a time, so that it takes neither the server's threads nor much
    /// memory.
    async fn faults(
        &self,
        known: &Arc<KnownTypes>,
        event_type: &EventType,
        payload: &str,
    ) -> Option<Vec<PayloadFault>> {
        let schema = known.schema(event_type)?;
        let payload: Value = serde_json::from_str(payload).ok()?;
        let work = schema.work(&payload);
        if work > MOST_WORK {
            return Some(vec![PayloadFault {
                pointer: String::new(),
                message: "is too large to be checked with the schema of its type".to_owned(),
            }]);
        }
        if work <= QUICK_WORK {
            return Some(schema.faults(&payload));
        }
        let _turn = self.turn.lock().await;
        let (known, event_type) = (Arc::clone(known), event_type.clone());
        let checking = tokio::task::spawn_blocking(move || {
            known.schema(&event_type).map(|schema| schema.faults(&payload))
        });
        // It cannot be cancelled. A panic is a fault of the library.
        checking.await.ok().flatten()
    }

    pub(crate) fn counts(&self) -> PayloadCounts {
        PayloadCounts {
            right: self.right.load(Ordering::Relaxed),
            wrong: self.wrong.load(Ordering::Relaxed),
        }
    }

    fn says(&self, event_type: &EventType, now: Timestamp) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let last = said.get(event_type);
        let says = last.is_none_or(|last| {
            let ago = now.millis_since(*last);
            !(0..SAY_EVERY_SECONDS * 1000).contains(&ago)
        });
        if says {
            said.insert(event_type.clone(), now);
        }
        says
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATED: EventType = EventType::from_static("order-created");
    const NOW: Timestamp = Timestamp::from_millis(1_767_607_200_000);

    #[tokio::test]
    async fn a_wrong_payload_is_accepted_counted_or_refused() {
        let (payloads, known) = (Payloads::default(), Arc::new(KnownTypes::documented()));
        let id = EventId::from_random([1; 16]);
        let check = async |check, payload| payloads.check(check, &known, (id, &CREATED), payload, NOW).await;
        let right = r#"{"order_id":"1","status":"pending"}"#;
        let wrong = r#"{"order_id":1}"#;
        for accepting in [PayloadCheck::Off, PayloadCheck::Warn] {
            assert_eq!(check(accepting, right).await, Ok(()));
            assert_eq!(check(accepting, wrong).await, Ok(()));
        }
        assert_eq!(payloads.counts(), PayloadCounts { right: 1, wrong: 1 });
        assert_eq!(check(PayloadCheck::Reject, right).await, Ok(()));
        let pointers = |faults: Vec<PayloadFault>| {
            let mut pointers: Vec<String> = faults.into_iter().map(|fault| fault.pointer).collect();
            pointers.sort_unstable();
            pointers
        };
        let faults = check(PayloadCheck::Reject, wrong).await.expect_err("refused");
        assert_eq!(pointers(faults), ["", "/order_id"]);
        assert_eq!(payloads.counts(), PayloadCounts { right: 2, wrong: 2 });
        let other = EventType::from_static("of-no-catalogue");
        let unchecked = payloads
            .check(PayloadCheck::Reject, &known, (id, &other), wrong, NOW)
            .await;
        assert_eq!(unchecked, Ok(()));

        // What takes longer has the same answer, and what would take too long has one too.
        let sized = |values: usize| format!(r#"{{"order_id":1,"more":[{}1]}}"#, "1,".repeat(values));
        let (longer, longest) = (sized(3_000), sized(120_000));
        let faults = check(PayloadCheck::Reject, &longer).await.expect_err("refused");
        assert_eq!(pointers(faults), ["", "/order_id"]);
        let faults = check(PayloadCheck::Reject, &longest).await.expect_err("refused");
        assert!(faults[0].message.contains("too large"), "{faults:?}");
    }

    #[test]
    fn the_log_says_it_once_a_minute_for_each_type() {
        let payloads = Payloads::default();
        assert!(payloads.says(&CREATED, NOW));
        assert!(!payloads.says(&CREATED, NOW.plus_seconds(59)));
        assert!(payloads.says(&EventType::from_static("other-type"), NOW));
        assert!(payloads.says(&CREATED, NOW.plus_seconds(60)));
        assert!(
            payloads.says(&CREATED, NOW.plus_seconds(-3600)),
            "the clock was set back"
        );
    }
}
