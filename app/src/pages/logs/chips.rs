//! The active filters, each as a link that removes it.

use leptos::prelude::*;
use model::{DateRange, Environment, FilterField, KeyFilter, KeyId, LogFilter, StatusFilter, Verdict};

use super::address;
use super::custom_range;
use super::listing::Listing;
use super::names::Names;
use crate::browser::focus;
use crate::browser::zone::Zone;
use crate::ui::{ButtonKind, ButtonLink, ButtonSize, IconName, status_word};

/// An active filter: its field, its value, and the list without it.
struct Chip {
    name: &'static str,
    value: String,
    without: LogFilter,
}

/// Chips for everything but the range of the first view, and *Clear* where there is one.
#[component]
pub(super) fn Chips(listing: Listing, names: Names) -> impl IntoView {
    let address_of = move |filter: &LogFilter| address::of_list(listing.scope.client_id(), filter);
    let link = move |chip: Chip| {
        view! {
            <li>
                <ButtonLink href=address_of(&chip.without) size=ButtonSize::Small icon=IconName::Cross>
                    <span class="visually-hidden">"Remove the filter "</span>
                    <span class="logs-chips__words">
                        <span class="logs-chips__name">{chip.name}": "</span>
                        {chip.value}
                    </span>
                </ButtonLink>
            </li>
        }
        .into_any()
    };
    // The clicked chip disappears; keyboard focus must not jump to the top of the page.
    let keep_focus = move |_| focus::if_lost("status".to_owned());
    let zone = Zone::here();
    (move || {
        let key_name = |id: KeyId| {
            let seen = listing.key_name.get().filter(|(seen, _)| *seen == id);
            match (names.active_key(id), seen) {
                (None, Some((_, words))) => words,
                (active, _) => active.unwrap_or_else(|| names.key(id)),
            }
        };
        let cleared = LogFilter {
            view: listing.filter.with(|filter| filter.view),
            ..LogFilter::default()
        };
        let chips = listing
            .filter
            .with(|filter| active(filter, &names, key_name, zone.is_local()));
        (!chips.is_empty()).then(|| {
            view! {
                <ul class="logs-chips" aria-label="Active filters" on:click=keep_focus>
                    {chips.into_iter().map(link).collect_view()}
                    <li>
                        <ButtonLink href=address_of(&cleared) kind=ButtonKind::Quiet size=ButtonSize::Small>
                            "Clear"
                        </ButtonLink>
                    </li>
                </ul>
            }
            .into_any()
        })
    })
    .into_any()
}

fn active(filter: &LogFilter, names: &Names, key_name: impl Fn(KeyId) -> String, local: bool) -> Vec<Chip> {
    let base = filter.first_page();
    let mut chips = Vec::new();
    if base.range != DateRange::default() {
        chips.push(Chip {
            name: "Date range",
            value: custom_range::words(base.range, local),
            without: LogFilter {
                range: DateRange::default(),
                ..base.clone()
            },
        });
    }
    for field in FilterField::ALL {
        for exclude in [false, true] {
            let texts = base.texts(field, exclude);
            for text in &texts {
                let words = words_of(field, text, names, &key_name);
                let mut without = base.clone();
                without.remove(field, exclude, text);
                chips.push(Chip {
                    name: name_of(field),
                    value: if exclude { format!("not {words}") } else { words },
                    without,
                });
            }
        }
    }
    chips
}

pub(super) const fn name_of(field: FilterField) -> &'static str {
    match field {
        FilterField::Status => "Status",
        FilterField::Brand => "Brand",
        FilterField::Environment => "Environment",
        FilterField::Key => "Key",
        FilterField::Method => "Method",
        FilterField::Verdict => "What happened",
        FilterField::Error => "Error code",
        FilterField::Recorded => "Recorded by",
        FilterField::Path => "Path contains",
        FilterField::Endpoint => "Endpoint",
        FilterField::Address => "Address",
        FilterField::Duration => "Duration",
        FilterField::Request => "Request ID",
    }
}

/// A value in the words of the page.
fn words_of(field: FilterField, text: &str, names: &Names, key_name: impl Fn(KeyId) -> String) -> String {
    let words = match field {
        FilterField::Status => text.parse().ok().map(status_label),
        FilterField::Brand => text.parse().ok().map(|brand| names.brand(&brand)),
        FilterField::Environment => text.parse().ok().map(|one: Environment| one.label().to_owned()),
        FilterField::Key => text.parse().ok().map(|key| match key {
            KeyFilter::Id(id) => key_name(id),
            KeyFilter::LastFour(_) => names.key_filter(key),
        }),
        FilterField::Verdict => text.parse().ok().map(|one: Verdict| one.label().to_owned()),
        _ => None,
    };
    words.unwrap_or_else(|| text.to_owned())
}

/// "4xx Client error", "404 Not found".
pub(super) fn status_label(status: StatusFilter) -> String {
    let word = match status {
        StatusFilter::Exactly(status) => status_word(status),
        StatusFilter::AtLeast(_) | StatusFilter::AtMost(_) | StatusFilter::Between(..) => {
            return status.to_string();
        }
        StatusFilter::Class(1) => "Informational",
        StatusFilter::Class(2) => "Success",
        StatusFilter::Class(3) => "Redirect",
        StatusFilter::Class(4) => "Client error",
        StatusFilter::Class(_) => "Server error",
    };
    format!("{status} {word}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chips_of(filter: &LogFilter) -> Vec<Chip> {
        active(filter, &Names::default(), |_| "…a6f1".to_owned(), false)
    }

    #[test]
    fn each_chip_takes_off_its_own_filter_and_no_other() {
        let filter: LogFilter =
            "range=7d&status=4xx&brand=own&environment=dev&method=POST&path=orders&before=17"
                .parse()
                .expect("a filter");
        let chips = chips_of(&filter);
        assert_eq!(chips.len(), 6);
        for chip in &chips {
            assert_eq!(chips_of(&chip.without).len(), 5, "{}", chip.name);
            assert_eq!(chip.without.before, None, "a chip leads to the first page");
        }
    }

    #[test]
    fn each_of_several_values_has_a_chip_of_its_own() {
        let filter: LogFilter = "status=4xx&status=500&-status=404&verdict=deleted_key"
            .parse()
            .expect("a filter");
        let chips = chips_of(&filter);
        let values: Vec<&str> = chips.iter().map(|chip| chip.value.as_str()).collect();
        assert_eq!(
            values,
            [
                "4xx Client error",
                "500 Server error",
                "not 404 Not found",
                "Deleted key"
            ]
        );
        assert_eq!(
            chips[2].without.to_string(),
            "status=4xx&status=500&verdict=deleted_key"
        );
    }

    #[test]
    fn every_chip_names_its_field() {
        let key = KeyId::from_random([3; 16]);
        let filter: LogFilter = format!("range=7d&environment=dev&key={key}&path=orders")
            .parse()
            .expect("a filter");
        let words: Vec<_> = chips_of(&filter)
            .into_iter()
            .map(|chip| format!("{}: {}", chip.name, chip.value))
            .collect();
        assert_eq!(
            words,
            [
                "Date range: Last 7 days",
                "Environment: Development",
                "Key: …a6f1",
                "Path contains: orders"
            ]
        );
    }

    #[test]
    fn the_first_view_has_no_chip() {
        assert!(chips_of(&LogFilter::default()).is_empty());
    }
}
