//! Generating a key: one call, and a dialog with its answer.

use leptos::prelude::*;
use model::{Environment, GeneratedKey};

use super::KeysState;
use crate::api;
use crate::pages::company::Topic;
use crate::pages::samples;
use crate::ui::{Button, ButtonKind, Code, Dialog, DialogActions, Toasts};

/// The one generation that may be in progress, and its result while the dialog is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Generation {
    busy: RwSignal<Option<Environment>>,
    answer: RwSignal<Option<GeneratedKey>>,
    open: RwSignal<bool>,
}

impl Generation {
    pub(super) fn new() -> Self {
        Self {
            busy: RwSignal::new(None),
            answer: RwSignal::new(None),
            open: RwSignal::new(false),
        }
    }

    pub(super) fn is_busy(self, environment: Environment) -> Signal<bool> {
        Signal::derive(move || self.busy.get() == Some(environment))
    }

    /// Asks for a key. A second press in the meantime does nothing.
    pub(super) fn start(self, state: KeysState, environment: Environment) {
        if self.busy.get_untracked().is_some() {
            return;
        }
        self.busy.set(Some(environment));
        let toasts = Toasts::here();
        let company = state.scope.client_id();
        leptos::task::spawn_local(async move {
            let answer = api::keys::generate_key(company, environment, String::new()).await;
            if self.busy.try_set(None).is_some() {
                return; // The page was left.
            }
            match answer {
                Ok(generated) => {
                    state.reveal.hide();
                    self.answer.set(Some(generated));
                    self.open.set(true);
                }
                Err(error) => toasts.fail_with("No key was generated.", &error),
            }
            state.scope.refetch(Topic::Keys);
        });
    }
}

#[component]
pub(super) fn GeneratedDialog(state: KeysState) -> impl IntoView {
    let generation = state.generation;
    let title = move || {
        generation.answer.with(|answer| {
            let environment = answer
                .as_ref()
                .map_or("", |generated| generated.key.environment.label());
            format!("New {environment} key")
        })
    };
    let secret = Signal::derive(move || {
        generation.answer.with(|answer| {
            answer
                .as_ref()
                .map_or_else(String::new, |a| a.secret.expose().to_owned())
        })
    });
    let context = state.scope.context();
    let curl = RwSignal::new(String::new());
    Effect::new(move || {
        let secret = secret.get();
        // Read in an effect, and not in the view: the dialog must not wait for it.
        context.with(|company| {
            let company = company.as_ref().and_then(|company| company.as_ref().ok());
            curl.set(
                company
                    .map(|company| samples::curl(company, &secret))
                    .unwrap_or_default(),
            );
        });
    });
    let close = move |()| generation.open.set(false);
    view! {
        <Dialog
            id="generated"
            open=generation.open
            title=title
            about="It is active now. Store it with your other secrets, never in code. You can reveal it again later."
            return_focus_to="keys"
            on_close=move |()| generation.answer.set(None)
        >
            <Code label="Secret" text=secret wrap=true />
            <Code label=".env" text=Signal::derive(move || samples::env_line(&secret.get())) wrap=true />
            <Code label="Try it" text=curl wrap=true />
            <DialogActions>
                <Button kind=ButtonKind::Primary focus_first=true on_press=close>"Done"</Button>
            </DialogActions>
        </Dialog>
    }
}
