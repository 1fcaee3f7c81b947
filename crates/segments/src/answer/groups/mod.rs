//! Divides the matching rows into groups: errors by what failed, or all rows by endpoint or by address. Endpoints are templates of paths,
//! made once for each path of a segment, and only the columns that a group needs are read. Of segments that are asked about
//! as a whole, summaries are kept (`summaries.rs`).

mod addresses;
mod durations;
mod endpoints;
mod errors;
mod failures;
mod of_segment;
mod templates;

use std::sync::Arc;

use logs::{Found, Groups};
use model::Beyond;
use roaring::RoaringBitmap;

use self::addresses::Addresses;
use self::endpoints::Endpoints;
use self::errors::Errors;
use super::loader::{Ask, Batch, Loader, Pieces, Ticket};
use super::part::Part;
use super::plan::Plan;
use super::texts::{LARGE, dictionary_bytes};
use crate::{Dictionary, Head, Open, ReadError, Texts};

/// Groups that are told apart. Rows of further groups are only counted: someone who looks for files that are not there can
/// make as many as they like.
const MOST: usize = 4096;

/// Segments whose columns are in memory together, at most.
const TOGETHER: usize = 8;

/// The groups so far.
#[derive(Debug)]
pub(super) enum GroupTally {
    Nothing,
    Errors(Errors),
    Endpoints(Endpoints),
    Addresses(Addresses),
}

impl GroupTally {
    pub(super) fn new(groups: Option<Groups>) -> Self {
        match groups {
            None => Self::Nothing,
            Some(Groups::Errors { parts }) => Self::Errors(Errors::new(parts)),
            Some(Groups::Endpoints(order)) => Self::Endpoints(Endpoints::new(order)),
            Some(Groups::Addresses) => Self::Addresses(Addresses::default()),
        }
    }

    /// Adds the matching rows of an open segment.
    pub(super) fn add_open(&mut self, plan: &Plan, open: &Open, matching: &RoaringBitmap) {
        match self {
            Self::Nothing => {}
            Self::Errors(errors) => errors.add_open(plan, open, matching),
            Self::Endpoints(endpoints) => endpoints.add_open(open, matching),
            Self::Addresses(addresses) => addresses.add_open(open, matching),
        }
    }

    /// Adds the matching rows of closed segments.
    pub(super) fn add_closed(
        &mut self,
        plan: &Plan,
        parts: &[Part<'_>],
        loader: Loader<'_>,
    ) -> Result<(), ReadError> {
        for parts in parts.chunks(TOGETHER) {
            match self {
                Self::Nothing => return Ok(()),
                Self::Errors(errors) => errors.add_closed(plan, parts, loader)?,
                Self::Endpoints(endpoints) => endpoints.add_closed(parts, loader)?,
                Self::Addresses(addresses) => addresses.add_closed(parts, loader)?,
            }
        }
        Ok(())
    }

    /// Puts the most frequent groups into the answer.
    pub(super) fn finish(self, found: &mut Found) {
        match self {
            Self::Nothing => {}
            Self::Errors(errors) => (found.errors, found.beyond) = errors.finish(),
            Self::Endpoints(endpoints) => endpoints.finish(found),
            Self::Addresses(addresses) => addresses.finish(found),
        }
    }
}

/// What remains of the groups when only the first ones are listed.
fn beyond<T>(groups: &mut Vec<T>, requests: u64) -> Beyond {
    let more = groups.len().saturating_sub(Groups::LISTED) as u64;
    groups.truncate(Groups::LISTED);
    Beyond {
        groups: more,
        requests,
    }
}

/// The paths of a segment, asked for: with the batch or, if there are very many, on their own.
enum SoughtPaths {
    InBatch(Ticket),
    Alone,
}

impl SoughtPaths {
    fn ask<'a>(head: &'a Head, batch: &mut Batch<'a>) -> Self {
        if dictionary_bytes(Dictionary::Paths, head) > LARGE {
            Self::Alone
        } else {
            Self::InBatch(batch.add(head, Ask::Texts(Dictionary::Paths)))
        }
    }

    fn get(&self, head: &Head, pieces: &Pieces, loader: Loader<'_>) -> Result<Arc<Texts>, ReadError> {
        match self {
            Self::InBatch(ticket) => Ok(pieces.texts(*ticket)),
            Self::Alone => {
                let bytes = loader.uncached(&[head.dictionary(Dictionary::Paths)])?;
                let texts = head.texts(Dictionary::Paths, bytes.first().map_or(&[], |bytes| bytes))?;
                Ok(Arc::new(texts))
            }
        }
    }
}
