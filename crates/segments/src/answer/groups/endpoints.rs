//! Requests by endpoint: how many, how many failed, and how long they took.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

use hashbrown::{Equivalent, HashMap};
use logs::{Found, Groups};
use model::{EndpointGroup, EndpointOrder};
use roaring::RoaringBitmap;

use super::durations::Durations;
use super::of_segment::{Columns, OfSegment};
use super::{MOST, SoughtPaths, beyond};
use crate::answer::loader::{Ask, Batch, Loader, Pieces, Ticket, stretches};
use crate::answer::part::Part;
use crate::cache::{self, Piece, Summary};
use crate::summaries::{Counts, EndpointSums};
use crate::{Column, Dictionary, Head, Open, ReadError};

/// The sums of all endpoints so far.
#[derive(Debug)]
pub(crate) struct Endpoints {
    order: EndpointOrder,
    numbers: HashMap<(String, String), usize>,
    sums: Vec<Sum>,
    /// Rows of endpoints beyond [`MOST`].
    rest: u64,
}

/// The key of an endpoint, to look it up. It has the hash of the key.
#[derive(Hash)]
struct Named<'a> {
    template: &'a str,
    method: &'a str,
}

impl Named<'_> {
    fn to_key(&self) -> (String, String) {
        (self.template.to_owned(), self.method.to_owned())
    }
}

impl Equivalent<(String, String)> for Named<'_> {
    fn equivalent(&self, (template, method): &(String, String)) -> bool {
        self.template == template && self.method == method
    }
}

#[derive(Debug, Default)]
struct Sum {
    counts: Counts,
    durations: Durations,
}

impl Sum {
    fn group(&self, (endpoint, method): (String, String)) -> EndpointGroup {
        let Self { counts, durations } = self;
        EndpointGroup {
            method,
            endpoint,
            requests: counts.requests,
            failed: counts.failed,
            server_errors: counts.server_errors,
            p50_us: durations.percentile(50),
            p95_us: durations.percentile(95),
            p99_us: durations.percentile(99),
        }
    }

    /// What has most of this is first.
    fn rank(&self, order: EndpointOrder) -> u64 {
        /// A part of the requests, in millionths.
        const WHOLE: u64 = 1_000_000;
        let part = |counted: u64| counted.saturating_mul(WHOLE) / self.counts.requests.max(1);
        match order {
            EndpointOrder::Endpoint => 0,
            EndpointOrder::Requests => self.counts.requests,
            EndpointOrder::Failed => part(self.counts.failed),
            EndpointOrder::ServerErrors => part(self.counts.server_errors),
            EndpointOrder::P50 => self.durations.percentile(50),
            EndpointOrder::P95 => self.durations.percentile(95),
            EndpointOrder::P99 => self.durations.percentile(99),
        }
    }
}

impl Endpoints {
    pub(super) fn new(order: EndpointOrder) -> Self {
        Self {
            order,
            numbers: HashMap::new(),
            sums: Vec::new(),
            rest: 0,
        }
    }

    pub(super) fn add_open(&mut self, open: &Open, matching: &RoaringBitmap) {
        let (paths, methods) = (open.texts(Dictionary::Paths), open.texts(Dictionary::Methods));
        let mut segment = OfSegment::new(paths, methods, matching.len());
        let columns = Columns {
            paths: open.numbers(Column::Path),
            methods: open.numbers(Column::Method),
            statuses: open.numbers(Column::Status),
        };
        let durations = open.microseconds(Column::Duration);
        for row in matching {
            segment.add(&columns, row as usize, durations[row as usize]);
        }
        self.add(&segment.finish());
    }

