//! The menus of *More filters* for browsers without scripts, and a link to what scripts load in their place.

use leptos::prelude::*;
use model::{ClientId, Environment, FilterField, KeyFilter, LogFilter};

use super::drawing::menu;
use super::names::Names;
use crate::pages::logs::address;
use crate::ui::SelectOption;

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// A parent of many brands has more keys than a menu can show. The others are among the values with their numbers.
const MOST_KEYS: usize = 100;

/// A menu for each field that has few values, and a link to all values with their numbers.
pub(super) fn drawn(company: ClientId, filter: &LogFilter, names: &Names) -> impl IntoView + use<> {
    let list = address::of_list(company, &filter.first_page());
    let separator = if list.contains('?') { '&' } else { '?' };
    view! {
        {menu(filter, FilterField::Environment, "Environment", environment_options())}
        {menu(filter, FilterField::Key, "Key", key_options(filter, names))}
        {menu(filter, FilterField::Method, "Method", method_options(filter))}
        <a href=format!("{list}{separator}more=1")>"Show values with their numbers"</a>
    }
}

fn environment_options() -> Vec<SelectOption> {
    let options = Environment::ALL
        .into_iter()
        .map(|one| SelectOption::new(one.as_str(), one.label()));
    std::iter::once(SelectOption::new("", "All environments"))
        .chain(options)
        .collect()
}

fn key_options(filter: &LogFilter, names: &Names) -> Vec<SelectOption> {
    let active = names.keys.iter().filter(|key| key.is_active).take(MOST_KEYS);
    let mut all: Vec<_> = active.map(|key| KeyFilter::Id(key.id)).collect();
    let chosen = filter.key.any_of.first();
    all.extend(chosen.filter(|key| !all.contains(key)).copied());
    let options = all
        .into_iter()
        .map(|key| SelectOption::new(key.to_string(), names.key(key)));
    std::iter::once(SelectOption::new("", "All keys"))
        .chain(options)
        .collect()
}

fn method_options(filter: &LogFilter) -> Vec<SelectOption> {
    let mut all: Vec<_> = METHODS.iter().map(|method| (*method).to_owned()).collect();
    let chosen = filter.method.any_of.first();
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
    use super::super::first;
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
