//! The active filters, each as a link that removes it.

use leptos::prelude::*;
use model::{ClientId, DateRange, Environment, FilterField, LogFilter, NO_ERROR_CODE, Recorded, Verdict};

use super::custom_range;
use super::names::{Names, OWN};
use crate::browser::html::Markup;
use crate::pages::logs::address;
use crate::pages::logs::words::{duration_label, name_of, recorded_label, status_label, uncapitalised};
use crate::ui::{ButtonKind, ButtonLink, ButtonSize, IconName};

/// An active filter: its field (the date range has none), what it says of it in words, and the list without it.
struct Chip {
    field: Option<FilterField>,
    name: &'static str,
    value: String,
    without: LogFilter,
}

/// Chips for everything but the range of the first view. *Clear* takes all filters off, but not the date range, which is a
/// choice of its own; it is there if that leaves anything to do. Empty where there is none.
pub(super) fn drawn(company: ClientId, filter: &LogFilter, names: &Names) -> Markup {
    let chips = active(filter, names);
    if chips.is_empty() {
        return Markup::default();
    }
    let range = filter.range;
    let cleared = LogFilter {
        range,
        view: filter.view,
        sort: filter.sort,
        ..LogFilter::default()
    };
    let clears = chips.iter().any(|chip| chip.field.is_some());
    let clear = move || {
        let href = address::of_list(company, &cleared);
        view! {
            <li>
                <ButtonLink href kind=ButtonKind::Quiet size=ButtonSize::Small>
                    "Clear"
                </ButtonLink>
            </li>
        }
    };
    let link = move |chip: Chip| {
        let value = match chip.field {
            Some(_) => chip.value.into_any(),
            None => custom_range::drawn(range).into_any(),
        };
        view! {
            <li>
                <ButtonLink href=address::of_list(company, &chip.without) size=ButtonSize::Small icon=IconName::Cross>
                    <span class="visually-hidden">"Remove the filter "</span>
                    <span class="logs-chips__words">
                        <span class="logs-chips__name">{chip.name}": "</span>
                        {value}
                    </span>
                </ButtonLink>
            </li>
        }
    };
    Markup::of(view! {
        <ul class="logs-chips" aria-label="Active filters">
            {chips.into_iter().map(link).collect_view()}
            {clears.then(clear)}
        </ul>
    })
}

fn active(filter: &LogFilter, names: &Names) -> Vec<Chip> {
    let base = filter.first_page();
    let mut chips = Vec::new();
    if base.range != DateRange::default() {
        chips.push(Chip {
            field: None,
            name: "Date range",
            value: String::new(),
            without: LogFilter {
                range: DateRange::default(),
                ..base.clone()
            },
        });
    }
    for field in FilterField::ALL {
        for exclude in [false, true] {
            for text in base.texts(field, exclude) {
                let mut without = base.clone();
                without.remove(field, exclude, &text);
                let words = words_of(field, &text, names);
                let (name, value) = match exclude {
                    false => (name_of(field), words),
                    true => excluded(field, &text, words),
                };
                chips.push(Chip {
                    field: Some(field),
                    name,
                    value,
                    without,
                });
            }
        }
    }
    chips
}

/// What a chip says that excludes a value: "Status: not 404 Not found".
fn excluded(field: FilterField, text: &str, words: String) -> (&'static str, String) {
    match field {
        FilterField::Path => ("Path does not contain", words),
        FilterField::Error if text == NO_ERROR_CODE => (name_of(field), "any".to_owned()),
        FilterField::Brand if words == OWN => (name_of(field), "not your own requests".to_owned()),
        // Labels, which have a capital where they stand alone.
        FilterField::Verdict | FilterField::Recorded => {
            (name_of(field), format!("not {}", uncapitalised(&words)))
        }
        field => (name_of(field), format!("not {words}")),
    }
}

