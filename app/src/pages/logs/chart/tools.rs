//! Working with the chart: the pointer and the keys choose a part of the range, which is read out and zoomed into. In a part
//! of the WASM that is loaded when the chart is first touched.

use leptos::{html, prelude::*};
use model::Timestamp;

use crate::browser::clock::{self, LocalStyle};
use crate::browser::picker::{self, Pick};
use crate::browser::zone::{self, Zone};
use crate::pages::logs::drawn::Drawing;
use crate::pages::logs::listing::Listing;
use crate::pages::logs::span::Span;
use crate::ui::without_year;

/// What works a chart needs of it.
#[derive(Clone, Copy)]
pub(crate) struct ChartTools {
    listing: Listing,
    drawing: Drawing,
    zone: Zone,
    area: NodeRef<html::Div>,
    table: NodeRef<html::Div>,
}

impl ChartTools {
    pub(super) fn new(
        listing: Listing,
        drawing: Drawing,
        area: NodeRef<html::Div>,
        table: NodeRef<html::Div>,
    ) -> Self {
        Self {
            listing,
            drawing,
            zone: Zone::here(),
            area,
            table,
        }
    }

    fn span(self) -> Option<Span> {
        let drawn = self.drawing.try_get_untracked().flatten()?;
        drawn.ok()?.span
    }

    fn handle(self, pick: Pick) {
        let Some(span) = self.span() else {
            return;
        };
        let change = |range| {
            picker::show(self.area, span.buckets, None, "");
            self.listing.change(false, |filter| filter.range = range);
        };
        match pick {
            Pick::Nothing => picker::show(self.area, span.buckets, None, ""),
            Pick::Part(anchor, head) => {
                let (first, last) = (anchor.min(head), anchor.max(head));
                picker::show(
                    self.area,
                    span.buckets,
                    Some((first, last)),
                    &self.words(span, first, last),
                );
            }
            Pick::Take(anchor, head) => change(span.of(anchor.min(head), anchor.max(head))),
            Pick::Out => change(span.wider()),
        }
    }

    /// "26 Nov 14:00 to 26 Nov 14:30: 1,203 requests, 12 client errors".
    fn words(self, span: Span, first: usize, last: usize) -> String {
        let local = untrack(move || self.zone.is_local());
        let text = |at: Timestamp| match (local, span.has_seconds()) {
            (true, true) => clock::local_text(at, LocalStyle::Row),
            (true, false) => clock::local_text(at, LocalStyle::Minute),
            (false, true) => without_year(&at.to_page_text()),
            (false, false) => zone::minute_text(at),
        };
        let (from, to) = (text(span.begin_of(first)), text(span.begin_of(last + 1)));
        format!("{from} to {to}: {}", picker::sums(self.table, first, last))
    }
}

/// From now on, pointer and keys work on the chart.
pub(crate) fn work_chart(tools: ChartTools) {
    let buckets = move || tools.span().map_or(0, |span| span.buckets);
    picker::attach(tools.area, buckets, move |pick| tools.handle(pick));
}
