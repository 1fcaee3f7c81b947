//! Seven days of sample requests, written by the same recorder as real ones. They have a daily rhythm, a twelve-minute
//! outage with 503s, and a deleted key that one address still tries.

use std::collections::HashMap;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use logs::{CapturedBody, Entry, Message};
use model::{BodyAbsence, KeyId, Recorded, RequestId, Timestamp, Verdict};

use super::world::{Line, Past};
use crate::services::Services;

const MINUTES: i64 = 7 * 24 * 60;
/// The average. It makes about 20,000 requests in all.
const PER_MINUTE: f64 = 1.93;
/// The outage: how many minutes ago it began, and how many minutes it lasted.
const OUTAGE: (i64, i64) = (53 * 60 + 20, 12);
/// The deleted key is tried once in this many minutes.
const STALE_EVERY: i64 = 7;
pub(super) const STALE_ADDRESS: &str = "198.51.100.140";
pub(super) const STALE_AGENT: &str = "legacy-sync/1.3";

/// Method, path, status when all is well, and weight.
pub(super) const CALLS: [(&str, &str, u16, u32); 9] = [
    ("GET", "/v1/users/", 200, 24),
    ("GET", "/v1/links/", 200, 18),
    ("POST", "/v1/orders/", 201, 12),
    ("GET", "/v1/orders/", 200, 14),
    ("GET", "/v1/tasks/", 200, 10),
    ("GET", "/v1/links/1f4a/report/", 200, 9),
    ("POST", "/v1/bridge-tokens/", 201, 6),
    ("GET", "/v1/companies/?query=north", 200, 5),
    ("GET", "/v1/users/9c20/", 404, 2),
];

/// Numbers that look random but are the same at every start.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not including, `end`.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end.max(1))).unwrap_or_default()
    }

    /// A number from 0 up to, but not including, 1.
    fn unit(&mut self) -> f64 {
        f64::from(self.below(1 << 30)) / f64::from(1 << 30)
    }

    /// Picks one of several weighted things.
    pub(super) fn pick<'a, T>(&mut self, things: &'a [T], weight: impl Fn(&T) -> u32) -> Option<&'a T> {
        let total = things.iter().map(&weight).sum();
        let mut at = self.below(total);
        things.iter().find(|thing| {
            let weight = weight(thing);
            let here = at < weight;
            at = at.saturating_sub(weight);
            here
        })
    }
}

/// Writes the history in order of time and waits whenever the recorder is full. Returns, once everything is stored,
/// when each key was last used.
pub(super) async fn write(services: &Services, now: Timestamp, past: &Past) -> HashMap<KeyId, Timestamp> {
    let mut last_used = HashMap::new();
    let mut dice = Dice::new(20_260_105);
    for ago in (1..=MINUTES).rev() {
        let minute = now.minus_seconds(ago * 60);
        let is_outage = (OUTAGE.0 - OUTAGE.1..OUTAGE.0).contains(&ago);
        let expected = if is_outage {
            6.0
        } else {
            PER_MINUTE * rhythm(minute)
        };
        let count = expected.floor() as u32 + u32::from(dice.unit() < expected.fract());
        let mut moments: Vec<i64> = (0..count).map(|_| i64::from(dice.below(60_000))).collect();
        moments.sort_unstable();
        for moment in moments {
            let at = minute.plus_millis(moment);
            let calling = |line: &Line| (line.from..line.until).contains(&at);
            if let Some(line) = dice.pick(&past.lines, |line| if calling(line) { line.share } else { 0 }) {
                last_used.insert(line.key.id, at);
                services
                    .recorder
                    .record_waiting(entry(line, at, is_outage, &mut dice))
                    .await;
            }
        }
        if minute > past.deleted_at && ago % STALE_EVERY == 0 {
            services
                .recorder
                .record_waiting(stale(past, minute.plus_seconds(59), &mut dice))
                .await;
        }
    }
    services.recorder.flush().await;
    last_used
}

/// The rate is higher by day than at night and lower at weekends. It averages 1.
fn rhythm(at: Timestamp) -> f64 {
    let seconds = at.as_millis().div_euclid(1000);
    let hour = (seconds.rem_euclid(86_400)) as f64 / 3600.0;
    // 1970-01-01 was a Thursday.
    let is_weekend = matches!((seconds.div_euclid(86_400) + 4).rem_euclid(7), 0 | 6);
    let daily = 1.0 + 0.8 * ((hour - 14.0) / 24.0 * std::f64::consts::TAU).cos();
    daily * if is_weekend { 0.55 } else { 1.18 }
}

