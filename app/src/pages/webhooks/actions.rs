//! What a webhook's page offers besides a test: pause or enable, edit, delete. Each works without scripts.

use leptos::prelude::*;
use model::Permission;

use super::webhook::WebhookState;
use super::words::waiting_text;
use crate::api;
use crate::pages::company::Topic;
use crate::pages::frame::READ_ONLY;
use crate::ui::{Button, ButtonKind, ButtonLink, ButtonSize, Toasts};

#[component]
pub(super) fn WebhookActions(state: WebhookState) -> impl IntoView {
    if !state.may(Permission::ManageWebhooks) {
        return view! { <Refused state=state /> }.into_any();
    }
    let open_delete = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        state.deletion.open();
    };
    view! {
        <PauseForm state=state />
        <ButtonLink href=state.path("/edit")>"Edit"</ButtonLink>
        <ButtonLink href=state.path("/delete") kind=ButtonKind::Danger size=ButtonSize::Small on:click=open_delete>"Delete"</ButtonLink>
    }
    .into_any()
}

/// The same actions for a role that may not; the page says why.
#[component]
fn Refused(state: WebhookState) -> impl IntoView {
    let enabled = Memo::new(move |_| state.detail.with(|detail| detail.row.webhook.enabled));
    view! {
        <Button refused_by=READ_ONLY>{move || if enabled.get() { "Pause" } else { "Enable" }}</Button>
        <Button refused_by=READ_ONLY>"Edit"</Button>
        <Button kind=ButtonKind::Danger size=ButtonSize::Small refused_by=READ_ONLY>"Delete"</Button>
    }
}

#[component]
fn PauseForm(state: WebhookState) -> impl IntoView {
    let toasts = Toasts::here();
    let busy = RwSignal::new(false);
    let enabled = Memo::new(move |_| state.detail.with(|detail| detail.row.webhook.enabled));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let (company, enable) = (state.scope.client_id(), !enabled.get_untracked());
        let waiting = state.detail.with_untracked(|detail| detail.row.pending);
        leptos::task::spawn_local(async move {
            let answer = api::webhooks::set_webhook_enabled(company, state.id, enable).await;
            if busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(()) if enable && waiting > 0 => toasts.say(format!(
                    "Enabled. {} to be sent, oldest first.",
                    waiting_text(waiting)
                )),
                Ok(()) if enable => toasts.say("Enabled. Events are being sent again."),
                Ok(()) => toasts.say("Paused. Deliveries wait until you enable it."),
                Err(error) => toasts.fail_with(if enable { "Not enabled." } else { "Not paused." }, &error),
            }
            state.scope.refetch(Topic::Webhooks);
        });
    };
    view! {
        <form method="post" action=state.path("/enabled") on:submit=submit>
            <input type="hidden" name="enabled" value=move || (!enabled.get()).to_string() />
            <Button submit=true busy=busy>{move || if enabled.get() { "Pause" } else { "Enable" }}</Button>
        </form>
    }
}
