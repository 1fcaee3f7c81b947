//! Who receives an event, whether a publication repeats an earlier one, and whether a test event may be sent.

use model::{DeliveryState, EventId, EventType, WebhookEvents, WebhookId};

use crate::storage::{ClaimAtBirth, Endpoint, Idempotency, PublishedEvent};
use crate::{Fate, Standing};

/// A webhook of the event's company and environment.
#[derive(Clone, Debug)]
pub struct Subscriber {
    pub webhook: WebhookId,
    pub events: WebhookEvents,
    pub standing: Standing,
    pub endpoint: Endpoint,
}

/// The first state of a delivery to a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// Claimed in the same transaction for this process's worker.
    Claimed,
    /// Due at once, for any worker.
    Due,
    /// It waits until the webhook is enabled.
    Waiting,
    /// It is recorded but not sent.
    Skipped,
}

impl Begins {
    pub const fn state(self) -> DeliveryState {
        match self {
            Self::Claimed | Self::Due | Self::Waiting => DeliveryState::Pending,
            Self::Skipped => DeliveryState::Skipped,
        }
    }
}

/// The webhooks that get a delivery of an event of this type: those that subscribe to it, as [`Standing::arriving`]
/// decides. A delivery is claimed if it can be sent at once, the publication may claim, and the webhook has no
/// deliveries queued.
pub fn recipients(
    event_type: EventType,
    claim: Option<&ClaimAtBirth>,
    subscribers: Vec<Subscriber>,
) -> Vec<(Subscriber, Begins)> {
    let may_claim = |webhook: &WebhookId| claim.is_some_and(|claim| !claim.except.contains(webhook));
    subscribers
        .into_iter()
        .filter(|one| one.events.includes(event_type))
        .filter_map(|one| {
            let begins = match one.standing.arriving() {
                Fate::Sent if may_claim(&one.webhook) => Begins::Claimed,
                Fate::Sent => Begins::Due,
                Fate::Waits => Begins::Waiting,
                Fate::Skipped => Begins::Skipped,
                Fate::Ended => return None,
            };
            Some((one, begins))
        })
        .collect()
}

/// An event that was published earlier under the same idempotency key.
#[derive(Clone, Debug)]
pub struct Earlier {
    pub event: EventId,
    pub request_hash: Vec<u8>,
    pub deliveries: u64,
}

/// The same request gets the earlier result again. A different request with the same key is refused.
pub fn repetition(idempotency: &Idempotency, earlier: Earlier) -> PublishedEvent {
    if earlier.request_hash == idempotency.request_hash {
        PublishedEvent::Before {
            event: earlier.event,
            deliveries: earlier.deliveries,
        }
    } else {
        PublishedEvent::Conflict
    }
}

