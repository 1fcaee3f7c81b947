//! What is appended can be found and read again.

use std::collections::{BTreeMap, BTreeSet};

use logs::StoredEntry;
use model::{BodyAbsence, Timestamp};
use roaring::RoaringBitmap;
use segments::{
    BLOCK, Column, Container, Day, Dictionary, Field, Head, Kind, Located, Open, RowReader, SegmentId,
    ValueKey, Values, delta, duration_class, duration_of_class, rewrite, verify,
};

use crate::support::{self, Dice, InMemory, NOON, Variety, entries};
use crate::{ID, closed, day, open_with, read_all, read_one};

fn sizes() -> Vec<(usize, Variety)> {
    let small = [1, 2, 63, 64, 65, 1023, 1024, 1025, 3000].map(|size| (size, Variety::SMALL));
    [small.to_vec(), vec![(5000, Variety::LARGE)]].concat()
}

#[test]
fn rows_come_back_as_they_were_appended() {
    for (size, variety) in sizes() {
        let all = entries(size as u64, size, variety);
        let (open, seqs) = open_with(&all, 1);
        let (head, container, _) = closed(&open);
        let rows: Vec<u16> = (0..size as u16).collect();
        let expected: Vec<_> = seqs.iter().copied().zip(all.iter().cloned()).collect();
        assert!(read_all(&head, &container, &rows) == expected, "{size} rows");
        assert!(verify(&head, &container, true).is_ok(), "{size} rows");
    }
}

#[test]
fn a_full_segment_comes_back_and_has_no_room_for_one_more() {
    let all = entries(3, 65_536, Variety::LARGE);
    let mut open = Open::new(ID, day());
    for (index, batch) in all.chunks(8192).enumerate() {
        assert!(open.room_for(batch));
        open.append(index as i64 * 8192, batch);
    }
    assert!(!open.room_for(&all[..1]));
    let (head, container, _) = closed(&open);
    let rows: Vec<u16> = (0..=u16::MAX).step_by(97).collect();
    for ((seq, entry), row) in read_all(&head, &container, &rows).into_iter().zip(&rows) {
        assert_eq!(seq, i64::from(*row));
        assert!(entry == all[usize::from(*row)], "row {row}");
    }
}

#[test]
fn an_open_segment_and_a_closed_one_show_the_same() {
    let all = entries(5, 2500, Variety::SMALL);
    let (open, _) = open_with(&all, 2);
    let (head, container, _) = closed(&open);
    let mut dice = Dice(9);
    let rows: Vec<u16> = (0..50).map(|_| dice.roll(2500) as u16).collect();
    let [listed, with_callers] = [false, true].map(|callers| {
        let mut reader = RowReader::of_rows(&head, &rows, callers);
        while !reader.wanted().is_empty() {
            let bytes = container.read(reader.wanted()).unwrap();
            reader.supply(&bytes).unwrap();
        }
        reader.into_rows().unwrap()
    });
    for (row, listed) in rows.iter().zip(with_callers) {
        assert_eq!(open.row(u32::from(*row), true).unwrap(), listed);
        let entry = &all[usize::from(*row)];
        let caller = listed.caller.expect("a caller");
        assert_eq!(
            (&caller.address, &caller.user_agent),
            (&entry.address, &entry.user_agent)
        );
    }
    let mut reader = RowReader::of_entries(&head, &rows, true);
    while !reader.wanted().is_empty() {
        let bytes = container.read(reader.wanted()).unwrap();
        reader.supply(&bytes).unwrap();
    }
    let whole = reader.into_entries().unwrap();
    for ((row, listed), whole) in rows.iter().zip(listed).zip(whole) {
        assert_eq!(open.row(u32::from(*row), false).unwrap(), listed);
        assert_eq!(open.entry(u32::from(*row)).unwrap(), whole);
        assert_eq!(whole.1.row, listed);
    }
}

/// Each value of a field with its rows, by looking at the entries.
fn values_of(all: &[StoredEntry], field: Field) -> BTreeMap<ValueKey, RoaringBitmap> {
    let mut values: BTreeMap<ValueKey, RoaringBitmap> = BTreeMap::new();
    for (row, entry) in all.iter().enumerate() {
        let key = match field {
            Field::Root => ValueKey::root(entry.place.root),
            Field::Client => ValueKey::client(entry.place.client_id),
            Field::Key => entry
                .key
                .as_ref()
                .map_or_else(ValueKey::no_key, |key| ValueKey::key(key.id)),
            Field::Environment => ValueKey::environment(entry.environment),
            Field::Method => ValueKey::method(&entry.method),
            Field::Status => ValueKey::status(entry.status),
            Field::Verdict => ValueKey::verdict(entry.verdict),
            Field::Recorded => ValueKey::recorded(entry.recorded),
            Field::DurationClass => ValueKey::duration_class(duration_class(entry.duration_us)),
        };
        values.entry(key).or_default().insert(row as u32);
    }
    values
}