    /// Where all rows of a segment match, a summary of it is enough. It is made once and kept, and the columns are not.
    pub(super) fn add_closed(&mut self, parts: &[Part<'_>], loader: Loader<'_>) -> Result<(), ReadError> {
        let is_whole = |part: &&Part<'_>| part.matching.len() == u64::from(part.head.rows());
        let parts = parts.iter().filter(|part| !part.matching.is_empty());
        let (whole, narrowed): (Vec<_>, Vec<_>) = parts.partition(is_whole);
        let kept = loader.summaries(whole.iter().map(|part| part.head), Summary::Endpoints);
        let mut unknown = Vec::new();
        for (part, kept) in whole.into_iter().zip(kept) {
            match kept {
                Some(kept) => self.add(kept.endpoints()),
                None => unknown.push(part),
            }
        }
        read(&unknown, loader.keeping_nothing(), |head, sums| {
            let made = Piece::Endpoints(Arc::new(sums));
            loader.keep_summary(head, Summary::Endpoints, &made);
            self.add(made.endpoints());
        })?;
        read(&narrowed, loader, |_, sums| self.add(&sums))
    }

    /// The most frequent endpoints of the segment come first, so that they have a place if there are too many.
    fn add(&mut self, segment: &EndpointSums) {
        for (of_segment, of_durations) in segment.iter() {
            let named = Named {
                template: &segment.templates[of_segment.template as usize],
                method: (segment.methods.get(usize::from(of_segment.method))).map_or("", String::as_str),
            };
            let place = match self.numbers.get(&named) {
                Some(place) => *place,
                None if self.sums.len() < MOST => {
                    self.numbers.insert(named.to_key(), self.sums.len());
                    self.sums.push(Sum::default());
                    self.sums.len() - 1
                }
                None => {
                    self.rest += of_segment.counts.requests;
                    continue;
                }
            };
            let Sum { counts, durations } = &mut self.sums[place];
            counts.requests += of_segment.counts.requests;
            counts.failed += of_segment.counts.failed;
            counts.server_errors += of_segment.counts.server_errors;
            for (class, requests) in of_durations {
                durations.add(*class, *requests);
            }
        }
    }

    pub(super) fn finish(self, found: &mut Found) {
        found.most_requests = self.sums.iter().map(|sum| sum.counts.requests).max().unwrap_or(0);
        found.slowest = self.slowest();
        let mut order: Vec<((String, String), usize)> = self.numbers.into_iter().collect();
        let by_name = self.order == EndpointOrder::Endpoint;
        order.sort_by_cached_key(|(key, place)| {
            let sum = &self.sums[*place];
            let requests = if by_name { 0 } else { sum.counts.requests };
            (Reverse((sum.rank(self.order), requests)), key.clone())
        });
        found.beyond = beyond(&mut order, self.rest);
        let groups = order
            .into_iter()
            .take(Groups::LISTED)
            .map(|(key, place)| self.sums[place].group(key));
        found.endpoints = groups.collect();
    }

    /// Whatever the order is, and whether it is listed or not.
    fn slowest(&self) -> Option<EndpointGroup> {
        let has_enough = |place: usize| self.sums[place].counts.requests >= EndpointGroup::ENOUGH;
        let enough = self.numbers.iter().filter(|(_, place)| has_enough(**place));
        let slowest = enough.max_by_key(|(key, place)| {
            let Sum { counts, durations } = &self.sums[**place];
            (durations.percentile(95), counts.requests, Reverse(*key))
        });
        slowest.map(|(key, place)| self.sums[*place].group(key.clone()))
    }
}

/// Sums the matching rows of each part.
fn read<'a>(
    parts: &[&Part<'a>],
    loader: Loader<'_>,
    mut each: impl FnMut(&'a Head, EndpointSums),
) -> Result<(), ReadError> {
    let mut batch = Batch::default();
    let sought: Vec<_> = parts
        .iter()
        .map(|part| (part, Sought::ask(part, &mut batch)))
        .collect();
    let pieces = loader.load(batch)?;
    for (part, sought) in sought {
        each(part.head, sought.sum(part, &pieces, loader)?);
    }
    Ok(())
}

/// Asked for of a closed segment.
struct Sought {
    paths: SoughtPaths,
    methods: Ticket,
    /// Rows with their paths, methods and statuses, and their durations.
    stretches: Vec<(Range<u32>, [Ticket; 3], Ticket)>,
}

impl Sought {
    fn ask<'a>(part: &Part<'a>, batch: &mut Batch<'a>) -> Self {
        let head = part.head;
        Self {
            paths: SoughtPaths::ask(head, batch),
            methods: batch.add(head, Ask::Texts(Dictionary::Methods)),
            stretches: (stretches(head, &part.matching).into_iter())
                .map(|(blocks, rows)| {
                    let columns = [Column::Path, Column::Method, Column::Status]
                        .map(|column| batch.add(head, Ask::Numbers(column, blocks.clone())));
                    (rows, columns, batch.add(head, Ask::Durations(blocks)))
                })
                .collect(),
        }
    }

    fn sum(self, part: &Part<'_>, pieces: &Pieces, loader: Loader<'_>) -> Result<EndpointSums, ReadError> {
        let paths = self.paths.get(part.head, pieces, loader)?;
        let methods = pieces.texts(self.methods);
        let mut segment = OfSegment::new(&paths, &methods, part.matching.len());
        for (rows, tickets, durations) in self.stretches {
            let [paths, methods, statuses] = tickets.map(|ticket| pieces.numbers(ticket));
            let columns = Columns {
                paths: &paths,
                methods: &methods,
                statuses: &statuses,
            };
            match &*pieces.durations(durations) {
                cache::Durations::Short(durations) => {
                    segment.add_rows(&columns, rows, &part.matching, |index| durations[index].into());
                }
                cache::Durations::Long(durations) => {
                    segment.add_rows(&columns, rows, &part.matching, |index| durations[index]);
                }
            }
        }
        Ok(segment.finish())
    }
}
