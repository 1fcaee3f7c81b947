//! Random rows: out of order, of several companies with brands, with ordinary and with odd values.

use logs::{KeyTrace, Place, StoredEntry};
use model::{
    Body, BodyAbsence, ClientId, CompanyId, Environment, ErrorCode, HeaderField, KeyId, Recorded, RequestId,
    Timestamp, Verdict,
};

use crate::Dice;

/// The time of the first row, in the middle of a minute, so that rounding errors show.
const START: Timestamp = Timestamp::from_millis(1_767_614_430_000);

/// Two are long and begin alike.
pub(crate) const ODD_METHODS: [&str; 8] = [
    "PURGE",
    "get",
    "",
    "M-SEARCH",
    "Ünicode",
    "X\u{2400}",
    "A-METHOD-OF-MORE-THAN-32-BYTES-NUMBER-1",
    "A-METHOD-OF-MORE-THAN-32-BYTES-NUMBER-2",
];
const ODD_STATUSES: [u16; 8] = [0, 7, 99, 101, 600, 999, 1000, 65_535];
const STATUSES: [u16; 11] = [200, 200, 200, 201, 204, 301, 400, 401, 404, 429, 503];

/// What the rows of one trial are like: how many companies, keys, methods and paths there are, and how far apart.
#[derive(Clone, Debug)]
pub struct World {
    /// Families of companies: each has a parent and two brands.
    pub families: u64,
    pub keys: u64,
    pub methods: u64,
    pub paths: u64,
    /// The average time between two rows, in milliseconds.
    pub pace: u64,
    now: Timestamp,
    number: u64,
}

impl World {
    /// Mostly like an ordinary log, with more values of one field or another in some.
    pub fn random(dice: &mut Dice) -> Self {
        Self {
            families: dice.one_of(&[1, 2, 3, 3, 400]),
            keys: dice.one_of(&[1, 4, 12, 700]),
            methods: dice.one_of(&[1, 3, 5, 60]),
            paths: dice.one_of(&[1, 5, 300, 300, 20_000]),
            pace: dice.one_of(&[0, 1, 40, 3_000, 60_000]),
            now: START,
            number: 0,
        }
    }

    /// The company with this number: every third is a parent, and the two after it are its brands. Number 0 is a parent.
    pub fn place(number: u64) -> Place {
        let root = number - number % 3;
        Place {
            root: company(root),
            company: company(number),
            client_id: client(number),
            brand: (number != root).then(|| format!("Brand {number}")),
        }
    }

    /// How many companies there are.
    pub const fn companies(&self) -> u64 {
        self.families * 3
    }

    /// The time of the latest row.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The next row. It may have arrived before the one that was made before it.
    pub fn row(&mut self, dice: &mut Dice) -> StoredEntry {
        self.number += 1;
        self.now = self
            .now
            .plus_millis(dice.roll(2 * self.pace.saturating_add(1)) as i64);
        let at = self.arrival(dice);
        let recognised = !dice.once_in(5);
        let verdict = if recognised {
            Verdict::Accepted
        } else {
            dice.one_of(Verdict::ALL)
        };
        StoredEntry {
            request_id: self.request_id(at, dice),
            at,
            place: Self::place(dice.skewed(self.companies())),
            environment: (!dice.once_in(9)).then(|| dice.one_of(&Environment::ALL)),
            key: (recognised || dice.once_in(3)).then(|| KeyTrace {
                id: key(dice.skewed(self.keys)),
                last_four: format!("{:04x}", dice.skewed(2)),
            }),
            recorded: dice.one_of(&[
                Recorded::Gateway,
                Recorded::Gateway,
                Recorded::Verify,
                Recorded::PublicApi,
                Recorded::Sent,
            ]),
            method: self.method(dice),
            path: self.path(dice),
            status: if dice.once_in(50) {
                dice.one_of(&ODD_STATUSES)
            } else {
                dice.one_of(&STATUSES)
            },
            verdict,
            error_code: if dice.once_in(3) { error_code(dice) } else { None },
            verdict_detail: if dice.once_in(6) {
                format!("Detail {}.", dice.skewed(4))
            } else {
                String::new()
            },
            duration_us: duration(dice),
            upstream_us: (!dice.once_in(4)).then(|| dice.skewed(100_000)),
            address: address(dice.skewed(300)),
            user_agent: (!dice.once_in(4)).then(|| format!("agent/{}", dice.skewed(9))),
            request_headers: headers(dice),
            request_body: body(dice),
            response_headers: headers(dice),
            response_body: body(dice),
        }
    }