/// A test event is sent now or not at all. It never waits for a disabled webhook.
pub fn may_test(standing: Standing) -> bool {
    standing.arriving() == Fate::Sent
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use model::{AttemptId, Timestamp};
    use vault::Sealed;

    use super::*;
    use crate::storage::OwnSecrets;

    const ARRIVED: EventType = EventType::OrderCreated;

    fn subscriber(byte: u8, events: WebhookEvents, standing: Standing) -> Subscriber {
        Subscriber {
            webhook: WebhookId::from_random([byte; 16]),
            events,
            standing,
            endpoint: Endpoint {
                url: "https://example.com/".to_owned(),
                own_secrets: OwnSecrets {
                    current: Sealed::from_bytes(Vec::new()),
                    former: None,
                },
                last_key: None,
            },
        }
    }

    fn claim(except: &[u8]) -> ClaimAtBirth {
        let except: HashSet<_> = except
            .iter()
            .map(|byte| WebhookId::from_random([*byte; 16]))
            .collect();
        ClaimAtBirth {
            lease: AttemptId::from_random([9; 16]),
            until: Timestamp::from_millis(1),
            except: Arc::new(except),
        }
    }

    /// What happens to an event for one webhook.
    fn begins(events: WebhookEvents, standing: Standing, claim: Option<&ClaimAtBirth>) -> Option<Begins> {
        let decided = recipients(ARRIVED, claim, vec![subscriber(1, events, standing)]);
        decided.first().map(|(_, begins)| *begins)
    }

    #[test]
    fn only_subscribers_receive_an_event() {
        let only = |types: &[EventType]| WebhookEvents::Only(types.to_vec());
        for (events, receives) in [
            (WebhookEvents::All, true),
            (only(&[ARRIVED]), true),
            (only(&[EventType::LinkDeleted, ARRIVED]), true),
            (only(&[EventType::LinkDeleted]), false),
            (only(&[]), false),
        ] {
            for standing in Standing::ALL {
                let expected = receives && standing != Standing::Deleted;
                let got = begins(events.clone(), standing, None);
                assert_eq!(got.is_some(), expected, "{events:?} {standing:?}");
            }
        }
    }

    #[test]
    fn how_a_delivery_begins_depends_on_its_webhook_and_on_who_may_claim() {
        use Begins as B;
        // Columns: the webhook, the result without a claim, with a claim, and with a claim that leaves this webhook
        // out.
        let table = [
            (Standing::Active, Some(B::Due), Some(B::Claimed), Some(B::Due)),
            (
                Standing::NoKey,
                Some(B::Waiting),
                Some(B::Waiting),
                Some(B::Waiting),
            ),
            (
                Standing::Paused,
                Some(B::Waiting),
                Some(B::Waiting),
                Some(B::Waiting),
            ),
            (
                Standing::Disabled,
                Some(B::Skipped),
                Some(B::Skipped),
                Some(B::Skipped),
            ),
            (Standing::Deleted, None, None, None),
        ];
        assert_eq!(
            table.map(|row| row.0),
            Standing::ALL,
            "every standing has its row"
        );
        for (standing, without, with, left_out) in table {
            let of = |claim: Option<&ClaimAtBirth>| begins(WebhookEvents::All, standing, claim);
            assert_eq!(of(None), without, "{standing:?}");
            assert_eq!(of(Some(&claim(&[]))), with, "{standing:?}");
            assert_eq!(of(Some(&claim(&[1]))), left_out, "{standing:?}");
        }
        assert_eq!(
            [B::Claimed, B::Due, B::Waiting, B::Skipped].map(B::state),
            [
                DeliveryState::Pending,
                DeliveryState::Pending,
                DeliveryState::Pending,
                DeliveryState::Skipped
            ]
        );
    }

    #[test]
    fn each_webhook_is_decided_on_its_own_and_in_order() {
        let webhooks = vec![
            subscriber(1, WebhookEvents::All, Standing::Disabled),
            subscriber(2, WebhookEvents::Only(Vec::new()), Standing::Active),
            subscriber(3, WebhookEvents::All, Standing::Active),
            subscriber(4, WebhookEvents::All, Standing::Active),
        ];
        let decided: Vec<_> = recipients(ARRIVED, Some(&claim(&[3])), webhooks)
            .into_iter()
            .map(|(one, begins)| (one.webhook, begins))
            .collect();
        let id = |byte| WebhookId::from_random([byte; 16]);
        assert_eq!(
            decided,
            [
                (id(1), Begins::Skipped),
                (id(3), Begins::Due),
                (id(4), Begins::Claimed)
            ]
        );
    }

    #[test]
    fn the_same_request_gets_the_earlier_result_and_a_different_one_is_refused() {
        let idempotency = Idempotency {
            key: "k".to_owned(),
            request_hash: [1; 32],
        };
        let earlier = |hash: &[u8]| Earlier {
            event: EventId::from_random([5; 16]),
            request_hash: hash.to_vec(),
            deliveries: 3,
        };
        assert!(matches!(
            repetition(&idempotency, earlier(&[1; 32])),
            PublishedEvent::Before { event, deliveries: 3 } if event == EventId::from_random([5; 16])
        ));
        for other in [&[2; 32][..], &[1; 31], &[]] {
            assert!(matches!(
                repetition(&idempotency, earlier(other)),
                PublishedEvent::Conflict
            ));
        }
    }

    #[test]
    fn a_test_is_sent_only_to_an_enabled_webhook() {
        let allowed = Standing::ALL.map(may_test);
        assert_eq!(allowed, [true, false, false, false, false]);
    }
}
