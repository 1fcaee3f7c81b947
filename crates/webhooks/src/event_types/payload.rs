//! What publishing does with a payload that its type's schema does not allow.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use model::{EventId, EventType, Timestamp};

use super::{KnownTypes, PayloadFault};

/// How often the server's log says that payloads of one type are wrong.
const SAY_EVERY_SECONDS: i64 = 60;

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
    said: Mutex<HashMap<EventType, Timestamp>>,
}

impl Payloads {
    /// The faults for which a publication is refused.
    pub(crate) fn check(
        &self,
        check: PayloadCheck,
        known: &KnownTypes,
        (event, event_type): (EventId, &EventType),
        payload: &str,
        now: Timestamp,
    ) -> Result<(), Vec<PayloadFault>> {
        if check == PayloadCheck::Off {
            return Ok(());
        }
        let Some(faults) = known.payload_faults(event_type, payload) else {
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

    #[test]
    fn a_wrong_payload_is_accepted_counted_or_refused() {
        let (payloads, known) = (Payloads::default(), KnownTypes::documented());
        let id = EventId::from_random([1; 16]);
        let check = |check, payload| payloads.check(check, &known, (id, &CREATED), payload, NOW);
        let right = r#"{"order_id":"1","status":"pending"}"#;
        let wrong = r#"{"order_id":1}"#;
        for accepting in [PayloadCheck::Off, PayloadCheck::Warn] {
            assert_eq!(check(accepting, right), Ok(()));
            assert_eq!(check(accepting, wrong), Ok(()));
        }
        assert_eq!(payloads.counts(), PayloadCounts { right: 1, wrong: 1 });
        assert_eq!(check(PayloadCheck::Reject, right), Ok(()));
        let faults = check(PayloadCheck::Reject, wrong).expect_err("refused");
        let mut pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["", "/order_id"]);
        assert_eq!(payloads.counts(), PayloadCounts { right: 2, wrong: 2 });
        let other = EventType::from_static("of-no-catalogue");
        assert_eq!(
            payloads.check(PayloadCheck::Reject, &known, (id, &other), wrong, NOW),
            Ok(())
        );
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
