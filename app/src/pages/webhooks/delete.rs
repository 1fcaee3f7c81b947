//! Deleting a webhook: a dialog, and the same decision as a page of its own where scripts are off.

use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use model::{Permission, WebhookDetail, WebhookRow};

use super::webhook::WebhookState;
use super::words::waiting_text;
use super::{LoadedInCompany, webhook_of_address};
use crate::pages::company::CompanyScope;
use crate::pages::loaded::Failure;
use crate::pages::logs::words::grouped;
use crate::ui::{
    Button, ButtonKind, ButtonLink, Card, Dialog, DialogActions, DialogKind, EnvironmentBadge, KeyValue,
    KeyValueList, Notice, PageHeader, Title, Toasts, Tone,
};
use crate::{AppError, api};

const ABOUT: &str = "Nothing more will be sent to it. This cannot be undone. You can pause it instead.";

/// The dialog's state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deletion {
    open: RwSignal<bool>,
    busy: RwSignal<bool>,
}

impl Deletion {
    pub(super) fn new() -> Self {
        Self {
            open: RwSignal::new(false),
            busy: RwSignal::new(false),
        }
    }

    pub(super) fn open(self) {
        self.open.set(true);
    }
}

#[component]
pub(super) fn DeleteDialog(state: WebhookState) -> impl IntoView {
    let Deletion { open, busy } = state.deletion;
    let toasts = Toasts::here();
    let navigate = use_navigate();
    let confirm = move |()| {
        busy.set(true);
        state.quiet.set_value(true);
        let company = state.scope.client_id();
        let name = state
            .detail
            .with_untracked(|detail| detail.row.webhook.name.clone());
        let navigate = navigate.clone();
        leptos::task::spawn_local(async move {
            let answer = api::webhooks::delete_webhook(company, state.id).await;
            if busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(()) | Err(AppError::NotFound) => {
                    open.set(false);
                    toasts.say(format!("Deleted {name}. Nothing more will be sent to it."));
                    navigate(&state.scope.path("webhooks"), Default::default());
                }
                Err(error) => {
                    state.quiet.set_value(false);
                    toasts.fail_with("Not deleted.", &error);
                }
            }
        });
    };
    view! {
        <Dialog id="delete-webhook-dialog" kind=DialogKind::Alert open=open title="Delete this webhook?" about=ABOUT>
            {move || view! { <Facts row=state.detail.with(|detail| detail.row.clone()) /> }}
            <DialogActions>
                <Button focus_first=true on_press=move |()| open.set(false)>"Cancel"</Button>
                <Button kind=ButtonKind::Danger busy=busy on_press=confirm>"Delete webhook"</Button>
            </DialogActions>
        </Dialog>
    }
}

#[component]
fn Facts(row: WebhookRow) -> impl IntoView {
    let waiting = (row.pending > 0).then(|| format!("{} and will not be sent.", waiting_text(row.pending)));
    view! {
        <KeyValueList>
            <KeyValue name="Name">{row.webhook.name}</KeyValue>
            <KeyValue name="URL" monospace=true>{row.webhook.url}</KeyValue>
            <KeyValue name="Environment">
                <EnvironmentBadge environment=row.webhook.environment />
            </KeyValue>
            <KeyValue name="Delivered in 24 hours">{grouped(row.delivered_24_hours)}</KeyValue>
        </KeyValueList>
        {waiting.map(|waiting| view! { <Notice tone=Tone::Warn>{waiting}</Notice> })}
    }
}

/// `/c/{client_id}/development/webhooks/{webhook}/delete`.
#[component]
pub fn DeleteWebhookPage() -> impl IntoView {
    let scope = CompanyScope::here();
    let webhook = webhook_of_address();
    let detail = Resource::new(
        move || (scope.client_id(), webhook.get()),
        |(company, webhook)| async move { api::webhooks::webhook_detail(company, webhook?).await },
    );
    view! {
        <Title text="Delete a webhook" />
        <PageHeader title="Delete this webhook?" lead=ABOUT />
        <LoadedInCompany
            resource=detail
            render=move |company, detail: WebhookDetail| {
                if let Err(error) = AppError::unless_may(company.role, Permission::ManageWebhooks) {
                    return view! { <Failure error=error /> }.into_any();
                }
                let own = scope.path(&format!("webhooks/{}", detail.row.webhook.id));
                let action = format!("{own}/delete");
                view! {
                    <Card>
                        <form class="stack" method="post" action=action>
                            <Facts row=detail.row />
                            <DialogActions>
                                <ButtonLink href=own>"Cancel"</ButtonLink>
                                <Button kind=ButtonKind::Danger submit=true>"Delete webhook"</Button>
                            </DialogActions>
                        </form>
                    </Card>
                }
                .into_any()
            }
        />
    }
}
