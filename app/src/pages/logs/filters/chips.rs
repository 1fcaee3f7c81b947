//! The active filters, each as a link that removes it.

use leptos::prelude::*;
use model::{ClientId, DateRange, Environment, FilterField, LogFilter, Recorded, Verdict};

use super::custom_range;
use super::names::Names;
use crate::browser::html::Markup;
use crate::pages::logs::address;
use crate::pages::logs::words::{duration_label, name_of, recorded_label, status_label};
use crate::ui::{ButtonKind, ButtonLink, ButtonSize, IconName};

/// An active filter: its field, its value in words (for a field; the date range has none), and the list without it.
struct Chip {
    field: Option<FilterField>,
    value: String,
    without: LogFilter,
}

/// Chips for everything but the range of the first view, and *Clear*. Empty where there is none.
pub(super) fn drawn(company: ClientId, filter: &LogFilter, names: &Names) -> Markup {
    let chips = active(filter, names);
    if chips.is_empty() {
        return Markup::default();
    }
    let range = filter.range;
    let cleared = LogFilter {
        view: filter.view,
        sort: filter.sort,
        ..LogFilter::default()
    };
    let link = move |chip: Chip| {
        let name = chip.field.map_or("Date range", name_of);
        let value = match chip.field {
            Some(_) => chip.value.into_any(),
            None => custom_range::drawn(range).into_any(),
        };
        view! {
            <li>
                <ButtonLink href=address::of_list(company, &chip.without) size=ButtonSize::Small icon=IconName::Cross>
                    <span class="visually-hidden">"Remove the filter "</span>
                    <span class="logs-chips__words">
                        <span class="logs-chips__name">{name}": "</span>
                        {value}
                    </span>
                </ButtonLink>
            </li>
        }
    };
    Markup::of(view! {
        <ul class="logs-chips" aria-label="Active filters">
            {chips.into_iter().map(link).collect_view()}
            <li>
                <ButtonLink
                    href=address::of_list(company, &cleared)
                    kind=ButtonKind::Quiet
                    size=ButtonSize::Small
                >
                    "Clear"
                </ButtonLink>
            </li>
        </ul>
    })
}

fn active(filter: &LogFilter, names: &Names) -> Vec<Chip> {
    let base = filter.first_page();
    let mut chips = Vec::new();
    if base.range != DateRange::default() {
        chips.push(Chip {
            field: None,
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
                let words = words_of(field, &text, names);
                let mut without = base.clone();
                without.remove(field, exclude, &text);
                chips.push(Chip {
                    field: Some(field),
                    value: if exclude { format!("not {words}") } else { words },
                    without,
                });
            }
        }
    }
    chips
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
    fn the_first_view_has_no_chip() {
        assert!(chips_of(&LogFilter::default()).is_empty());
    }
}
