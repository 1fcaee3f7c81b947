//! What the list can be filtered by: states as links, the rest as a form, and a chip for each condition. Without scripts the form is
//! sent by *Apply*; with them a change of a control is enough.

use leptos::prelude::*;
use model::{
    AnswerFilter, Catalogue, DateRange, DeliveryFilter, DeliveryStateFilter, DeliveryView, FailureClass,
    Timestamp,
};

use super::listing::Listing;
use super::words::{Value, conditions, state_word};
use crate::browser::zone::Zone;
use crate::browser::{clock, form};
use crate::ui::{
    Button, ButtonKind, ButtonLink, ButtonSize, Field, FieldKind, IconName, Notice, Select, SelectOption,
    Time, TimeStyle, Tone,
};

/// The controls' values, as the address has them.
#[derive(Clone, Copy)]
struct Controls {
    status: RwSignal<String>,
    attempts: RwSignal<String>,
    id: RwSignal<String>,
    from: RwSignal<String>,
    until: RwSignal<String>,
}

#[component]
pub(super) fn Filters(listing: Listing, catalogue: Catalogue) -> impl IntoView {
    let view = listing.view;
    let zone = Zone::here();
    let controls = Controls::of(&view.get_untracked(), false);
    Effect::new(move |before: Option<(DeliveryView, bool)>| {
        let now = (view.get(), zone.is_local());
        match &before {
            Some((before, _)) if *before != now.0 => controls.follow(&now.0, now.1),
            // What is being typed stays.
            Some((_, before)) if *before != now.1 => controls.follow_zone(&now.0, now.1),
            _ => {}
        }
        now
    });
    let changed = StoredValue::new(String::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let local = untrack(|| zone.is_local());
        let query = query_of(&form::entries(&event), &changed.get_value(), local);
        listing.go(&DeliveryView::parse_lenient(&query).0);
    };
    let action = listing.href(&DeliveryView::default());
    view! {
        <States listing=listing />
        <form
            method="get"
            action=action
            class="delivery-filters"
            aria-label="Filters"
            on:submit=submit
            on:change=move |event| {
                changed.set_value(form::name_of(&event));
                form::submit_around(&event);
            }
        >
            {move || {
                view.with(|view| view.filter.states.clone())
                    .into_iter()
                    .map(|state| view! { <input type="hidden" name="state" value=state.as_str() /> })
                    .collect_view()
            }}
            <Main view=view controls=controls catalogue=catalogue />
            <More view=view controls=controls />
        </form>
        <Chips listing=listing />
        <Ignored listing=listing />
    }
}

/// What everyone needs.
#[component]
fn Main(view: Memo<DeliveryView>, controls: Controls, catalogue: Catalogue) -> impl IntoView {
    let events = view.with_untracked(|view| event_options(&catalogue, view));
    view! {
        <div class="filters">
            {menu(view, "event", "Event", events, |view| {
                view.filter.event_type.as_ref().map(ToString::to_string)
            })}
            <Field
                name="status"
                label="Response"
                placeholder="503 or 5xx"
                autocomplete="off"
                monospace=true
                value=controls.status
            />
            {menu(view, "failure", "What failed", failure_options(), |view| match view.filter.answer {
                Some(AnswerFilter::Failure(class)) => Some(class.as_str().to_owned()),
                _ => None,
            })}
            {menu(view, "range", "Time", range_options(), |view| preset_name(view).map(str::to_owned))}
            <Apply />
        </div>
    }
}

#[component]
fn More(view: Memo<DeliveryView>, controls: Controls) -> impl IntoView {
    let is_open = view.with_untracked(has_more);
    view! {
        <details class="delivery-filters__more" open=is_open>
            <summary>"More filters"</summary>
            <div class="filters">
                <Bound name="from" label="From" value=controls.from />
                <Bound name="until" label="Until" value=controls.until />
                <Field
                    name="attempts"
                    label="Attempts made"
                    kind=FieldKind::Number
                    autocomplete="off"
                    value=controls.attempts
                />
                <Field
                    name="id"
                    label="Delivery ID or webhook_id"
                    kind=FieldKind::Search
                    autocomplete="off"
                    monospace=true
                    value=controls.id
                />
                {menu(view, "test", "Test events", test_options(), |view| {
                    view.filter.tests.map(|tests| if tests { "only" } else { "none" }.to_owned())
                })}
                <Apply />
            </div>
        </details>
    }
}

impl Controls {
    fn of(view: &DeliveryView, local: bool) -> Self {
        let [status, attempts, id, from, until] = texts(view, local).map(RwSignal::new);
        Self {
            status,
            attempts,
            id,
            from,
            until,
        }
    }

    /// Writes what the address says into the controls.
    fn follow(self, view: &DeliveryView, local: bool) {
        let signals = [self.status, self.attempts, self.id, self.from, self.until];
        write(signals.into_iter().zip(texts(view, local)));
    }

    /// Writes the bounds of the time in another zone.
    fn follow_zone(self, view: &DeliveryView, local: bool) {
        let [.., from, until] = texts(view, local);
        write([(self.from, from), (self.until, until)].into_iter());
    }
}

