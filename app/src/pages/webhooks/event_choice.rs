//! Which events a webhook receives: all, present and future, or chosen ones, in groups that can be searched.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::prelude::*;
use model::{Catalogue, EventEntry, EventType};

use super::choice::{Choice, Choices};
use super::fields::WebhookFields;
use crate::ui::{Button, ButtonKind, ButtonSize, Checkbox, Field, FieldKind};

/// What is chosen, for the counts and the buttons of the groups. What is saved is read from the form itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventChoiceState {
    /// "true" or "false", the value of `all_events`.
    pub(super) all: RwSignal<String>,
    pub(super) chosen: RwSignal<BTreeSet<EventType>>,
    search: RwSignal<String>,
    groups: StoredValue<Vec<EventGroup>>,
}

/// The types under one heading.
type EventGroup = (String, Arc<[EventEntry]>);

impl EventChoiceState {
    /// Offers the types of the catalogue, and those that the webhook has although they were removed.
    pub(super) fn new(fields: &WebhookFields, of_webhook: &[EventType], catalogue: &Catalogue) -> Self {
        let groups = catalogue.groups(of_webhook).into_iter();
        let groups = groups.map(|(name, entries)| (name.to_owned(), entries.into_iter().cloned().collect()));
        Self {
            all: RwSignal::new(fields.all_events.to_string()),
            chosen: RwSignal::new(fields.events.iter().cloned().collect()),
            search: RwSignal::new(String::new()),
            groups: StoredValue::new(groups.collect()),
        }
    }

    fn is_found(self, entry: &EventEntry) -> bool {
        self.search.with(|search| matches(search, entry))
    }

    /// Ticks all that are shown of a group, or unticks them when all of them are ticked.
    fn toggle(self, group: &[EventEntry]) {
        let shown: Vec<_> = group
            .iter()
            .filter(|entry| untrack(|| self.is_found(entry)))
            .map(|entry| &entry.event_type)
            .collect();
        self.chosen.update(|chosen| {
            if shown.iter().all(|event| chosen.contains(*event)) {
                chosen.retain(|event| !shown.contains(&event));
            } else {
                chosen.extend(shown.into_iter().cloned());
            }
        });
    }

    fn all_shown_are_chosen(self, group: &[EventEntry]) -> bool {
        self.chosen.with(|chosen| {
            group
                .iter()
                .filter(|entry| self.is_found(entry))
                .all(|entry| chosen.contains(&entry.event_type))
        })
    }
}

/// Every word that was typed is in the type's name or sentence.
fn matches(search: &str, entry: &EventEntry) -> bool {
    let text = format!("{} {}", entry.event_type, entry.description).to_lowercase();
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
    let groups = state.groups.get_value();
    let total: usize = groups.iter().map(|(_, entries)| entries.len()).sum();
    let count = move || {
        let chosen = state.chosen.with(BTreeSet::len);
        format!("{chosen} of {total} types selected")
    };
    let nothing_found = move || {
        state.groups.with_value(|groups| {
            !groups
                .iter()
                .any(|(_, entries)| entries.iter().any(|entry| state.is_found(entry)))
        })
    };
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
            {groups.into_iter().map(|group| view! { <Group group=group state=state /> }).collect_view()}
        </div>
    }
}

#[component]
fn Group(group: EventGroup, state: EventChoiceState) -> impl IntoView {
    let (name, entries) = group;
    let (found, chosen, pressed) = (Arc::clone(&entries), Arc::clone(&entries), Arc::clone(&entries));
    let none_found = move || !found.iter().any(|entry| state.is_found(entry));
    let all_chosen = Memo::new(move |_| state.all_shown_are_chosen(&chosen));
    let words = move || if all_chosen.get() { "Clear" } else { "Select all" };
    let legend = name.clone();
    let label = Signal::derive(move || format!("{name}: {}", words()));
    view! {
        <fieldset class="event-group" hidden=none_found>
            <legend>{legend}</legend>
            <div class="event-group__tools">
                <Button
                    kind=ButtonKind::Quiet
                    size=ButtonSize::Small
                    needs_script=true
                    aria_label=move || label.get()
                    on_press=move |()| state.toggle(&pressed)
                >
                    {words}
                </Button>
            </div>
            <div class="event-group__types">
                {entries.iter().map(|entry| view! { <EventBox entry=entry.clone() state=state /> }).collect_view()}
            </div>
        </fieldset>
    }
}

#[component]
fn EventBox(entry: EventEntry, state: EventChoiceState) -> impl IntoView {
    let event = entry.event_type.clone();
    let is_chosen = event.clone();
    let checked = Signal::derive(move || state.chosen.with(|chosen| chosen.contains(&is_chosen)));
    let name = event.to_string();
    let hint = if entry.removed {
        format!("Removed: no longer sent. {}", entry.description)
    } else {
        entry.description.clone()
    };
    let change = move |ticked: bool| {
        state.chosen.update(|chosen| {
            if ticked {
                chosen.insert(event.clone());
            } else {
                chosen.remove(&event);
            }
        });
    };
    view! {
        <div hidden=move || !state.is_found(&entry)>
            <Checkbox
                name="events"
                value=name.clone()
                label=name
                hint=hint
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
        let entry = EventEntry {
            event_type: EventType::from_static("order-created"),
            group: "Orders".to_owned(),
            description: "An order was created; its status is pending.".to_owned(),
            sample: String::new(),
            schema: None,
            fields: Vec::new(),
            removed: false,
        };
        assert!(matches("", &entry));
        assert!(matches("ORDER pending", &entry));
        assert!(!matches("order disconnected", &entry));
    }
}
