//! Failed requests by what failed: how many, when, and whom they concern.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;
use logs::{Distinct, ErrorKey, FoundErrors, Groups};
use model::{Beyond, ClientId, KeyId, Timestamp};
use roaring::RoaringBitmap;

use super::failures;
use super::{MOST, beyond};
use crate::answer::loader::Loader;
use crate::answer::part::Part;
use crate::answer::plan::Plan;
use crate::cache::{Piece, Summary};
use crate::summaries::{FailedRow, Failures};
use crate::{Open, ReadError};

/// The groups so far.
#[derive(Debug)]
pub(crate) struct Errors {
    parts: u32,
    groups: HashMap<ErrorKey, Sum>,
    /// Rows of groups beyond [`MOST`].
    rest: u64,
}

#[derive(Debug)]
struct Sum {
    requests: u64,
    first: i64,
    last: i64,
    counts: Vec<u64>,
    keys: Few<KeyId>,
    clients: Few<ClientId>,
}

/// Distinct values, up to a bound.
#[derive(Debug)]
struct Few<T> {
    values: BTreeSet<T>,
    is_more: bool,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self {
            values: BTreeSet::new(),
            is_more: false,
        }
    }
}

impl<T: Ord> Few<T> {
    fn add(&mut self, value: T) {
        if self.values.len() < Groups::AFFECTED {
            self.values.insert(value);
        } else if !self.values.contains(&value) {
            self.is_more = true;
        }
    }

    fn finish(self) -> Distinct<T> {
        Distinct {
            values: self.values.into_iter().collect(),
            is_more: self.is_more,
        }
    }
}

impl Errors {
    pub(super) fn new(parts: u32) -> Self {
        Self {
            parts: parts.max(1),
            groups: HashMap::new(),
            rest: 0,
        }
    }

    pub(super) fn add_open(&mut self, plan: &Plan, open: &Open, matching: &RoaringBitmap) {
        self.add(plan, &failures::of_open(open, matching), None);
    }