fn write(texts: impl Iterator<Item = (RwSignal<String>, String)>) {
    for (signal, text) in texts {
        if signal.with_untracked(|old| *old != text) {
            signal.set(text);
        }
    }
}

fn texts(view: &DeliveryView, local: bool) -> [String; 5] {
    let filter = &view.filter;
    let status = match filter.answer {
        Some(AnswerFilter::Status(status)) => status.to_string(),
        _ => String::new(),
    };
    let bound = |at: Option<Timestamp>| at.map(|at| clock::input_text(at, local)).unwrap_or_default();
    [
        status,
        filter
            .attempts
            .map(|attempts| attempts.to_string())
            .unwrap_or_default(),
        filter.id.map(|id| id.delivery.to_string()).unwrap_or_default(),
        bound(filter.from),
        bound(filter.until),
    ]
}

/// Whether a condition is set that only *More filters* shows.
fn has_more(view: &DeliveryView) -> bool {
    let DeliveryFilter {
        attempts,
        from,
        until,
        id,
        tests,
        ..
    } = &view.filter;
    attempts.is_some() || from.is_some() || until.is_some() || id.is_some() || tests.is_some()
}

/// The query of what the form's controls say. Of two that exclude each other, the one that was changed counts.
fn query_of(entries: &[(String, String)], changed: &str, local: bool) -> String {
    let is_set = |wanted: &str| {
        entries
            .iter()
            .any(|(name, value)| name == wanted && !value.is_empty())
    };
    let gives_way = |name: &str| match name {
        "status" => changed == "failure" && is_set("failure"),
        "failure" => changed != "failure" && is_set("status"),
        "range" => matches!(changed, "from" | "until") && is_set(changed),
        "from" | "until" => changed == "range" && is_set("range"),
        _ => false,
    };
    let pairs = entries
        .iter()
        .filter(|(name, value)| !value.is_empty() && !gives_way(name))
        .map(|(name, value)| {
            let value = match name.as_str() {
                "from" | "until" if local => {
                    clock::from_local_input(value).map_or_else(|| value.clone(), |at| at.to_rfc3339())
                }
                _ => value.trim().to_owned(),
            };
            format!("{name}={}", leptos_router::location::Url::escape(&value))
        });
    pairs.collect::<Vec<_>>().join("&")
}

#[component]
fn Apply() -> impl IntoView {
    view! {
        <span class="no-js-only">
            <Button submit=true>"Apply"</Button>
        </span>
    }
}

/// A bound of the time: in UTC, or in the reader's zone once the page is hydrated.
#[component]
fn Bound(name: &'static str, label: &'static str, value: RwSignal<String>) -> impl IntoView {
    let zone = Zone::here();
    let words = move || {
        if zone.is_local() {
            label.to_owned()
        } else {
            format!("{label}, UTC")
        }
    };
    view! { <Field name=name label=words kind=FieldKind::DateTime autocomplete="off" value=value /> }
}

fn menu(
    view: Memo<DeliveryView>,
    name: &'static str,
    label: &'static str,
    options: Vec<SelectOption>,
    chosen: fn(&DeliveryView) -> Option<String>,
) -> impl IntoView {
    let chosen = Memo::new(move |_| view.with(chosen).unwrap_or_default());
    view! { <Select name=name label=label options=options chosen=chosen /> }
}

fn with_any(any: &'static str, options: impl Iterator<Item = SelectOption>) -> Vec<SelectOption> {
    std::iter::once(SelectOption::new("", any))
        .chain(options)
        .collect()
}

/// The installation's types, and the one that is chosen.
fn event_options(catalogue: &Catalogue, view: &DeliveryView) -> Vec<SelectOption> {
    let mut names: Vec<String> = catalogue
        .offered()
        .map(|entry| entry.event_type.to_string())
        .collect();
    if let Some(chosen) = view.filter.event_type.as_ref().map(ToString::to_string)
        && !names.contains(&chosen)
    {
        names.push(chosen);
    }
    with_any(
        "All events",
        names
            .into_iter()
            .map(|name| SelectOption::new(name.clone(), name)),
    )
}

fn failure_options() -> Vec<SelectOption> {
    let classes = FailureClass::ALL.into_iter();
    with_any(
        "Anything",
        classes.map(|class| SelectOption::new(class.as_str(), class.label())),
    )
}

fn range_options() -> Vec<SelectOption> {
    let presets = DateRange::PRESETS.into_iter();
    with_any(
        "Any time",
        presets.map(|(name, words, _)| SelectOption::new(name, words)),
    )
}

fn test_options() -> Vec<SelectOption> {
    let options = [("none", "Without tests"), ("only", "Only tests")];
    with_any(
        "With tests",
        options
            .into_iter()
            .map(|(value, words)| SelectOption::new(value, words)),
    )
}

fn preset_name(view: &DeliveryView) -> Option<&'static str> {
    let preset = DateRange::PRESETS
        .iter()
        .find(|(.., range)| Some(*range) == view.range);
    preset.map(|(name, ..)| *name)
}

