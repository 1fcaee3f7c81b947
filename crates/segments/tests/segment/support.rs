//! Entries made by dice, and a container in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use logs::{KeyTrace, Place, StoredEntry};
use model::{
    Body, BodyAbsence, ClientId, CompanyId, Environment, ErrorCode, HeaderField, KeyId, Recorded, RequestId,
    Timestamp, Verdict,
};
use segments::{Container, Encoded, Kind, ReadError, SegmentId, Wanted};

/// Random numbers that are the same in every run.
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.next() % sides
    }

    pub(crate) fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len() as u64) as usize].clone()
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

pub(crate) const NOON: i64 = 1_795_694_400_000;

pub(crate) fn company(number: u64) -> CompanyId {
    CompanyId::time_ordered(
        Timestamp::from_millis(1),
        [number as u8, (number >> 8) as u8, 0, 0, 0, 0, 0, 0, 0, 0],
    )
}

pub(crate) fn client(number: u64) -> ClientId {
    ClientId::from_random([
        number as u8,
        (number >> 8) as u8,
        7,
        7,
        7,
        7,
        7,
        7,
        7,
        7,
        7,
        7,
        7,
        7,
        7,
        7,
    ])
}

pub(crate) fn place(number: u64) -> Place {
    Place {
        root: company(if number < 3 { number } else { number % 3 }),
        company: company(number),
        client_id: client(number),
        brand: (number >= 3).then(|| format!("Brand {number} mit Ümlaut")),
    }
}

/// How varied entries are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variety {
    pub(crate) places: u64,
    pub(crate) paths: u64,
    /// One in this number of rows has headers or bodies of its own.
    pub(crate) messages: u64,
}

impl Variety {
    pub(crate) const SMALL: Self = Self {
        places: 5,
        paths: 12,
        messages: 3,
    };
    /// Fields have more than 256 values.
    pub(crate) const LARGE: Self = Self {
        places: 900,
        paths: 1 << 40,
        messages: 50,
    };
}

fn text(dice: &mut Dice) -> String {
    match dice.roll(12) {
        0 => String::new(),
        1 => "ü€𝄞".repeat(dice.roll(40) as usize),
        2 => "long/".repeat(dice.roll(4000) as usize),
        _ => format!("text {}", dice.roll(30)),
    }
}

fn body(dice: &mut Dice) -> Body {
    if dice.roll(2) == 0 {
        return Body::Absent {
            why: dice.one_of(&[BodyAbsence::Empty, BodyAbsence::Encoded, BodyAbsence::NotSeen]),
            total_bytes: dice.one_of(&[0, 0, 17, u64::MAX]),
        };
    }
    Body::Text {
        text: text(dice),
        total_bytes: dice.next(),
        truncated: dice.roll(2) == 0,
        redactions: dice.roll(3) as u32,
    }
}

/// A body of a row that has no messages of its own.
fn absent(dice: &mut Dice) -> Body {
    Body::Absent {
        why: dice.one_of(&[
            BodyAbsence::KeyNotRecognised,
            BodyAbsence::Empty,
            BodyAbsence::NoLongerKept,
        ]),
        total_bytes: 0,
    }
}

fn headers(dice: &mut Dice) -> Vec<HeaderField> {
    let field = |dice: &mut Dice| HeaderField {
        name: dice.one_of(&["accept", "x-request-id", ""]).to_owned(),
        value: text(dice),
        redacted: dice.roll(4) == 0,
    };
    (0..dice.roll(4)).map(|_| field(dice)).collect()
}

