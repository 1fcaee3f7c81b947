//! Segments from the outside: what is appended can be found and read again, open and closed, and damage is noticed.

mod damage;
mod rows;
mod support;
mod version_1;

use bytes::Bytes;
use logs::StoredEntry;
use model::Timestamp;
use segments::{Container, Day, Encoded, Head, Open, RowReader, SegmentId, Wanted};
use support::{Dice, InMemory, NOON};

const ID: SegmentId = SegmentId(7);

fn day() -> Day {
    Day::of(Timestamp::from_millis(NOON))
}

/// Appended in batches of different sizes, with gaps between their `seq`.
fn open_with(entries: &[StoredEntry], seed: u64) -> (Open, Vec<i64>) {
    let mut dice = Dice(seed);
    let mut open = Open::new(ID, day());
    let (mut seqs, mut next, mut rest) = (Vec::new(), 1_000, entries);
    while !rest.is_empty() {
        let (batch, after) = rest.split_at(rest.len().min(1 + dice.roll(300) as usize));
        assert!(open.room_for(batch));
        open.append(next, batch);
        seqs.extend(next..next + batch.len() as i64);
        next += batch.len() as i64 + dice.one_of(&[0, 0, 1, 5_000_000_000]);
        rest = after;
    }
    (open, seqs)
}

fn closed(open: &Open) -> (Head, InMemory, Encoded) {
    let encoded = open.encode().expect("it has rows");
    let head = Head::parse(ID, &encoded.head).expect("the head is whole");
    assert_eq!(*head.meta(), encoded.meta);
    let container = InMemory::of(&encoded);
    (head, container, encoded)
}

fn read_all(head: &Head, container: &dyn Container, rows: &[u16]) -> Vec<(i64, StoredEntry)> {
    let mut reader = RowReader::of_entries(head, rows, true);
    while !reader.wanted().is_empty() {
        let bytes = container.read(reader.wanted()).expect("readable");
        reader.supply(&bytes).expect("whole");
    }
    reader.into_stored().expect("whole")
}

fn read_one(container: &dyn Container, wanted: Wanted) -> Bytes {
    container.read(&[wanted]).expect("readable").remove(0)
}
