//! Who receives an event, whether a publication repeats an earlier one, and whether a test event may be sent.

use std::collections::HashMap;
use std::sync::Arc;

use model::{CompanyId, DeliveryId, DeliveryState, EventId, EventType, WebhookEvents, WebhookId};

use crate::storage::{ClaimAtBirth, Claimed, Endpoint, Idempotency, NewEvent, PublishedEvent, Room};
use crate::{Fate, Standing};

/// A webhook of the event's company and environment.
#[derive(Clone, Debug)]
pub struct Subscriber {
    pub webhook: WebhookId,
    pub events: WebhookEvents,
    pub standing: Standing,
    pub endpoint: Endpoint,
}

impl Subscriber {
    /// A delivery of the event to this webhook, claimed as it is stored.
    pub fn claimed(&self, event: &NewEvent, delivery: DeliveryId, claim: &ClaimAtBirth) -> Claimed {
        Claimed {
            delivery,
            lease: claim.lease,
            until: claim.until,
            webhook: self.webhook,
            company: event.company,
            environment: event.environment,
            endpoint: self.endpoint.clone(),
            event: event.id,
            event_type: event.event_type.clone(),
            body: Arc::clone(&event.body),
            attempts: 0,
            before: None,
            test: false,
            replay: None,
        }
    }
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

/// Counts what publications claim, within a [`Room`].
#[derive(Debug)]
pub struct Claims {
    room: Room,
    in_all: usize,
    webhooks: HashMap<WebhookId, usize>,
    companies: HashMap<CompanyId, usize>,
}

impl Claims {
    /// `None` claims nothing.
    pub fn within(room: Option<Room>) -> Self {
        Self {
            room: room.unwrap_or_default(),
            in_all: 0,
            webhooks: HashMap::new(),
            companies: HashMap::new(),
        }
    }

    /// Counts one more for this webhook, if there is room.
    fn take(&mut self, webhook: WebhookId, company: CompanyId) -> bool {
        let room = &self.room;
        let of_webhook = self.webhooks.entry(webhook).or_insert(0);
        let of_company = self.companies.entry(company).or_insert(0);
        let fits = self.in_all < room.in_all
            && *of_webhook < *room.webhooks.get(&webhook).unwrap_or(&room.each_webhook)
            && *of_company < *room.companies.get(&company).unwrap_or(&room.each_company);
        if fits {
            self.in_all += 1;
            *of_webhook += 1;
            *of_company += 1;
        }
        fits
    }
}

/// The webhooks that get a delivery of an event of this type: those that subscribe to it, as [`Standing::arriving`]
/// decides. A delivery is claimed if it can be sent at once, its webhook has no rate limit, and `claims` has room.
pub fn recipients<'a>(
    event_type: &EventType,
    company: CompanyId,
    claims: &mut Claims,
    subscribers: &'a [Subscriber],
) -> Vec<(&'a Subscriber, Begins)> {
    subscribers
        .iter()
        .filter(|one| one.events.includes(event_type))
        .filter_map(|one| {
            let begins = match one.standing.arriving() {
                Fate::Sent if one.endpoint.rate_limit.is_none() && claims.take(one.webhook, company) => {
                    Begins::Claimed
                }
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
    use vault::Sealed;

    use super::*;
    use crate::storage::OwnSecrets;

    const ARRIVED: EventType = EventType::from_static("order-created");

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
                headers: Arc::new([]),
                rate_limit: None,
            },
        }
    }

    const COMPANY: CompanyId = CompanyId::from_random([7; 16]);

    /// Room for one delivery of each webhook but these.
    fn room_for_one(except: &[u8]) -> Room {
        let except = except.iter().map(|byte| (WebhookId::from_random([*byte; 16]), 0));
        Room {
            in_all: 10,
            each_webhook: 1,
            webhooks: Arc::new(except.collect()),
            each_company: 10,
            companies: Arc::default(),
        }
    }

    /// What happens to an event for one webhook.
    fn begins(events: WebhookEvents, standing: Standing, room: Option<Room>) -> Option<Begins> {
        let subscribers = [subscriber(1, events, standing)];
        let decided = recipients(&ARRIVED, COMPANY, &mut Claims::within(room), &subscribers);
        decided.first().map(|(_, begins)| *begins)
    }

    #[test]
    fn only_subscribers_receive_an_event() {
        let only = |types: &[EventType]| WebhookEvents::Only(types.to_vec());
        for (events, receives) in [
            (WebhookEvents::All, true),
            (only(&[ARRIVED]), true),
            (only(&[EventType::from_static("link-deleted"), ARRIVED]), true),
            (only(&[EventType::from_static("link-deleted")]), false),
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
            let of = |room: Option<Room>| begins(WebhookEvents::All, standing, room);
            assert_eq!(of(None), without, "{standing:?}");
            assert_eq!(of(Some(room_for_one(&[]))), with, "{standing:?}");
            assert_eq!(of(Some(room_for_one(&[1]))), left_out, "{standing:?}");
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
        let mut claims = Claims::within(Some(room_for_one(&[3])));
        let decided: Vec<_> = recipients(&ARRIVED, COMPANY, &mut claims, &webhooks)
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
    fn no_more_is_claimed_than_there_is_room_for() {
        let webhooks: Vec<_> = (1..=3)
            .map(|byte| subscriber(byte, WebhookEvents::All, Standing::Active))
            .collect();
        let claimed = |room: Room, events: usize| {
            let mut claims = Claims::within(Some(room));
            let begins = (0..events).flat_map(|_| recipients(&ARRIVED, COMPANY, &mut claims, &webhooks));
            begins.filter(|(_, begins)| *begins == Begins::Claimed).count()
        };
        let wide = Room {
            in_all: 100,
            each_webhook: 100,
            each_company: 100,
            ..Room::default()
        };
        assert_eq!(claimed(wide.clone(), 5), 15);
        assert_eq!(
            claimed(
                Room {
                    in_all: 4,
                    ..wide.clone()
                },
                5
            ),
            4
        );
        assert_eq!(
            claimed(
                Room {
                    each_webhook: 2,
                    ..wide.clone()
                },
                5
            ),
            6
        );
        assert_eq!(
            claimed(
                Room {
                    each_company: 7,
                    ..wide.clone()
                },
                5
            ),
            7
        );
        let of_one = Arc::new(HashMap::from([(COMPANY, 1)]));
        assert_eq!(
            claimed(
                Room {
                    companies: of_one,
                    ..wide
                },
                5
            ),
            1
        );
        assert_eq!(claimed(Room::default(), 5), 0);
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
