//! Failed requests by what failed: how many, when, and whom they concern.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use logs::{Distinct, ErrorKey, FoundErrors, Groups, KeyTrace};
use model::{Beyond, ClientId, ErrorCode, ErrorReason, KeyId, Timestamp, Verdict};
use roaring::RoaringBitmap;

use super::templates::Templates;
use super::{MOST, SoughtPaths, beyond};
use crate::answer::loader::{Ask, Batch, Loader, Pieces, Ticket, stretches};
use crate::answer::part::Part;
use crate::answer::plan::Plan;
use crate::container::Damage;
use crate::{Column, Dictionary, Field, Head, Located, Open, ReadError, Texts, Values, codes};

/// The lowest status of a failed request.
const FAILED: u16 = 400;

/// The columns of failed rows, in the order of [`Columns`].
const COLUMNS: [Column; 6] = [
    Column::Path,
    Column::Method,
    Column::Status,
    Column::Verdict,
    Column::Key,
    Column::Place,
];

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
        let names = Names {
            methods: open.texts(Dictionary::Methods),
            codes: Some(open.texts(Dictionary::Errors)),
        };
        let distinct = [open.keys().len(), open.places().len()];
        let mut segment = OfSegment::new(plan, self.parts, open.texts(Dictionary::Paths), distinct);
        let columns = Columns {
            numbers: COLUMNS.map(|column| open.numbers(column)),
            codes: Some(open.numbers(Column::Error)),
        };
        let (times, statuses) = (open.times(), open.numbers(Column::Status));
        for row in matching.iter().map(|row| row as usize) {
            if statuses[row] >= FAILED {
                segment.add(&columns, row, times[row]);
            }
        }
        let key = |number: u16| {
            let key = open.keys().get(usize::from(number));
            key.and_then(Option::as_ref).map(|key| key.id)
        };
        let client = |number: u16| {
            open.places()
                .get(usize::from(number))
                .map(|place| place.client_id)
        };
        self.add(&segment, &names, key, client);
    }

    pub(super) fn add_closed(
        &mut self,
        plan: &Plan,
        parts: &[Part<'_>],
        loader: Loader<'_>,
    ) -> Result<(), ReadError> {
        let failed = failed_rows(parts, loader)?;
        let mut batch = Batch::default();
        let sought: Vec<_> = (failed.into_iter())
            .map(|(head, rows)| {
                let sought = Sought::ask(head, &rows, &mut batch);
                (head, rows, sought)
            })
            .collect();
        let pieces = loader.load(batch)?;
        for (head, rows, sought) in sought {
            let paths = sought.paths.get(head, &pieces, loader)?;
            let (keys, clients) = (pieces.keys(sought.keys), pieces.clients(sought.clients));
            let distinct = [keys.len(), clients.len()];
            let mut segment = OfSegment::new(plan, self.parts, &paths, distinct);
            sought.read(head, &rows, &pieces, &mut segment)?;
            let methods = pieces.texts(sought.methods);
            let codes = sought.codes.map(|ticket| pieces.texts(ticket));
            let names = Names {
                methods: &methods,
                codes: codes.as_deref(),
            };
            self.add(
                &segment,
                &names,
                |number| key_of(&keys, number),
                |number| clients.get(usize::from(number)).copied(),
            );
        }
        Ok(())
    }

    /// The most frequent groups of the segment come first, so that they have a place if there are too many.
    fn add(
        &mut self,
        segment: &OfSegment<'_>,
        names: &Names<'_>,
        key: impl Fn(u16) -> Option<KeyId>,
        client: impl Fn(u16) -> Option<ClientId>,
    ) {
        let mut order: Vec<usize> = (0..segment.groups.len()).collect();
        order.sort_by_key(|group| Reverse(segment.groups[*group].1.requests));
        let mut keys = vec![None; segment.groups.len()];
        for group in order {
            let (local, of_segment) = &segment.groups[group];
            let key = names.key_of(*local, &segment.templates);
            if self.groups.len() >= MOST && !self.groups.contains_key(&key) {
                self.rest += of_segment.requests;
                continue;
            }
            let sum = self.groups.entry(key.clone()).or_insert_with(|| Sum {
                requests: 0,
                first: i64::MAX,
                last: i64::MIN,
                counts: vec![0; self.parts as usize],
                keys: Few::default(),
                clients: Few::default(),
            });
            sum.requests += of_segment.requests;
            sum.first = sum.first.min(of_segment.first);
            sum.last = sum.last.max(of_segment.last);
            for (all, counted) in sum.counts.iter_mut().zip(&of_segment.counts) {
                *all += u64::from(*counted);
            }
            keys[group] = Some(key);
        }
        segment.keys.each(|group, number| {
            if let (Some(sum), Some(id)) = (self.sum(&keys, group), key(number)) {
                sum.keys.add(id);
            }
        });
        segment.places.each(|group, number| {
            if let (Some(sum), Some(id)) = (self.sum(&keys, group), client(number)) {
                sum.clients.add(id);
            }
        });
    }

    fn sum(&mut self, keys: &[Option<ErrorKey>], group: u32) -> Option<&mut Sum> {
        self.groups.get_mut(keys[group as usize].as_ref()?)
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

fn key_of(keys: &[Option<KeyTrace>], number: u16) -> Option<KeyId> {
    keys.get(usize::from(number))?.as_ref().map(|key| key.id)
}

/// The matching rows that failed, in segments that have any.
fn failed_rows<'a>(
    parts: &[Part<'a>],
    loader: Loader<'_>,
) -> Result<Vec<(&'a Head, RoaringBitmap)>, ReadError> {
    enum Sought {
        Everything,
        Sets(Vec<Ticket>),
        Values(Ticket),
    }
    let mut batch = Batch::default();
    let sought: Vec<_> = (parts.iter())
        .map(|part| match part.head.values(Field::Status) {
            Values::Grouped { wanted, .. } => {
                Sought::Values(batch.add(part.head, Ask::Values(Field::Status, wanted)))
            }
            Values::Listed(listed) => {
                let has_failed =
                    |one: &crate::Listed| one.key.to_status().is_some_and(|status| status >= FAILED);
                let mut sets = Vec::new();
                for one in listed.into_iter().filter(has_failed) {
                    if one.located == Located::Everything {
                        return Sought::Everything;
                    }
                    let (located, key) = (one.located, one.key);
                    sets.push(batch.add(part.head, Ask::Rows { located, key }));
                }
                Sought::Sets(sets)
            }
        })
        .collect();
    let pieces = loader.load(batch)?;
    let narrowed = parts.iter().zip(sought).map(|(part, sought)| {
        let mut failed = RoaringBitmap::new();
        match sought {
            Sought::Everything => return (part.head, part.matching.clone()),
            Sought::Sets(sets) => sets.into_iter().for_each(|set| failed |= &*pieces.rows(set)),
            Sought::Values(ticket) => (pieces.values(ticket).iter())
                .filter(|(key, _)| key.to_status().is_some_and(|status| status >= FAILED))
                .for_each(|(_, rows)| failed |= rows),
        }
        (part.head, failed & &part.matching)
    });
    Ok(narrowed.filter(|(_, rows)| !rows.is_empty()).collect())
}

/// Asked for of a closed segment.
struct Sought {
    paths: SoughtPaths,
    methods: Ticket,
    codes: Option<Ticket>,
    keys: Ticket,
    clients: Ticket,
    /// Rows with [`COLUMNS`], and the codes of their errors.
    stretches: Vec<(Range<u32>, [Ticket; 6], Option<Ticket>)>,
    /// The arrivals of blocks.
    times: BTreeMap<usize, Ticket>,
}

impl Sought {
    fn ask<'a>(head: &'a Head, rows: &RoaringBitmap, batch: &mut Batch<'a>) -> Self {
        let has_codes = head.has(Column::Error);
        let blocks =
            (0..head.blocks()).filter(|block| rows.range_cardinality(head.rows_of_block(*block)) > 0);
        Self {
            paths: SoughtPaths::ask(head, batch),
            methods: batch.add(head, Ask::Texts(Dictionary::Methods)),
            codes: has_codes.then(|| batch.add(head, Ask::Texts(Dictionary::Errors))),
            keys: batch.add(head, Ask::Keys),
            clients: batch.add(head, Ask::Clients),
            times: blocks
                .map(|block| (block, batch.add(head, Ask::Times(block))))
                .collect(),
            stretches: (stretches(head, rows).into_iter())
                .map(|(blocks, rows)| {
                    let mut add = |column| batch.add(head, Ask::Numbers(column, blocks.clone()));
                    (rows, COLUMNS.map(&mut add), has_codes.then(|| add(Column::Error)))
                })
                .collect(),
        }
    }

    fn read(
        &self,
        head: &Head,
        rows: &RoaringBitmap,
        pieces: &Pieces,
        segment: &mut OfSegment<'_>,
    ) -> Result<(), ReadError> {
        let times: BTreeMap<usize, Arc<Vec<i64>>> = (self.times.iter())
            .map(|(block, ticket)| (*block, pieces.times(*ticket)))
            .collect();
        for (range, tickets, codes) in &self.stretches {
            let numbers = tickets.map(|ticket| pieces.numbers(ticket));
            let codes = codes.map(|ticket| pieces.numbers(ticket));
            let columns = Columns {
                numbers: std::array::from_fn(|column| &numbers[column][..]),
                codes: codes.as_ref().map(|codes| &codes[..]),
            };
            for (block, times) in times.range(blocks_of(range)) {
                let of_block = head.rows_of_block(*block);
                if times.len() < of_block.len() {
                    return Err(head.damaged(Damage("a row has no time")));
                }
                for row in rows.range(of_block.clone()) {
                    let at = times[(row - of_block.start) as usize];
                    segment.add(&columns, (row - range.start) as usize, at);
                }
            }
        }
        Ok(())
    }
}

fn blocks_of(rows: &Range<u32>) -> Range<usize> {
    let block = |row: u32| row as usize / crate::BLOCK;
    block(rows.start)..block(rows.end - 1) + 1
}

/// Parts of columns, which begin at the same row.
struct Columns<'a> {
    /// In the order of [`COLUMNS`].
    numbers: [&'a [u16]; 6],
    codes: Option<&'a [u16]>,
}

/// What rows of one group have in common, by the segment's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct LocalKey {
    template: u32,
    method: u16,
    status: u16,
    reason: LocalReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum LocalReason {
    Refused(Verdict),
    /// The number of the code.
    Accepted(Option<u16>),
}

/// The groups of one segment.
struct OfSegment<'a> {
    plan: &'a Plan,
    parts: u32,
    templates: Templates<'a>,
    numbers: hashbrown::HashMap<LocalKey, u32>,
    groups: Vec<(LocalKey, LocalSum)>,
    keys: NumbersOf,
    places: NumbersOf,
}

