//! The controls above the list: three that everyone needs, and *More filters*. Without scripts it is a form that is sent by
//! *Apply*; with them each control changes the address at once, and what is typed does so after a moment.

use std::time::Duration;

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::search_line;
use model::{BrandFilter, DateRange, FilterField, LogFilter, LogView, StatusFilter};

use super::address;
use super::chips::status_label;
use super::custom_range::{self, Bounds};
use super::line::{self, Line, SearchLine};
use super::listing::Listing;
use super::names::Names;
use crate::browser::html::{Markup, ShowMarkup};
use crate::browser::timers::Timer;
use crate::browser::zone::Zone;
use crate::browser::{form, shortcut};
use crate::ui::{Button, Field, FieldKind, Select, SelectOption};

/// From the last keystroke to the call.
const DEBOUNCE: Duration = Duration::from_millis(150);

/// The option of a menu that cannot show what is chosen. No value of a field is called so.
pub(super) const SEVERAL: &str = "*";

/// The statuses that have an entry of their own in the menu; the address can have any other.
const STATUSES: [u16; 12] = [200, 201, 204, 400, 401, 403, 404, 429, 500, 502, 503, 504];
pub(super) const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// What is being typed, until it is in the address.
#[derive(Clone, Copy)]
struct Typing {
    path: RwSignal<String>,
    from: RwSignal<String>,
    to: RwSignal<String>,
    /// *Custom…* is chosen: the two bounds are on the page.
    custom: RwSignal<bool>,
    /// Why the two bounds are not a range. The list keeps its old one.
    fault: RwSignal<Option<Fault>>,
    /// The bounds are in the reader's zone, not in UTC.
    local: RwSignal<bool>,
    wait: Timer,
    /// The filter this form put into the address last. The first letter of a word makes an entry of the history, the
    /// following ones replace it; none while nothing is being typed.
    sent: StoredValue<Option<LogFilter>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Cleared,
    Backwards,
}

/// Date range, Status and Brand are always there; *More filters* has the others.
#[component]
pub(super) fn FilterForm(
    listing: Listing,
    names: Names,
    more: RwSignal<bool>,
    line: line::Loaders,
) -> impl IntoView {
    let typing = Typing::new(listing);
    let line = Line::new(listing, &names, line);
    let action = untrack(move || address::of_list(listing.scope.client_id(), &LogFilter::default()));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if !line.apply() {
            typing.apply(listing);
        }
    };
    let now = listing.filter.get_untracked();
    view! {
        <form class="logs-filters" method="get" action=action aria-label="Filters" on:submit=submit>
            <div class="filters">
                <RangeControls listing typing />
                {menu(listing, FilterField::Status, "Status", status_options(&now))}
                {menu(listing, FilterField::Brand, "Brand", brand_options(&now, &names))}
                <Apply />
            </div>
            <MoreFilters listing names typing line open=more />
            {unshown(&now)
                .into_iter()
                .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
                .collect_view()}
        </form>
    }
    .into_any()
}

/// The parameter of an address that opens *More filters* without scripts.
const MORE: &str = "more";

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

/// Closed until it is opened, or one of its filters is set. The values to choose from are below the form: see
/// [`super::facets::Facets`].
#[component]
fn MoreFilters(
    listing: Listing,
    names: Names,
    typing: Typing,
    line: Line,
    open: RwSignal<bool>,
) -> impl IntoView {
    let node = NodeRef::new();
    form::open_when(node, Signal::derive(move || listing.filter.with(has_more)));
    shortcut::slash_leads_to(line::FIELD);
    let toggled = move |_| {
        if let Some(is_open) = form::is_open(node) {
            open.set(is_open);
        }
    };
    view! {
        <details class="logs-more" open=open.get_untracked() node_ref=node on:toggle=toggled>
            <summary>"More filters"</summary>
            <div class="filters">
                <SearchLine line />
                <Field
                    name="path"
                    label="Path contains"
                    kind=FieldKind::Search
                    value=typing.path
                    placeholder="/v1/orders"
                    autocomplete="off"
                    monospace=true
                    on_leave=Callback::new(move |_| typing.sent.set_value(None))
                />
                <ShowMarkup markup=Signal::stored(without_scripts(listing, &names)) class="filters no-js-only" />
                <Apply />
            </div>
        </details>
    }
    .into_any()
}

/// Menus in place of what only scripts load when *More filters* is opened, and a link to that. They are made on the server:
/// where scripts run, they are not shown.
#[cfg(feature = "ssr")]
fn without_scripts(listing: Listing, names: &Names) -> Markup {
    super::menus::drawn(listing, names)
}

#[cfg(not(feature = "ssr"))]
fn without_scripts(_: Listing, _: &Names) -> Markup {
    Markup::default()
}

