//! Moving the rows of a version before into segments, while the log is in use.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use logs::{Ledger, StoredEntry};
use model::{LogEntry, Moving};
use store::logs::{LOG_MIGRATIONS, Logs, MoveOptions, old_rows};
use store::{Columns, Db};

use crate::log_world::{World, entry, open};
use crate::old_log::{at, everything, leave, rows, run, scope_of};
use crate::test_db::TestDb;

/// What the version before had.
const BEFORE: &[store::Migration] = &[LOG_MIGRATIONS[0]];

contract!(
    BEFORE,
    [
        old_rows_are_moved_below_new_ones_with_their_numbers_and_all_they_had,
        a_move_that_is_given_up_at_any_moment_goes_on_and_moves_each_row_once,
        a_row_that_cannot_be_read_keeps_the_former_tables_and_no_other_row,
        moved_rows_are_in_segments_of_the_days_they_arrived_on,
        rows_that_are_added_above_during_the_move_are_moved_too,
        an_installation_without_old_rows_loses_only_the_empty_tables,
    ]
);

mod nodes {
    use super::*;

    contract!(postgres only: BEFORE, [one_node_moves_rows_and_another_goes_on_when_it_is_gone]);

    async fn one_node_moves_rows_and_another_goes_on_when_it_is_gone(db: &TestDb) {
        leave(&db.db, &rows(0..50)).await;
        let (first, second) = (upgraded(db).await, upgraded(db).await);
        let turn = sqlx::query("SELECT pg_try_advisory_lock(7106009)");
        let mut other = first.reader().acquire().await.expect("a connection").detach();
        turn.execute(&mut other)
            .await
            .expect("the other node has the turn");
        let logs = open(db, &second, |_| {}).await;
        let options = quick();
        let mut moving = pin!(logs.move_old_rows(&options));
        let waits = async {
            let locks = "SELECT CAST(COUNT(*) AS BIGINT) AS found FROM pg_stat_activity \
                         WHERE datname = current_database() AND query LIKE 'SELECT CAST(CASE WHEN pg_try_advisory%'";
            test_wait::until("it has asked for the turn", async || {
                count(&second, locks).await > 0
            })
            .await;
        };
        tokio::select! {
            () = &mut moving => panic!("it did not wait"),
            () = waits => {}
        }
        assert_eq!(
            Ledger::moving(&logs)
                .await
                .expect("known")
                .map(|moving| moving.moved),
            Some(0)
        );
        drop(other);
        moving.await;
        assert_eq!(
            everything(&logs, 1).await.len() + everything(&logs, 9).await.len(),
            50
        );
        first.close().await;
        second.close().await;
    }
}

pub(crate) fn quick() -> MoveOptions {
    MoveOptions {
        rows_at_once: 30,
        rest: 0,
        retry: Duration::from_millis(1),
        quiet: Duration::ZERO,
        look: Duration::from_millis(1),
    }
}

/// The database as this version opens it.
async fn upgraded(db: &TestDb) -> Db {
    db.open_with(LOG_MIGRATIONS).await.expect("opens")
}

async fn count(db: &Db, sql: &'static str) -> i64 {
    let row = sqlx::query(sql).fetch_one(db.reader()).await.expect("a row");
    row.int("found").expect("a number")
}

async fn has_old_tables(db: &Db) -> bool {
    old_rows::are_there(db).await.expect("known")
}

/// The rows as they must be found, by `seq`.
pub(crate) fn expected(written: &[StoredEntry]) -> BTreeMap<i64, StoredEntry> {
    (1..).zip(written.iter().cloned()).collect()
}

pub(crate) async fn assert_all_there(logs: &Logs, expected: &BTreeMap<i64, StoredEntry>) {
    let mut found = BTreeMap::new();
    for root in [1, 9] {
        for row in everything(logs, root).await {
            assert_eq!(
                found.insert(row.seq, row.request_id),
                None,
                "row {} twice",
                row.seq
            );
        }
    }
    let ids: BTreeMap<_, _> = expected.iter().map(|(seq, row)| (*seq, row.request_id)).collect();
    assert_eq!(found, ids);
}

/// Everything that was stored of it, but the root of the company, which the scope says.
fn assert_same(found: &LogEntry, seq: i64, written: &StoredEntry) {
    let row = &found.row;
    assert_eq!(
        (row.seq, row.request_id, row.at),
        (seq, written.request_id, written.at)
    );
    assert_eq!(
        (&row.method, &row.path, row.status),
        (
            &written.method,
            &written.path,
            model::known_status(written.status)
        )
    );
    assert_eq!(
        (row.verdict, row.environment),
        (written.verdict, written.environment)
    );
    assert_eq!(
        (row.client_id, &row.brand),
        (written.place.client_id, &written.place.brand)
    );
    let key = written.key.as_ref();
    assert_eq!(row.key_id, key.map(|key| key.id));
    assert_eq!(row.key_last_four, key.map(|key| key.last_four.clone()));
    assert_eq!(row.duration_us, written.duration_us);
    assert_eq!(
        (found.recorded, &found.address),
        (written.recorded, &written.address)
    );
    assert_eq!(
        (&found.user_agent, found.upstream_us),
        (&written.user_agent, written.upstream_us)
    );
    assert_eq!(found.verdict_detail, written.verdict_detail);
    assert_eq!(found.request_headers, written.request_headers);
    assert_eq!(found.response_headers, written.response_headers);
    assert_eq!(found.request_body, written.request_body);
    assert_eq!(found.response_body, written.response_body);
}

