//! Draws the facets as HTML, on the server alone. Values may be what strangers wrote; the views escape them as on any page.

use leptos::prelude::*;
use model::{ClientId, FacetValue, FilterField, LogFacet, LogFacets, LogFilter, Recorded};

use crate::browser::html::Markup;
use crate::pages::logs::address;
use crate::pages::logs::words::{duration_label, name_of, recorded_label, status_label};
use crate::ui::grouped;

/// More values than these are folded.
const SHOWN: usize = 6;

/// What the filter says of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Open,
    Included,
    Excluded,
}

impl Choice {
    const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Open => None,
            Self::Included => Some("included"),
            Self::Excluded => Some("excluded"),
        }
    }
}

/// Each field that has something to choose, with a link for each value that includes it, or takes it off again, and one that
/// excludes it.
pub(in crate::pages::logs) fn draw(company: ClientId, filter: &LogFilter, facets: &LogFacets) -> Markup {
    let filter = filter.first_page();
    let drawn = facets
        .all
        .iter()
        .enumerate()
        .filter(|(_, facet)| is_a_choice(&filter, facet))
        .map(|(at, facet)| drawn(company, &filter, at, facet))
        .collect_view();
    Markup::of(drawn)
}

/// A single value is no choice, unless the filter has something to take off.
fn is_a_choice(filter: &LogFilter, facet: &LogFacet) -> bool {
    let is_set = [false, true]
        .into_iter()
        .any(|exclude| !filter.texts(facet.field, exclude).is_empty());
    facet.values.len() > 1 || is_set
}

fn drawn(company: ClientId, filter: &LogFilter, at: usize, facet: &LogFacet) -> impl IntoView {
    let name = match (facet.field, facet.values.first()) {
        (FilterField::Status, Some(value)) if value.text.ends_with("xx") => "Status class",
        (field, _) => name_of(field),
    };
    let id = format!("facet-{at}");
    let item = |value: &FacetValue| item(company, filter, facet.field, name, value);
    // What is chosen is never folded.
    let is_shown = |(at, value): &(usize, &FacetValue)| {
        *at < SHOWN || choice_of(filter, facet.field, &value.text) != Choice::Open
    };
    let (shown, folded): (Vec<_>, Vec<_>) = facet.values.iter().enumerate().partition(is_shown);
    let shown = shown.into_iter().map(|(_, value)| item(value)).collect_view();
    let more = folded.len();
    let folded = (more > 0).then(|| {
        let items = folded.into_iter().map(|(_, value)| item(value)).collect_view();
        let beyond = (facet.more > 0)
            .then(|| view! { <p class="muted">{format!("and {} with fewer requests", grouped(facet.more))}</p> });
        view! {
            <details data-key=id.clone()>
                <summary>{format!("{more} more")}<span class="visually-hidden">{format!(" of {name}")}</span></summary>
                <ul>{items}</ul>
                {beyond}
            </details>
        }
    });
    view! {
        <div class="facet" role="group" aria-labelledby=id.clone()>
            <h2 id=id.clone()>{name}</h2>
            <ul>{shown}</ul>
            {folded}
        </div>
    }
}

fn choice_of(filter: &LogFilter, field: FilterField, text: &str) -> Choice {
    let has = |exclude| filter.texts(field, exclude).iter().any(|one| one == text);
    match (has(false), has(true)) {
        (true, _) => Choice::Included,
        (_, true) => Choice::Excluded,
        _ => Choice::Open,
    }
}