/// Whether a filter is set that only *More filters* shows.
fn has_more(filter: &LogFilter) -> bool {
    FilterField::ALL.into_iter().any(|field| match field {
        FilterField::Status | FilterField::Brand => is_several(filter, field),
        field => is_several(filter, field) || !first(filter, field).is_empty(),
    })
}

/// More than one value to include, or any to exclude: more than a menu can show.
pub(super) fn is_several(filter: &LogFilter, field: FilterField) -> bool {
    filter.texts(field, false).len() > 1 || !filter.texts(field, true).is_empty()
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
    all
}

#[component]
fn Apply() -> impl IntoView {
    view! {
        <span class="no-js-only">
            <Button submit=true>"Apply"</Button>
        </span>
    }
    .into_any()
}

#[component]
fn RangeControls(listing: Listing, typing: Typing) -> impl IntoView {
    let presets = DateRange::PRESETS
        .into_iter()
        .map(|(name, words, _)| SelectOption::new(name, words));
    let options = presets
        .chain([SelectOption::new("", "Custom…")])
        .collect::<Vec<_>>();
    let chosen = Signal::derive(move || listing.filter.with(|filter| preset_name(filter.range)));
    let choose = move |name: String| {
        let preset = DateRange::PRESETS
            .into_iter()
            .find(|(preset, ..)| *preset == name);
        match preset {
            Some((.., range)) => {
                typing.end_custom();
                listing.change(false, |filter| filter.range = range);
            }
            None => typing.begin_custom(listing),
        }
    };
    // Without scripts in UTC, with them in the page's zone.
    let label = move |word: &'static str| {
        move || {
            if typing.local.get() {
                word.to_owned()
            } else {
                format!("{word}, UTC")
            }
        }
    };
    let fault = move |fault: Fault, words: &'static str| {
        Signal::derive(move || (typing.fault.get() == Some(fault)).then(|| words.to_owned()))
    };
    let cleared = fault(Fault::Cleared, "Enter a start, an end, or both.");
    let backwards = fault(Fault::Backwards, "This must be later than From.");
    view! {
        <Select name="range" label="Date range" options chosen on_choose=Callback::new(choose) />
        <div class="logs-custom">
            <Field name="from" label=label("From") kind=FieldKind::DateTime value=typing.from error=cleared autocomplete="off" />
            <Field name="to" label=label("Until") kind=FieldKind::DateTime value=typing.to error=backwards autocomplete="off" />
        </div>
    }
    .into_any()
}

/// The first value that is included.
pub(super) fn first(filter: &LogFilter, field: FilterField) -> String {
    filter.texts(field, false).into_iter().next().unwrap_or_default()
}

/// This value and no other, or every value.
fn choose_only(filter: &mut LogFilter, field: FilterField, text: &str) {
    filter.clear(field);
    // The options are values of the field, except for the empty one.
    let _ = filter.add(field, false, text);
}

/// One menu: its value is read from the filter of the address, and written there. Arrow keys choose one value after the
/// other; together they are one step of the history, until the menu is left or something else changes the address.
fn menu(
    listing: Listing,
    field: FilterField,
    label: &'static str,
    options: Vec<SelectOption>,
) -> impl IntoView {
    let name = field.parameter();
    let chosen = Signal::derive(move || {
        listing.filter.with(|filter| {
            if is_several(filter, field) {
                SEVERAL.to_owned()
            } else {
                first(filter, field)
            }
        })
    });
    let mut options = options;
    options.push(SelectOption::unavailable(SEVERAL, "Several"));
    let wait = Timer::new();
    let sent = StoredValue::new(None::<LogFilter>);
    let choose = Callback::new(move |text: String| {
        wait.after(DEBOUNCE, move || {
            let Some(now) = listing.filter.try_get_untracked() else {
                return;
            };
            let replace = sent.with_value(|sent| sent.as_ref() == Some(&now));
            sent.set_value(Some(
                listing.change(replace, |filter| choose_only(filter, field, &text)),
            ));
        });
    });
    let leave = Callback::new(move |()| sent.set_value(None));
    view! { <Select name label options chosen on_choose=choose on_leave=leave /> }
}

impl Typing {
    fn new(listing: Listing) -> Self {
        let now = listing.filter.get_untracked();
        let (from, to) = custom_range::bounds_text(now.range, false);
        let typing = Self {
            custom: RwSignal::new(matches!(now.range, DateRange::Between { .. })),
            fault: RwSignal::new(None),
            local: RwSignal::new(false),
            path: RwSignal::new(first(&now, FilterField::Path)),
            from: RwSignal::new(from),
            to: RwSignal::new(to),
            wait: Timer::new(),
            sent: StoredValue::new(None),
        };
        typing.follow_zone();
        typing.follow_address(listing);
        typing.follow_keys(listing);
        typing
    }

    /// The bounds are in the page's zone: up to hydration in UTC, also those that were typed by then. They are put
    /// into another zone once the controls have handed over what was typed.
    fn follow_zone(self) {
        let zone = Zone::here();
        let handed_over = Timer::new();
        Effect::new(move |_| {
            let local = zone.is_local();
            if local != self.local.get_untracked() {
                handed_over.after(Duration::ZERO, move || self.go_to_zone(local));
            }
        });
    }

