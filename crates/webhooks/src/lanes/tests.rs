//! Tests of the lanes.

use model::{AttemptId, DeliveryId, Environment, EventId, EventType};
use vault::Sealed;

use super::*;
use crate::storage::{Endpoint, OwnSecrets, Paced};

fn webhook(byte: u8) -> WebhookId {
    WebhookId::from_random([byte; 16])
}

fn company(byte: u8) -> CompanyId {
    CompanyId::from_random([byte; 16])
}

/// A webhook whose company has no others.
pub(crate) fn alone(byte: u8) -> (WebhookId, CompanyId) {
    (webhook(byte), company(byte))
}

fn lanes(per_webhook: u32, at_once: u32) -> Lanes {
    Lanes::new(WorkerOptions {
        per_webhook,
        at_once,
        ..WorkerOptions::default()
    })
}

pub(crate) fn claimed((webhook, company): (WebhookId, CompanyId)) -> Claimed {
    Claimed {
        delivery: DeliveryId::from_random([1; 16]),
        lease: AttemptId::from_random([1; 16]),
        until: Timestamp::from_millis(30_000),
        webhook,
        company,
        environment: Environment::Sandbox,
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
        event: EventId::from_random([1; 16]),
        event_type: EventType::from_static("order-created"),
        body: Arc::new(Sealed::from_bytes(Vec::new())),
        attempts: 0,
        before: None,
        test: false,
        replay: None,
    }
}

/// Puts deliveries into the lane and starts what may start. Returns how many started.
fn occupy(lanes: &mut Lanes, whose: (WebhookId, CompanyId), deliveries: u32) -> usize {
    for _ in 0..deliveries {
        assert!(lanes.add(claimed(whose)).is_ok());
    }
    std::iter::from_fn(|| lanes.start(whose.0)).count()
}

fn end(lanes: &mut Lanes, (webhook, company): (WebhookId, CompanyId), millis: u64) {
    lanes.end(webhook, company, Some(Duration::from_millis(millis)));
}

#[test]
fn a_rate_limit_that_is_used_up_is_waited_for_and_is_no_pressure() {
    let mut lanes = lanes(4, 100);
    let (webhook, company) = alone(1);
    let at = |millis: i64| Timestamp::from_millis(1_767_607_200_000 + millis);
    lanes.ready([(webhook, company)]);
    let wanted = lanes.wanted();
    assert_eq!(wanted, [(webhook, 4)]);
    lanes.begin_claim();
    // It was published to during the claim.
    lanes.ready([(webhook, company)]);
    let paced = Paced {
        webhook,
        company,
        again_at: at(50),
    };
    let taken = Taken {
        claimed: Vec::new(),
        paced: vec![paced],
    };
    lanes.end_claim(&wanted, Some(&taken));
    assert_eq!((lanes.wanted(), lanes.next()), (Vec::new(), Some(at(50))));
    lanes.ready([(webhook, company)]);
    lanes.due_by(at(49));
    assert_eq!(lanes.wanted(), [], "each publication would ask the database");
    lanes.due_by(at(50));
    assert_eq!(lanes.wanted(), wanted);
    assert!(
        lanes.startable().is_empty(),
        "a backlog behind a limit is not startable"
    );
    lanes.begin_claim();
    lanes.end_claim(&wanted, Some(&Taken::default()));
    lanes.ready([(webhook, company)]);
    assert!(
        lanes.startable().contains_key(&webhook),
        "the limit no longer holds it back"
    );
    // A changed limit counts at once.
    lanes.begin_claim();
    lanes.end_claim(&wanted, Some(&taken));
    lanes.ready([(webhook, company)]);
    lanes.changed(webhook);
    assert_eq!(lanes.wanted(), wanted);
}

#[test]
fn a_full_lane_asks_for_nothing_and_leaves_places_to_others() {
    let mut lanes = lanes(4, 20);
    occupy(&mut lanes, alone(1), 4);
    lanes.ready([alone(1), alone(2)]);
    assert_eq!(lanes.wanted(), vec![(webhook(2), 4)]);
    lanes.end(webhook(1), company(1), None);
    let mut wanted = lanes.wanted();
    wanted.sort();
    assert_eq!(wanted, vec![(webhook(1), 1), (webhook(2), 4)]);
}

#[test]
fn what_may_be_claimed_ahead_follows_from_the_time_that_attempts_take() {
    let ahead = |millis| {
        let mut lanes = lanes(4, 1_000);
        occupy(&mut lanes, alone(1), 4);
        end(&mut lanes, alone(1), millis);
        lanes.ready([alone(1)]);
        lanes.wanted().first().map_or(0, |(_, places)| *places) - 1
    };
    assert_eq!(
        [0, 1, 25, 100, 399, 401, 10_000].map(ahead),
        [28, 28, 16, 4, 1, 0, 0]
    );
}

#[test]
fn what_is_claimed_ahead_waits_until_an_attempt_has_ended() {
    let mut lanes = lanes(2, 20);
    assert_eq!(occupy(&mut lanes, alone(1), 5), 2);
    assert!(lanes.start(webhook(1)).is_none());
    end(&mut lanes, alone(1), 5);
    assert!(lanes.start(webhook(1)).is_some());
    assert!(lanes.start(webhook(1)).is_none());
    assert_eq!(lanes.take_waiting(webhook(2)).len(), 0);
    assert_eq!(
        lanes.take_waiting(webhook(1)).len(),
        2,
        "the two that have not started"
    );
    assert_eq!(lanes.places.free(), 18);
}

