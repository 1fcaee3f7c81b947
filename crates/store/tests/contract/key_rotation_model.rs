//! Rotations against a naive model: a list of what happened, asked from the beginning whether the old key may be gone. On one
//! node, on two, and with a node whose clock is ahead.

use std::net::IpAddr;
use std::time::Duration;

use clock::{Clock, ManualClock};
use keys::lease::LEASE;
use keys::{KeyChange, Keys, KeysError, Recognition, RotationChange, Setting};
use model::{
    Environment, GeneratedKey, KeyId, RotationEnd, RotationPlan, RotationStage, SHORTEST_QUIET_MILLIS,
    SecretText, Timestamp, Verdict,
};
use test_logs::Dice;

use crate::key_world::{World, ana};
use crate::test_db::TestDb;

mod one_node {
    use super::*;

    contract!(store::MAIN_MIGRATIONS, [rotations_go_as_in_the_model]);

    async fn rotations_go_as_in_the_model(db: &TestDb) {
        compare(db, 1).await;
    }
}

mod two_nodes {
    use super::*;

    contract!(
        postgres only: store::MAIN_MIGRATIONS,
        [
            rotations_on_two_nodes_go_as_in_the_model,
            one_of_many_nodes_deletes_the_old_key_and_none_when_the_new_one_goes_at_that_moment,
            a_node_whose_clock_is_ahead_deletes_nothing_early,
        ]
    );

    async fn rotations_on_two_nodes_go_as_in_the_model(db: &TestDb) {
        compare(db, 2).await;
    }

    async fn one_of_many_nodes_deletes_the_old_key_and_none_when_the_new_one_goes_at_that_moment(
        db: &TestDb,
    ) {
        together(db).await;
    }

    async fn a_node_whose_clock_is_ahead_deletes_nothing_early(db: &TestDb) {
        ahead(db).await;
    }
}

const SANDBOX: Environment = Environment::Sandbox;

/// What happened to one rotation.
struct Model {
    started: Timestamp,
    plan: RotationPlan,
    cancelled: bool,
    ended: Option<RotationEnd>,
    old_calls: Vec<Timestamp>,
    new_calls: Vec<Timestamp>,
    new_expires: Option<Timestamp>,
}

impl Model {
    fn new_is_usable(&self, now: Timestamp) -> bool {
        self.new_expires.is_none_or(|at| now < at)
    }

    fn may_go(&self, now: Timestamp) -> bool {
        self.ended.is_none() && !self.cancelled && !self.new_calls.is_empty() && self.new_is_usable(now)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.may_go(now)
            && match self.plan {
                RotationPlan::Undecided => false,
                RotationPlan::At(at) => at <= now,
                RotationPlan::Quiet(millis) => {
                    let last = self.old_calls.iter().max().copied().unwrap_or(self.started);
                    now.millis_since(last) >= millis
                }
            }
    }
}

fn some_plan(dice: &mut Dice, now: Timestamp) -> RotationPlan {
    let some = |dice: &mut Dice, most: u64| i64::try_from(dice.roll(most)).expect("small");
    match dice.roll(4) {
        0 => RotationPlan::Undecided,
        1 => RotationPlan::At(now.plus_millis(1 + some(dice, 1_000_000))),
        _ => RotationPlan::Quiet(SHORTEST_QUIET_MILLIS + some(dice, 600_000)),
    }
}

fn call(node: &Keys, world: &World, secret: &SecretText, now: Timestamp) {
    if let Recognition::Active(key) = node.recognise(&world.headers(secret)) {
        node.touched(&key, now, IpAddr::from([192, 0, 2, 7]));
    }
}