/// Each state as a link that adds it to the filter or takes it out.
#[component]
fn States(listing: Listing) -> impl IntoView {
    let link = move |state: Option<DeliveryStateFilter>| {
        let is_on = Memo::new(move |_| {
            listing.view.with(|view| match state {
                Some(state) => view.filter.states.contains(&state),
                None => view.filter.states.is_empty(),
            })
        });
        let href = move || listing.view.with(|view| listing.href(&with_state(view, state)));
        let words = state.map_or("All", state_word);
        view! {
            <li>
                <a class="delivery-state" href=href aria-current=move || is_on.get().then_some("true")>
                    {words}
                </a>
            </li>
        }
    };
    let states = DeliveryStateFilter::ALL.into_iter().map(Some);
    view! {
        <ul class="delivery-states" aria-label="States">
            {std::iter::once(None).chain(states).map(link).collect_view()}
        </ul>
    }
}

/// With `None`, every state.
fn with_state(view: &DeliveryView, state: Option<DeliveryStateFilter>) -> DeliveryView {
    let mut after = view.first_page();
    let states = &mut after.filter.states;
    match state {
        None => states.clear(),
        Some(state) if states.contains(&state) => states.retain(|one| *one != state),
        Some(state) => {
            states.push(state);
            states.sort_by_key(|one| DeliveryStateFilter::ALL.iter().position(|other| other == one));
        }
    }
    after
}

#[component]
fn Chips(listing: Listing) -> impl IntoView {
    move || {
        let conditions = listing.view.with(conditions);
        (!conditions.is_empty()).then(|| {
            let clear = listing.href(&DeliveryView::default());
            let chips = conditions.into_iter().map(|one| {
                let value = words_of(one.value);
                view! {
                    <li>
                        <ButtonLink href=listing.href(&one.without) size=ButtonSize::Small icon=IconName::Cross>
                            <span class="visually-hidden">"Remove the filter "</span>
                            <span class="logs-chips__words">
                                <span class="logs-chips__name">{format!("{}: ", one.name)}</span>
                                {value}
                            </span>
                        </ButtonLink>
                    </li>
                }
            });
            view! {
                <ul class="logs-chips" aria-label="Active filters">
                    {chips.collect_view()}
                    <li>
                        <ButtonLink href=clear kind=ButtonKind::Quiet size=ButtonSize::Small>
                            "Clear"
                        </ButtonLink>
                    </li>
                </ul>
            }
        })
    }
}

pub(super) fn words_of(value: Value) -> AnyView {
    let (from, until) = match value {
        Value::Words(words) => return words.into_any(),
        Value::Times { from, until } => (from, until),
    };
    let time = |at: Timestamp| view! { <Time at=at style=TimeStyle::Full /> };
    match (from, until) {
        (Some(from), Some(until)) => view! { {time(from)} " to " {time(until)} }.into_any(),
        (Some(from), None) => view! { "since " {time(from)} }.into_any(),
        (None, Some(until)) => view! { "until " {time(until)} }.into_any(),
        (None, None) => ().into_any(),
    }
}

/// Which parts of the address were ignored, and what they must be.
#[component]
fn Ignored(listing: Listing) -> impl IntoView {
    move || {
        let ignored = listing.ignored.get();
        (!ignored.is_empty()).then(|| {
            let parts = ignored.into_iter().map(|part| {
                view! { <p><code>{part.name}</code> {format!(" must be {}.", part.wants)}</p> }
            });
            view! {
                <Notice tone=Tone::Warn title="Part of this URL was ignored">
                    {parts.collect_view()}
                </Notice>
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn of_two_controls_that_exclude_each_other_the_changed_one_counts() {
        let both = entries(&[
            ("state", "failing"),
            ("status", "5xx"),
            ("failure", "dns"),
            ("id", ""),
        ]);
        assert_eq!(query_of(&both, "failure", false), "state=failing&failure=dns");
        assert_eq!(query_of(&both, "status", false), "state=failing&status=5xx");
        let times = entries(&[("range", "24h"), ("from", "2026-01-05T12:00"), ("until", "")]);
        assert_eq!(query_of(&times, "range", false), "range=24h");
        let read = |changed| DeliveryView::parse_lenient(&query_of(&times, changed, false)).0;
        assert_eq!(
            (read("from").range, read("from").filter.from.is_some()),
            (None, true)
        );
    }

    #[test]
    fn a_state_is_added_and_taken_out_by_its_link() {
        let (view, _) = DeliveryView::parse_lenient("state=exhausted&range=24h&before=x");
        let more = with_state(&view, Some(DeliveryStateFilter::Failing));
        assert_eq!(more.to_string(), "state=failing&state=exhausted&range=24h");
        let less = with_state(&more, Some(DeliveryStateFilter::Exhausted));
        assert_eq!(less.to_string(), "state=failing&range=24h");
        assert_eq!(with_state(&more, None).to_string(), "range=24h");
    }
}