/// Which numbers the rows of each group have.
enum NumbersOf {
    /// A bit for each number, by group: where there are few.
    Few(Vec<u64>),
    Many(hashbrown::HashSet<(u32, u16)>),
}

impl NumbersOf {
    fn new(distinct: usize) -> Self {
        if distinct <= u64::BITS as usize {
            Self::Few(Vec::new())
        } else {
            Self::Many(hashbrown::HashSet::new())
        }
    }

    fn add(&mut self, group: u32, number: u16) {
        match self {
            Self::Few(bits) => {
                if bits.len() <= group as usize {
                    bits.resize(group as usize + 1, 0);
                }
                // There is no larger number; a damaged one must not be a panic.
                bits[group as usize] |= 1_u64.checked_shl(number.into()).unwrap_or(0);
            }
            Self::Many(pairs) => {
                pairs.insert((group, number));
            }
        }
    }

    fn each(&self, mut each: impl FnMut(u32, u16)) {
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

#[derive(Debug)]
struct LocalSum {
    requests: u64,
    first: i64,
    last: i64,
    counts: Vec<u32>,
}

impl<'a> OfSegment<'a> {
    /// `distinct`: how many keys and places there are.
    fn new(plan: &'a Plan, parts: u32, paths: &'a Texts, [keys, places]: [usize; 2]) -> Self {
        Self {
            plan,
            parts,
            templates: Templates::of(paths),
            numbers: hashbrown::HashMap::new(),
            groups: Vec::new(),
            keys: NumbersOf::new(keys),
            places: NumbersOf::new(places),
        }
    }

    fn add(&mut self, columns: &Columns<'_>, index: usize, at: i64) {
        let [path, method, status, verdict, key, place] = columns.numbers.map(|numbers| numbers[index]);
        let verdict = u8::try_from(verdict).ok().and_then(codes::to_verdict);
        let reason = match verdict {
            None | Some(Verdict::Accepted) => LocalReason::Accepted(columns.codes.map(|codes| codes[index])),
            Some(refused) => LocalReason::Refused(refused),
        };
        let local = LocalKey {
            template: self.templates.number(path),
            method,
            status,
            reason,
        };
        let number = *self.numbers.entry(local).or_insert_with(|| {
            let sum = LocalSum {
                requests: 0,
                first: i64::MAX,
                last: i64::MIN,
                counts: vec![0; self.parts as usize],
            };
            self.groups.push((local, sum));
            (self.groups.len() - 1) as u32
        });
        let (_, sum) = &mut self.groups[number as usize];
        sum.requests += 1;
        sum.first = sum.first.min(at);
        sum.last = sum.last.max(at);
        sum.counts[self.plan.part_among(at, self.parts)] += 1;
        self.keys.add(number, key);
        self.places.add(number, place);
    }
}

/// The texts of a segment that its numbers stand for.
struct Names<'a> {
    methods: &'a Texts,
    codes: Option<&'a Texts>,
}

impl Names<'_> {
    fn key_of(&self, local: LocalKey, templates: &Templates<'_>) -> ErrorKey {
        let code = |number| self.codes?.get(number).and_then(ErrorCode::stored);
        ErrorKey {
            status: local.status,
            method: self.methods.get(local.method).unwrap_or_default().to_owned(),
            endpoint: templates.text(local.template).to_owned(),
            reason: match local.reason {
                LocalReason::Refused(verdict) => ErrorReason::Refused(verdict),
                LocalReason::Accepted(number) => number
                    .and_then(code)
                    .map_or(ErrorReason::Unknown, ErrorReason::Code),
            },
        }
    }
}