/// A change waits until every node has applied it, so they follow while it is made, and once more after it.
async fn while_followed<T>(nodes: &[Keys], change: impl Future<Output = T>) -> T {
    let mut change = std::pin::pin!(change);
    let changed = loop {
        tokio::select! {
            changed = &mut change => break changed,
            () = follow(nodes) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    follow(nodes).await;
    changed
}

/// Each node has a lease afterwards, has applied what was committed, and has written what it noted.
async fn follow(nodes: &[Keys]) {
    for node in nodes {
        node.follow().await.expect("followed");
        node.flush_last_used().await.expect("written");
    }
}

async fn compare(db: &TestDb, nodes: usize) {
    let world = World::create(db).await;
    let mut all = Vec::new();
    for _ in 0..nodes {
        all.push(world.open(&db.open_again().await).await);
    }
    let dice = &mut Dice(16);
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..40 {
        let how = one_rotation(&world, &all, dice).await;
        *seen.entry(how.map(RotationEnd::as_str)).or_insert(0) += 1;
    }
    for how in RotationEnd::ALL {
        assert!(
            seen.get(&Some(how.as_str())).copied().unwrap_or(0) > 2,
            "{seen:?}"
        );
    }
}

async fn one_rotation(world: &World, nodes: &[Keys], dice: &mut Dice) -> Option<RotationEnd> {
    let (ana, company) = (ana(), world.company.id);
    let now = || Clock::from(&world.clock).now();
    follow(nodes).await;
    let some = |dice: &mut Dice| &nodes[dice.roll(nodes.len() as u64) as usize];
    let made = some(dice).generate(company, SANDBOX, &ana);
    let old: GeneratedKey = while_followed(nodes, made).await.expect("a free slot");
    let plan = some_plan(dice, now());
    let rotated = some(dice).rotate(company, old.key.id, plan, &ana);
    let new = while_followed(nodes, rotated)
        .await
        .expect("a rotation")
        .generated;
    let mut model = Model {
        started: now(),
        plan,
        cancelled: false,
        ended: None,
        old_calls: Vec::new(),
        new_calls: Vec::new(),
        new_expires: None,
    };
    for _ in 0..40 {
        let node = some(dice).clone();
        step(world, nodes, &node, dice, &mut model, (&old, &new)).await;
        check(world, nodes, &model, (&old, &new)).await;
        if model.ended.is_some() {
            break;
        }
    }
    for key in [old.key.id, new.key.id] {
        // Their slots are needed for the next ones.
        let _ = while_followed(nodes, nodes[0].delete(company, key, &ana)).await;
    }
    model.ended
}

async fn step(
    world: &World,
    nodes: &[Keys],
    node: &Keys,
    dice: &mut Dice,
    model: &mut Model,
    (old, new): (&GeneratedKey, &GeneratedKey),
) {
    let (ana, company) = (ana(), world.company.id);
    let now = Clock::from(&world.clock).now();
    match dice.roll(12) {
        0..=2 => {
            world.clock.advance(Duration::from_millis(1 + dice.roll(700_000)));
            follow(nodes).await;
        }
        3 => {
            call(node, world, &old.secret, now);
            model.old_calls.push(now);
            follow(nodes).await;
        }
        4 | 5 if model.new_is_usable(now) => {
            call(node, world, &new.secret, now);
            model.new_calls.push(now);
            follow(nodes).await;
        }
        6 => {
            let plan = some_plan(dice, now);
            let change = match dice.roll(4) {
                0 => RotationChange::Cancel,
                1 => RotationChange::Resume(None),
                2 => RotationChange::Resume(Some(plan)),
                _ => RotationChange::Plan(plan),
            };
            let key = if dice.once_in(2) { old.key.id } else { new.key.id };
            let changed = node.change_rotation(company, key, change, &ana).await;
            match change {
                RotationChange::Cancel => model.cancelled = true,
                RotationChange::Resume(plan) => {
                    model.cancelled = false;
                    model.plan = plan.unwrap_or(model.plan);
                }
                RotationChange::Plan(_) if model.cancelled => {
                    assert!(matches!(changed, Err(KeysError::RotationWaits(_))), "{changed:?}");
                    return;
                }
                RotationChange::Plan(plan) => model.plan = plan,
            }
            changed.expect("changed");
        }
        7 if dice.once_in(2) => {
            let at = now.plus_millis(1 + i64::try_from(dice.roll(400_000)).expect("small"));
            let to = if dice.once_in(2) {
                Setting::Clear
            } else {
                Setting::To(at)
            };
            let change = KeyChange {
                expires_at: to,
                ..KeyChange::default()
            };
            while_followed(nodes, node.change(company, new.key.id, change, &ana))
                .await
                .expect("changed");
            model.new_expires = to.value().copied();
        }
        8 if dice.once_in(6) => {
            by_hand(
                nodes,
                node,
                company,
                old.key.id,
                model,
                RotationEnd::OldKeyDeleted,
            )
            .await
        }
        9 if dice.once_in(6) => {
            by_hand(
                nodes,
                node,
                company,
                new.key.id,
                model,
                RotationEnd::NewKeyDeleted,
            )
            .await
        }
        10 if dice.once_in(3) => {
            let finished = while_followed(nodes, node.finish_rotation(company, old.key.id, &ana)).await;
            assert_eq!(finished.is_ok(), model.may_go(now), "{finished:?}");
            if finished.is_ok() {
                model.ended = Some(RotationEnd::Rotated);
            }
        }
        _ => {
            while_followed(nodes, node.rotate_due()).await.expect("judged");
            if model.is_due(now) {
                model.ended = Some(RotationEnd::Rotated);
            }
        }
    }
}

async fn by_hand(
    nodes: &[Keys],
    node: &Keys,
    company: model::CompanyId,
    key: KeyId,
    model: &mut Model,
    how: RotationEnd,
) {
    while_followed(nodes, node.delete(company, key, &ana()))
        .await
        .expect("deleted");
    model.ended = Some(how);
}

/// Every node has the keys that the model has.
async fn check(world: &World, nodes: &[Keys], model: &Model, (old, new): (&GeneratedKey, &GeneratedKey)) {
    let now = Clock::from(&world.clock).now();
    let old_is_gone = matches!(
        model.ended,
        Some(RotationEnd::Rotated | RotationEnd::OldKeyDeleted)
    );
    let (old_verdict, new_verdict) = (
        if old_is_gone {
            Verdict::DeletedKey
        } else {
            Verdict::Accepted
        },
        match model.ended {
            Some(RotationEnd::NewKeyDeleted) => Verdict::DeletedKey,
            _ if model.new_is_usable(now) => Verdict::Accepted,
            _ => Verdict::ExpiredKey,
        },
    );
    for node in nodes {
        assert_eq!(world.verdict(node, &old.secret), old_verdict);
        assert_eq!(world.verdict(node, &new.secret), new_verdict);
        let stored = node.rotation(world.company.id, new.key.id).await.expect("one");
        let ended = match stored.rotation.stage {
            RotationStage::Ended { how, .. } => Some(how),
            RotationStage::Running | RotationStage::Cancelled { .. } => None,
        };
        assert_eq!(ended, model.ended);
    }
}

/// Three nodes find a rotation due at once, while the new key is deleted by hand.
async fn together(db: &TestDb) {
    let world = World::create(db).await;
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(world.open(&db.open_again().await).await);
    }
    let (company, ana) = (world.company.id, ana());
    let mut ways = std::collections::BTreeMap::new();
    for round in 0..30 {
        follow(&nodes).await;
        let now = Clock::from(&world.clock).now();
        let made = nodes[0].generate(company, SANDBOX, &ana);
        let old = while_followed(&nodes, made).await.expect("a free slot");
        let plan = RotationPlan::At(now.plus_millis(1));
        let rotated = nodes[0].rotate(company, old.key.id, plan, &ana);
        let new = while_followed(&nodes, rotated)
            .await
            .expect("a rotation")
            .generated;
        call(&nodes[1], &world, &new.secret, now);
        world.clock.advance(Duration::from_millis(1));
        follow(&nodes).await;
        let judged = async {
            let [a, b, c] = [&nodes[0], &nodes[1], &nodes[2]];
            let by_hand = async {
                tokio::time::sleep(Duration::from_micros(200 * (round % 10))).await;
                match round % 3 {
                    0 => Ok(()),
                    _ => c.delete(company, new.key.id, &ana).await.map(drop),
                }
            };
            tokio::join!(a.rotate_due(), b.rotate_due(), c.rotate_due(), by_hand)
        };
        let (a, b, c, by_hand) = while_followed(&nodes, judged).await;
        for done in [a, b, c] {
            done.expect("judged");
        }
        by_hand.expect("deleted");
        let stored = nodes[0].rotation(company, old.key.id).await.expect("one");
        let RotationStage::Ended { how, .. } = stored.rotation.stage else {
            panic!("{stored:?}");
        };
        *ways.entry(how.as_str()).or_insert(0) += 1;
        for node in &nodes {
            let old_is_there = world.verdict(node, &old.secret) == Verdict::Accepted;
            assert_eq!(old_is_there, how == RotationEnd::NewKeyDeleted, "{how:?}");
            if round % 3 == 0 {
                assert_eq!(world.verdict(node, &new.secret), Verdict::Accepted);
            }
        }
        let sql =
            "SELECT id FROM audit WHERE action = 'key.deleted' AND actor_kind = 'system' AND subject = $1";
        let rows = sqlx::query(sql)
            .bind(old.key.id.to_string())
            .fetch_all(db.db.reader())
            .await
            .expect("audit rows");
        assert_eq!(rows.len(), usize::from(how == RotationEnd::Rotated));
        for key in [old.key.id, new.key.id] {
            let _ = while_followed(&nodes, nodes[0].delete(company, key, &ana)).await;
        }
    }
    assert!(ways.get("rotated").copied().unwrap_or(0) >= 10, "{ways:?}");
}

/// Its plan is a time from now by the database's clock.
async fn ahead(db: &TestDb) {
    let world = World::create(db).await;
    let machine = Clock::machine();
    let right = world
        .open_with(&db.open_again().await, machine.clone(), LEASE)
        .await;
    let fast = ManualClock::at(machine.now().plus_seconds(30 * 86_400));
    let fast = world
        .open_with(&db.open_again().await, Clock::from(&fast), LEASE)
        .await;
    let nodes = [right, fast];
    let [right, fast] = &nodes;
    let (company, ana) = (world.company.id, ana());
    follow(&nodes).await;
    let old = while_followed(&nodes, right.generate(company, SANDBOX, &ana))
        .await
        .expect("a free slot");
    let plan = RotationPlan::At(machine.now().plus_seconds(86_400));
    let new = while_followed(&nodes, right.rotate(company, old.key.id, plan, &ana))
        .await
        .expect("a rotation");
    call(right, &world, &new.generated.secret, machine.now());
    follow(&nodes).await;
    while_followed(&nodes, fast.rotate_due()).await.expect("judged");
    assert_eq!(world.verdict(right, &old.secret), Verdict::Accepted);
    // A quiet time likewise.
    let quiet = RotationChange::Plan(RotationPlan::Quiet(SHORTEST_QUIET_MILLIS));
    right
        .change_rotation(company, old.key.id, quiet, &ana)
        .await
        .expect("changed");
    while_followed(&nodes, fast.rotate_due()).await.expect("judged");
    assert_eq!(world.verdict(right, &old.secret), Verdict::Accepted);
}