#[test]
fn every_value_has_exactly_its_rows() {
    for (size, variety) in sizes() {
        let all = entries(size as u64 + 70, size, variety);
        let (open, _) = open_with(&all, 3);
        let (head, container, _) = closed(&open);
        for field in Field::ALL {
            let expected = values_of(&all, field);
            let mut listed = BTreeMap::new();
            match head.values(field) {
                Values::Listed(values) => {
                    for value in values {
                        assert_eq!(value.located, head.locate(field, &value.key));
                        assert_eq!(value.located.rows(head.rows()), Some(value.rows));
                        listed.insert(value.key, u64::from(value.rows));
                    }
                }
                Values::Grouped { wanted, values } => {
                    assert!(values > 256);
                    let decoded = head.decode_values(field, &read_one(&container, wanted)).unwrap();
                    listed = decoded.into_iter().map(|(key, rows)| (key, rows.len())).collect();
                }
            }
            let counts: BTreeMap<_, _> = expected
                .iter()
                .map(|(key, rows)| (key.clone(), rows.len()))
                .collect();
            assert_eq!(listed, counts, "{field:?} of {size}");
            for (key, rows) in &expected {
                let located = head.locate(field, key);
                let bytes = located
                    .wanted()
                    .map(|wanted| read_one(&container, wanted.clone()))
                    .unwrap_or_default();
                assert_eq!(
                    head.decode_rows(&located, key, &bytes).unwrap(),
                    *rows,
                    "{field:?} {key:?}"
                );
                assert_eq!(
                    open.rows_with(field, std::slice::from_ref(key), 0..open.rows()),
                    *rows
                );
            }
            let every = (0..open.rows()).collect();
            assert_eq!(
                open.count_by_value(field, &every)
                    .into_iter()
                    .collect::<BTreeMap<_, _>>(),
                counts
            );
        }
    }
}

#[test]
fn a_value_that_no_row_has_has_no_rows() {
    for variety in [Variety::SMALL, Variety::LARGE] {
        let (open, _) = open_with(&entries(8, 4000, variety), 4);
        let (head, container, _) = closed(&open);
        let absent = [
            (Field::Client, ValueKey::client(support::client(4_000))),
            (
                Field::Client,
                ValueKey::client(model::ClientId::from_random([0; 16])),
            ),
            (Field::Status, ValueKey::status(418)),
            (Field::Method, ValueKey::method("PATCH")),
        ];
        for (field, key) in absent {
            let located = head.locate(field, &key);
            let bytes = located
                .wanted()
                .map(|wanted| read_one(&container, wanted.clone()))
                .unwrap_or_default();
            assert!(
                head.decode_rows(&located, &key, &bytes).unwrap().is_empty(),
                "{field:?}"
            );
            assert!(open.rows_with(field, &[key], 0..4000).is_empty(), "{field:?}");
        }
    }
}

#[test]
fn a_value_that_all_rows_have_needs_no_reading() {
    let mut all = entries(8, 300, Variety::SMALL);
    all.iter_mut().for_each(|entry| entry.status = 204);
    let (open, _) = open_with(&all, 4);
    let (head, ..) = closed(&open);
    let located = head.locate(Field::Status, &ValueKey::status(204));
    assert_eq!(located, Located::Everything);
    let rows = head.decode_rows(&located, &ValueKey::status(204), &[]).unwrap();
    assert_eq!(rows, (0..300).collect());
}

