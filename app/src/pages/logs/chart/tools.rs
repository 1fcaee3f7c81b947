//! Working with the chart: the pointer and the keys choose a part of the range, which is read out and zoomed into. In a part
//! of the WASM that is loaded when the chart is first touched.

use leptos::{html, prelude::*};
use model::Timestamp;

use super::span::Span;
use crate::browser::clock::{self, LocalStyle};
use crate::browser::picker::{self, Pick};
use crate::browser::zone::{self, Zone};
use crate::pages::logs::listing::Listing;

/// What works a chart needs of it.
#[derive(Clone, Copy)]
pub(crate) struct ChartTools {
    listing: Listing,
    span: Memo<Option<Span>>,
    zone: Zone,
    table: NodeRef<html::Div>,
    pub(super) area: NodeRef<html::Div>,
    /// Two buckets, in either order: where the choice began, and where it is now.
    pub(super) cursor: RwSignal<Option<(usize, usize)>>,
    /// What is chosen, in words.
    pub(super) says: RwSignal<String>,
}

impl ChartTools {
    pub(super) fn new(listing: Listing, span: Memo<Option<Span>>, table: NodeRef<html::Div>) -> Self {
        Self {
            listing,
            span,
            zone: Zone::here(),
            table,
            area: NodeRef::new(),
            cursor: RwSignal::new(None),
            says: RwSignal::new(String::new()),
        }
    }

    pub(super) fn buckets(self) -> usize {
        self.span.get().map_or(0, |span| span.buckets)
    }

    /// The first and the last bucket that are chosen.
    pub(super) fn chosen(self) -> Option<(usize, usize)> {
        let (anchor, head) = self.cursor.get()?;
        (anchor.max(head) < self.buckets()).then(|| (anchor.min(head), anchor.max(head)))
    }

    fn handle(self, pick: Pick) {
        let Some(span) = self.span.get_untracked() else {
            return;
        };
        match pick {
            Pick::Nothing => self.point_at(None),
            Pick::Part(anchor, head) => self.point_at(Some((span, anchor, head))),
            Pick::Take(anchor, head) => {
                self.point_at(None);
                let range = span.of(anchor.min(head), anchor.max(head));
                self.listing.change(false, |filter| filter.range = range);
            }
            Pick::Out => {
                self.point_at(None);
                self.listing.change(false, |filter| filter.range = span.wider());
            }
        }
    }

    fn point_at(self, part: Option<(Span, usize, usize)>) {
        self.cursor.set(part.map(|(_, anchor, head)| (anchor, head)));
        let words = part.map_or_else(String::new, |(span, anchor, head)| {
            self.words(span, anchor.min(head), anchor.max(head))
        });
        self.says.set(words);
    }

    /// "26 Nov 14:00 to 26 Nov 14:30: 1,203 requests, 12 client errors".
    fn words(self, span: Span, first: usize, last: usize) -> String {
        let local = untrack(move || self.zone.is_local());
        let text = |at: Timestamp| {
            if local {
                clock::local_text(at, LocalStyle::Minute)
            } else {
                zone::minute_text(at)
            }
        };
        let (from, to) = (text(span.begin_of(first)), text(span.begin_of(last + 1)));
        format!("{from} to {to}: {}", picker::sums(self.table, first, last))
    }
}

/// From now on, pointer and keys work on the chart.
pub(crate) fn work_chart(tools: ChartTools) {
    let buckets = Signal::derive(move || tools.buckets());
    picker::attach(tools.area, buckets, Callback::new(move |pick| tools.handle(pick)));
}
