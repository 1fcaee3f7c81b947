//! The endpoints of one segment.

use std::cmp::Reverse;
use std::ops::Range;

use hashbrown::HashMap;
use roaring::RoaringBitmap;

use super::durations::{self, class_of};
use super::templates::Templates;
use crate::Texts;
use crate::summaries::{Counts, EndpointSum, EndpointSums};

/// A table of more places takes too long to fill with nothing.
const LARGEST_TABLE: usize = 1 << 20;

/// Parts of columns, which begin at the same row.
pub(super) struct Columns<'a> {
    pub(super) paths: &'a [u16],
    pub(super) methods: &'a [u16],
    pub(super) statuses: &'a [u16],
}

/// Sums the rows of a segment.
pub(super) struct OfSegment<'a> {
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
    pub(super) fn new(paths: &'a Texts, methods: &'a Texts, rows: u64) -> Self {
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
    pub(super) fn add_rows(
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

    pub(super) fn add(&mut self, columns: &Columns<'_>, index: usize, duration: u64) {
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

    pub(super) fn finish(self) -> EndpointSums {
        let (classes, begins) = self.classes_by_slot();
        let mut order: Vec<usize> = (0..self.slots.len()).collect();
        order.sort_by_key(|slot| Reverse(self.slots[*slot].1.requests));
        let mut counted = durations::Counted::default();
        let mut durations = Vec::new();
        let mut endpoints = Vec::with_capacity(order.len());
        for slot in order {
            let ((template, method), counts) = self.slots[slot];
            counted.count(&classes[begins[slot]..begins[slot + 1]], &mut durations);
            endpoints.push(EndpointSum {
                template,
                method,
                counts,
                // No more than rows, which are 65,536 at most.
                durations_end: durations.len() as u32,
            });
        }
        durations.shrink_to_fit();
        let methods = (0_u16..).take(self.methods.len());
        EndpointSums {
            endpoints,
            methods: methods
                .map(|method| self.methods.get(method).unwrap_or_default().to_owned())
                .collect(),
            templates: self.templates.into_all(),
            durations,
        }
    }

    /// The classes of all rows, ordered by slot, and where those of each slot begin.
    fn classes_by_slot(&self) -> (Vec<u16>, Vec<usize>) {
        let mut begins = vec![0; self.slots.len() + 1];
        for (slot, (_, counts)) in self.slots.iter().enumerate() {
            begins[slot + 1] = begins[slot] + counts.requests as usize;
        }
        let mut next = begins.clone();
        let mut classes = vec![0; self.durations.len()];
        for (slot, class) in &self.durations {
            let next = &mut next[*slot as usize];
            classes[*next] = *class;
            *next += 1;
        }
        (classes, begins)
    }
}
