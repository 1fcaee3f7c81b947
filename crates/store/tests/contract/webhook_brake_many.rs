//! Which deliveries the operator's brake means, how it counts them, and how it changes many of them, on both databases.

use std::time::Duration;

use model::{CompanyId, EventType, WebhookId};
use tokio::task::JoinSet;
use webhooks::decide::BrakeAction::{Cancel, Hold, Resume};
use webhooks::{Backlog, BrakeTotals, BrakeWanted, Publication};

use crate::test_db::TestDb;
use crate::webhook_brake::{Scene, act, found, operator};
use crate::webhook_locks::claim;
use crate::webhook_world::{SANDBOX, START, World, ana, draft};

contract!(
    store::MAIN_MIGRATIONS,
    [
        each_selector_takes_what_fits_and_nothing_of_another_company,
        what_is_on_hold_counts_as_waiting_and_not_as_overdue,
        many_are_changed_in_several_steps,
        the_same_action_again_changes_nothing_and_leaves_its_audit_row,
        a_job_whose_time_is_over_is_done_by_the_same_action_again,
    ]
);

const NO_TIME: Duration = Duration::ZERO;

async fn publish_to(world: &World, company: CompanyId, event_type: EventType) {
    world.clock.advance_seconds(1);
    let publication = Publication {
        company,
        environment: SANDBOX,
        event_type,
        payload: "{}",
        happened_at: None,
        request_id: None,
        idempotency_key: None,
    };
    world
        .webhooks
        .publish(publication, &ana())
        .await
        .expect("published");
}

/// Three webhooks: two of a company, one of another. Each company has an event in each of four seconds, of two types.
async fn each_selector_takes_what_fits_and_nothing_of_another_company(db: &TestDb) {
    let world = World::create(db).await;
    let (ours, theirs) = (world.company.id, world.other.id);
    let first = world.webhook("http://127.0.0.1:8088/1").await.id;
    world.webhook("http://127.0.0.1:8088/2").await;
    let other = world
        .webhooks
        .create(theirs, &draft("http://127.0.0.1:8088/3"), &ana())
        .await;
    let other = other.expect("created").id;
    let types = ["order-created", "link-deleted"].map(EventType::from_static);
    for event_type in [&types[0], &types[1], &types[0], &types[1]] {
        publish_to(&world, ours, event_type.clone()).await;
        publish_to(&world, theirs, event_type.clone()).await;
    }
    let (brake, any) = (world.webhooks.brake(), BrakeWanted::default());
    let at = |seconds| Some(START.plus_seconds(seconds));
    // Our events are at 1, 3, 5 and 7 s, theirs at 2, 4, 6 and 8 s. Columns: selection, deliveries of ours, of theirs.
    let table = [
        (any.clone(), 8, 4),
        (
            BrakeWanted {
                company: Some(ours),
                ..any.clone()
            },
            8,
            0,
        ),
        (
            BrakeWanted {
                company: Some(theirs),
                ..any.clone()
            },
            0,
            4,
        ),
        (
            BrakeWanted {
                webhook: Some(first),
                ..any.clone()
            },
            4,
            0,
        ),
        (
            BrakeWanted {
                webhook: Some(other),
                company: Some(ours),
                ..any.clone()
            },
            0,
            0,
        ),
        (
            BrakeWanted {
                event_type: Some(types[0].clone()),
                ..any.clone()
            },
            4,
            2,
        ),
        (
            BrakeWanted {
                from: at(3),
                ..any.clone()
            },
            6,
            3,
        ),
        (
            BrakeWanted {
                until: at(3),
                ..any.clone()
            },
            4,
            1,
        ),
        (
            BrakeWanted {
                from: at(3),
                until: at(4),
                ..any.clone()
            },
            2,
            1,
        ),
        (
            BrakeWanted {
                company: Some(ours),
                webhook: Some(first),
                event_type: Some(types[1].clone()),
                from: at(2),
                until: at(6),
            },
            1,
            0,
        ),
    ];
    for (wanted, of_ours, of_theirs) in table {
        for (action, back) in [(Hold, Resume), (Resume, Hold)] {
            if action == Resume {
                act(&brake, Hold, &any).await;
            }
            let counted = found(&brake, action, &wanted).await.deliveries;
            assert_eq!(counted, of_ours + of_theirs, "{action:?} {wanted:?}");
            assert_eq!(
                act(&brake, action, &wanted).await.deliveries,
                counted,
                "{action:?} {wanted:?}"
            );
            let held = async |company: CompanyId| {
                let company = BrakeWanted {
                    company: Some(company),
                    ..any.clone()
                };
                found(&brake, back, &company).await.deliveries
            };
            assert_eq!(
                (held(ours).await, held(theirs).await),
                (of_ours, of_theirs),
                "{action:?} {wanted:?}"
            );
            act(&brake, Resume, &any).await;
        }
    }
    let wanted = BrakeWanted {
        webhook: Some(first),
        from: at(4),
        ..any.clone()
    };
    assert_eq!(act(&brake, Cancel, &wanted).await.deliveries, 2);
    assert_eq!(
        found(&brake, Cancel, &any).await.deliveries,
        10,
        "the others wait"
    );
    let company = brake.company_of(other).await.expect("read");
    assert_eq!(company, Some(theirs));
    let nowhere = WebhookId::from_random([9; 16]);
    assert_eq!(brake.company_of(nowhere).await.expect("read"), None);
}

