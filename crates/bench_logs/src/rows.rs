//! The rows of a benchmark. Row `n` is the same in every run and every process, so nothing is kept in memory and each
//! store gets the same rows.

use logs::{KeyTrace, Place, StoredEntry};
use model::{Body, BodyAbsence, Environment, Recorded, RequestId, Timestamp, Verdict};

use crate::dice::Dice;
use crate::world::{DAY_MILLIS, DAYS, STATUSES, Variant, World};

/// Rows that are made together.
pub(crate) const CHUNK: u64 = 8_192;

const USER_AGENTS: [&str; 5] = [
    "python-httpx/0.28.1",
    "node-fetch/3.3.2",
    "Go-http-client/2.0",
    "curl/8.14.1",
    "okhttp/5.1.0",
];

/// The address of one in 100,000 rows.
pub(crate) const RARE_ADDRESS: &str = "203.0.113.77";

impl World {
    /// How many chunks hold all rows.
    pub(crate) const fn chunks(&self) -> u64 {
        self.rows.div_ceil(CHUNK)
    }

    /// The rows of one chunk, oldest first.
    pub(crate) fn chunk(&self, number: u64) -> Vec<StoredEntry> {
        let mut dice = Dice::new(number.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ self.rows);
        let first = number * CHUNK;
        let last = (first + CHUNK).min(self.rows);
        (first..last).map(|row| self.row(row, &mut dice)).collect()
    }

    /// The id of a row.
    pub(crate) fn request_id(&self, row: u64) -> Option<RequestId> {
        let rows = self.chunk(row / CHUNK);
        rows.get((row % CHUNK) as usize).map(|row| row.request_id)
    }

    fn row(&self, row: u64, dice: &mut Dice) -> StoredEntry {
        let at = self.arrival(row, dice);
        let (status, _) = STATUSES[self.statuses.pick(dice)];
        let verdict = verdict(status, dice);
        let (place, key) = self.caller(dice);
        let duration_us = duration_us(dice);
        StoredEntry {
            request_id: RequestId::time_ordered(at, dice.bytes()),
            at,
            place,
            environment: key.as_ref().map(|(_, environment)| *environment),
            key: match verdict {
                Verdict::DeletedKey => self.deleted_key.clone(),
                _ if verdict.key_was_recognised() => key.map(|(key, _)| key),
                _ => None,
            },
            recorded: recorded(dice),
            method: method(status, dice).to_owned(),
            path: self.path(dice),
            status,
            verdict,
            verdict_detail: String::new(),
            error_code: None,
            duration_us,
            upstream_us: (verdict == Verdict::Accepted).then_some(duration_us * 9 / 10),
            address: address(dice),
            user_agent: Some(USER_AGENTS[dice.below(5) as usize].to_owned()),
            request_headers: Vec::new(),
            request_body: absent(),
            response_headers: Vec::new(),
            response_body: absent(),
        }
    }

    /// Evenly over the days. A row may arrive up to 50 ms before the one that was stored before it.
    fn arrival(&self, row: u64, dice: &mut Dice) -> Timestamp {
        let span = i128::from(DAYS * DAY_MILLIS - 1_000);
        let even = span * i128::from(row) / i128::from(self.rows);
        self.start().plus_millis(even as i64 + dice.below(50) as i64)
    }

    fn caller(&self, dice: &mut Dice) -> (Place, Option<(KeyTrace, Environment)>) {
        if self.variant == Variant::Companies && dice.below(4) > 0 {
            let (place, key) = &self.others[dice.below(self.others.len() as u64) as usize];
            return (place.clone(), Some((key.clone(), Environment::Prod)));
        }
        let place = self.family[self.family_weights.pick(dice)].clone();
        (place, Some(self.keys[self.key_weights.pick(dice)].clone()))
    }

    /// Most requests go to a few paths. Where there are a million, most go to one of those.
    fn path(&self, dice: &mut Dice) -> String {
        let reports = if self.variant == Variant::Paths { 70 } else { 30 };
        if dice.below(100) < reports {
            self.report(dice.below(self.reports()))
        } else {
            self.common_paths[dice.below(6) as usize].clone()
        }
    }
}

const fn absent() -> Body {
    Body::Absent {
        why: BodyAbsence::Empty,
        total_bytes: 0,
    }
}

const fn verdict(status: u16, dice: &mut Dice) -> Verdict {
    match (status, dice.below(100)) {
        (401, 0..60) => Verdict::UnknownSecret,
        (401, 60..99) => Verdict::DeletedKey,
        (401, _) => Verdict::MissingCredentials,
        (429, _) => Verdict::RateLimited,
        _ => Verdict::Accepted,
    }
}

fn method(status: u16, dice: &mut Dice) -> &'static str {
    match (status, dice.below(20_000)) {
        (201, _) => "POST",
        (_, 0) => "PATCH",
        (_, 1..600) => "PUT",
        _ => "GET",
    }
}

fn recorded(dice: &mut Dice) -> Recorded {
    match dice.below(1_000) {
        0 => Recorded::PublicApi,
        1..200 => Recorded::Verify,
        _ => Recorded::Gateway,
    }
}

/// 40 ms on average, and one in 10,000 takes seconds.
fn duration_us(dice: &mut Dice) -> u64 {
    let slow = if dice.below(10_000) == 0 { 5_000_000 } else { 0 };
    slow + 200 + (-(1.0 - dice.fraction()).ln() * 40_000.0) as u64
}

fn address(dice: &mut Dice) -> String {
    if dice.below(100_000) == 0 {
        return RARE_ADDRESS.to_owned();
    }
    let number = dice.below(250);
    format!("198.51.{}.{}", 100 + number % 4, 1 + number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(rows: u64) -> World {
        World::new(Variant::Plain, rows, Timestamp::from_millis(1_800_000_000_000))
    }

    #[test]
    fn a_row_is_the_same_in_every_run() {
        let (one, other) = (world(20_000), world(20_000));
        assert_eq!(one.chunk(1), other.chunk(1));
        assert_eq!(one.request_id(CHUNK), Some(one.chunk(1)[0].request_id));
    }

    #[test]
    fn the_last_chunk_ends_with_the_last_row() {
        let world = world(CHUNK + 5);
        assert_eq!(world.chunks(), 2);
        assert_eq!(world.chunk(1).len(), 5);
        assert_eq!(world.request_id(CHUNK + 5), None);
    }

    #[test]
    fn all_rows_arrive_within_the_days() {
        let world = world(50_000);
        let rows: Vec<_> = (0..world.chunks()).flat_map(|chunk| world.chunk(chunk)).collect();
        assert!(
            rows.iter()
                .all(|row| row.at >= world.start() && row.at < world.end)
        );
        assert!(rows[0].at.millis_since(world.start()) < 50);
        assert!(world.end.millis_since(rows[49_999].at) < 120_000);
    }

    #[test]
    fn a_request_whose_key_is_unknown_has_none() {
        let rows = world(CHUNK).chunk(0);
        assert!(rows.iter().any(|row| row.key.is_none()));
        assert!(
            rows.iter()
                .all(|row| row.key.is_some() == row.verdict.key_was_recognised())
        );
    }
}
