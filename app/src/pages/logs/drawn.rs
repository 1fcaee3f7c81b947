//! What the server draws for the page besides its rows: the chart, the values to filter by, and groups. Each is asked for on its own,
//! so that the rows need not wait for it.

use std::time::Duration;

use leptos::prelude::*;
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
    pub(super) picture: Markup,
    /// The numbers of a chart.
    pub(super) table: Markup,
    /// What a chart covers.
    pub(super) span: Option<Span>,
}

/// A drawing, once it is there.
pub(super) type Drawing = Resource<Outcome<Drawn>>;

/// What there is to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Chart,
    /// The values to filter by.
    Facets,
    /// The groups of the view.
    Groups,
}

/// A part of the page for the filter; nothing while it is not `wanted`. It is asked for again while requests arrive that belong
/// to the page.
pub(super) fn asked_for(listing: Listing, part: Part, wanted: Signal<bool>) -> Drawing {
    let asked = RwSignal::new(0_u32);
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
    Resource::new(
        move || {
            let filter = listing.filter.get().first_page();
            (wanted.get(), listing.scope.client_id(), filter, asked.get())
        },
        move |(wanted, company, filter, _)| async move {
            if wanted {
                api::logs::draw(company, filter, part == Part::Facets, part == Part::Groups).await
            } else {
                Ok(Drawn::default())
            }
        },
    )
}

/// A part of a drawing. To be called inside the `Transition` around it.
pub(super) fn part<T: Clone + Default + PartialEq + Send + Sync + 'static>(
    drawing: Drawing,
    read: fn(&Drawn) -> &T,
) -> Signal<T> {
    read_from(move || {
        drawing.with(|drawn| match drawn {
            Some(Ok(drawn)) => read(drawn).clone(),
            _ => T::default(),
        })
    })
}

/// Says so if it could not be loaded. To be used inside the `Transition` around it.
#[component]
pub(super) fn NotDrawn(drawing: Drawing, words: &'static str) -> impl IntoView {
    let failed = read_from(move || drawing.with(|drawn| matches!(drawn, Some(Err(_)))));
    move || {
        failed
            .get()
            .then(|| view! { <p class="muted">{words}</p> }.into_any())
    }
}