#[test]
fn there_are_never_more_claimed_than_places() {
    let mut lanes = lanes(4, 3);
    assert_eq!(occupy(&mut lanes, alone(1), 3), 3);
    assert!(lanes.add(claimed(alone(2))).is_err());
    end(&mut lanes, alone(1), 5);
    assert!(lanes.add(claimed(alone(2))).is_ok());
}

#[test]
fn no_one_gets_more_places_than_there_are() {
    let mut lanes = lanes(8, 8);
    occupy(&mut lanes, alone(9), 6);
    lanes.ready((1..=5).map(alone));
    let wanted = lanes.wanted();
    assert_eq!(
        wanted.iter().map(|(_, places)| places).sum::<u32>(),
        2,
        "{wanted:?}"
    );
    assert!(wanted.iter().all(|(_, places)| *places == 1));
}

#[test]
fn a_company_with_many_webhooks_leaves_places_for_a_company_with_one() {
    let mut lanes = lanes(32, 512);
    let many = |byte| (webhook(byte), company(1));
    lanes.ready((1..=17).map(many));
    let wanted = lanes.wanted();
    assert_eq!(wanted.iter().map(|(_, places)| places).sum::<u32>(), 256);
    for byte in 1..=16 {
        occupy(&mut lanes, many(byte), 16);
    }
    assert!(lanes.wanted().is_empty(), "it already has its share");
    let admission = lanes.admission();
    assert_eq!(admission.companies.get(&company(1)), Some(&0));
    assert_eq!((admission.in_all, admission.each_company), (256, 128));
    lanes.ready([(webhook(99), company(2))]);
    assert_eq!(lanes.wanted(), vec![(webhook(99), 32)]);
}

#[test]
fn publications_claim_nothing_for_a_webhook_that_is_full_or_has_a_backlog() {
    let mut lanes = lanes(2, 50);
    occupy(&mut lanes, alone(1), 2);
    occupy(&mut lanes, alone(2), 1);
    lanes.ready([alone(3)]);
    let webhooks = lanes.admission().webhooks;
    let room = |byte| webhooks.get(&webhook(byte)).copied();
    assert_eq!([1, 2, 3, 4].map(room), [Some(0), Some(1), Some(0), None]);
    assert_eq!(lanes.admission().each_webhook, 2);
}

#[test]
fn a_webhook_that_got_less_than_it_asked_for_has_nothing_more() {
    let wanted = [(webhook(1), 2), (webhook(2), 2), (webhook(3), 2)];
    let got = Taken {
        claimed: vec![claimed(alone(1)), claimed(alone(1)), claimed(alone(2))],
        paced: Vec::new(),
    };
    let left = |taken: Option<&Taken>| {
        let mut lanes = lanes(4, 20);
        lanes.ready([alone(1), alone(2), alone(3)]);
        lanes.begin_claim();
        // Something was published while the claim was on its way.
        lanes.ready([alone(3)]);
        lanes.end_claim(&wanted, taken);
        let mut ready: Vec<_> = lanes.ready.into_keys().collect();
        ready.sort();
        ready
    };
    assert_eq!(left(Some(&got)), [webhook(1), webhook(3)]);
    assert_eq!(left(None), [1, 2, 3].map(webhook), "it failed");
}

#[test]
fn a_backlog_could_start_unless_it_waits_for_its_receivers() {
    let startable = |lanes: &Lanes| {
        let mut found: Vec<_> = lanes.startable().into_keys().collect();
        found.sort();
        found
    };
    let mut slow = lanes(2, 50);
    slow.ready([alone(1), alone(2)]);
    assert_eq!(startable(&slow), [webhook(1), webhook(2)]);
    occupy(&mut slow, alone(1), 2);
    assert_eq!(
        startable(&slow),
        [webhook(2)],
        "the lane is full, and nothing has ended"
    );
    end(&mut slow, alone(1), 10_000);
    occupy(&mut slow, alone(1), 1);
    assert_eq!(startable(&slow), [webhook(2)], "its receiver is slow");

    let mut quick = lanes(2, 50);
    occupy(&mut quick, alone(1), 2);
    end(&mut quick, alone(1), 3);
    occupy(&mut quick, alone(1), 1);
    quick.ready([alone(1)]);
    assert_eq!(startable(&quick), [webhook(1)], "full, but not for long");

    // Slow receivers have taken the company's share.
    let mut shared = lanes(2, 8);
    for byte in [1, 2] {
        occupy(&mut shared, (webhook(byte), company(1)), 2);
    }
    shared.ready([(webhook(3), company(1)), alone(4)]);
    assert_eq!(startable(&shared), [webhook(4)]);
}

#[test]
fn a_retry_becomes_ready_when_it_is_due_and_no_earlier() {
    let mut lanes = lanes(4, 10);
    let due = Timestamp::from_millis(5_000);
    lanes.later(due, webhook(1), company(1));
    lanes.due_by(due.plus_millis(-1));
    assert_eq!((lanes.wanted(), lanes.next()), (Vec::new(), Some(due)));
    lanes.due_by(due);
    assert_eq!((lanes.wanted(), lanes.next()), (vec![(webhook(1), 4)], None));
}