#[test]
fn columns_and_dictionaries_of_some_blocks_are_those_of_the_open_segment() {
    let (open, _) = open_with(&entries(11, 4500, Variety::LARGE), 5);
    let (head, container, _) = closed(&open);
    for blocks in [0..1, 1..3, 4..5, 0..5] {
        let rows = blocks.start * BLOCK..4500.min(blocks.end * BLOCK);
        let read = |column| read_one(&container, head.column(column, blocks.clone()));
        assert_eq!(
            head.times(blocks.clone(), &read(Column::At)).unwrap(),
            open.times()[rows.clone()]
        );
        assert_eq!(
            head.ids(blocks.clone(), &read(Column::RequestId)).unwrap(),
            open.ids()[rows.clone()]
        );
        for column in [Column::Duration, Column::Upstream] {
            let found = head.microseconds(column, blocks.clone(), &read(column)).unwrap();
            assert_eq!(found, open.microseconds(column)[rows.clone()]);
        }
        for column in &Column::ALL[4..] {
            let found = head.numbers(*column, blocks.clone(), &read(*column)).unwrap();
            assert_eq!(found, open.numbers(*column)[rows.clone()], "{column:?}");
        }
    }
    for dictionary in &Dictionary::ALL[2..] {
        let texts = head
            .texts(*dictionary, &read_one(&container, head.dictionary(*dictionary)))
            .unwrap();
        assert_eq!(texts.len(), head.dictionary_len(*dictionary));
        assert_eq!(texts.len(), open.texts(*dictionary).len());
        for (chunk, (numbers, wanted)) in head.dictionary_chunks(*dictionary).enumerate() {
            let part = head
                .texts_of_chunk(*dictionary, chunk, &read_one(&container, wanted))
                .unwrap();
            for number in numbers.clone() {
                let expected = open.texts(*dictionary).get(number as u16);
                assert_eq!(texts.get(number as u16), expected);
                assert_eq!(part.get((number - numbers.start) as u16), expected);
            }
        }
    }
    let places = head
        .places(&read_one(&container, head.dictionary(Dictionary::Places)))
        .unwrap();
    assert_eq!(places, open.places());
    let keys = head
        .keys(&read_one(&container, head.dictionary(Dictionary::Keys)))
        .unwrap();
    assert_eq!(keys, open.keys());
}

#[test]
fn texts_are_found_by_a_part_and_as_a_whole() {
    let paths = ["", "/a", "/ab", "b/a", "/aba", "ü/a", "ba/"];
    let mut all = entries(12, paths.len(), Variety::SMALL);
    for (entry, path) in all.iter_mut().zip(paths) {
        entry.path = path.to_owned();
        entry.user_agent = (!path.is_empty()).then(|| "x".to_owned());
    }
    let (open, _) = open_with(&all, 6);
    let (head, container, _) = closed(&open);
    let read = head
        .texts(
            Dictionary::Paths,
            &read_one(&container, head.dictionary(Dictionary::Paths)),
        )
        .unwrap();
    for texts in [&read, open.texts(Dictionary::Paths)] {
        for part in ["", "/", "/a", "a/", "ba", "aba", "ab/", "ü", "a/ab", "zz"] {
            let expected: Vec<u16> = (0..7)
                .filter(|number| paths[usize::from(*number)].contains(part))
                .collect();
            assert_eq!(texts.containing(part, usize::MAX), expected, "{part:?}");
            assert_eq!(
                texts.containing(part, 2),
                expected[..expected.len().min(2)],
                "{part:?}"
            );
        }
        for (number, path) in paths.iter().enumerate() {
            assert_eq!(texts.number_of(path), Some(number as u16), "{path:?}");
        }
        assert_eq!(texts.number_of("/ab/"), None);
    }
    let agents = open.texts(Dictionary::UserAgents);
    assert_eq!((agents.number_of(""), agents.number_of("x")), (None, Some(1)));
    assert_eq!(agents.containing("", usize::MAX), [1]);
}

#[test]
fn rows_and_their_seq_lead_to_each_other() {
    let (open, seqs) = open_with(&entries(13, 3000, Variety::SMALL), 7);
    let (head, ..) = closed(&open);
    let mut dice = Dice(3);
    for _ in 0..2000 {
        let around = dice.one_of(&seqs) + dice.roll(5) as i64 - 2;
        let below = seqs.partition_point(|seq| *seq < around) as u32;
        assert_eq!((open.rows_below(around), head.rows_below(around)), (below, below));
        let row = dice.roll(3000) as u32;
        assert_eq!(
            (open.seq_of(row), head.seq_of(row)),
            (seqs[row as usize], seqs[row as usize])
        );
    }
    assert_eq!(head.rows_below(i64::MIN), 0);
    assert_eq!(head.rows_below(i64::MAX), 3000);
    assert_eq!(open.last_seq(), seqs.last().copied());
    assert_eq!(head.meta().last_seq, seqs[2999]);
}

