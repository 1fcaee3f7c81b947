//! How a key is used while it is being replaced: its longest pause, and who still uses it.

use model::{KeyId, KeyPauses, KeySources, Timestamp, Verdict};

use super::{Reading, counting, latest, not_before};
use crate::{Conditions, LogStoreError, Question, Scope};

const WEEK_SECONDS: i64 = 7 * 24 * 3600;
/// Pauses are read in this many parts, five minutes each in a week, but none shorter than a second.
const PARTS: i64 = 2016;

impl Reading {
    /// How long the key paused between calls in the week before `now`. `last_used` is known without the log, and never dropped.
    pub async fn key_pauses(
        &self,
        scope: Scope,
        key: KeyId,
        created_at: Timestamp,
        last_used: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<KeyPauses, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        let wanted = now.minus_seconds(WEEK_SECONDS).max(created_at).min(now);
        let kept = latest(self.kept(now), self.ledger.begins(scope).await?);
        let from = not_before(wanted, kept).min(now);
        let to = now.plus_millis(1);
        let parts = (to.millis_since(from) / 1000).clamp(1, PARTS);
        let question = Question {
            count: false,
            histogram: u32::try_from(parts).ok(),
            ..counting(from, to, Conditions::of_key(key))
        };
        let found = self.reader.find(scope, &question).await?;
        let totals = self.ledger.totals(scope, from, to).await?;
        let looked_back_to = found.looked_back_to.map_or(from, |looked| looked.at.max(from));
        let used: Vec<bool> = found
            .histogram
            .iter()
            .map(|part| part.iter().any(|rows| *rows > 0))
            .collect();
        let since_last = now.millis_since(last_used.unwrap_or(created_at).min(now));
        let is_older = created_at < wanted || looked_back_to > wanted;
        let in_log = longest(&used, to.millis_since(from), is_older);
        let unseen = looked_back_to.millis_since(wanted);
        let moving = self.ledger.moving().await?.is_some();
        Ok(KeyPauses {
            longest: in_log.saturating_add(unseen).max(since_last),
            from: wanted,
            missing_before: (looked_back_to > wanted || moving).then_some(looked_back_to),
            gaps: totals.gaps.into_iter().map(Into::into).collect(),
            dropped: totals.dropped,
        })
    }

    /// Who has used the key since then, by source address.
    pub async fn key_sources(
        &self,
        scope: Scope,
        key: KeyId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<KeySources, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        let (from, to) = (not_before(since, self.kept(now)).min(now), now.plus_millis(1));
        let of_key = || counting(from, to, Conditions::of_key(key));
        let mut refused = of_key();
        refused.conditions.verdict.set(true, Verdict::Accepted);
        let refused = self.reader.find(scope, &refused).await?;
        let found = self.sources(scope, of_key()).await?;
        let mut sources = found.sources;
        sources.sort_by(|one, other| (other.last_at, &one.address).cmp(&(one.last_at, &other.address)));
        Ok(KeySources {
            since,
            requests: found.requests,
            refused: refused.count.at_least(),
            sources,
            more: found.beyond.groups,
            looked_back_to: found.looked_back_to,
        })
    }
}

/// An upper bound of the longest stretch without a call, in a range of `length` milliseconds that is divided into these parts.
/// `was_before` says that the key was there before the range, so that what comes before its first call is a pause as well.
fn longest(used: &[bool], length: i64, was_before: bool) -> i64 {
    let parts = i64::try_from(used.len()).unwrap_or(i64::MAX).max(1);
    // Where a part begins, rounded so that no pause becomes shorter.
    let up_to = |part: i64| (part * length + parts - 1) / parts;
    let mut begin = was_before.then_some(0);
    let mut longest = 0;
    let mut any = false;
    for (part, _) in (0_i64..).zip(used).filter(|(_, used)| **used) {
        any = true;
        if let Some(begin) = begin {
            longest = longest.max(up_to(part + 1) - begin);
        }
        begin = Some(part * length / parts);
    }
    match (any, begin) {
        (false, _) => length,
        (true, begin) => longest.max(length - begin.unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts that these moments fall into, as a reader divides the range.
    fn parts(calls: &[i64], length: i64, parts: usize) -> Vec<bool> {
        let mut used = vec![false; parts];
        for at in calls {
            used[usize::try_from(at * parts as i64 / length).expect("in the range")] = true;
        }
        used
    }

    #[test]
    fn no_pause_is_longer_than_what_is_said_and_what_is_said_is_two_parts_too_long_at_most() {
        let mut seed = 1_u64;
        let mut roll = |below: i64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            i64::try_from((seed >> 33) % below.unsigned_abs()).expect("small")
        };
        for _ in 0..3000 {
            let length = 1 + roll(100_000);
            let count = usize::try_from(1 + roll(60)).expect("small");
            let mut calls: Vec<i64> = (0..roll(8)).map(|_| roll(length)).collect();
            calls.sort_unstable();
            let was_before = roll(2) == 0;
            let mut edges = calls.clone();
            if was_before || calls.is_empty() {
                edges.insert(0, 0);
            }
            edges.push(length);
            let truth = edges.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            let said = longest(&parts(&calls, length, count), length, was_before);
            let part = length / count as i64 + 1;
            assert!(
                (truth..=truth + 2 * part).contains(&said),
                "{said} for {truth} of {calls:?} in {length}"
            );
        }
    }

    #[test]
    fn a_key_without_a_call_paused_all_the_time() {
        assert_eq!(longest(&[false; 5], 70, false), 70);
        assert_eq!(longest(&[], 70, true), 70);
    }
}