    /// The failed rows of each segment are gathered once and kept, and the columns that they come from are not.
    pub(super) fn add_closed(
        &mut self,
        plan: &Plan,
        parts: &[Part<'_>],
        loader: Loader<'_>,
    ) -> Result<(), ReadError> {
        let parts: Vec<_> = parts.iter().filter(|part| !part.matching.is_empty()).collect();
        let kept = loader.summaries(parts.iter().map(|part| part.head), Summary::Failures);
        let mut unknown = Vec::new();
        for (part, kept) in parts.iter().zip(kept) {
            match kept {
                Some(kept) => self.add(plan, kept.failures(), Some(&part.matching)),
                None => unknown.push(*part),
            }
        }
        let heads: Vec<_> = unknown.iter().map(|part| part.head).collect();
        let read = failures::of_closed(&heads, loader.keeping_nothing())?;
        for (part, failures) in unknown.into_iter().zip(read) {
            let made = Piece::Failures(Arc::new(failures));
            loader.keep_summary(part.head, Summary::Failures, &made);
            self.add(plan, made.failures(), Some(&part.matching));
        }
        Ok(())
    }

    /// Adds the rows that match, by default all. The most frequent groups of the segment come first, so that they have a place
    /// if there are too many.
    fn add(&mut self, plan: &Plan, failures: &Failures, matching: Option<&RoaringBitmap>) {
        let segment = OfSegment::sum(plan, self.parts, failures, matching);
        let mut has_place = vec![false; failures.groups.len()];
        for group in segment.by_requests() {
            has_place[group] = self.add_group(&failures.groups[group], &segment, group);
        }
        let sum = |groups: &mut HashMap<ErrorKey, Sum>, group: u16, add: &mut dyn FnMut(&mut Sum)| {
            if has_place[usize::from(group)]
                && let Some(sum) = groups.get_mut(&failures.groups[usize::from(group)])
            {
                add(sum);
            }
        };
        segment.keys.each(|group, number| {
            if let Some(Some(key)) = failures.keys.get(usize::from(number)) {
                sum(&mut self.groups, group, &mut |sum| sum.keys.add(*key));
            }
        });
        segment.clients.each(|group, number| {
            if let Some(client) = failures.clients.get(usize::from(number)) {
                sum(&mut self.groups, group, &mut |sum| sum.clients.add(*client));
            }
        });
    }

    /// Whether it has a place.
    fn add_group(&mut self, key: &ErrorKey, segment: &OfSegment, group: usize) -> bool {
        let of_segment = &segment.groups[group];
        if !self.groups.contains_key(key) {
            if self.groups.len() >= MOST {
                self.rest += of_segment.requests;
                return false;
            }
            let sum = Sum {
                requests: 0,
                first: i64::MAX,
                last: i64::MIN,
                counts: vec![0; self.parts as usize],
                keys: Few::default(),
                clients: Few::default(),
            };
            self.groups.insert(key.clone(), sum);
        }
        if let Some(sum) = self.groups.get_mut(key) {
            sum.requests += of_segment.requests;
            sum.first = sum.first.min(of_segment.first);
            sum.last = sum.last.max(of_segment.last);
            let counted = &segment.counts[group * self.parts as usize..];
            for (all, counted) in sum.counts.iter_mut().zip(counted) {
                *all += u64::from(*counted);
            }
        }
        true
    }

    pub(super) fn finish(self) -> (Vec<FoundErrors>, Beyond) {
        let mut order: Vec<(ErrorKey, Sum)> = self.groups.into_iter().collect();
        order.sort_by(|(a, of_a), (b, of_b)| of_b.requests.cmp(&of_a.requests).then_with(|| a.cmp(b)));
        let beyond = beyond(&mut order, self.rest);
        let groups = order.into_iter().map(|(key, sum)| FoundErrors {
            key,
            requests: sum.requests,
            first: Timestamp::from_millis(sum.first),
            last: Timestamp::from_millis(sum.last),
            counts: sum.counts,
            keys: sum.keys.finish(),
            clients: sum.clients.finish(),
        });
        (groups.collect(), beyond)
    }
}

/// The sums of one segment, by the numbers of its groups.
struct OfSegment {
    groups: Vec<OfGroup>,
    /// For each group, the number in each part of the range.
    counts: Vec<u32>,
    keys: NumbersOf,
    clients: NumbersOf,
}

#[derive(Clone)]
struct OfGroup {
    requests: u64,
    first: i64,
    last: i64,
}

impl OfSegment {
    fn sum(plan: &Plan, parts: u32, failures: &Failures, matching: Option<&RoaringBitmap>) -> Self {
        let nothing = OfGroup {
            requests: 0,
            first: i64::MAX,
            last: i64::MIN,
        };
        let mut segment = Self {
            groups: vec![nothing; failures.groups.len()],
            counts: vec![0; failures.groups.len() * parts as usize],
            keys: NumbersOf::new(failures.keys.len(), failures.groups.len()),
            clients: NumbersOf::new(failures.clients.len(), failures.groups.len()),
        };
        // Most follow each other in time.
        let (mut from, mut to, mut part) = (0, 0, 0);
        for row in &failures.rows {
            if matching.is_some_and(|matching| !matching.contains(row.row.into())) {
                continue;
            }
            if !(from..to).contains(&row.at) {
                part = plan.part_among(row.at, parts);
                (from, to) = plan.bounds_of_part(part, parts);
            }
            segment.counts[usize::from(row.group) * parts as usize + part] += 1;
            segment.add(row);
        }
        segment
    }

    fn add(&mut self, row: &FailedRow) {
        let group = &mut self.groups[usize::from(row.group)];
        group.requests += 1;
        group.first = group.first.min(row.at);
        group.last = group.last.max(row.at);
        self.keys.add(row.group, row.key);
        self.clients.add(row.group, row.client);
    }

    /// The groups that any row matched, the most frequent first.
    fn by_requests(&self) -> Vec<usize> {
        let groups = 0..self.groups.len();
        let mut order: Vec<usize> = groups.filter(|group| self.groups[*group].requests > 0).collect();
        order.sort_by_key(|group| std::cmp::Reverse(self.groups[*group].requests));
        order
    }
}

/// Which numbers the rows of each group have.
enum NumbersOf {
    /// A bit for each number, by group: where there are few.
    Few(Vec<u64>),
    Many(hashbrown::HashSet<(u16, u16)>),
}

impl NumbersOf {
    fn new(distinct: usize, groups: usize) -> Self {
        if distinct <= u64::BITS as usize {
            Self::Few(vec![0; groups])
        } else {
            Self::Many(hashbrown::HashSet::new())
        }
    }

    fn add(&mut self, group: u16, number: u16) {
        match self {
            // There is no larger number; a damaged one must not be a panic.
            Self::Few(bits) => bits[usize::from(group)] |= 1_u64.checked_shl(number.into()).unwrap_or(0),
            Self::Many(pairs) => {
                pairs.insert((group, number));
            }
        }
    }

    fn each(&self, mut each: impl FnMut(u16, u16)) {
        match self {
            Self::Few(bits) => {
                for (group, bits) in (0..).zip(bits) {
                    (0..u64::BITS as u16)
                        .filter(|number| bits >> number & 1 == 1)
                        .for_each(|number| each(group, number));
                }
            }
            Self::Many(pairs) => pairs.iter().for_each(|(group, number)| each(*group, *number)),
        }
    }
}
