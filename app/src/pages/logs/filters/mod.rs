//! The controls above the list: three that everyone needs, and *More filters*; and a chip for each active filter. The server
//! draws them (`drawing.rs`, `chips.rs`), so the browser loads no code for that. Without scripts it is a form that is sent by
//! *Apply*. What makes each control change the address at once is loaded when the form is first touched (`tools.rs`).

#[cfg(feature = "ssr")]
mod chips;
mod custom_range;
#[cfg(feature = "ssr")]
pub(crate) mod drawing;
mod line;
#[cfg(feature = "ssr")]
mod menus;
#[cfg(feature = "ssr")]
pub(crate) mod names;
mod tools;

use leptos::{html, prelude::*};
use leptos_router::hooks::use_query_map;
use model::{FilterField, LogFilter, search_line};
use serde::{Deserialize, Serialize};

pub(crate) use self::line::FIELD as SEARCH;
pub(crate) use self::tools::{FilterTools, work_filters};
use super::address;
use super::listing::Listing;
use crate::api;
use crate::browser::html::{Markup, ShowMarkup};
use crate::browser::{controls, shortcut};
use crate::on_demand::Coming;
use crate::pages::loaded::{Outcome, read_from};

/// The form and the chips of one filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnFilters {
    pub(super) form: Markup,
    pub(super) chips: Markup,
}

/// Loads [`work_filters`] and calls it.
pub(crate) type Loader = fn(FilterTools) -> Coming<()>;

/// The parameter of an address that opens *More filters* without scripts.
const MORE: &str = "more";

/// The option of a menu that cannot show what is chosen. No value of a field is called so.
const SEVERAL: &str = "*";

/// What the server drew, and the filter that it is for.
type Drawing = Resource<Outcome<(LogFilter, DrawnFilters)>>;

/// Whether *More filters* is open when the page is opened: one of its filters is set, or the address says so, or it has a
/// search line.
pub(super) fn opens_more(listing: Listing) -> bool {
    let query = use_query_map();
    listing.filter.with_untracked(has_more)
        || query.with_untracked(|query| {
            let has = |name| query.get_str(name).is_some_and(|value| !value.is_empty());
            has(MORE) || has(search_line::PARAMETER)
        })
}

/// The address of the list if this one has a search line with nothing wrong in it: what the line says is written as any other
/// filter.
pub(super) fn without_line(listing: Listing) -> Option<String> {
    let given = use_query_map()
        .with_untracked(|query| query.get_str(search_line::PARAMETER).map(str::to_owned))
        .filter(|line| !line.trim().is_empty())?;
    let is_right = search_line::read(&given, None).1.is_empty();
    let company = untrack(move || listing.scope.client_id());
    let filter = listing.filter.get_untracked();
    is_right.then(|| address::of_list(company, &filter))
}

/// The form and the chips. `more` says whether *More filters* is open.
#[component]
pub(super) fn Filters(listing: Listing, more: RwSignal<bool>, load: Loader) -> impl IntoView {
    let drawing = drawing_of(listing, more);
    shortcut::slash_leads_to(SEARCH);
    view! {
        <Transition fallback=|| view! { <div class="logs-filters logs-filters--coming"></div> }>
            <Form listing drawing more load />
            <ShowMarkup
                markup=read_from(move || part(drawing, |drawn| &drawn.chips))
                class="logs-filters__chips"
                or_focus="status"
            />
        </Transition>
    }
    .into_any()
}

fn drawing_of(listing: Listing, more: RwSignal<bool>) -> Drawing {
    let line = use_query_map()
        .read_untracked()
        .get(search_line::PARAMETER)
        .unwrap_or_default();
    Resource::new(
        move || (listing.scope.client_id(), listing.filter.get().first_page()),
        move |(company, filter)| {
            let (line, open) = (line.clone(), more.get_untracked());
            async move {
                let drawn = api::logs::draw_filters(company, filter.clone(), line, open).await?;
                Ok((filter, drawn))
            }
        },
    )
}

