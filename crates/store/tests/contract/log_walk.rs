//! The contract of reading everything that a filter finds, as an export does.

use model::{LogFilter, RequestId};
use store::logs::LOG_MIGRATIONS;

use crate::log_world::{Dice, NOW, World, brand, entry, request, with_brands};
use crate::test_db::TestDb;

contract!(
    LOG_MIGRATIONS,
    [
        a_walk_has_every_row_once_while_others_are_written,
        entries_come_in_the_order_asked_for_and_only_to_their_company,
    ]
);

async fn a_walk_has_every_row_once_while_others_are_written(db: &TestDb) {
    let world = World::new(db).await;
    let mut dice = Dice(1);
    let mut write = async |numbers: std::ops::Range<u64>| {
        let at = |dice: &mut Dice| NOW.plus_millis(-(dice.roll(3_600_000) as i64));
        let entries = numbers.map(|number| entry(number, 1 + (number % 2) as u8, at(&mut dice)));
        world.append(entries.collect()).await;
    };
    write(0..230).await;
    for (scope, step) in [(with_brands(1), 1), (brand(2), 2)] {
        let walk = world.reading.walk(scope, &LogFilter::default(), NOW).await;
        let (mut walk, mut seen) = (walk.expect("a walk"), Vec::new());
        while let Some(rows) = walk.next(7, NOW).await.expect("rows") {
            seen.extend(rows.iter().map(|row| row.request_id));
            if step == 1 {
                let next = 1000 + seen.len() as u64 * 10;
                write(next..next + 5).await;
            }
        }
        seen.retain(|id| *id < request(1000));
        let all = (0..230).rev().filter(|number| number % step == step - 1);
        assert_eq!(seen, all.map(request).collect::<Vec<_>>());
    }
}

async fn entries_come_in_the_order_asked_for_and_only_to_their_company(db: &TestDb) {
    let world = World::new(db).await;
    let entries = [(1, 1), (2, 2), (3, 9), (4, 1)];
    let entries = entries.map(|(number, of)| entry(number, of, NOW));
    world.append(entries.to_vec()).await;
    let ids: Vec<RequestId> = [4, 3, 17, 2, 1].into_iter().map(request).collect();
    for (scope, numbers) in [(with_brands(1), vec![4, 2, 1]), (brand(2), vec![2])] {
        let found = world.reading.entries(scope, &ids, NOW).await.expect("entries");
        let found: Vec<_> = found.iter().map(|entry| entry.row.request_id).collect();
        assert_eq!(found, numbers.into_iter().map(request).collect::<Vec<_>>());
    }
}
