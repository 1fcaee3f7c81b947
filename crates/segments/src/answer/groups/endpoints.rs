//! Requests by endpoint: how many, how many failed, and how long they took.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

use logs::Groups;
use model::{Beyond, EndpointGroup};
use roaring::RoaringBitmap;

use super::durations::{Durations, class_of};
use super::templates::Templates;
use super::{MOST, SoughtPaths, beyond};
use crate::answer::loader::{Ask, Batch, Loader, Ticket, stretches};
use crate::answer::part::Part;
use crate::cache;
use crate::{Column, Dictionary, Open, ReadError, Texts};

/// The sums of all endpoints so far.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    numbers: HashMap<(String, String), usize>,
    sums: Vec<Sum>,
    /// Rows of endpoints beyond [`MOST`].
    rest: u64,
}

#[derive(Debug, Default)]
struct Sum {
    counts: Counts,
    durations: Durations,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    requests: u64,
    failed: u64,
    server_errors: u64,
}

impl Endpoints {
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
        self.add(segment);
    }

    pub(super) fn add_closed(&mut self, parts: &[Part<'_>], loader: Loader<'_>) -> Result<(), ReadError> {
        let mut batch = Batch::default();
        let sought: Vec<_> = (parts.iter())
            .filter(|part| !part.matching.is_empty())
            .map(|part| (part, Sought::ask(part, &mut batch)))
            .collect();
        let pieces = loader.load(batch)?;
        for (part, sought) in sought {
            let paths = sought.paths.get(part.head, &pieces, loader)?;
            let methods = pieces.texts(sought.methods);
            let mut segment = OfSegment::new(&paths, &methods, part.matching.len());
            for (rows, [paths, methods, statuses], durations) in sought.stretches {
                let [paths, methods, statuses] =
                    [paths, methods, statuses].map(|ticket| pieces.numbers(ticket));
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
            self.add(segment);
        }
        Ok(())
    }

    /// The most frequent endpoints of the segment come first, so that they have a place if there are too many.
    fn add(&mut self, segment: OfSegment<'_>) {
        let mut order: Vec<usize> = (0..segment.slots.len()).collect();
        order.sort_by_key(|slot| Reverse(segment.slots[*slot].1.requests));
        let mut places = vec![NOWHERE; segment.slots.len()];
        for slot in order {
            let ((template, method), counts) = segment.slots[slot];
            let method = segment.methods.get(method).unwrap_or_default().to_owned();
            let key = (segment.templates.text(template).to_owned(), method);
            let place = match self.numbers.get(&key) {
                Some(place) => *place,
                None if self.sums.len() < MOST => {
                    self.numbers.insert(key, self.sums.len());
                    self.sums.push(Sum::default());
                    self.sums.len() - 1
                }
                None => {
                    self.rest += counts.requests;
                    continue;
                }
            };
            let sum = &mut self.sums[place].counts;
            sum.requests += counts.requests;
            sum.failed += counts.failed;
            sum.server_errors += counts.server_errors;
            places[slot] = place;
        }
        for (slot, class) in segment.durations {
            if let Some(sum) = self.sums.get_mut(places[slot as usize]) {
                sum.durations.add(class);
            }
        }
    }

    pub(super) fn finish(self) -> (Vec<EndpointGroup>, Beyond) {
        let mut order: Vec<((String, String), usize)> = self.numbers.into_iter().collect();
        order.sort_by(|(a, of_a), (b, of_b)| {
            let requests = |place: &usize| self.sums[*place].counts.requests;
            requests(of_b).cmp(&requests(of_a)).then_with(|| a.cmp(b))
        });
        let beyond = beyond(&mut order, self.rest);
        let groups = order
            .into_iter()
            .take(Groups::LISTED)
            .map(|((endpoint, method), place)| {
                let Sum { counts, durations } = &self.sums[place];
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
            });
        (groups.collect(), beyond)
    }
}

/// The place of endpoints beyond [`MOST`].
const NOWHERE: usize = usize::MAX;

struct Columns<'a> {
    paths: &'a [u16],
    methods: &'a [u16],
    statuses: &'a [u16],
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
}

/// A table of more places takes too long to fill with nothing.
const LARGEST_TABLE: usize = 1 << 20;

/// The endpoints of one segment.
struct OfSegment<'a> {
    methods: &'a Texts,
    templates: Templates<'a>,
    /// For each path and method, its slot plus one.
    table: Vec<u32>,
    /// By template and method.
    numbers: HashMap<(u32, u16), u32>,
    slots: Vec<((u32, u16), Counts)>,
    /// The slot of each row, and the class of its duration.
    durations: Vec<(u32, u16)>,
}

impl<'a> OfSegment<'a> {
    fn new(paths: &'a Texts, methods: &'a Texts, rows: u64) -> Self {
        let places = paths.len() * methods.len();
        Self {
            methods,
            templates: Templates::of(paths),
            table: vec![0; if places > LARGEST_TABLE { 0 } else { places }],
            numbers: HashMap::new(),
            slots: Vec::new(),
            durations: Vec::with_capacity(rows as usize),
        }
    }

    /// Adds those of `rows` that match. The columns begin at the first one.
    fn add_rows(
        &mut self,
        columns: &Columns<'_>,
        rows: Range<u32>,
        matching: &RoaringBitmap,
        duration: impl Fn(usize) -> u64,
    ) {
        if matching.range_cardinality(rows.clone()) == rows.len() as u64 {
            (0..rows.len()).for_each(|index| self.add(columns, index, duration(index)));
            return;
        }
        for row in matching.range(rows.clone()) {
            let index = (row - rows.start) as usize;
            self.add(columns, index, duration(index));
        }
    }

    fn add(&mut self, columns: &Columns<'_>, index: usize, duration: u64) {
        let slot = self.slot(columns.paths[index], columns.methods[index]);
        let counts = &mut self.slots[slot as usize].1;
        let status = columns.statuses[index];
        counts.requests += 1;
        counts.failed += u64::from(status >= 400);
        counts.server_errors += u64::from(status >= 500);
        self.durations.push((slot, class_of(duration)));
    }

    fn slot(&mut self, path: u16, method: u16) -> u32 {
        let place = usize::from(path) * self.methods.len() + usize::from(method);
        match self.table.get(place) {
            Some(0) | None => {}
            Some(slot) => return slot - 1,
        }
        let key = (self.templates.number(path), method);
        let slot = *self.numbers.entry(key).or_insert_with(|| {
            self.slots.push((key, Counts::default()));
            (self.slots.len() - 1) as u32
        });
        if let Some(known) = self.table.get_mut(place) {
            *known = slot + 1;
        }
        slot
    }
}
