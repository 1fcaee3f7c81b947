//! Deletes a key: first the facts, then the decision, which cannot be undone.

use leptos::prelude::*;
use model::{DeletedKey, DeletionFacts, KeyId};

use super::KeysState;
use super::table::{LastUsedText, key_name};
use crate::browser::focus;
use crate::pages::company::Topic;
use crate::pages::loaded::Outcome;
use crate::ui::{
    Button, ButtonKind, Dialog, DialogActions, DialogKind, EnvironmentBadge, Field, KeyValue, KeyValueList,
    Notice, Toasts, Tone,
};
use crate::{AppError, api};

/// What the dialog and the page without scripts say before anything else.
pub(super) const WHAT_IT_DOES: &str = "Permanently deletes this key. Every system that uses it loses access within seconds. \
                                       This cannot be undone.";

/// What is typed to confirm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Confirmation {
    typed: RwSignal<String>,
    /// The person tried to confirm with the wrong text in the field.
    tried: RwSignal<bool>,
}

impl Confirmation {
    pub(super) fn new() -> Self {
        Self {
            typed: RwSignal::new(String::new()),
            tried: RwSignal::new(false),
        }
    }

    fn forget(self) {
        self.typed.set(String::new());
        self.tried.set(false);
    }

    /// The field's error, as soon as its text can no longer become the right one.
    fn fault(self, wanted: String) -> Signal<Option<String>> {
        Signal::derive(move || fault(&wanted, &self.typed.get(), self.tried.get()))
    }
}

fn fault(wanted: &str, typed: &str, tried: bool) -> Option<String> {
    let typed = typed.trim();
    if typed == wanted || (!tried && wanted.starts_with(typed)) {
        None
    } else if typed.is_empty() {
        Some(format!("Type {wanted} to confirm."))
    } else {
        Some(format!("This does not match {wanted}."))
    }
}

/// The dialog's state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deletion {
    key: RwSignal<Option<KeyId>>,
    facts: RwSignal<Option<Outcome<DeletionFacts>>>,
    open: RwSignal<bool>,
    busy: RwSignal<bool>,
    confirmation: Confirmation,
}

impl Deletion {
    pub(super) fn new() -> Self {
        Self {
            key: RwSignal::new(None),
            facts: RwSignal::new(None),
            open: RwSignal::new(false),
            busy: RwSignal::new(false),
            confirmation: Confirmation::new(),
        }
    }

    /// Shows the dialog and asks for the facts.
    pub(super) fn open(self, state: KeysState, key: KeyId) {
        self.key.set(Some(key));
        self.facts.set(None);
        self.confirmation.forget();
        self.open.set(true);
        let company = state.scope.client_id();
        leptos::task::spawn_local(async move {
            let facts = api::keys::deletion_facts(company, key).await;
            // Another key's dialog may be open by now.
            if self.key.try_get_untracked().flatten() == Some(key) {
                self.facts.set(Some(facts));
            }
        });
    }

    fn confirm(self, state: KeysState, toasts: Toasts) {
        let Some(key) = self.key.get_untracked() else {
            return;
        };
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        let company = state.scope.client_id();
        let typed = self.confirmation.typed.get_untracked();
        leptos::task::spawn_local(async move {
            let answer = api::keys::delete_key(company, key, typed).await;
            if self.busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(deleted) => {
                    self.open.set(false);
                    state.reveal.hide();
                    toasts.say(deleted_text(&deleted));
                }
                Err(AppError::NotFound) => {
                    self.open.set(false);
                    toasts.say("The key had already been deleted.");
                }
                Err(error) => toasts.fail_with("Not deleted.", &error),
            }
            state.scope.refetch(Topic::Keys);
        });
    }
}

fn deleted_text(deleted: &DeletedKey) -> String {
    format!(
        "Deleted. The {} key ending {} has been rejected since {} ({} ms after you confirmed).",
        deleted.environment.label(),
        deleted.last_four,
        deleted.refused_since.to_page_text(),
        deleted.took_ms
    )
}

/// What will be left after the deletion.
pub(super) fn remains_text(facts: &DeletionFacts) -> String {
    let environment = facts.key.environment.label();
    let held = match facts.webhooks_held {
        0 => String::new(),
        1 => " 1 webhook will hold its deliveries until you generate a key to sign them.".to_owned(),
        n => format!(" {n} webhooks will hold their deliveries until you generate a key to sign them."),
    };
    match facts.remaining {
        0 => format!("{environment} will have no active key, so every request will be refused.{held}"),
        1 => format!("{environment} will have one active key left."),
        n => format!("{environment} will have {n} active keys left."),
    }
}

