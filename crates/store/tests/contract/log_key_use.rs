//! What the page of a key asks of the log.

use logs::{KeyTrace, Names, redact};
use model::Verdict;
use store::logs::LOG_MIGRATIONS;

use crate::log_world::{NOW, World, key, place, raw, request, with_brands};
use crate::test_db::TestDb;

contract!(
    LOG_MIGRATIONS,
    [the_use_of_a_key_has_its_hours_its_newest_request_and_its_addresses]
);

async fn the_use_of_a_key_has_its_hours_its_newest_request_and_its_addresses(db: &TestDb) {
    let world = World::new(db).await;
    let hour = 3600;
    let from = |number: u64, address: &str, seconds: i64, verdict: Verdict| {
        let mut entry = raw(number, place(1), NOW.minus_seconds(seconds));
        (entry.address, entry.verdict) = (address.to_owned(), verdict);
        redact(entry, &Names::default())
    };
    let mut entries = Vec::new();
    for number in 0..20 {
        entries.push(from(number, "192.0.2.7", 5 * 24 * hour, Verdict::Accepted));
    }
    for number in 20..25 {
        entries.push(from(number, "2001:db8::1", 23 * hour - 60, Verdict::Accepted));
    }
    entries.push(from(25, "198.51.100.9", 8 * 24 * hour, Verdict::Accepted));
    entries.push(from(26, "192.0.2.7", 60, Verdict::DeletedKey));
    let mut other = raw(27, place(1), NOW);
    other.key = Some(KeyTrace {
        id: key(2),
        last_four: "1111".to_owned(),
    });
    entries.push(redact(other, &Names::default()));
    world.append(entries).await;
    let scope = with_brands(1);
    let used = world.reading.key_use(scope, key(1), NOW).await.expect("read");
    assert_eq!((used.requests, used.parts.len()), (6, 48));
    assert_eq!((used.parts[2], used.parts[47]), (5, 1), "{:?}", used.parts);
    let latest = used.latest.expect("a request");
    assert_eq!(latest.request_id, request(26));
    assert_eq!(
        latest.caller.map(|caller| caller.address).as_deref(),
        Some("192.0.2.7")
    );
    let seen: Vec<_> = (used.addresses.seen.iter())
        .map(|one| (one.address.as_str(), one.requests, one.last))
        .collect();
    assert_eq!(
        seen,
        [
            ("192.0.2.7", 21, NOW.minus_seconds(60)),
            ("2001:db8::1", 5, NOW.minus_seconds(23 * hour - 60))
        ],
        "without what is older than 7 days"
    );
    let refused = async |since| {
        let found = world.reading.refused_since(scope, key(1), since, NOW).await;
        let found = found.expect("read");
        (found.requests, found.latest.map(|row| row.request_id))
    };
    assert_eq!(refused(NOW.minus_seconds(120)).await, (1, Some(request(26))));
    assert_eq!(refused(NOW.minus_seconds(30)).await, (0, None));
    let none = world
        .reading
        .key_use(with_brands(9), key(1), NOW)
        .await
        .expect("read");
    assert_eq!(
        (none.requests, none.latest, none.addresses.seen.len()),
        (0, None, 0),
        "not for another company"
    );
    let before = NOW.plus_seconds(3 * 24 * hour);
    let idle = world.reading.key_use(scope, key(1), before).await.expect("read");
    assert_eq!(
        (idle.requests, idle.latest.is_some()),
        (0, true),
        "the newest of all time"
    );
}