fn part(drawing: Drawing, read: fn(&DrawnFilters) -> &Markup) -> Markup {
    drawing.with(|drawn| match drawn {
        Some(Ok((_, drawn))) => read(drawn).clone(),
        _ => Markup::default(),
    })
}

/// The form as the server drew it. Once its tools are there, they keep its controls in step with the address, and it is not drawn
/// again: what is being typed stays.
#[component]
fn Form(listing: Listing, drawing: Drawing, more: RwSignal<bool>, load: Loader) -> impl IntoView {
    let place = NodeRef::<html::Div>::new();
    let tools = FilterTools::new(listing, place);
    let wake = move || {
        if tools.wakes() {
            leptos::task::spawn_local(async move {
                // If they could not be loaded, the next touch tries again.
                if load(tools).await.is_err() {
                    tools.sleeps();
                }
            });
        }
    };
    Effect::new(move |before: Option<LogFilter>| {
        let now = listing.filter.get();
        match before {
            Some(before) if before != now => tools.follow(&before, &now),
            Some(_) => {}
            // Something may have been chosen or typed before the page was hydrated.
            None if controls::has_focus(place) => wake(),
            None => {}
        }
        now
    });
    let drawn = move || {
        drawing.with(|drawn| {
            if let Some(Ok((filter, _))) = drawn {
                tools.is_drawn_for(filter);
            }
        });
        part(drawing, |drawn| &drawn.form)
    };
    let markup = if cfg!(feature = "ssr") {
        Signal::derive(drawn)
    } else {
        let kept = move |before: Option<&Markup>| match before {
            Some(before) if tools.are_working() => before.clone(),
            _ => drawn(),
        };
        Memo::new(kept).into()
    };
    let failed = read_from(move || drawing.with(|drawn| matches!(drawn, Some(Err(_)))));
    view! {
        {move || {
            failed.get().then(|| view! { <p class="muted">"The filters could not be loaded."</p> }.into_any())
        }}
        <div
            class="logs-filters"
            data-unfolded-by="show-filters"
            on:pointerenter=move |_| wake()
            on:focusin=move |_| wake()
            on:input=move |_| wake()
            on:submit=move |event| {
                event.prevent_default();
                tools.is_submitted();
                wake();
            }
            on:click=move |event| {
                if controls::pressed(&event).as_deref() == Some(shortcut::SWITCH) {
                    shortcut::switch();
                }
            }
            on:toggle:capture=move |_| more.set(controls::is_unfolded(place))
        >
            <ShowMarkup markup class="logs-filters__form" node=place />
        </div>
    }
    .into_any()
}

/// Whether a filter is set that only *More filters* shows.
fn has_more(filter: &LogFilter) -> bool {
    FilterField::ALL.into_iter().any(|field| match field {
        FilterField::Status | FilterField::Brand => is_several(filter, field),
        field => is_several(filter, field) || !first(filter, field).is_empty(),
    })
}

/// More than one value to include, or any to exclude: more than a menu can show.
fn is_several(filter: &LogFilter, field: FilterField) -> bool {
    filter.texts(field, false).len() > 1 || !filter.texts(field, true).is_empty()
}

/// The first value that is included.
fn first(filter: &LogFilter, field: FilterField) -> String {
    filter.texts(field, false).into_iter().next().unwrap_or_default()
}

/// What the menu of a field shows.
fn chosen(filter: &LogFilter, field: FilterField) -> String {
    if is_several(filter, field) {
        SEVERAL.to_owned()
    } else {
        first(filter, field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_filters_are_those_beyond_range_status_and_brand() {
        for (query, is_more) in [
            ("range=7d&status=4xx&brand=own&before=17", false),
            ("method=GET", true),
            ("path=orders", true),
            ("environment=dev", true),
            ("status=4xx&status=500", true),
            ("-brand=own", true),
            ("verdict=deleted_key", true),
        ] {
            assert_eq!(has_more(&query.parse().expect("a filter")), is_more, "{query}");
        }
    }
}