#[test]
fn a_request_is_in_one_of_the_blocks_that_may_have_it() {
    let all = entries(14, 3000, Variety::SMALL);
    let (open, _) = open_with(&all, 8);
    let (head, container, _) = closed(&open);
    for row in (0..3000).step_by(131) {
        let id = all[row].request_id;
        assert_eq!(open.row_of(id), Some(row as u32));
        assert!(head.blocks_with_id(id).contains(&(row / BLOCK)));
        let blocks = row / BLOCK..row / BLOCK + 1;
        let ids = head
            .ids(
                blocks.clone(),
                &read_one(&container, head.column(Column::RequestId, blocks)),
            )
            .unwrap();
        assert_eq!(ids[row % BLOCK], id);
        let (from, to) = head.times_of_block(row / BLOCK);
        assert!(from <= all[row].at && all[row].at <= to);
    }
}

#[test]
fn bodies_that_were_removed_are_said_to_be_no_longer_kept() {
    let all = entries(15, 200, Variety::SMALL);
    let (open, _) = open_with(&all, 9);
    let (head, container, _) = closed(&open);
    let rows: Vec<u16> = (0..200).collect();
    let mut reader = RowReader::of_entries(&head, &rows, false);
    while !reader.wanted().is_empty() {
        assert!(reader.wanted().iter().all(|wanted| wanted.kind == Kind::Rows));
        let bytes = container.read(reader.wanted()).unwrap();
        reader.supply(&bytes).unwrap();
    }
    let removed = model::Body::Absent {
        why: BodyAbsence::NoLongerKept,
        total_bytes: 0,
    };
    let mut with_messages = 0;
    for ((_, found), stored) in reader.into_stored().unwrap().iter().zip(&all) {
        if *found == *stored {
            continue;
        }
        with_messages += 1;
        assert_eq!((&found.request_body, &found.response_body), (&removed, &removed));
        assert!(found.request_headers.is_empty() && found.response_headers.is_empty());
    }
    assert!(with_messages > 20);
    assert!(verify(&head, &container, false).is_ok());
}

#[test]
fn rewriting_removes_rows_and_leaves_the_others_as_they_were() {
    let all = entries(16, 3000, Variety::SMALL);
    let (open, seqs) = open_with(&all, 10);
    let (head, container, _) = closed(&open);
    let gone = support::company(1);
    let new = rewrite(&head, &container, true, SegmentId(8), |entry| {
        entry.place.root == gone
    })
    .unwrap();
    let new = new.expect("rows are left");
    let new_head = Head::parse(SegmentId(8), &new.head).unwrap();
    let new_container = InMemory::of(&new);
    assert!(verify(&new_head, &new_container, true).is_ok());
    let expected: Vec<_> = seqs
        .into_iter()
        .zip(all)
        .filter(|(_, entry)| entry.place.root != gone)
        .collect();
    let rows: Vec<u16> = (0..expected.len() as u16).collect();
    assert!(expected.len() < 3000);
    assert!(read_all(&new_head, &new_container, &rows) == expected);
    assert_eq!(
        rewrite(&head, &container, true, SegmentId(9), |_| true).unwrap(),
        None
    );
}

#[test]
fn a_delta_brings_back_its_batch() {
    for (size, variety) in sizes() {
        let batch = entries(size as u64 + 20, size, variety);
        assert!(
            delta::decode(&delta::encode(&batch)).unwrap() == batch,
            "{size} rows"
        );
    }
    assert!(delta::decode(&delta::encode(&[])).unwrap().is_empty());
}

#[test]
fn every_duration_is_within_its_class() {
    for microseconds in [0, 1, 999, 1000, 1999, 2000, 3_999, 4_000, 1 << 40, u64::MAX - 1] {
        let (from, to) = duration_of_class(duration_class(microseconds));
        assert!(from <= microseconds && microseconds < to, "{microseconds}");
    }
    let classes: BTreeSet<u8> = [0, 1_000, 2_000, 4_000].map(duration_class).into();
    assert_eq!(classes, BTreeSet::from([0, 1, 2, 3]));
}

#[test]
fn days_are_those_of_the_calendar_in_utc() {
    assert_eq!(Day::of(Timestamp::from_millis(NOON)).to_string(), "2026-11-26");
    assert_eq!(Day::of(Timestamp::from_millis(-1)), Day(-1));
    assert_eq!(Day::of(Day(20_000).start()), Day(20_000));
}

#[test]
fn a_segment_without_rows_is_not_kept() {
    let open = Open::new(ID, day());
    assert_eq!(
        (open.rows(), open.last_seq(), open.times_of_all()),
        (0, None, None)
    );
    assert_eq!(open.encode(), None);
}