/// What must be typed, if anything.
pub(super) fn must_be_typed(facts: &DeletionFacts) -> Option<String> {
    facts.must_be_typed.then(|| facts.key.last_four.clone())
}

#[component]
pub(super) fn DeleteDialog(state: KeysState) -> impl IntoView {
    let deletion = state.deletion;
    let toasts = Toasts::here();
    let unavailable = Signal::derive(move || {
        let typed = deletion.confirmation.typed.get();
        deletion.facts.with(|facts| match facts {
            None => Some("Looking up when it was last used…".to_owned()),
            Some(Err(_)) => Some("The key's details could not be loaded.".to_owned()),
            Some(Ok(facts)) => must_be_typed(facts)
                .filter(|wanted| *wanted != typed.trim())
                .map(|_| "Type the last four characters first.".to_owned()),
        })
    });
    // Enter in the field submits, as the button does.
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        deletion.confirm(state, toasts);
    };
    let refused = move |()| {
        deletion.confirmation.tried.set(true);
        focus::to("last_four");
    };
    let cancel = move |()| deletion.open.set(false);
    view! {
        <Dialog
            id="delete-key"
            kind=DialogKind::Alert
            open=deletion.open
            title="Delete this key?"
            about=WHAT_IT_DOES
            return_focus_to="keys"
        >
            <form on:submit=submit>
                {move || match deletion.facts.get() {
                    None => view! { <p class="muted">"Looking up when it was last used…"</p> }.into_any(),
                    Some(Err(error)) => view! { <Notice tone=Tone::Bad>{error.to_string()}</Notice> }.into_any(),
                    Some(Ok(facts)) => view! { <Facts facts=facts confirmation=deletion.confirmation /> }.into_any(),
                }}
                <DialogActions>
                    <Button focus_first=true on_press=cancel>"Cancel"</Button>
                    <Button
                        id="confirm-delete"
                        kind=ButtonKind::Danger
                        submit=true
                        busy=deletion.busy
                        unavailable=unavailable
                        on_refused=refused
                    >
                        "Delete key"
                    </Button>
                </DialogActions>
            </form>
        </Dialog>
    }
}

/// What is known about the key, for the dialog and for the page without scripts.
#[component]
pub(super) fn Facts(facts: DeletionFacts, confirmation: Confirmation) -> impl IntoView {
    let wanted = must_be_typed(&facts);
    let remains = remains_text(&facts);
    let tone = if facts.remaining == 0 {
        Tone::Bad
    } else {
        Tone::Quiet
    };
    let key = facts.key;
    let (environment, last_four, last_used) = (key.environment, key.last_four.clone(), key.last_used.clone());
    view! {
        <KeyValueList>
            <KeyValue name="Environment">
                <EnvironmentBadge environment=environment />
            </KeyValue>
            <KeyValue name="Secret ends in">
                <code>{last_four}</code>
            </KeyValue>
            <KeyValue name="Last used">
                <LastUsedText last_used=last_used />
            </KeyValue>
            <KeyValue name="Requests in 24 hours">{facts.requests_in_24_hours.to_string()}</KeyValue>
        </KeyValueList>
        <Notice tone=tone>{remains}</Notice>
        {wanted
            .map(|wanted| {
                let label = format!("Type {wanted} to delete the {}", key_name(&key));
                let error = confirmation.fault(wanted);
                let typed = confirmation.typed;
                view! {
                    <Field name="last_four" label=label autocomplete="off" monospace=true value=typed error=error />
                }
            })}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_text_gets_a_word_and_the_beginning_of_the_right_one_does_not() {
        assert_eq!(fault("a6f1", "", false), None);
        assert_eq!(fault("a6f1", "a6", false), None);
        assert_eq!(fault("a6f1", " a6f1 ", true), None);
        for (typed, tried) in [("b", false), ("a6f12", false), ("a6", true)] {
            assert_eq!(
                fault("a6f1", typed, tried).as_deref(),
                Some("This does not match a6f1."),
                "{typed}"
            );
        }
        assert_eq!(fault("a6f1", "", true).as_deref(), Some("Type a6f1 to confirm."));
    }
}
