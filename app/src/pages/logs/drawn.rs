//! What the server draws for the page besides its rows: the form, the chart, the values to filter by, groups, and what is folded.
//! Each is asked for on its own, so that the rows need not wait for it. All are of one type, and asked for in one way: the browser
//! loads the code for that once.

use std::time::Duration;

use leptos::prelude::*;
use model::LogFilter;
use serde::{Deserialize, Serialize};

use super::listing::Listing;
use super::pace::Pace;
use super::span::Span;
use crate::api;
use crate::browser::html::Markup;
use crate::pages::company::Topic;
use crate::pages::loaded::{Outcome, read_from};

/// While requests arrive, numbers follow in steps of this.
const EVERY: Duration = Duration::from_secs(10);

/// A drawing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    pub(super) main: Markup,
    /// What has a place of its own: the numbers of a chart, the chips of the form, the form of an export.
    pub(super) aside: Markup,
    /// What a chart covers.
    pub(super) span: Option<Span>,
    /// What it is drawn for.
    pub(super) filter: LogFilter,
}

/// A drawing, once it is there.
pub(super) type Drawing = Resource<Outcome<Drawn>>;

/// What there is to draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    #[default]
    Chart,
    /// The values to filter by.
    Facets,
    /// The groups of the view.
    Groups,
    /// The form, and the chips.
    Filters,
    /// What is folded: the reader's views, and the form of an export.
    Panels,
    /// Of a request's page, the ways to those beside it in the list.
    Beside,
}

impl Part {
    /// Whether requests that arrive change it.
    const fn counts(self) -> bool {
        matches!(self, Self::Chart | Self::Facets | Self::Groups)
    }
}

/// A part of the page for the filter; nothing while it is not `wanted`. If it counts, it is asked for again while requests arrive
/// that belong to the page.
///
/// Of another filter it is asked for once its rows have been painted, or are late: they are what the reader waits for, and neither
/// the server nor the browser should do anything else before.
pub(super) fn asked_for(listing: Listing, part: Part, wanted: Signal<bool>) -> Drawing {
    let asked = RwSignal::new(0_u32);
    if part.counts() {
        count_along(listing, wanted, asked);
    }
    let filter = Memo::new(move |before: Option<&Option<LogFilter>>| {
        let filter = wanted.get().then(|| listing.filter.get().first_page());
        match before {
            Some(Some(before)) if filter.is_some() && !listing.has_settled() => Some(before.clone()),
            _ => filter,
        }
    });
    let drawing = Resource::new(
        move || (listing.scope.client_id(), filter.get(), asked.get()),
        move |(company, filter, _)| {
            let (line, open) = match part {
                Part::Filters => (listing.line.get_value(), listing.more.get_untracked()),
                _ => Default::default(),
            };
            async move {
                match filter {
                    Some(filter) => api::logs::draw(company, part, filter, line, open).await,
                    None => Ok(Drawn::default()),
                }
            }
        },
    );
    // *Try again*, below the controls, is for all that failed.
    Effect::new(move |before: Option<u64>| {
        let now = listing.asked.get();
        let failed = || drawing.with_untracked(|drawn| matches!(drawn, Some(Err(_))));
        if before.is_some_and(|before| before != now) && failed() {
            drawing.refetch();
        }
        now
    });
    drawing
}

fn count_along(listing: Listing, wanted: Signal<bool>, asked: RwSignal<u32>) {
    let changes = listing.scope.changes(Topic::Logs);
    let pace = Pace::new(EVERY);
    Effect::new(move |before: Option<u64>| {
        let now = changes.get();
        let follows = untrack(move || wanted.get() && listing.can_move() && !listing.paused.get());
        if before.is_some_and(|before| before != now) && follows {
            pace.run(move || {
                asked.try_update(|asked| *asked += 1);
            });
        }
        now
    });
}

/// A part of a drawing. To be called inside the `Transition` around it.
pub(super) fn part(drawing: Drawing, read: fn(&Drawn) -> &Markup) -> Signal<Markup> {
    read_from(move || {
        drawing.with(|drawn| match drawn {
            Some(Ok(drawn)) => read(drawn).clone(),
            _ => Markup::default(),
        })
    })
}

/// Whether it could not be loaded. To be called inside the `Transition` around it.
pub(super) fn has_failed(drawing: Drawing) -> Signal<bool> {
    read_from(move || drawing.with(|drawn| matches!(drawn, Some(Err(_)))))
}

/// Says so if it could not be loaded. To be used inside the `Transition` around it.
#[component]
pub(super) fn NotDrawn(drawing: Drawing, words: &'static str) -> impl IntoView {
    let failed = has_failed(drawing);
    (move || {
        failed
            .get()
            .then(|| view! { <p class="muted">{words}</p> }.into_any())
    })
    .into_any()
}