    /// Most rows are stored in about the order of their arrival. Some requests take long, a few are reported hours late,
    /// and a few come from a clock that is ahead.
    fn arrival(&self, dice: &mut Dice) -> Timestamp {
        let late = match dice.roll(40) {
            0 => dice.roll(1000 * self.pace.max(1)) as i64,
            1 => dice.roll(6 * 3_600_000) as i64,
            2 => -(dice.roll(2_000) as i64),
            _ => dice.roll(3 * self.pace.max(1)) as i64,
        };
        self.now.plus_millis(-late)
    }

    /// Ordered by time, as they are made, but for a few that someone else made.
    fn request_id(&self, at: Timestamp, dice: &mut Dice) -> RequestId {
        let mut random = dice.bytes::<10>();
        random[..8].copy_from_slice(&self.number.to_be_bytes());
        if dice.once_in(200) {
            let far = Timestamp::from_millis(dice.roll(1 << 31) as i64 * dice.roll(1 << 16) as i64);
            return RequestId::time_ordered(far, random);
        }
        RequestId::time_ordered(at, random)
    }

    fn method(&self, dice: &mut Dice) -> String {
        if dice.once_in(60) {
            return dice.one_of(&ODD_METHODS).to_owned();
        }
        method(dice.skewed(self.methods))
    }

    fn path(&self, dice: &mut Dice) -> String {
        path(dice.skewed(self.paths))
    }
}

pub(crate) fn company(number: u64) -> CompanyId {
    CompanyId::from_random(spread(number, 1))
}

pub(crate) fn client(number: u64) -> ClientId {
    ClientId::from_random(spread(number, 2))
}

pub(crate) fn key(number: u64) -> KeyId {
    KeyId::from_random(spread(number, 3))
}

/// Bytes that do not sort as their numbers do.
fn spread(number: u64, kind: u64) -> [u8; 16] {
    let high = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&high.to_be_bytes());
    bytes[8..].copy_from_slice(&(number << 8 | kind).to_be_bytes());
    bytes
}

pub(crate) fn method(number: u64) -> String {
    match ["GET", "POST", "PUT", "DELETE"].get(number as usize) {
        Some(known) => (*known).to_owned(),
        None => format!("VERB{number}"),
    }
}

pub(crate) fn path(number: u64) -> String {
    match number % 7 {
        0 => format!("/v1/orders/{number}/"),
        1 => format!("/v1/users/?page={number}"),
        2 => format!("/v1/Größe/{number:x}/naïve"),
        3 => format!("/v1/ünïcode-✓/{number}"),
        4 => "/".to_owned(),
        5 => format!("/v1/links/{number:05x}/report/%41_b"),
        _ => format!("/a\n{number}\u{2400}"),
    }
}

pub(crate) fn error_code(dice: &mut Dice) -> Option<ErrorCode> {
    let code = dice.one_of(&["", "card_declined", "E1001", "rate_limited", "40401"]);
    ErrorCode::stored(code)
}

pub(crate) fn address(number: u64) -> String {
    match number % 5 {
        0 => format!("2001:db8::{number:x}"),
        _ => format!("192.0.2.{number}"),
    }
}

fn duration(dice: &mut Dice) -> u64 {
    match dice.roll(30) {
        0 => 0,
        1 => dice.one_of(&[999, 1_000, 1_001, 63_999, 64_000, 128_000]),
        2 => u64::from(u32::MAX) + dice.roll(1_000_000),
        _ => dice.skewed(3_000_000),
    }
}

fn headers(dice: &mut Dice) -> Vec<HeaderField> {
    if !dice.once_in(10) {
        return Vec::new();
    }
    (0..=dice.roll(3))
        .map(|number| HeaderField {
            name: format!("x-header-{number}"),
            value: format!("wert é {}", dice.roll(1000)),
            redacted: dice.once_in(3),
        })
        .collect()
}

fn body(dice: &mut Dice) -> Body {
    if !dice.once_in(10) {
        return Body::Absent {
            why: dice.one_of(&[BodyAbsence::Empty, BodyAbsence::KeyNotRecognised]),
            total_bytes: dice.skewed(3),
        };
    }
    Body::Text {
        text: format!("{{\"name\":\"Zoë {}\"}}", dice.roll(1 << 30)).repeat(1 + dice.skewed(40) as usize),
        total_bytes: dice.roll(100_000),
        truncated: dice.once_in(4),
        redactions: dice.skewed(5) as u32,
    }
}
