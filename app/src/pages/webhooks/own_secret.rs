//! A webhook's own secret, for receivers with a Standard Webhooks library: reveal, copy without revealing, rotate.

use leptos::prelude::*;
use model::Permission;

use super::webhook::WebhookState;
use crate::api;
use crate::pages::company::Topic;
use crate::ui::{
    Button, ButtonKind, ButtonSize, Card, CopyFetchedButton, CopyRefused, KeyValue, KeyValueList, Notice,
    RevealSlot, Time, TimeStyle, Toasts, Tone,
};

/// Its name on this page, for controls.
const NAME: &str = "Standard Webhooks secret";
/// Its mask: its beginning, which all of them share, and as many dots as for an access secret.
const MASK: &str = "whsec_••••••••••••";
/// The place of the one secret of this page.
const SLOT: &str = "own-secret";

#[component]
pub(super) fn OwnSecret(state: WebhookState) -> impl IntoView {
    let reveal = RevealSlot::new();
    let help = format!(
        "/docs/security?company={}#standard-webhooks",
        state.scope.client_id()
    );
    let former_until = Memo::new(move |_| state.detail.with(|detail| detail.former_secret_until));
    let lead = "For receivers that use a Standard Webhooks library. The webhook-signature header is made with this secret, the other signature header with your API key.";
    view! {
        <Card id="own-secret" title=NAME lead=lead>
            <KeyValueList>
                <KeyValue name="Secret">
                    <Masked reveal=reveal />
                </KeyValue>
            </KeyValueList>
            {move || {
                former_until.get().map(|until| {
                    view! {
                        <Notice tone=Tone::Warn title="Rotated.">
                            " Deliveries are also signed with the previous secret until "
                            <Time at=until style=TimeStyle::Both /> ". Give your receiver the new one before then."
                        </Notice>
                    }
                })
            }}
            <div class="table__actions">
                {state.may(Permission::RevealWebhookSecrets).then(|| view! { <Actions state=state reveal=reveal /> })}
                <a href=help>"How to verify with it"</a>
            </div>
        </Card>
    }
}

#[component]
fn Masked(reveal: RevealSlot) -> impl IntoView {
    let secret = Memo::new(move |_| reveal.secret_of(SLOT));
    let shown = move || {
        if secret.with(Option::is_some) {
            "revealed"
        } else {
            "masked"
        }
    };
    let face = move || {
        match secret.get() {
        Some(secret) => view! {
            <code class="secret__text">{secret.expose().to_owned()}</code>
            <span class="secret__left" aria-hidden="true">{move || format!("hides in {} s", reveal.seconds_left())}</span>
        }
        .into_any(),
        None => view! {
            <span class="visually-hidden">"Hidden"</span>
            <span class="secret__text" aria-hidden="true">{MASK}</span>
        }
        .into_any(),
    }
    };
    view! { <span class="secret" data-state=shown>{face}</span> }
}

#[component]
fn Actions(state: WebhookState, reveal: RevealSlot) -> impl IntoView {
    let copy = move || async move {
        match api::webhooks::copy_webhook_secret(state.scope.client_id(), state.id).await {
            Ok(secret) => Ok(secret.expose().to_owned()),
            Err(error) => Err(CopyRefused::Say(format!("Nothing was copied. {error}"))),
        }
    };
    view! {
        <RevealForm state=state reveal=reveal />
        <CopyFetchedButton fetch=copy what=NAME.to_owned() />
        <RotateForm state=state reveal=reveal />
    }
}

/// Reveals here, or, without scripts, on a page of its own.
#[component]
fn RevealForm(state: WebhookState, reveal: RevealSlot) -> impl IntoView {
    let (busy, toasts) = (RwSignal::new(false), Toasts::here());
    let shown = Signal::derive(move || reveal.is_shown(SLOT));
    let toggle = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if shown.get_untracked() {
            return reveal.hide();
        }
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let company = state.scope.client_id();
        leptos::task::spawn_local(async move {
            let answer = api::webhooks::reveal_webhook_secret(company, state.id).await;
            if busy.try_set(false).is_some() {
                return; // The page was left: nothing may appear.
            }
            match answer {
                Ok(secret) => reveal.show(SLOT, secret),
                Err(error) => toasts.fail(format!("Not revealed. {error}")),
            }
        });
    };
    let words = move || if shown.get() { "Hide" } else { "Reveal" };
    let label = Signal::derive(move || format!("{} {NAME}", words()));
    view! {
        <form method="post" action=state.path("/secret/reveal") on:submit=toggle>
            <Button
                submit=true
                kind=ButtonKind::Quiet
                size=ButtonSize::Small
                busy=busy
                pressed=shown
                aria_label=move || label.get()
            >
                {words}
            </Button>
        </form>
    }
}

/// Needs no confirmation: the previous secret also signs for a day.
#[component]
fn RotateForm(state: WebhookState, reveal: RevealSlot) -> impl IntoView {
    let (busy, toasts) = (RwSignal::new(false), Toasts::here());
    let rotate = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let company = state.scope.client_id();
        leptos::task::spawn_local(async move {
            let answer = api::webhooks::rotate_webhook_secret(company, state.id).await;
            if busy.try_set(false).is_some() {
                return; // The page was left: nothing may appear.
            }
            match answer {
                Ok(rotated) => {
                    reveal.show(SLOT, rotated.secret);
                    toasts.say(format!(
                        "Rotated. Deliveries are also signed with the previous secret until {}.",
                        rotated.former_secret_until.to_page_text()
                    ));
                }
                Err(error) => toasts.fail(format!("Not rotated. {error}")),
            }
            state.scope.refetch(Topic::Webhooks);
        });
    };
    view! {
        <form method="post" action=state.path("/secret/rotate") on:submit=rotate>
            <Button
                submit=true
                kind=ButtonKind::Quiet
                size=ButtonSize::Small
                busy=busy
                aria_label=format!("Rotate {NAME}")
            >
                "Rotate"
            </Button>
        </form>
    }
}