pub(crate) fn entry(dice: &mut Dice, variety: Variety) -> StoredEntry {
    let at = match dice.roll(200) {
        0 => dice.one_of(&[i64::MIN, i64::MAX, 0, -1]),
        _ => NOON + dice.roll(3_600_000) as i64,
    };
    let own_messages = dice.roll(variety.messages) == 0;
    StoredEntry {
        error_code: ErrorCode::stored(dice.one_of(&["", "", "card_declined", "E1001"])),
        request_id: RequestId::time_ordered(Timestamp::from_millis(at), dice.bytes()),
        at: Timestamp::from_millis(at),
        place: place(dice.roll(variety.places)),
        environment: dice.one_of(&[
            None,
            Some(Environment::Sandbox),
            Some(Environment::Dev),
            Some(Environment::Prod),
        ]),
        key: (dice.roll(4) > 0).then(|| {
            let number = dice.roll(variety.places) as u8;
            KeyTrace {
                id: KeyId::from_random([number; 16]),
                last_four: format!("{number:04x}"),
            }
        }),
        recorded: dice.one_of(&[
            Recorded::Gateway,
            Recorded::Gateway,
            Recorded::Verify,
            Recorded::PublicApi,
        ]),
        method: match dice.roll(40) {
            0 => String::new(),
            1 => "BREW".repeat(dice.roll(2000) as usize),
            2 => format!("X-{}", dice.roll(variety.paths)),
            _ => dice.one_of(&["GET", "POST", "DELETE"]).to_owned(),
        },
        path: match dice.roll(50) {
            0 => text(dice),
            _ => format!("/v1/cards/{}", dice.roll(variety.paths)),
        },
        status: dice.one_of(&[0, 200, 200, 200, 201, 404, 503, u16::MAX]),
        verdict: dice.one_of(Verdict::ALL),
        verdict_detail: dice
            .one_of(&["", "", "Deleted by ana@example.com 3 minutes before."])
            .to_owned(),
        duration_us: dice.one_of(&[0, 999, 1000, 25_000, 70_000_000, u64::MAX]) ^ dice.roll(500),
        upstream_us: dice.one_of(&[None, Some(0), Some(31_000), Some(u64::MAX - 1)]),
        address: format!("192.0.2.{}", dice.roll(40)),
        user_agent: dice.one_of(&[None, Some(String::new()), Some("curl/8".to_owned())]),
        request_headers: if own_messages { headers(dice) } else { Vec::new() },
        request_body: if own_messages { body(dice) } else { absent(dice) },
        response_headers: if own_messages { headers(dice) } else { Vec::new() },
        response_body: if own_messages { body(dice) } else { absent(dice) },
    }
}

pub(crate) fn entries(seed: u64, count: usize, variety: Variety) -> Vec<StoredEntry> {
    let mut dice = Dice(seed);
    (0..count).map(|_| entry(&mut dice, variety)).collect()
}

/// Blobs in memory.
#[derive(Debug, Default)]
pub(crate) struct InMemory {
    blobs: HashMap<(SegmentId, Kind), Bytes>,
    pub(crate) calls: AtomicUsize,
}

impl InMemory {
    pub(crate) fn of(encoded: &Encoded) -> Self {
        let mut container = Self::default();
        let id = encoded.meta.id;
        container
            .blobs
            .insert((id, Kind::Rows), encoded.rows.clone().into());
        if let Some(bodies) = &encoded.bodies {
            container.blobs.insert((id, Kind::Bodies), bodies.clone().into());
        }
        container
    }
}

impl Container for InMemory {
    fn read(&self, wanted: &[Wanted]) -> Result<Vec<Bytes>, ReadError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        wanted
            .iter()
            .map(|wanted| {
                let segment = wanted.segment;
                let blob = self
                    .blobs
                    .get(&(segment, wanted.kind))
                    .ok_or(ReadError::Missing { segment })?;
                let (from, to) = (wanted.range.start as usize, wanted.range.end as usize);
                if from >= to {
                    return Err(ReadError::Damaged {
                        segment,
                        why: "a range is empty",
                    });
                }
                if to > blob.len() {
                    return Err(ReadError::Damaged {
                        segment,
                        why: "the blob is too short",
                    });
                }
                Ok(blob.slice(from..to))
            })
            .collect()
    }
}
