//! Draws the form as HTML, on the server alone.

use leptos::prelude::*;
use model::{
    Brand, BrandFilter, ClientId, DateRange, EndpointOrder, FilterField, KeyName, LogFilter, LogView,
    StatusFilter, search_line,
};

use super::line::{self, SearchLine};
use super::names::Names;
use super::{SEVERAL, chips, chosen, custom_range, first, is_several, menus};
use crate::browser::html::Markup;
use crate::pages::logs::address;
use crate::pages::logs::drawn::Drawn;
use crate::pages::logs::words::status_label;
use crate::ui::{Button, Field, FieldKind, Icon, IconName, Select, SelectOption};

/// The statuses that have an entry of their own in the menu; the address can have any other.
const STATUSES: [u16; 12] = [200, 201, 204, 400, 401, 403, 404, 429, 500, 502, 503, 504];

/// The form and the chips. `line` is the search line of the address; with `open`, *More filters* is open.
pub(in crate::pages::logs) fn draw(
    company: ClientId,
    filter: &LogFilter,
    brands: Vec<Brand>,
    keys: Vec<KeyName>,
    line: &str,
    open: bool,
) -> Drawn {
    let names = Names { brands, keys };
    let action = address::of_list(company, &LogFilter::default());
    let form = view! {
        <form method="get" action=action aria-label="Filters">
            <div class="filters">
                {range_controls(filter.range)}
                {menu(filter, FilterField::Status, "Status", status_options(filter))}
                {menu(filter, FilterField::Brand, "Brand", brand_options(filter, &names))}
                {apply()}
            </div>
            <details class="logs-more" data-key="more" open=open>
                <summary>"More filters"</summary>
                <div class="filters">
                    <SearchLine given=wrong_line(line) />
                    <Field
                        name="path"
                        label="Path contains"
                        kind=FieldKind::Search
                        initial=first(filter, FilterField::Path)
                        placeholder="/v1/orders"
                        autocomplete="off"
                        monospace=true
                    />
                    <div class="filters no-js-only">{menus::drawn(company, filter, &names)}</div>
                    {apply()}
                </div>
            </details>
            {unshown(filter)
                .into_iter()
                .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
                .collect_view()}
        </form>
    };
    Drawn {
        main: Markup::of(form),
        aside: chips::drawn(company, filter, &names),
        ..Drawn::default()
    }
}

/// A line is shown only if something is wrong with it: what is right has its chips.
fn wrong_line(line: &str) -> String {
    let is_wrong = line::fault::first(line, &search_line::read(line, None).1).is_some();
    if is_wrong { line.to_owned() } else { String::new() }
}

/// What no control of the form shows, as parameters. Without scripts, *Apply* must not lose it.
fn unshown(filter: &LogFilter) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for field in FilterField::ALL {
        let shown = match field {
            FilterField::Path => 1,
            FilterField::Status
            | FilterField::Brand
            | FilterField::Environment
            | FilterField::Key
            | FilterField::Method
                if !is_several(filter, field) =>
            {
                1
            }
            _ => 0,
        };
        let name = field.parameter();
        let included = filter.texts(field, false).into_iter().skip(shown);
        all.extend(included.map(|text| (name.to_owned(), text)));
        let excluded = filter.texts(field, true).into_iter();
        all.extend(excluded.map(|text| (format!("-{name}"), text)));
    }
    if filter.view != LogView::default() {
        all.push((LogView::PARAMETER.to_owned(), filter.view.as_str().to_owned()));
    }
    if filter.sort != EndpointOrder::default() {
        all.push((
            EndpointOrder::PARAMETER.to_owned(),
            filter.sort.as_str().to_owned(),
        ));
    }
    all
}

fn apply() -> impl IntoView {
    view! {
        <span class="no-js-only">
            <Button submit=true>"Apply"</Button>
        </span>
    }
}

fn range_controls(range: DateRange) -> impl IntoView {
    let presets = DateRange::PRESETS
        .into_iter()
        .map(|(name, words, _)| SelectOption::new(name, words));
    let options = presets
        .chain([SelectOption::new("", "Custom…")])
        .collect::<Vec<_>>();
    let (from, to) = custom_range::bounds_text(range, false);
    let chosen = Signal::stored(custom_range::preset_name(range).to_owned());
    view! {
        <Select name="range" label="Date range" options chosen />
        <div class="logs-custom">{bound("from", "From", from)} {bound("to", "Until", to)}</div>
    }
}

/// In UTC. Where scripts run, they put it into the page's zone.
fn bound(name: &'static str, label: &'static str, value: String) -> impl IntoView {
    view! {
        <div class="field">
            <label class="field__label" for=name>
                {label}
                <span data-utc=", UTC">", UTC"</span>
            </label>
            <input class="input" id=name name=name type="datetime-local" max="9999-12-31T23:59" value=value autocomplete="off" />
            <p class="field__error" id=format!("{name}-error") hidden=true>
                <Icon name=IconName::Alert />
                <span></span>
            </p>
        </div>
    }
}

pub(super) fn menu(
    filter: &LogFilter,
    field: FilterField,
    label: &str,
    mut options: Vec<SelectOption>,
) -> impl IntoView + use<> {
    options.push(SelectOption::unavailable(SEVERAL, "Several"));
    let chosen = Signal::stored(chosen(filter, field));
    view! { <Select name=field.parameter() label options chosen /> }
}

fn status_options(filter: &LogFilter) -> Vec<SelectOption> {
    let classes = (2..=5).map(StatusFilter::Class);
    let statuses = STATUSES.into_iter().map(StatusFilter::Exactly);
    let mut all: Vec<_> = classes.chain(statuses).collect();
    let chosen = filter.status.any_of.first();
    all.extend(chosen.filter(|status| !all.contains(status)).copied());
    let options = all
        .into_iter()
        .map(|status| SelectOption::new(status.to_string(), status_label(status)));
    std::iter::once(SelectOption::new("", "All statuses"))
        .chain(options)
        .collect()
}

fn brand_options(filter: &LogFilter, names: &Names) -> Vec<SelectOption> {
    let mut all = vec![BrandFilter::Own];
    all.extend(
        names
            .brands
            .iter()
            .map(|brand| BrandFilter::Brand(brand.client_id)),
    );
    let chosen = filter.brand.any_of.first();
    all.extend(chosen.filter(|brand| !all.contains(brand)).cloned());
    let options = all
        .into_iter()
        .map(|brand| SelectOption::new(brand.to_string(), names.brand(&brand)));
    std::iter::once(SelectOption::new("", "All brands"))
        .chain(options)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_scripts_apply_keeps_what_no_control_shows() {
        let filter: LogFilter =
            "status=4xx&status=500&brand=own&-method=GET&path=a&path=b&ip=::1&view=errors"
                .parse()
                .expect("a filter");
        let kept: Vec<_> = unshown(&filter)
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            kept,
            [
                "status=4xx",
                "status=500",
                "-method=GET",
                "path=b",
                "ip=::1",
                "view=errors"
            ]
        );
    }

    #[test]
    fn every_filter_of_the_address_has_its_option() {
        let filter: LogFilter = "status=418&brand=0123456789abcdef0123456789abcdef"
            .parse()
            .expect("a filter");
        let names = Names::default();
        let has =
            |options: Vec<SelectOption>, value: String| options.iter().any(|option| option.value == value);
        for (options, field) in [
            (status_options(&filter), FilterField::Status),
            (brand_options(&filter, &names), FilterField::Brand),
        ] {
            assert!(has(options, first(&filter, field)), "{field:?}");
        }
    }
}