/// A value in the words of the page.
fn words_of(field: FilterField, text: &str, names: &Names) -> String {
    let words = match field {
        FilterField::Status => text.parse().ok().map(status_label),
        FilterField::Brand => text.parse().ok().map(|brand| names.brand(&brand)),
        FilterField::Environment => text.parse().ok().map(|one: Environment| one.label().to_owned()),
        FilterField::Key => text.parse().ok().map(|key| names.key(key)),
        FilterField::Duration => text.parse().ok().map(duration_label),
        FilterField::Verdict => text.parse().ok().map(|one: Verdict| one.label().to_owned()),
        FilterField::Recorded => Recorded::from_name(text).map(|one| recorded_label(one).to_owned()),
        _ => None,
    };
    words.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use model::{KeyId, KeyName};

    use super::*;

    const KEY: KeyId = KeyId::from_bytes([3; 16]);

    fn names() -> Names {
        Names {
            brands: Vec::new(),
            keys: vec![KeyName {
                id: KEY,
                last_four: "a6f1".to_owned(),
                note: "Sandbox, deleted".to_owned(),
                is_active: false,
            }],
        }
    }

    fn chips_of(filter: &LogFilter) -> Vec<Chip> {
        active(filter, &names())
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
            assert_eq!(chips_of(&chip.without).len(), 5, "{:?}", chip.field);
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
    fn every_chip_names_its_field_and_a_key_by_its_last_four_characters() {
        let filter: LogFilter = format!("range=7d&environment=dev&key={KEY}&path=orders")
            .parse()
            .expect("a filter");
        let company = ClientId::from_bytes([1; 16]);
        let text = drawn(company, &filter, &names()).to_text();
        for words in [
            "Date range: Last 7 days",
            "Environment: Development",
            "Key: …a6f1 (Sandbox, deleted)",
            "Path contains: orders",
        ] {
            assert!(text.contains(words), "{words} in {text}");
        }
    }

    #[test]
    fn every_chip_that_excludes_a_value_is_a_sentence() {
        let address = format!(
            "-status=404&-brand=own&-environment=dev&-key={KEY}&-method=GET&-verdict=deleted_key&-verdict=upstream_timeout\
             &-error=none&-error=card_declined&-recorded=gateway&-path=orders&-endpoint=/v1/users/&-ip=192.0.2.1\
             &-duration=%3E=95ms&-duration=%3C16ms&-duration=16ms..64ms&-duration=%3E500ms\
             &-id=0123456789abcdef0123456789abcdef"
        );
        let filter: LogFilter = address.parse().expect("a filter");
        let chips = chips_of(&filter);
        let said: Vec<String> = chips
            .iter()
            .map(|chip| format!("{}: {}", chip.name, chip.value))
            .collect();
        assert_eq!(
            said,
            [
                "Status: not 404 Not found",
                "Brand: not your own requests",
                "Environment: not Development",
                "Key: not …a6f1 (Sandbox, deleted)",
                "Method: not GET",
                "What happened: not deleted key",
                "What happened: not API timed out",
                "Error code: any",
                "Error code: not card_declined",
                "Recorded by: not the gateway",
                "Path does not contain: orders",
                "Endpoint: not /v1/users/",
                "Address: not 192.0.2.1",
                "Duration: not 95 ms or longer",
                "Duration: not under 16 ms",
                "Duration: not 16 to 64 ms",
                "Duration: not longer than 500 ms",
                "Request ID: not 0123456789abcdef0123456789abcdef",
            ]
        );
    }

    #[test]
    fn clear_keeps_the_date_range() {
        let company = ClientId::from_bytes([1; 16]);
        let drawn = |query: &str| {
            let filter = query.parse().expect("a filter");
            drawn(company, &filter, &names()).as_str().to_owned()
        };
        let html = drawn("range=7d&status=5xx&view=errors");
        assert!(html.contains("logs?range=7d&amp;view=errors\""), "{html}");
        assert!(
            !drawn("range=7d").contains("Clear"),
            "there is nothing else to clear"
        );
        assert!(drawn("status=5xx").contains("Clear"));
    }

    #[test]
    fn the_first_view_has_no_chip() {
        assert!(chips_of(&LogFilter::default()).is_empty());
    }
}