async fn old_rows_are_moved_below_new_ones_with_their_numbers_and_all_they_had(db: &TestDb) {
    let written = rows(0..100);
    leave(&db.db, &written).await;
    let handle = upgraded(db).await;
    let logs = open(db, &handle, |_| {}).await;
    let world = World::of(std::sync::Arc::new(logs.clone())).await;
    world
        .append(vec![entry(1_000, 1, at(1_000)), entry(1_001, 9, at(1_001))])
        .await;
    let not_counted = Moving {
        moved: 0,
        total: None,
    };
    assert_eq!(Ledger::moving(&logs).await.expect("known"), Some(not_counted));

    logs.move_old_rows(&quick()).await;
    assert_eq!(Ledger::moving(&logs).await.expect("known"), None);
    assert!(!has_old_tables(&handle).await);
    let mut expected = expected(&written);
    for (seq, written) in &expected {
        let found = logs::Reader::entry(&logs, scope_of(written), written.request_id).await;
        assert_same(&found.expect("readable").expect("it is there"), *seq, written);
    }
    let new: Vec<_> = [1, 9]
        .map(async |root| everything(&logs, root).await.remove(0))
        .into();
    for (row, number) in new.into_iter().zip([1_000, 1_001]) {
        let row = row.await;
        assert_eq!(row.request_id, crate::log_world::request(number));
        assert!(row.seq > 100);
        expected.insert(row.seq, entry(number, 1, at(number)));
    }
    assert_all_there(&logs, &expected).await;

    // The next start finds the same, and nothing to do.
    let again = open(db, &handle, |_| {}).await;
    again.move_old_rows(&quick()).await;
    assert_all_there(&again, &expected).await;
    handle.close().await;
}

async fn a_move_that_is_given_up_at_any_moment_goes_on_and_moves_each_row_once(db: &TestDb) {
    let written = rows(0..400);
    leave(&db.db, &written).await;
    let handle = upgraded(db).await;
    let mut given_up = 0;
    // Each time a little later.
    for patience in 1.. {
        let logs = open(db, &handle, |_| {}).await;
        let options = quick();
        let mut moving = pin!(logs.move_old_rows(&options));
        let mut polls = 0;
        let ended = poll_fn(|context| {
            polls += 1;
            match moving.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(true),
                Poll::Pending if polls > patience => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        if ended {
            break;
        }
        given_up += 1;
    }
    assert!(given_up > 10, "{given_up}");
    let logs = open(db, &handle, |_| {}).await;
    assert_all_there(&logs, &expected(&written)).await;
    assert!(!has_old_tables(&handle).await);
    handle.close().await;
}

async fn a_row_that_cannot_be_read_keeps_the_former_tables_and_no_other_row(db: &TestDb) {
    let written = rows(0..40);
    leave(&db.db, &written).await;
    run(
        &db.db,
        "UPDATE log_entries SET verdict = 'something newer' WHERE seq = 7",
    )
    .await;
    let handle = upgraded(db).await;
    let logs = open(db, &handle, |_| {}).await;
    logs.move_old_rows(&quick()).await;
    let mut expected = expected(&written);
    expected.remove(&7);
    assert_all_there(&logs, &expected).await;
    assert_eq!(old_rows::count(&handle, 0).await.expect("they are there"), 40);
    assert_eq!(
        Ledger::moving(&logs).await.expect("known"),
        None,
        "the page has nothing to wait for"
    );
    handle.close().await;
}

async fn moved_rows_are_in_segments_of_the_days_they_arrived_on(db: &TestDb) {
    // 144 a day. Number 500 arrives a day late, and is stored with the others of its time.
    let mut written = rows(0..600);
    written[500].at = at(300);
    leave(&db.db, &written).await;
    let handle = upgraded(db).await;
    let logs = open(db, &handle, |_| {}).await;
    let options = MoveOptions {
        rows_at_once: 65_536,
        ..quick()
    };
    logs.move_old_rows(&options).await;
    let segments = sqlx::query("SELECT day, at_to, first_seq, last_seq FROM log_segments ORDER BY day")
        .fetch_all(handle.reader())
        .await
        .expect("readable");
    let mut next = 1;
    for segment in &segments {
        let int = |name| segment.int(name).expect("a number");
        assert_eq!(int("day"), int("at_to").div_euclid(86_400_000));
        assert_eq!(int("first_seq"), next);
        next = int("last_seq") + 1;
    }
    assert_eq!((segments.len(), next), (5, 601));
    handle.close().await;
}

async fn rows_that_are_added_above_during_the_move_are_moved_too(db: &TestDb) {
    let written = rows(0..90);
    leave(&db.db, &written[..60]).await;
    let handle = upgraded(db).await;
    let logs = open(db, &handle, |_| {}).await;
    // By a node of the version before, which has not been stopped yet.
    leave(&db.db, &written[60..]).await;
    logs.move_old_rows(&quick()).await;
    assert_all_there(&logs, &expected(&written)).await;
    assert!(!has_old_tables(&handle).await);
    handle.close().await;
}

async fn an_installation_without_old_rows_loses_only_the_empty_tables(db: &TestDb) {
    let handle = upgraded(db).await;
    let logs = open(db, &handle, |_| {}).await;
    assert_eq!(
        Ledger::moving(&logs).await.expect("known"),
        None,
        "a new installation moves nothing"
    );
    logs.move_old_rows(&quick()).await;
    assert!(!has_old_tables(&handle).await);
    assert_eq!(
        count(
            &handle,
            "SELECT CAST(COUNT(*) AS BIGINT) AS found FROM log_segments"
        )
        .await,
        0
    );
    handle.close().await;
}
