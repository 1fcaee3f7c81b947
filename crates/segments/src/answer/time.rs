//! When rows arrived: the edges of the range, and the histogram. Blocks know their earliest and latest arrival, so only
//! blocks across an edge are decoded.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::plan::Plan;
use super::selection::Rows;
use crate::Head;

/// The decoded arrivals of some blocks, in milliseconds.
pub(super) type Times = BTreeMap<usize, Arc<Vec<i64>>>;

/// The rows of blocks with an arrival in the range; `None` if every row arrived in it.
pub(super) fn rows_of_blocks_in_range(plan: &Plan, head: &Head) -> Option<RoaringBitmap> {
    let meta = head.meta();
    if plan.contains(meta.min_at, meta.max_at) {
        return None;
    }
    let mut rows = RoaringBitmap::new();
    for block in 0..head.blocks() {
        let (min_at, max_at) = head.times_of_block(block);
        if plan.overlaps(min_at, max_at) {
            rows.insert_range(head.rows_of_block(block));
        }
    }
    Some(rows)
}

/// The blocks whose arrivals must be decoded, because they are across an edge of the range or of the histogram's parts.
pub(super) fn blocks_across_edges(plan: &Plan, head: &Head, rows: &RoaringBitmap) -> Vec<usize> {
    let meta = head.meta();
    if plan.contains(meta.min_at, meta.max_at)
        && (plan.histogram.is_none()
            || plan.part_of(meta.min_at.as_millis()) == plan.part_of(meta.max_at.as_millis()))
    {
        return Vec::new();
    }
    let across = |block: &usize| {
        let (min_at, max_at) = head.times_of_block(*block);
        plan.overlaps(min_at, max_at)
            && (!plan.contains(min_at, max_at) || part_of_block(plan, head, *block).is_none())
            && !is_disjoint(rows, head.rows_of_block(*block))
    };
    (0..head.blocks()).filter(across).collect()
}

/// The rows of decoded blocks that did not arrive in the range.
pub(super) fn outside(plan: &Plan, head: &Head, times: &Times) -> RoaringBitmap {
    let mut outside = RoaringBitmap::new();
    for (block, times) in times {
        let (min_at, max_at) = head.times_of_block(*block);
        if !plan.contains(min_at, max_at) {
            let rows = head.rows_of_block(*block).zip(times.iter());
            outside.extend(
                rows.filter(|(_, at)| !(plan.from..plan.to).contains(*at))
                    .map(|(row, _)| row),
            );
        }
    }
    outside
}

/// Adds rows to the histogram. `statuses` are the rows with each status, `None` for all, with the first digit.
pub(super) fn count_parts(
    plan: &Plan,
    head: &Head,
    times: &Times,
    matching: &RoaringBitmap,
    statuses: &[(usize, Option<Rows>)],
    histogram: &mut [[u64; 6]],
) {
    let (spans, mixed) = spans(plan, head);
    for (digit, rows) in statuses {
        if let ([(part, _)], [], Some(rows)) = (&spans[..], &mixed[..], rows) {
            histogram[*part][*digit] += matching.intersection_len(rows);
            continue;
        }
        let narrowed;
        let matching = match rows {
            Some(rows) => {
                narrowed = matching & &**rows;
                &narrowed
            }
            None => matching,
        };
        for (part, rows) in &spans {
            histogram[*part][*digit] += matching.range_cardinality(rows.clone());
        }
        for block in &mixed {
            let Some(times) = times.get(block) else { continue };
            let rows = head.rows_of_block(*block);
            for row in matching.range(rows.clone()) {
                histogram[plan.part_of(times[(row - rows.start) as usize])][*digit] += 1;
            }
        }
    }
}

/// Consecutive rows that belong to one part of the histogram, and the blocks whose rows belong to several.
fn spans(plan: &Plan, head: &Head) -> (Vec<(usize, Range<u32>)>, Vec<usize>) {
    let meta = head.meta();
    if plan.contains(meta.min_at, meta.max_at) {
        let part = plan.part_of(meta.min_at.as_millis());
        if part == plan.part_of(meta.max_at.as_millis()) {
            return (vec![(part, 0..head.rows())], Vec::new());
        }
    }
    let mut spans: Vec<(usize, Range<u32>)> = Vec::new();
    let mut mixed = Vec::new();
    for block in 0..head.blocks() {
        let (min_at, max_at) = head.times_of_block(block);
        if !plan.overlaps(min_at, max_at) {
            continue;
        }
        let rows = head.rows_of_block(block);
        match (part_of_block(plan, head, block), spans.last_mut()) {
            (None, _) => mixed.push(block),
            (Some(part), Some((last, before))) if *last == part && before.end == rows.start => {
                before.end = rows.end;
            }
            (Some(part), _) => spans.push((part, rows)),
        }
    }
    (spans, mixed)
}

/// The part that all rows of the block in the range belong to, if it is one.
fn part_of_block(plan: &Plan, head: &Head, block: usize) -> Option<usize> {
    let (min_at, max_at) = head.times_of_block(block);
    let first = plan.part_of(min_at.as_millis().max(plan.from));
    let last = plan.part_of(max_at.as_millis().min(plan.to - 1));
    (first == last).then_some(first)
}

fn is_disjoint(rows: &RoaringBitmap, range: Range<u32>) -> bool {
    rows.range_cardinality(range) == 0
}