fn item(
    company: ClientId,
    filter: &LogFilter,
    field: FilterField,
    name: &str,
    value: &FacetValue,
) -> impl IntoView + use<> {
    let choice = choice_of(filter, field, &value.text);
    let label = match field {
        FilterField::Status => value
            .text
            .parse()
            .map_or_else(|_| value.text.clone(), status_label),
        FilterField::Duration => value
            .text
            .parse()
            .map_or_else(|_| value.text.clone(), duration_label),
        FilterField::Recorded => Recorded::from_name(&value.text)
            .map_or_else(|| value.text.clone(), |one| recorded_label(one).to_owned()),
        _ if value.label.is_empty() => value.text.clone(),
        _ => value.label.clone(),
    };
    let href = |exclude: bool, is_set: bool| {
        let mut filter = filter.clone();
        if is_set {
            filter.remove(field, exclude, &value.text);
        } else {
            // A value that does not fit any more leaves the filter as it is.
            let _ = filter.add(field, exclude, &value.text);
        }
        address::of_list(company, &filter)
    };
    let key = format!("{}:{}", field.name(), value.text);
    let state = match choice {
        Choice::Open => "",
        Choice::Included => ", included",
        Choice::Excluded => ", excluded",
    };
    let requests = if value.requests == 1 {
        "request"
    } else {
        "requests"
    };
    let note = (!value.note.is_empty()).then(|| view! { <small>{value.note.clone()}</small> });
    view! {
        <li data-choice=choice.as_str()>
            <a class="facet__value" href=href(choice == Choice::Excluded, choice != Choice::Open) data-noscroll="" data-key=key.clone()>
                <span class="facet__name" title=label.clone()>{label.clone()} " " {note}</span>
                <span class="facet__count">{grouped(value.requests)}</span>
                <span class="visually-hidden">{format!(" {requests}{state}")}</span>
            </a>
            <a
                class="facet__not"
                href=href(true, choice == Choice::Excluded)
                data-noscroll=""
                data-key=format!("-{key}")
                title=format!("Exclude {label}")
            >
                "not" <span class="visually-hidden">{format!(" {name} {label}")}</span>
            </a>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, label: &str, requests: u64) -> FacetValue {
        FacetValue {
            text: text.to_owned(),
            label: label.to_owned(),
            note: String::new(),
            requests,
        }
    }

    fn drawn(query: &str, all: Vec<LogFacet>) -> String {
        let facets = LogFacets {
            all,
            looked_back_to: None,
        };
        let filter = query.parse().expect("a filter");
        draw(ClientId::from_random([7; 16]), &filter, &facets)
            .as_str()
            .to_owned()
    }

    fn facet(field: FilterField, values: Vec<FacetValue>) -> LogFacet {
        LogFacet {
            field,
            values,
            more: 0,
        }
    }

    #[test]
    fn a_value_is_included_beside_the_others_and_taken_off_when_it_is_there() {
        let status = facet(
            FilterField::Status,
            vec![value("404", "", 1_203), value("500", "", 7), value("503", "", 2)],
        );
        let html = drawn("status=500&-status=503&range=7d&before=8", vec![status]);
        for part in [
            "?range=7d&amp;status=500&amp;status=404&amp;-status=503\"",
            "?range=7d&amp;-status=503\"",
            "?range=7d&amp;status=500\"",
            "?range=7d&amp;-status=503&amp;-status=500\"",
            "404 Not found",
            "1,203",
            ", included",
            ", excluded",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains("before="));
    }

    #[test]
    fn many_values_are_folded_but_never_a_chosen_one_and_one_value_is_no_choice() {
        let methods = (0..9).map(|at| value(&format!("M{at}"), "", 9 - at)).collect();
        let html = drawn(
            "method=M8",
            vec![
                facet(FilterField::Method, methods),
                facet(FilterField::Recorded, vec![value("gateway", "", 3)]),
            ],
        );
        let folded = html.split("<details").nth(1).expect("folded values");
        assert!(
            folded.contains("2 more") && folded.contains("M7") && !folded.contains("\"method:M8\""),
            "{html}"
        );
        assert!(!html.contains("Recorded by"));
    }

    #[test]
    fn what_recorded_a_request_is_in_words() {
        let surfaces = vec![value("verify", "", 2), value("public_api", "", 1)];
        let html = drawn("", vec![facet(FilterField::Recorded, surfaces)]);
        for title in ["title=\"Verify, for a proxy\"", "title=\"The public API\""] {
            assert!(html.contains(title), "{title} in {html}");
        }
    }

    #[test]
    fn what_strangers_wrote_is_text() {
        let hostile = "<img src=x onerror=alert(1)>\"'&";
        let brands = vec![value(hostile, hostile, 1), value("B", "", 1)];
        let html = drawn("", vec![facet(FilterField::Brand, brands)]);
        assert!(!html.contains("<img") && html.contains("&lt;img"), "{html}");
    }
}