fn entry(line: &Line, at: Timestamp, is_outage: bool, dice: &mut Dice) -> Entry {
    let (method, path, usual, _) = dice.pick(&CALLS, |call| call.3).copied().unwrap_or(CALLS[0]);
    let chance = dice.below(1000);
    let status = match chance {
        _ if is_outage => 503,
        0..8 => 400,
        8..14 => 500,
        _ => usual,
    };
    let upstream_us = match status {
        503 => 1_500 + u64::from(dice.below(2_500)),
        _ => {
            18_000
                + u64::from(dice.below(60_000))
                + if chance > 985 {
                    u64::from(dice.below(900_000))
                } else {
                    0
                }
        }
    };
    Entry {
        request_id: RequestId::time_ordered(at, vault::random()),
        at,
        place: line.place.clone(),
        environment: Some(line.environment),
        key: Some(line.key.clone()),
        recorded: Recorded::Gateway,
        method: method.to_owned(),
        path: path.to_owned(),
        status,
        verdict: Verdict::Accepted,
        verdict_detail: String::new(),
        duration_us: upstream_us + 350 + u64::from(dice.below(700)),
        upstream_us: Some(upstream_us),
        address: line.address.to_owned(),
        user_agent: Some(line.agent.to_owned()),
        presented: Vec::new(),
        request: generated(),
        response: if status < 400 { generated() } else { failed(status) },
    }
}

fn stale(past: &Past, at: Timestamp, dice: &mut Dice) -> Entry {
    Entry {
        request_id: RequestId::time_ordered(at, vault::random()),
        at,
        place: past.own_place.clone(),
        environment: Some(model::Environment::Sandbox),
        key: Some(past.deleted_trace.clone()),
        recorded: Recorded::Gateway,
        method: "GET".to_owned(),
        path: "/v1/users/".to_owned(),
        status: 401,
        verdict: Verdict::DeletedKey,
        verdict_detail: format!(
            "The key ending in {} was deleted by ana@demo.example on {}.",
            past.deleted_trace.last_four,
            past.deleted_at.to_page_text()
        ),
        duration_us: 120 + u64::from(dice.below(90)),
        upstream_us: None,
        address: STALE_ADDRESS.to_owned(),
        user_agent: Some(STALE_AGENT.to_owned()),
        presented: Vec::new(),
        request: Message::absent(BodyAbsence::KeyNotRecognised),
        response: Message::absent(BodyAbsence::KeyNotRecognised),
    }
}

fn generated() -> Message {
    Message {
        headers: logs::Headers::default(),
        body: CapturedBody::Absent {
            why: BodyAbsence::Generated,
            total_bytes: 0,
        },
    }
}

/// A failure says what went wrong, so that failures can be told apart.
fn failed(status: u16) -> Message {
    let code = match status {
        400 => "incorrect_parameters",
        404 => "not_found",
        503 => "maintenance",
        _ => "internal_error",
    };
    let body = serde_json::json!({ "error": { "code": code, "message": "Sample data." } }).to_string();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Message {
        headers: headers.into(),
        body: CapturedBody::Bytes {
            total_bytes: body.len() as u64,
            first: body.into_bytes(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_has_about_twenty_thousand_requests_and_quiet_nights() {
        let start = Timestamp::from_millis(1_767_614_400_000);
        let sum: f64 = (0..MINUTES)
            .map(|minute| PER_MINUTE * rhythm(start.plus_seconds(minute * 60)))
            .sum();
        assert!((19_000.0..21_500.0).contains(&sum), "{sum}");
        // A Monday at 14:00, and the same day at 02:00.
        let noon = rhythm(Timestamp::from_millis(1_767_614_400_000 + 2 * 3_600_000));
        let night = rhythm(Timestamp::from_millis(1_767_614_400_000 - 10 * 3_600_000));
        assert!(noon > 4.0 * night, "{noon} {night}");
    }

    #[test]
    fn dice_stay_within_their_bounds() {
        let mut dice = Dice::new(1);
        assert!((0..1000).all(|_| dice.below(7) < 7 && dice.unit() < 1.0));
        assert!((0..100).all(|_| dice.pick(&CALLS, |call| call.3).is_some()));
    }
}
