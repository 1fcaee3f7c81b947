//! The filters that are on, each as a link that takes it off.

use leptos::prelude::*;
use model::{DateRange, LogFilter, StatusFilter};

use super::address;
use super::custom_range;
use super::listing::Listing;
use super::names::Names;
use crate::browser::focus;
use crate::ui::{ButtonKind, ButtonLink, ButtonSize, IconName, status_word};

/// A filter that is on, and the list without it.
struct Chip {
    words: String,
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
                    <span class="logs-chips__words">{chip.words}</span>
                </ButtonLink>
            </li>
        }
    };
    // The chip that is followed goes away; the keyboard must not begin at the top of the page again.
    let keep_focus = move |_| focus::if_lost("status".to_owned());
    move || {
        let chips = listing.filter.with(|filter| active(filter, &names));
        (!chips.is_empty()).then(|| {
            view! {
                <ul class="logs-chips" aria-label="Active filters" on:click=keep_focus>
                    {chips.into_iter().map(link).collect_view()}
                    <li>
                        <ButtonLink href=address_of(&LogFilter::default()) kind=ButtonKind::Quiet size=ButtonSize::Small>
                            "Clear"
                        </ButtonLink>
                    </li>
                </ul>
            }
        })
    }
}

fn active(filter: &LogFilter, names: &Names) -> Vec<Chip> {
    let base = filter.first_page();
    let chip = |words: String, without: LogFilter| Chip { words, without };
    let range = (base.range != DateRange::default()).then(|| {
        chip(
            range_words(base.range),
            LogFilter {
                range: DateRange::default(),
                ..base.clone()
            },
        )
    });
    let status = base.status.map(|status| {
        chip(
            format!("Status {}", status_label(status)),
            LogFilter {
                status: None,
                ..base.clone()
            },
        )
    });
    let brand = base.brand.map(|brand| {
        chip(
            format!("Brand {}", names.brand(brand)),
            LogFilter {
                brand: None,
                ..base.clone()
            },
        )
    });
    let environment = base.environment.map(|environment| {
        chip(
            environment.label().to_owned(),
            LogFilter {
                environment: None,
                ..base.clone()
            },
        )
    });
    let key = base.key.map(|key| {
        chip(
            format!("Key {}", names.key(key)),
            LogFilter {
                key: None,
                ..base.clone()
            },
        )
    });
    let method = base.method.clone().map(|method| {
        chip(
            format!("Method {method}"),
            LogFilter {
                method: None,
                ..base.clone()
            },
        )
    });
    let path = (!base.path.is_empty()).then(|| {
        chip(
            format!("Path contains {}", base.path),
            LogFilter {
                path: String::new(),
                ..base.clone()
            },
        )
    });
    [range, status, brand, environment, key, method, path]
        .into_iter()
        .flatten()
        .collect()
}

/// "4xx Client error", "404 Not found".
pub(super) fn status_label(status: StatusFilter) -> String {
    let word = match status {
        StatusFilter::Exactly(status) => status_word(status),
        StatusFilter::Class(2) => "Success",
        StatusFilter::Class(3) => "Redirect",
        StatusFilter::Class(4) => "Client error",
        StatusFilter::Class(_) => "Server error",
    };
    format!("{status} {word}")
}

fn range_words(range: DateRange) -> String {
    let text = |at| custom_range::input_text(Some(at)).replace('T', " ");
    match range {
        DateRange::Between {
            from: Some(from),
            to: Some(to),
        } => format!("{} to {} UTC", text(from), text(to)),
        DateRange::Between {
            from: Some(from),
            to: None,
        } => format!("Since {} UTC", text(from)),
        DateRange::Between {
            from: None,
            to: Some(to),
        } => format!("Until {} UTC", text(to)),
        DateRange::Between { from: None, to: None } => "All time".to_owned(),
        preset => DateRange::PRESETS
            .iter()
            .find(|(.., range)| *range == preset)
            .map_or("", |(_, words, _)| words)
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chip_takes_off_its_own_filter_and_no_other() {
        let filter: LogFilter =
            "range=7d&status=4xx&brand=own&environment=dev&method=POST&path=orders&before=17"
                .parse()
                .expect("a filter");
        let chips = active(&filter, &Names::default());
        assert_eq!(chips.len(), 6);
        for chip in &chips {
            assert_eq!(
                active(&chip.without, &Names::default()).len(),
                5,
                "{}",
                chip.words
            );
            assert_eq!(chip.without.before, None, "a chip leads to the first page");
        }
    }

    #[test]
    fn the_first_view_has_no_chip() {
        assert!(active(&LogFilter::default(), &Names::default()).is_empty());
    }
}
