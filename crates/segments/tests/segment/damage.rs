//! Damage is an error, never a panic.

use std::ops::Range;

use bytes::Bytes;
use segments::{Column, Container, Dictionary, Field, Head, ReadError, SegmentId, Values, delta, verify};

use crate::support::{Dice, InMemory, Variety, entries};
use crate::{ID, closed, open_with};

#[test]
fn a_delta_that_was_cut_or_changed_is_torn() {
    let whole = delta::encode(&entries(17, 20, Variety::SMALL));
    for length in 0..whole.len() {
        assert!(delta::decode(&whole[..length]).is_err(), "cut at {length}");
    }
    for index in 0..whole.len() {
        let mut changed = whole.clone();
        changed[index] ^= 1 << (index % 8);
        assert!(delta::decode(&changed).is_err(), "changed at {index}");
    }
}

#[test]
fn a_head_that_was_cut_or_changed_or_moved_is_damaged() {
    let (open, _) = open_with(&entries(18, 500, Variety::SMALL), 11);
    let whole = open.encode().unwrap().head;
    for length in 0..whole.len() {
        assert!(Head::parse(ID, &whole[..length]).is_err(), "cut at {length}");
    }
    for index in 0..whole.len() {
        let mut changed = whole.clone();
        changed[index] ^= 1 << (index % 8);
        assert!(Head::parse(ID, &changed).is_err(), "changed at {index}");
    }
    assert!(matches!(
        Head::parse(SegmentId(8), &whole),
        Err(ReadError::Damaged {
            segment: SegmentId(8),
            ..
        })
    ));
}

#[test]
fn a_change_of_any_byte_of_a_blob_is_noticed() {
    for variety in [
        Variety::SMALL,
        Variety {
            places: 400,
            paths: 3,
            messages: 4,
        },
    ] {
        let (open, _) = open_with(&entries(19, 400, variety), 12);
        let (head, _, encoded) = closed(&open);
        let mut dice = Dice(5);
        let every = encoded.rows.len() / 80;
        for index in (0..encoded.rows.len()).step_by(every.max(1)).chain(0..20) {
            let mut changed = encoded.clone();
            let index = (index + dice.roll(every as u64 + 1) as usize).min(encoded.rows.len() - 1);
            changed.rows[index] ^= 1 << dice.roll(8);
            assert!(
                verify(&head, &InMemory::of(&changed), true).is_err(),
                "rows changed at {index}"
            );
        }
        for index in (0..encoded.bodies.as_ref().unwrap().len())
            .step_by(601)
            .chain(0..20)
        {
            let mut changed = encoded.clone();
            changed.bodies.as_mut().unwrap()[index] ^= 1 << dice.roll(8);
            assert!(
                verify(&head, &InMemory::of(&changed), true).is_err(),
                "bodies changed at {index}"
            );
        }
        let mut cut = encoded.clone();
        cut.rows.truncate(encoded.rows.len() - 1);
        assert!(verify(&head, &InMemory::of(&cut), true).is_err());
    }
}

/// Changes a byte of a sealed part, and makes its checksum fit.
fn change_unnoticed(bytes: &mut [u8], dice: &mut Dice) {
    let length = bytes.len() - 4;
    for _ in 0..=dice.roll(3) {
        bytes[dice.roll(length as u64) as usize] = dice.one_of(&[0, 1, 0x7f, 0x80, 0xff, dice.0 as u8]);
    }
    let checksum = crc32fast::hash(&bytes[..length]).to_le_bytes();
    bytes[length..].copy_from_slice(&checksum);
}

#[test]
fn a_head_with_a_checksum_that_fits_may_say_anything() {
    let (open, _) = open_with(
        &entries(
            20,
            3000,
            Variety {
                places: 300,
                paths: 40,
                messages: 9,
            },
        ),
        13,
    );
    let encoded = open.encode().unwrap();
    let container = InMemory::of(&encoded);
    let mut dice = Dice(6);
    let mut refused = 0;
    for _ in 0..250 {
        let mut changed = encoded.head.clone();
        change_unnoticed(&mut changed, &mut dice);
        match Head::parse(ID, &changed) {
            Ok(head) => use_all(&head, &container),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 20, "refused {refused} heads");
}

#[test]
fn a_blob_with_checksums_that_fit_may_say_anything() {
    let (open, _) = open_with(
        &entries(
            21,
            1500,
            Variety {
                places: 300,
                paths: 40,
                messages: 9,
            },
        ),
        14,
    );
    let (head, _, encoded) = closed(&open);
    let mut dice = Dice(7);
    let parts = parts(&head);
    for _ in 0..60 {
        let mut changed = encoded.clone();
        let part = dice.one_of(&parts);
        change_unnoticed(
            &mut changed.rows[part.start as usize..part.end as usize],
            &mut dice,
        );
        use_all(&head, &InMemory::of(&changed));
    }
}

#[test]
fn a_delta_with_a_checksum_that_fits_may_say_anything() {
    let whole = delta::encode(&entries(22, 3, Variety::SMALL));
    let mut dice = Dice(8);
    let mut refused = 0;
    for _ in 0..5000 {
        let mut changed = whole.clone();
        change_unnoticed(&mut changed, &mut dice);
        refused += u32::from(delta::decode(&changed).is_err());
    }
    assert!(refused > 100, "refused {refused} deltas");
}

/// The sealed parts of a blob of rows.
fn parts(head: &Head) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    for column in Column::ALL {
        parts.extend((0..head.blocks()).map(|block| head.column(column, block..block + 1).range));
    }
    for dictionary in Dictionary::ALL {
        parts.extend(head.dictionary_chunks(dictionary).map(|(_, wanted)| wanted.range));
    }
    for field in Field::ALL {
        match head.values(field) {
            Values::Listed(listed) => {
                parts.extend(
                    listed
                        .iter()
                        .filter_map(|one| Some(one.located.wanted()?.range.clone())),
                );
            }
            // The last group ends where they all do; the others are not known from here.
            Values::Grouped { wanted, .. } => parts.push(wanted.range),
        }
    }
    parts
}

/// Reads everything; whether that succeeds does not matter.
fn use_all(head: &Head, container: &dyn Container) {
    let _ = verify(head, container, true);
    for dictionary in Dictionary::ALL {
        if let Some(bytes) = read(container, head.dictionary(dictionary)) {
            let _ = head.places(&bytes);
            let _ = head.keys(&bytes);
            if let Ok(texts) = head.texts(dictionary, &bytes) {
                texts.containing("a", usize::MAX);
            }
        }
    }
    for row in (0..head.rows()).step_by(31) {
        head.rows_below(head.seq_of(row));
    }
}

fn read(container: &dyn Container, wanted: segments::Wanted) -> Option<Bytes> {
    if wanted.range.is_empty() {
        return None;
    }
    container.read(&[wanted]).ok()?.pop()
}