    fn go_to_zone(self, local: bool) {
        if self.local.try_get_untracked() != Some(!local) {
            return;
        }
        self.local.set(local);
        for bound in [self.from, self.to] {
            let at = bound.with_untracked(|text| custom_range::time_of(text, !local));
            if at.is_some() {
                bound.set(custom_range::input_text(at, local));
            }
        }
    }

    /// Another filter in the address (Back, a chip, a menu) is shown by the controls. What this form has put there itself
    /// is left alone: while letters are still coming, the control is ahead of the address.
    fn follow_address(self, listing: Listing) {
        Effect::new(move |before: Option<LogFilter>| {
            let filter = listing.filter.get();
            let is_own = self.sent.with_value(|sent| sent.as_ref() == Some(&filter));
            if let Some(before) = before
                && !is_own
            {
                self.sent.set_value(None);
                if before.path != filter.path {
                    self.path.set(first(&filter, FilterField::Path));
                }
                if before.range != filter.range {
                    self.show(filter.range);
                }
            }
            filter
        });
    }

    fn follow_keys(self, listing: Listing) {
        Effect::new(move |before: Option<()>| {
            self.path.track();
            self.from.track();
            self.to.track();
            if before.is_some() {
                self.wait.after(DEBOUNCE, move || self.apply(listing));
            }
        });
    }

    /// Puts the values of the controls into the address.
    fn apply(self, listing: Listing) {
        self.wait.cancel();
        let now = listing.filter.get_untracked();
        let mut wanted = LogFilter {
            range: self.wanted_range(now.range),
            ..now.first_page()
        };
        let path = self.path.get_untracked();
        if path != first(&now, FilterField::Path) {
            choose_only(&mut wanted, FilterField::Path, &path);
        }
        if (&wanted.path, wanted.range) != (&now.path, now.range) {
            let replace = self.sent.with_value(Option::is_some);
            self.sent.set_value(Some(wanted.clone()));
            listing.change(replace, |filter| *filter = wanted);
        }
    }

    /// The range of the two bounds or, if they are not a range, the current one and a fault.
    fn wanted_range(self, now: DateRange) -> DateRange {
        let (from, to, local) = (
            self.from.get_untracked(),
            self.to.get_untracked(),
            self.local.get_untracked(),
        );
        let is_shown = custom_range::bounds_text(now, local) == (from.clone(), to.clone());
        let (range, fault) = if is_shown || !self.custom.get_untracked() {
            (now, None)
        } else {
            match custom_range::read(&from, &to, local) {
                Bounds::Range(range) => (range, None),
                Bounds::Neither => (now, Some(Fault::Cleared)),
                Bounds::Backwards => (now, Some(Fault::Backwards)),
            }
        };
        self.fault.set(fault);
        range
    }

    /// Puts a range of the address into the two bounds.
    fn show(self, range: DateRange) {
        let (from, to) = custom_range::bounds_text(range, self.local.get_untracked());
        self.from.set(from);
        self.to.set(to);
        self.fault.set(None);
        self.custom.set(matches!(range, DateRange::Between { .. }));
    }

    fn end_custom(self) {
        self.show(DateRange::default());
    }

    /// *Custom…* starts with the current range.
    fn begin_custom(self, listing: Listing) {
        self.custom.set(true);
        let start = untrack(move || listing.with(|shown| shown.page.from));
        if self.from.with_untracked(String::is_empty) && self.to.with_untracked(String::is_empty) {
            self.from
                .set(custom_range::input_text(start, self.local.get_untracked()));
        }
    }
}

fn preset_name(range: DateRange) -> String {
    DateRange::PRESETS
        .iter()
        .find(|(.., preset)| *preset == range)
        .map_or("", |(name, ..)| name)
        .to_owned()
}

fn status_options(now: &LogFilter) -> Vec<SelectOption> {
    let classes = (2..=5).map(StatusFilter::Class);
    let statuses = STATUSES.into_iter().map(StatusFilter::Exactly);
    let mut all: Vec<_> = classes.chain(statuses).collect();
    all.extend(
        now.status
            .any_of
            .first()
            .filter(|status| !all.contains(status))
            .copied(),
    );
    let options = all
        .into_iter()
        .map(|status| SelectOption::new(status.to_string(), status_label(status)));
    std::iter::once(SelectOption::new("", "All statuses"))
        .chain(options)
        .collect()
}

fn brand_options(now: &LogFilter, names: &Names) -> Vec<SelectOption> {
    let mut all = vec![BrandFilter::Own];
    all.extend(
        names
            .brands
            .iter()
            .map(|brand| BrandFilter::Brand(brand.client_id)),
    );
    let chosen = now.brand.any_of.first();
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
