//! Requests by the address of the caller: how many, and when the latest arrived.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use hashbrown::HashMap;
use logs::{Found, Groups};
use model::{Beyond, KeyAddress, Timestamp};
use roaring::RoaringBitmap;

use super::MOST;
use super::failures::blocks_of;
use crate::answer::loader::{Ask, Batch, Loader, Pieces, Ticket, stretches};
use crate::answer::part::Part;
use crate::container::Damage;
use crate::{Column, Dictionary, Head, Open, ReadError, Texts};

/// The addresses so far.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    seen: HashMap<String, Seen>,
    /// Rows of addresses beyond [`MOST`].
    rest: u64,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    requests: u64,
    last: i64,
}

/// The addresses of one segment, by its numbers.
type OfSegment = BTreeMap<u16, Seen>;

fn count(segment: &mut OfSegment, number: u16, at: i64) {
    let seen = segment.entry(number).or_insert(Seen {
        requests: 0,
        last: at,
    });
    seen.requests += 1;
    seen.last = seen.last.max(at);
}

impl Addresses {
    pub(super) fn add_open(&mut self, open: &Open, matching: &RoaringBitmap) {
        let (numbers, times) = (open.numbers(Column::Address), open.times());
        let mut segment = OfSegment::new();
        for row in matching {
            count(&mut segment, numbers[row as usize], times[row as usize]);
        }
        self.add(segment, open.texts(Dictionary::Addresses));
    }

    pub(super) fn add_closed(&mut self, parts: &[Part<'_>], loader: Loader<'_>) -> Result<(), ReadError> {
        let mut batch = Batch::default();
        let sought: Vec<_> = parts
            .iter()
            .filter(|part| !part.matching.is_empty())
            .map(|part| (part, Sought::ask(part, &mut batch)))
            .collect();
        let pieces = loader.load(batch)?;
        for (part, sought) in sought {
            let segment = sought.gather(part.head, &part.matching, &pieces)?;
            self.add(segment, &pieces.texts(sought.texts));
        }
        Ok(())
    }

    /// The most frequent addresses of the segment come first, so that they have a place if there are too many.
    fn add(&mut self, segment: OfSegment, texts: &Texts) {
        let mut order: Vec<(u16, Seen)> = segment.into_iter().collect();
        order.sort_by_key(|(_, seen)| Reverse(seen.requests));
        for (number, new) in order {
            let text = texts.get(number).unwrap_or_default();
            let has_room = self.seen.len() < MOST;
            match self.seen.get_mut(text) {
                Some(seen) => {
                    seen.requests += new.requests;
                    seen.last = seen.last.max(new.last);
                }
                None if has_room => {
                    self.seen.insert(text.to_owned(), new);
                }
                None => self.rest += new.requests,
            }
        }
    }

    pub(super) fn finish(self, found: &mut Found) {
        let addresses = self.seen.into_iter().map(|(address, seen)| KeyAddress {
            address,
            requests: seen.requests,
            last: Timestamp::from_millis(seen.last),
        });
        let mut addresses: Vec<_> = addresses.collect();
        addresses.sort_by(|a, b| (Reverse(a.requests), &a.address).cmp(&(Reverse(b.requests), &b.address)));
        found.beyond = Beyond {
            groups: addresses.len().saturating_sub(Groups::ADDRESSES) as u64,
            requests: self.rest,
        };
        addresses.truncate(Groups::ADDRESSES);
        found.addresses = addresses;
    }
}

/// Asked for of a closed segment.
struct Sought {
    texts: Ticket,
    /// Rows with their addresses.
    stretches: Vec<(Range<u32>, Ticket)>,
    /// The arrivals of blocks.
    times: BTreeMap<usize, Ticket>,
}

impl Sought {
    fn ask<'a>(part: &Part<'a>, batch: &mut Batch<'a>) -> Self {
        let (head, rows) = (part.head, &part.matching);
        let blocks =
            (0..head.blocks()).filter(|block| rows.range_cardinality(head.rows_of_block(*block)) > 0);
        Self {
            texts: batch.add(head, Ask::Texts(Dictionary::Addresses)),
            times: blocks
                .map(|block| (block, batch.add(head, Ask::Times(block))))
                .collect(),
            stretches: (stretches(head, rows).into_iter())
                .map(|(blocks, rows)| (rows, batch.add(head, Ask::Numbers(Column::Address, blocks))))
                .collect(),
        }
    }

    fn gather(&self, head: &Head, rows: &RoaringBitmap, pieces: &Pieces) -> Result<OfSegment, ReadError> {
        let mut segment = OfSegment::new();
        for (range, ticket) in &self.stretches {
            let numbers = pieces.numbers(*ticket);
            for (block, times) in self.times.range(blocks_of(range)) {
                let (times, of_block) = (pieces.times(*times), head.rows_of_block(*block));
                if times.len() < of_block.len() {
                    return Err(head.damaged(Damage("a row has no time")));
                }
                for row in rows.range(of_block.clone()) {
                    let at = times[(row - of_block.start) as usize];
                    count(&mut segment, numbers[(row - range.start) as usize], at);
                }
            }
        }
        Ok(segment)
    }
}
