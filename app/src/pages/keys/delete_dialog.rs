//! Deleting a key: first the facts, then the decision. Nothing brings a key back.

use leptos::prelude::*;
use model::{DeletedKey, DeletionFacts, Environment, KeyId};

use super::KeysState;
use super::table::{LastUsedText, key_name};
use crate::pages::company::Topic;
use crate::pages::loaded::Outcome;
use crate::ui::{
    Button, ButtonKind, Dialog, DialogActions, DialogKind, EnvironmentBadge, Field, KeyValue, KeyValueList,
    Notice, Toasts, Tone,
};
use crate::{AppError, api};

/// The dialog's state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deletion {
    key: RwSignal<Option<KeyId>>,
    facts: RwSignal<Option<Outcome<DeletionFacts>>>,
    open: RwSignal<bool>,
    busy: RwSignal<bool>,
    typed: RwSignal<String>,
}

impl Deletion {
    pub(super) fn new() -> Self {
        Self {
            key: RwSignal::new(None),
            facts: RwSignal::new(None),
            open: RwSignal::new(false),
            busy: RwSignal::new(false),
            typed: RwSignal::new(String::new()),
        }
    }

    /// Shows the dialog and asks for the facts.
    pub(super) fn open(self, state: KeysState, key: KeyId) {
        self.key.set(Some(key));
        self.facts.set(None);
        self.typed.set(String::new());
        self.open.set(true);
        let company = state.scope.client_id();
        leptos::task::spawn_local(async move {
            let facts = api::keys::deletion_facts(company, key).await;
            // Another key's dialog may have been opened meanwhile.
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
        leptos::task::spawn_local(async move {
            let answer = api::keys::delete_key(company, key).await;
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
                Err(error) => toasts.fail(format!("Not deleted. {error}")),
            }
            state.scope.refetch(Topic::Keys);
        });
    }
}

fn deleted_text(deleted: &DeletedKey) -> String {
    format!(
        "Deleted. The {} key ending {} is refused since {} ({} ms after you confirmed).",
        deleted.environment.label(),
        deleted.last_four,
        deleted.refused_since.to_page_text(),
        deleted.took_ms
    )
}

/// What will be left, in words.
pub(super) fn remains_text(facts: &DeletionFacts) -> String {
    let environment = facts.key.environment.label();
    let held = match facts.webhooks_held {
        0 => String::new(),
        1 => " Deliveries of 1 webhook will wait: nothing is left to sign them with.".to_owned(),
        n => format!(" Deliveries of {n} webhooks will wait: nothing is left to sign them with."),
    };
    match facts.remaining {
        0 => format!("{environment} will have no key: every call will be refused.{held}"),
        1 => format!("{environment} will have one active key left."),
        n => format!("{environment} will have {n} active keys left."),
    }
}

/// Production asks for the last four characters; the others for nothing more.
pub(super) fn must_be_typed(facts: &DeletionFacts) -> Option<String> {
    (facts.key.environment == Environment::Prod).then(|| facts.key.last_four.clone())
}

#[component]
pub(super) fn DeleteDialog(state: KeysState) -> impl IntoView {
    let deletion = state.deletion;
    let toasts = Toasts::here();
    let unavailable = Signal::derive(move || {
        let typed = deletion.typed.get();
        deletion.facts.with(|facts| match facts {
            None => Some("Looking up when it was last used…".to_owned()),
            Some(Err(_)) => Some("Its facts could not be loaded.".to_owned()),
            Some(Ok(facts)) => must_be_typed(facts)
                .filter(|wanted| *wanted != typed.trim())
                .map(|_| "Type the last four characters first.".to_owned()),
        })
    });
    let confirm = move |()| deletion.confirm(state, toasts);
    let cancel = move |()| deletion.open.set(false);
    view! {
        <Dialog
            id="delete-key"
            kind=DialogKind::Alert
            open=deletion.open
            title="Delete this key?"
            about="It cannot be undone. Every node refuses the key from the moment the answer arrives."
            return_focus_to="keys"
        >
            {move || match deletion.facts.get() {
                None => view! { <p class="muted">"Looking up when it was last used…"</p> }.into_any(),
                Some(Err(error)) => view! { <Notice tone=Tone::Bad>{error.to_string()}</Notice> }.into_any(),
                Some(Ok(facts)) => view! { <Facts facts=facts typed=deletion.typed /> }.into_any(),
            }}
            <DialogActions>
                <Button focus_first=true on_press=cancel>"Cancel"</Button>
                <Button
                    id="confirm-delete"
                    kind=ButtonKind::Danger
                    busy=deletion.busy
                    unavailable=unavailable
                    on_press=confirm
                >
                    "Delete key"
                </Button>
            </DialogActions>
        </Dialog>
    }
}

/// What is known about the key, for the dialog and for the page without scripts.
#[component]
pub(super) fn Facts(
    facts: DeletionFacts,
    #[prop(optional)] typed: Option<RwSignal<String>>,
) -> impl IntoView {
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
                let typed = typed.unwrap_or_else(|| RwSignal::new(String::new()));
                view! { <Field name="last_four" label=label autocomplete="off" monospace=true value=typed /> }
            })}
    }
}
