//! Which of many requests are stored: the answer is that of a list, and only what is of their time is read.

use std::collections::HashSet;

use model::{RequestId, Timestamp};
use segments::Cache;
use test_logs::{Dice, World};

use crate::log::{Log, Read};

/// A log of three closed segments and an open one, and the ids of its rows by their `seq`, from 1 on. `in_order` says that
/// rows are stored in the order of their arrival, and that no id is of another time.
fn log(dice: &mut Dice, rows: usize, in_order: bool) -> (Log, Vec<RequestId>) {
    let mut world = World::random(dice);
    let mut log = Log::new(1, 100_000_000);
    let mut ids = Vec::new();
    for number in 0..4 {
        let mut rows: Vec<_> = (0..rows).map(|_| world.row(dice)).collect();
        for row in rows.iter_mut().filter(|_| in_order) {
            row.at = Timestamp::from_millis(1_767_614_400_000 + 100 * ids.len() as i64);
            row.request_id = RequestId::time_ordered(row.at, dice.bytes());
            ids.push(row.request_id);
        }
        if !in_order {
            ids.extend(rows.iter().map(|row| row.request_id));
        }
        log.store(0, &rows);
        if number < 3 {
            log.finish(0);
        }
    }
    (log, ids)
}

fn stored(log: &Log, sought: &[RequestId], above: usize) -> HashSet<RequestId> {
    let sought = sought.iter().copied();
    log.source().stored(sought, above as i64).expect("an answer")
}

#[test]
fn those_that_are_stored_are_found_wherever_they_are() {
    for seed in 1..=20 {
        let mut dice = Dice(seed);
        let rows = dice.one_of(&[10, 1_500]);
        let (log, ids) = log(&mut dice, rows, false);
        for above in [0, ids.len() / 3, ids.len() - rows / 2, ids.len()] {
            let new = &ids[above..];
            let mut expected = HashSet::new();
            let mut sought = Vec::new();
            for _ in 0..200 {
                let like = dice.one_of(&ids);
                // Beside one that is stored, or far from all.
                let mut absent = like.to_bytes();
                absent[dice.roll(16) as usize] ^= 1;
                sought.push(RequestId::from_bytes(absent));
                if new.contains(&like) {
                    expected.insert(like);
                    sought.push(like);
                }
            }
            expected.extend(sought.iter().filter(|id| new.contains(id)));
            assert_eq!(
                stored(&log, &sought, above),
                expected,
                "seed {seed} above {above}"
            );
        }
        assert_eq!(stored(&log, &[], 0), HashSet::new());
    }
}

#[test]
fn only_blocks_of_their_time_are_read_and_nothing_is_kept() {
    const ROWS: usize = 20_000;
    let mut dice = Dice(7);
    let (mut log, ids) = log(&mut dice, ROWS, true);
    let mut read = |sought: &[RequestId], above: usize| {
        log.cache = Cache::new(100_000_000);
        log.blobs.take_read();
        assert_eq!(stored(&log, sought, above).len(), sought.len());
        assert_eq!(log.cache.stats().pieces, 0);
        log.blobs.take_read()
    };
    let block = |read: Read| read.bytes / (1024 * 16);
    assert_eq!(read(&ids[3 * ROWS..3 * ROWS + 1_000], 0).calls, 0, "in memory");
    assert_eq!(read(&ids[3 * ROWS..3 * ROWS + 1_000], 2 * ROWS).calls, 0);
    let one_batch = read(&ids[5_000..6_000], 0);
    assert!(one_batch.calls == 1 && block(one_batch) <= 4, "{one_batch:?}");
    let every_block: Vec<RequestId> = ids[..3 * ROWS].iter().step_by(60).copied().collect();
    let everything = read(&every_block, 0);
    assert!(everything.calls == 3 && block(everything) <= 60, "{everything:?}");
}
