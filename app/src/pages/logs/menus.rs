//! The menus of *More filters* for browsers without scripts, as HTML that only the server makes.

use leptos::prelude::*;
use model::{Environment, FilterField, KeyFilter, LogFilter};

use super::address;
use super::filters::{METHODS, SEVERAL, first, is_several};
use super::listing::Listing;
use super::names::Names;
use crate::browser::html::Markup;
use crate::ui::{Select, SelectOption};

/// A menu for each field that has few values, and a link to all values with their numbers.
pub(super) fn drawn(listing: Listing, names: &Names) -> Markup {
    let now = listing.filter.get_untracked();
    let company = untrack(move || listing.scope.client_id());
    let list = address::of_list(company, &now.first_page());
    let separator = if list.contains('?') { '&' } else { '?' };
    // Brands keep their keys to themselves; theirs are reached from a request ("All requests with this key").
    let key_label = if names.brands.is_empty() { "Key" } else { "Own key" };
    Markup::of(view! {
        {menu(&now, FilterField::Environment, "Environment", environment_options())}
        {menu(&now, FilterField::Key, key_label, key_options(&now, names))}
        {menu(&now, FilterField::Method, "Method", method_options(&now))}
        <a href=format!("{list}{separator}more=1")>"Show values with their numbers"</a>
    })
}

fn menu(
    now: &LogFilter,
    field: FilterField,
    label: &str,
    mut options: Vec<SelectOption>,
) -> impl IntoView + use<> {
    let chosen = if is_several(now, field) {
        SEVERAL.to_owned()
    } else {
        first(now, field)
    };
    options.push(SelectOption::unavailable(SEVERAL, "Several"));
    view! { <Select name=field.parameter() label options chosen=Signal::stored(chosen) /> }
}

fn environment_options() -> Vec<SelectOption> {
    let options = Environment::ALL
        .into_iter()
        .map(|one| SelectOption::new(one.as_str(), one.label()));
    std::iter::once(SelectOption::new("", "All environments"))
        .chain(options)
        .collect()
}

fn key_options(now: &LogFilter, names: &Names) -> Vec<SelectOption> {
    let mut all: Vec<_> = names.keys.iter().map(|key| KeyFilter::Id(key.id)).collect();
    all.extend(now.key.any_of.first().filter(|key| !all.contains(key)).copied());
    let options = all
        .into_iter()
        .map(|key| SelectOption::new(key.to_string(), names.key_filter(key)));
    std::iter::once(SelectOption::new("", "All keys"))
        .chain(options)
        .collect()
}

fn method_options(now: &LogFilter) -> Vec<SelectOption> {
    let mut all: Vec<_> = METHODS.iter().map(|method| (*method).to_owned()).collect();
    let chosen = now.method.any_of.first();
    all.extend(chosen.filter(|method| !all.contains(method)).cloned());
    let options = all
        .into_iter()
        .map(|method| SelectOption::new(method.clone(), method));
    std::iter::once(SelectOption::new("", "All methods"))
        .chain(options)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_the_address_has_its_option() {
        let filter: LogFilter = "key=0123456789abcdef0123456789abcdef&method=TRACE"
            .parse()
            .expect("a filter");
        for (options, field) in [
            (key_options(&filter, &Names::default()), FilterField::Key),
            (method_options(&filter), FilterField::Method),
        ] {
            assert!(
                options.iter().any(|option| option.value == first(&filter, field)),
                "{field:?}"
            );
        }
    }
}