async fn what_is_on_hold_counts_as_waiting_and_not_as_overdue(db: &TestDb) {
    let scene = Scene::create(db).await;
    let world = &scene.world;
    for _ in 0..4 {
        scene.publish().await;
    }
    let now = world.clock_now().plus_seconds(60);
    let overdue = async || {
        let counts = world.store.queue.overdue(vec![scene.webhook], now, 100).await;
        let one = counts.expect("counted").remove(0);
        (one.deliveries, one.oldest)
    };
    assert_eq!(overdue().await, (4, Some(START.plus_seconds(1))));
    let earlier = BrakeWanted {
        until: Some(START.plus_seconds(2)),
        ..scene.all()
    };
    assert_eq!(act(&scene.brake, Hold, &earlier).await.deliveries, 2);
    assert_eq!(overdue().await, (2, Some(START.plus_seconds(3))));
    claim(world, scene.webhook, world.clock_now()).await;
    let backlog = world
        .store
        .operator
        .backlog(world.clock_now())
        .await
        .expect("counted");
    let expected = Backlog {
        due: 1,
        under_way: 1,
        on_hold: 2,
        ..Backlog::default()
    };
    assert_eq!(backlog, expected);
    assert_eq!(world.row(scene.webhook).await.pending, 4);
    scene.act(Hold).await;
    assert_eq!(overdue().await, (0, None));
    assert_eq!(world.row(scene.webhook).await.next_attempt_at, None);
}

/// Twelve hundred of one webhook, with one in five of another type between them.
async fn many_are_changed_in_several_steps(db: &TestDb) {
    let scene = Scene::create(db).await;
    let mut publishing = JoinSet::new();
    for number in 0..1_200 {
        let (webhooks, company) = (scene.world.webhooks.clone(), scene.world.company.id);
        let event_type = if number % 5 == 0 {
            "link-deleted"
        } else {
            "order-created"
        };
        publishing.spawn(async move {
            let publication = Publication {
                company,
                environment: SANDBOX,
                event_type: EventType::from_static(event_type),
                payload: "{}",
                happened_at: None,
                request_id: None,
                idempotency_key: None,
            };
            webhooks.publish(publication, &ana()).await.expect("published");
        });
    }
    publishing.join_all().await;
    let rare = BrakeWanted {
        event_type: Some(EventType::from_static("link-deleted")),
        ..scene.all()
    };
    assert_eq!(act(&scene.brake, Hold, &rare).await.deliveries, 240);
    assert_eq!(scene.act(Hold).await, 960);
    assert_eq!(scene.claimable().await, 0);
    assert_eq!(act(&scene.brake, Resume, &rare).await.deliveries, 240);
    assert_eq!(scene.act(Cancel).await, 1_200, "on hold or not");
    assert_eq!(
        found(&scene.brake, Cancel, &scene.all()).await,
        BrakeTotals::default()
    );
}

async fn the_same_action_again_changes_nothing_and_leaves_its_audit_row(db: &TestDb) {
    let scene = Scene::create(db).await;
    scene.publish().await;
    let company = scene.world.company.id;
    let wanted = BrakeWanted {
        company: Some(company),
        ..scene.all()
    };
    for (action, changed) in [
        (Hold, 1),
        (Hold, 0),
        (Resume, 1),
        (Resume, 0),
        (Cancel, 1),
        (Cancel, 0),
    ] {
        assert_eq!(
            found(&scene.brake, action, &wanted).await.deliveries,
            changed,
            "{action:?}"
        );
        assert_eq!(
            act(&scene.brake, action, &wanted).await.deliveries,
            changed,
            "{action:?}"
        );
        scene.world.clock.advance_seconds(1);
    }
    let audited = scene.audited().await;
    let actions: Vec<&str> = audited.iter().map(|(action, ..)| action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "deliveries.held",
            "deliveries.held",
            "deliveries.resumed",
            "deliveries.resumed",
            "deliveries.cancelled",
            "deliveries.cancelled"
        ],
        "counting leaves none"
    );
    let selection = format!("company {company}, webhook {}, accepted until", scene.webhook);
    for (index, (_, detail, of)) in audited.iter().enumerate() {
        let deliveries = if index % 2 == 0 {
            "1 delivery: "
        } else {
            "0 deliveries: "
        };
        assert!(
            detail.starts_with(&format!("{deliveries}{selection}")),
            "{detail}"
        );
        assert_eq!(of.as_deref(), Some(company.to_string().as_str()));
    }
}

async fn a_job_whose_time_is_over_is_done_by_the_same_action_again(db: &TestDb) {
    let scene = Scene::create(db).await;
    scene.publish().await;
    let hurried = scene
        .brake
        .act(Hold, &scene.all(), &operator(), Some(NO_TIME))
        .await;
    let hurried = hurried.expect("the database works");
    assert_eq!(
        (hurried.finished, hurried.deliveries, hurried.found.deliveries),
        (false, 0, 1)
    );
    assert_eq!(scene.act(Hold).await, 1);
}
