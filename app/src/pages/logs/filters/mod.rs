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
use leptos_router::location::Url;
use model::{FilterField, LogFilter, search_line};

pub(crate) use self::line::FIELD as SEARCH;
pub(crate) use self::tools::{FilterTools, work_filters};
use super::address;
use super::drawn::{self, Drawing, NotDrawn, Part, part};
use super::listing::Listing;
use super::more::{first, is_several};
use crate::browser::html::{Markup, ShowMarkup};
use crate::browser::{controls, shortcut};
use crate::on_demand::Coming;
use crate::ui::{ButtonLink, ButtonSize, IconName};

/// Loads [`work_filters`] and calls it.
pub(crate) type Loader = fn(FilterTools) -> Coming<()>;

/// The option of a menu that cannot show what is chosen. No value of a field is called so.
const SEVERAL: &str = "*";

/// The address of the list if this one has a search line with nothing wrong in it: what the line says is written as any other
/// filter.
pub(super) fn without_line(listing: Listing) -> Option<String> {
    let is_right = listing
        .line
        .with_value(|line| !line.trim().is_empty() && search_line::is_right(line));
    let company = untrack(move || listing.scope.client_id());
    is_right.then(|| {
        listing
            .filter
            .with_untracked(|filter| address::of_list(company, filter))
    })
}

/// The form and the chips.
#[component]
pub(super) fn Filters(listing: Listing, load: Loader) -> impl IntoView {
    let drawing = drawn::asked_for(listing, Part::Filters, Signal::stored(true));
    shortcut::slash_leads_to(SEARCH);
    view! {
        <Transition fallback=|| view! { <div class="logs-filters logs-filters--coming"></div> }>
            <Form listing drawing load />
            // Below the form, which does not move when this comes and is still there after the first time.
            <NotDrawn drawing words="The filters could not be loaded." />
            <InAddress listing drawing />
            <ShowMarkup
                markup=part(drawing, |drawn| &drawn.aside)
                class="logs-filters__chips"
                or_focus="status"
            />
        </Transition>
    }
    .into_any()
}

/// The chips while the server cannot draw them: the filters as the address spells them, so that a list that failed says for what.
#[component]
fn InAddress(listing: Listing, drawing: Drawing) -> impl IntoView {
    let failed = drawn::has_failed(drawing);
    let chips = move || {
        let list = address::of_list(listing.scope.client_id(), &LogFilter::default());
        let query = listing.filter.with(|filter| filter.first_page().to_string());
        let links = spelt_out(&query).into_iter().map(|(words, without)| {
            view! {
                <li>
                    <ButtonLink href=format!("{list}?{without}") size=ButtonSize::Small icon=IconName::Cross>
                        {words}
                    </ButtonLink>
                </li>
            }
        });
        view! { <ul class="logs-chips" aria-label="Active filters">{links.collect_view()}</ul> }.into_any()
    };
    move || failed.get().then(chips)
}

/// The filters of a query, each with the query without it.
fn spelt_out(query: &str) -> Vec<(String, String)> {
    let is_filter =
        |part: &&str| !part.is_empty() && !part.starts_with("view=") && !part.starts_with("sort=");
    let chip = |part: &str| {
        let words = Url::unescape(part).replacen('=', ": ", 1);
        let words = match words.strip_prefix('-') {
            Some(excluded) => excluded.replacen(": ", ": not ", 1),
            None => words,
        };
        let others: Vec<&str> = query.split('&').filter(|other| *other != part).collect();
        (words, others.join("&"))
    };
    query.split('&').filter(is_filter).map(chip).collect()
}

/// The form as the server drew it. Once its tools are there, they keep its controls in step with the address, and it is not drawn
/// again: what is being typed stays.
#[component]
fn Form(listing: Listing, drawing: Drawing, load: Loader) -> impl IntoView {
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
        drawing.with(|drawn| match drawn {
            Some(Ok(drawn)) => {
                tools.is_drawn_for(&drawn.filter);
                drawn.main.clone()
            }
            _ => Markup::default(),
        })
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
    view! {
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
            on:toggle:capture=move |_| listing.more.set(controls::is_unfolded(place))
        >
            <ShowMarkup markup class="logs-filters__form" node=place />
        </div>
    }
    .into_any()
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
    use crate::pages::logs::more::has_more;

    #[test]
    fn a_query_is_spelt_out_each_filter_with_the_query_without_it() {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let pair = |(words, without): &(&str, &str)| ((*words).to_owned(), (*without).to_owned());
            pairs.iter().map(pair).collect()
        };
        assert_eq!(
            spelt_out("range=7d&status=%3E%3D400&-path=a%26b&view=errors"),
            owned(&[
                ("range: 7d", "status=%3E%3D400&-path=a%26b&view=errors"),
                ("status: >=400", "range=7d&-path=a%26b&view=errors"),
                ("path: not a&b", "range=7d&status=%3E%3D400&view=errors"),
            ])
        );
        assert_eq!(spelt_out(""), Vec::new());
    }

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
