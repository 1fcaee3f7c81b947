//! Reading what a version before segments has left.

use store::logs::old_rows;

use crate::old_log::{leave, rows, run};
use crate::test_db::TestDb;

contract!(
    store::logs::LOG_MIGRATIONS,
    [
        old_rows_are_read_as_they_were_written_newest_first,
        an_old_row_that_cannot_be_read_keeps_no_other_from_being_read,
    ]
);

async fn old_rows_are_read_as_they_were_written_newest_first(db: &TestDb) {
    assert_eq!(old_rows::newest(&db.db).await.expect("readable"), None);
    let written = rows(0..100);
    leave(&db.db, &written).await;
    run(&db.db, "DELETE FROM log_entries WHERE seq BETWEEN 41 AND 50").await;
    assert_eq!(old_rows::newest(&db.db).await.expect("readable"), Some(100));
    assert_eq!(old_rows::count(&db.db, 0).await.expect("readable"), 90);
    assert_eq!(old_rows::count(&db.db, 60).await.expect("readable"), 40);

    let (mut read, mut below) = (Vec::new(), i64::MAX);
    loop {
        let chunk = old_rows::between(&db.db, 0, below, 7).await.expect("readable");
        let Some(last) = chunk.last() else { break };
        below = last.seq;
        assert!(chunk.len() <= 7);
        read.extend(chunk);
    }
    assert!(read.is_sorted_by(|newer, older| newer.seq > older.seq));
    let left: Vec<_> = (written.into_iter().zip(1..))
        .filter(|(_, seq)| !(41..=50).contains(seq))
        .collect();
    assert_eq!(read.len(), left.len());
    for (row, (written, seq)) in read.iter().rev().zip(left) {
        assert_eq!((row.seq, row.entry.as_ref().expect("readable")), (seq, &written));
    }
    let few = old_rows::between(&db.db, 97, 100, 7).await.expect("readable");
    assert_eq!(few.iter().map(|row| row.seq).collect::<Vec<_>>(), [99, 98]);
}

async fn an_old_row_that_cannot_be_read_keeps_no_other_from_being_read(db: &TestDb) {
    leave(&db.db, &rows(1..4)).await;
    run(
        &db.db,
        "UPDATE log_entries SET verdict = 'something newer' WHERE seq = 2",
    )
    .await;
    let read = old_rows::between(&db.db, 0, 10, 7).await.expect("readable");
    let readable: Vec<_> = read.iter().map(|row| (row.seq, row.entry.is_ok())).collect();
    assert_eq!(readable, [(3, true), (2, false), (1, true)]);
}
