//! Which events a webhook receives, and how they are signed.

use leptos::prelude::*;
use model::{EventType, SigningKey, Webhook, WebhookEvents};

use super::webhook::WebhookState;
use super::words::{signing_reason, signing_text};
use crate::ui::{Badge, Card, KeyValue, KeyValueList, Time, TimeStyle};

/// This many types are visible; the others are folded away.
const SHOWN_EVENTS: usize = 6;

#[component]
pub(super) fn Details(state: WebhookState) -> impl IntoView {
    let webhook = Memo::new(move |_| state.detail.with(|detail| detail.row.webhook.clone()));
    let key = Memo::new(move |_| state.detail.with(|detail| detail.signing_key.clone()));
    view! {
        <Card id="details" title="Events and signature">
            <KeyValueList>
                <KeyValue name="Events">
                    {move || webhook.with(|webhook| view! { <Events state=state events=webhook.events.clone() /> })}
                </KeyValue>
                <KeyValue name="Signature">
                    {move || view! { <Signature state=state webhook=webhook.get() key_=key.get() /> }}
                </KeyValue>
                <KeyValue name="Changed">
                    {move || {
                        let at = webhook.with(|webhook| webhook.updated_at);
                        view! { <Time at=at style=TimeStyle::Both /> }
                    }}
                </KeyValue>
            </KeyValueList>
        </Card>
    }
}

#[component]
fn Events(state: WebhookState, events: WebhookEvents) -> impl IntoView {
    match events {
        WebhookEvents::All => view! { <Badge>"All events, including future ones"</Badge> }.into_any(),
        WebhookEvents::Only(types) => {
            let more = types.len().saturating_sub(SHOWN_EVENTS);
            let (shown, rest) = types.split_at(types.len() - more);
            view! {
                <Chips state=state types=shown.to_vec() />
                {(more > 0)
                    .then(|| {
                        view! {
                            <details class="more-events">
                                <summary>{format!("and {more} more")}</summary>
                                <Chips state=state types=rest.to_vec() />
                            </details>
                        }
                    })}
            }
            .into_any()
        }
    }
}

#[component]
fn Chips(state: WebhookState, types: Vec<EventType>) -> impl IntoView {
    let chips = types
        .into_iter()
        .map(|event| {
            let (description, offered) = state.catalogue.with_value(|catalogue| {
                let entry = catalogue.get(&event);
                (
                    entry.map(|entry| entry.description.clone()),
                    entry.is_some_and(|entry| !entry.removed),
                )
            });
            view! {
                <li title=description>
                    <Badge>{event.to_string()}</Badge>
                    {(!offered).then(|| view! { <span class="muted">" removed, no longer sent"</span> })}
                </li>
            }
        })
        .collect_view();
    view! { <ul class="chips">{chips}</ul> }
}

/// Which key signs, why that one, and how to verify.
#[component]
fn Signature(state: WebhookState, webhook: Webhook, key_: Option<SigningKey>) -> impl IntoView {
    let verify = format!("/docs/security?company={}#verify", state.scope.client_id());
    let words = match &key_ {
        Some(key) => (signing_text(&webhook, key), signing_reason(key)),
        None => (
            format!(
                "Nothing to sign with: {} has no active key",
                webhook.environment.label()
            ),
            "Deliveries wait until there is one.",
        ),
    };
    view! {
        <p><b>{words.0}</b></p>
        <p class="muted">{words.1} " " <a href=verify>"How to verify a signature"</a></p>
    }
}
