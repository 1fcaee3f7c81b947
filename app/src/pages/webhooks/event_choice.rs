//! Which events a webhook receives: all, present and future, or chosen ones, in groups that can be searched.

use std::collections::BTreeSet;

use leptos::prelude::*;
use model::{EVENT_GROUPS, EventGroup, EventType};

use super::choice::{Choice, Choices};
use crate::ui::{Button, ButtonKind, ButtonSize, Checkbox, Field, FieldKind};

/// What is chosen, for the counts and the buttons of the groups. What is saved is read from the form itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventChoiceState {
    /// "true" or "false", the value of `all_events`.
    pub(super) all: RwSignal<String>,
    pub(super) chosen: RwSignal<BTreeSet<EventType>>,
    search: RwSignal<String>,
}

impl EventChoiceState {
    pub(super) fn new(all: bool, chosen: &[EventType]) -> Self {
        Self {
            all: RwSignal::new(all.to_string()),
            chosen: RwSignal::new(chosen.iter().copied().collect()),
            search: RwSignal::new(String::new()),
        }
    }

    fn is_found(self, event: EventType) -> bool {
        self.search.with(|search| matches(search, event))
    }

    /// Ticks all that are shown of a group, or unticks them when all of them are ticked.
    fn toggle(self, group: &EventGroup) {
        let shown: Vec<_> = group
            .types
            .iter()
            .copied()
            .filter(|event| untrack(|| self.is_found(*event)))
            .collect();
        self.chosen.update(|chosen| {
            if shown.iter().all(|event| chosen.contains(event)) {
                chosen.retain(|event| !shown.contains(event));
            } else {
                chosen.extend(shown);
            }
        });
    }

    fn all_shown_are_chosen(self, group: &EventGroup) -> bool {
        self.chosen.with(|chosen| {
            group
                .types
                .iter()
                .filter(|event| self.is_found(**event))
                .all(|event| chosen.contains(event))
        })
    }
}

/// Every word that was typed is in the type's name or sentence.
fn matches(search: &str, event: EventType) -> bool {
    let text = format!("{} {}", event.as_str(), event.sentence()).to_lowercase();
    search
        .to_lowercase()
        .split_whitespace()
        .all(|word| text.contains(word))
}

#[component]
pub(super) fn EventChoice(
    state: EventChoiceState,
    #[prop(into)] error: Signal<Option<String>>,
) -> impl IntoView {
    let count = move || {
        let chosen = state.chosen.with(BTreeSet::len);
        format!("{chosen} of {} types selected", EventType::ALL.len())
    };
    let nothing_found = move || !EventType::ALL.iter().any(|event| state.is_found(*event));
    view! {
        <Choices name="events" legend="Events" error=error>
            <Choice
                name="all_events"
                value="true"
                chosen=state.all
                label=|| "All events, including future ones"
                hint="Includes types added later. Return 2xx for types you do not handle."
            />
            <Choice
                name="all_events"
                value="false"
                chosen=state.all
                label=|| "Selected events"
                hint="Only the types you select, even when new ones are added."
            />
        </Choices>
        <div class="event-picker">
            // Enter in the search box must not send the form.
            <div
                class="event-picker__tools js-only"
                on:keydown=|event| {
                    if event.key() == "Enter" {
                        event.prevent_default();
                    }
                }
            >
                <Field name="find" label="Search event types" kind=FieldKind::Search value=state.search placeholder="order, link, created…" />
                <p class="muted" role="status">{count}</p>
            </div>
            <p class="muted" hidden=move || !nothing_found()>"No event type matches."</p>
            {EVENT_GROUPS.iter().map(|group| view! { <Group group=group state=state /> }).collect_view()}
        </div>
    }
}

#[component]
fn Group(group: &'static EventGroup, state: EventChoiceState) -> impl IntoView {
    let none_found = move || !group.types.iter().any(|event| state.is_found(*event));
    let all_chosen = Memo::new(move |_| state.all_shown_are_chosen(group));
    let words = move || if all_chosen.get() { "Clear" } else { "Select all" };
    let label = Signal::derive(move || format!("{}: {}", group.name, words()));
    view! {
        <fieldset class="event-group" hidden=none_found>
            <legend>{group.name}</legend>
            <div class="event-group__tools">
                <Button
                    kind=ButtonKind::Quiet
                    size=ButtonSize::Small
                    needs_script=true
                    aria_label=move || label.get()
                    on_press=move |()| state.toggle(group)
                >
                    {words}
                </Button>
            </div>
            <div class="event-group__types">
                {group.types.iter().map(|event| view! { <EventBox event=*event state=state /> }).collect_view()}
            </div>
        </fieldset>
    }
}

#[component]
fn EventBox(event: EventType, state: EventChoiceState) -> impl IntoView {
    let checked = Signal::derive(move || state.chosen.with(|chosen| chosen.contains(&event)));
    let change = move |ticked: bool| {
        state.chosen.update(|chosen| {
            if ticked {
                chosen.insert(event);
            } else {
                chosen.remove(&event);
            }
        });
    };
    view! {
        <div hidden=move || !state.is_found(event)>
            <Checkbox
                name="events"
                value=event.as_str()
                label=event.as_str()
                hint=event.sentence()
                monospace=true
                checked=checked
                on_change=change
            />
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_looks_for_every_word_in_name_and_sentence() {
        assert!(matches("", EventType::OrderCreated));
        assert!(matches("ORDER pending", EventType::OrderCreated));
        assert!(!matches("order disconnected", EventType::OrderCreated));
    }

    #[test]
    fn every_type_stands_in_exactly_one_group() {
        let grouped: Vec<_> = EVENT_GROUPS
            .iter()
            .flat_map(|group| group.types)
            .copied()
            .collect();
        assert_eq!(grouped, EventType::ALL);
    }
}
