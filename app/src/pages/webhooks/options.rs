//! A webhook's own headers and its rate limit. Plain forms: each is sent on its own, with scripts and without.

use leptos::prelude::*;
use model::{Permission, WebhookOptions};

use super::webhook::WebhookState;
use crate::ui::{Button, ButtonKind, ButtonSize, Card, Field, FieldKind, KeyValue, KeyValueList};

#[component]
pub(super) fn Options(state: WebhookState) -> impl IntoView {
    let options = Memo::new(move |_| state.detail.with(|detail| detail.options.clone()));
    let may_change = state.may(Permission::ManageWebhooks);
    let lead =
        "Sent with each delivery, to the webhook's own address only. A header's value is never shown again.";
    view! {
        <Card id="options" title="Headers and rate limit" lead=lead>
            <KeyValueList>
                <KeyValue name="Headers">{move || view! { <Headers state=state names=options.with(|options| options.headers.clone()) may_change=may_change /> }}</KeyValue>
                <KeyValue name="Rate limit">{move || limit(options.with(limit_text))}</KeyValue>
            </KeyValueList>
            {may_change.then(|| view! { <Forms state=state /> })}
        </Card>
    }
}

fn limit(text: Option<String>) -> AnyView {
    match text {
        Some(text) => text.into_any(),
        None => view! { <span class="muted">"None"</span> }.into_any(),
    }
}

fn limit_text(options: &WebhookOptions) -> Option<String> {
    options.rate_limit.map(|rate| {
        let attempts = if rate == 1 { "attempt" } else { "attempts" };
        format!("At most {rate} {attempts} a second")
    })
}

#[component]
fn Headers(state: WebhookState, names: Vec<String>, may_change: bool) -> impl IntoView {
    if names.is_empty() {
        return view! { <span class="muted">"None"</span> }.into_any();
    }
    let rows = names
        .into_iter()
        .map(|name| {
            let remove = may_change.then(|| {
                view! {
                    <form method="post" action=state.path("/header")>
                        <input type="hidden" name="name" value=name.clone() />
                        <Button submit=true kind=ButtonKind::Quiet size=ButtonSize::Small aria_label=format!("Remove {name}")>
                            "Remove"
                        </Button>
                    </form>
                }
            });
            view! {
                <li class="spread">
                    <code>{name}</code>
                    {remove}
                </li>
            }
        })
        .collect_view();
    view! { <ul class="stack stack--tight">{rows}</ul> }.into_any()
}

#[component]
fn Forms(state: WebhookState) -> impl IntoView {
    let rate = state.detail.with_untracked(|detail| detail.options.rate_limit);
    view! {
        <details class="more-events">
            <summary>"Change"</summary>
            <div class="stack">
                <form class="stack stack--tight" method="post" action=state.path("/header")>
                    <Field name="name" id="header-name" label="Header" placeholder="Authorization" autocomplete="off" required=true monospace=true />
                    <Field name="value" id="header-value" label="Value"
                        hint="In place of the one before, if the webhook has this header." autocomplete="off" required=true monospace=true />
                    <div><Button submit=true size=ButtonSize::Small>"Set header"</Button></div>
                </form>
                <form class="stack stack--tight" method="post" action=state.path("/rate-limit")>
                    <Field
                        name="rate"
                        id="rate-limit"
                        label="Attempts a second"
                        kind=FieldKind::Number
                        hint="1 to 1000, or empty for no limit. After a pause, as many may begin at once."
                        initial=rate.map(|rate| rate.to_string()).unwrap_or_default()
                    />
                    <div><Button submit=true size=ButtonSize::Small>"Set limit"</Button></div>
                </form>
            </div>
        </details>
    }
}
