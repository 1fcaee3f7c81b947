//! `/c/{client_id}/development/webhooks/{webhook}`: how it is doing, a test, its events and signature, and its deliveries,
//! newest first.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::{
    Catalogue, CompanyContext, DeliveryId, DeliveryView, DisabledReason, Permission, Role, WebhookDetail,
    WebhookHealth, WebhookId,
};

use super::actions::WebhookActions;
use super::current::{Current, keep_current};
use super::delete::{DeleteDialog, Deletion};
use super::deliveries::DeliveryTable;
use super::on_hold::OnHold;

use super::details::Details;
use super::form::HeldNotice;
use super::options::Options;
use super::own_secret::OwnSecret;
use super::test_event::TestEvent;
use super::words::{HealthBadge, waiting_text};
use super::{LoadedInCompany, address, webhook_of_address};
use crate::pages::company::CompanyScope;
use crate::pages::frame::ReadOnly;
use crate::pages::next_steps::HelpLinks;
use crate::ui::{
    BackLink, ButtonLink, CopyButton, EmptyState, EnvironmentBadge, IconName, Notice, PageHeader, Section,
    Title, Tone, WillAppear,
};
use crate::{AppError, api, browser};

/// What the parts of this page share.
#[derive(Clone, Copy, Debug)]
pub(super) struct WebhookState {
    pub(super) scope: CompanyScope,
    pub(super) company: StoredValue<CompanyContext>,
    pub(super) id: WebhookId,
    pub(super) detail: RwSignal<WebhookDetail>,
    pub(super) catalogue: StoredValue<Catalogue>,
    /// Stops asking for the webhook; see [`Current::quiet`].
    pub(super) quiet: StoredValue<bool>,
    pub(super) deletion: Deletion,
}

impl WebhookState {
    pub(super) fn may(self, permission: Permission) -> bool {
        self.role().may(permission)
    }

    fn role(self) -> Role {
        self.company.with_value(|company| company.role)
    }

    /// An address below the webhook's own.
    pub(super) fn path(self, rest: &str) -> String {
        self.scope.path(&format!("webhooks/{}{rest}", self.id))
    }
}

#[component]
pub fn WebhookPage() -> impl IntoView {
    let scope = CompanyScope::here();
    let webhook = webhook_of_address();
    let detail = Resource::new(
        move || (scope.client_id(), webhook.get()),
        |(company, webhook)| async move {
            let detail = api::webhooks::webhook_detail(company, webhook?).await?;
            Ok::<_, AppError>((detail, api::webhooks::event_types(true).await?))
        },
    );
    view! {
        <LoadedInCompany
            resource=detail
            render=move |company, (detail, catalogue): (WebhookDetail, Catalogue)| {
                view! { <OneWebhook company=company first=detail catalogue=catalogue /> }.into_any()
            }
        />
    }
}

#[component]
fn OneWebhook(company: CompanyContext, first: WebhookDetail, catalogue: Catalogue) -> impl IntoView {
    let (client_id, id) = (company.client_id, first.row.webhook.id);
    let current = keep_current(first, move || api::webhooks::webhook_detail(client_id, id));
    let Current {
        value: detail,
        gone,
        quiet,
    } = current;
    let state = WebhookState {
        scope: CompanyScope::here(),
        company: StoredValue::new(company),
        id,
        detail,
        catalogue: StoredValue::new(catalogue),
        quiet,
        deletion: Deletion::new(),
    };
    let name = Memo::new(move |_| detail.with(|detail| detail.row.webhook.name.clone()));
    let on_hold = Memo::new(move |_| detail.with(|detail| detail.row.on_hold));
    view! {
        {move || view! { <Head state=state name=name.get() /> }}
        {move || gone.get().then(|| view! { <Notice tone=Tone::Warn announce=true>"This webhook has been deleted. This page shows its last state."</Notice> })}
        <ReadOnly role=state.role() permission=Permission::ManageWebhooks />
        <Standing state=state />
        {move || view! { <OnHold webhook=id count=on_hold.get() /> }}
        <div class="webhook-grid">
            <TestEvent state=state />
            <Details state=state />
            <OwnSecret state=state />
            <Options state=state />
        </div>
        <Deliveries state=state />
        <HelpLinks client_id=client_id />
        <DeleteDialog state=state />
    }
}

#[component]
fn Head(state: WebhookState, name: String) -> impl IntoView {
    let list = state.scope.path("webhooks");
    view! {
        // The name itself and no function of it: the title is written when what the function reads may be gone.
        <Title text=name.clone() />
        <PageHeader
            title=name
            above=move || view! { <BackLink href=list to="Webhooks" /> }
            actions=move || view! { <WebhookActions state=state /> }
        />
    }
}

/// Where it leads and how it is doing; when something is wrong, what.
#[component]
fn Standing(state: WebhookState) -> impl IntoView {
    let detail = state.detail;
    let webhook = Memo::new(move |_| detail.with(|detail| detail.row.webhook.clone()));
    let health =
        Memo::new(move |_| detail.with(|detail| (detail.row.health.clone(), detail.row.webhook.disabled)));
    let url = Memo::new(move |_| webhook.with(|webhook| webhook.url.clone()));
    view! {
        <div class="webhook-standing">
            {move || {
                let (health, disabled) = health.get();
                view! { <HealthBadge health=health disabled=disabled /> }
            }}
            {move || view! { <EnvironmentBadge environment=webhook.with(|webhook| webhook.environment) /> }}
            <span class="webhook-standing__url">
                <code>{move || url.get()}</code>
                <CopyButton text=url what="URL" />
            </span>
        </div>
        <SavedNotice state=state />
        <Trouble state=state />
    }
}

/// What to do next, after the form was saved.
#[component]
fn SavedNotice(state: WebhookState) -> impl IntoView {
    let saved = use_query_map();
    let nothing_sent = Memo::new(move |_| state.detail.with(|detail| detail.deliveries.is_empty()));
    browser::forget_in_address("saved");
    move || {
        match saved.with(|query| query.get("saved")).as_deref() {
        Some("created") => {
            let next = if nothing_sent.get() {
                " Send a test event to check your endpoint."
            } else {
                " Deliveries are listed below."
            };
            Some(view! { <Notice tone=Tone::Good title="Saved.">{next}</Notice> }.into_any())
        }
        Some("changed") => Some(
            view! { <Notice tone=Tone::Good title="Saved.">" The change applies from the next attempt."</Notice> }
                .into_any(),
        ),
        _ => None,
    }
    }
}

/// The diagnosis: in words, with what to do.
#[component]
fn Trouble(state: WebhookState) -> impl IntoView {
    let trouble = Memo::new(move |_| {
        state.detail.with(|detail| {
            (
                detail.row.health.clone(),
                detail.diagnosis.clone(),
                detail.row.webhook.clone(),
                detail.row.pending,
            )
        })
    });
    move || {
        let (health, diagnosis, webhook, pending) = trouble.get();
        match health {
            WebhookHealth::Failing { .. } => {
                Some(view! { <Notice tone=Tone::Bad>{diagnosis}</Notice> }.into_any())
            }
            WebhookHealth::Held => Some(view! { <HeldNotice environment=webhook.environment /> }.into_any()),
            WebhookHealth::Disabled => {
                let why = webhook
                    .disabled_sentence()
                    .unwrap_or_else(|| "Disabled.".to_owned());
                Some(view! { <Notice title=why>{off_text(webhook.disabled, pending)}</Notice> }.into_any())
            }
            WebhookHealth::NotDelivered { .. } => {
                let text = " It has been enabled again, but nothing has been delivered since. Send a test event to check your endpoint.";
                Some(view! { <Notice tone=Tone::Warn title="Not delivered yet.">{text}</Notice> }.into_any())
            }
            WebhookHealth::Idle | WebhookHealth::Tested { .. } | WebhookHealth::Healthy => None,
        }
    }
}

/// What happens to deliveries while nothing is sent; the same as on the help page.
fn off_text(why: Option<DisabledReason>, pending: u64) -> String {
    let waiting = match pending {
        0 => String::new(),
        pending => format!(" {}.", waiting_text(pending)),
    };
    let new = match why {
        Some(DisabledReason::ByHand) => {
            "New deliveries wait too. When you enable it, all are sent, oldest first."
        }
        _ => {
            "Waiting deliveries are sent when you enable it, oldest first. New events are recorded as skipped; you \
             can replay them afterwards."
        }
    };
    format!(" Nothing is sent.{waiting} {new}")
}

#[component]
fn Deliveries(state: WebhookState) -> impl IntoView {
    let detail = state.detail;
    let is_empty = Memo::new(move |_| detail.with(|detail| detail.deliveries.is_empty()));
    let lead = Memo::new(move |_| {
        detail.with(|detail| match detail.row.pending {
            0 => "The latest, newest first.".to_owned(),
            pending => format!("The latest, newest first. {} to be sent.", waiting_text(pending)),
        })
    });
    view! {
        <Section id="deliveries" title="Deliveries">
            <p class="lead webhook-lead">{move || lead.get()}</p>
            {move || {
                if is_empty.get() {
                    view! {
                        <EmptyState title="Nothing sent yet" icon=IconName::Send waiting=true>
                            <p>
                                <WillAppear what="The first event of a selected type" />
                                " Send a test event to check your endpoint now."
                            </p>
                        </EmptyState>
                    }
                    .into_any()
                } else {
                    view! { <Latest state=state /> }.into_any()
                }
            }}
        </Section>
    }
}

/// The latest deliveries, and the way to all of them.
#[component]
fn Latest(state: WebhookState) -> impl IntoView {
    let rows = Signal::derive(move || state.detail.with(|detail| detail.deliveries.clone()));
    let href = Callback::new(move |id: DeliveryId| {
        address::of_delivery(state.scope, state.id, id, &DeliveryView::default())
    });
    let all = move |query: &str| {
        let (view, _) = DeliveryView::parse_lenient(query);
        address::of_list(state.scope, state.id, &view)
    };
    view! {
        <DeliveryTable rows=rows href=href />
        <nav class="cluster" aria-label="Lists of deliveries">
            <ButtonLink href=all("")>"All deliveries and filters"</ButtonLink>
            <a href=all("state=failing")>"Being retried"</a>
            <a href=all("state=exhausted&state=skipped")>"Ended without arriving"</a>
        </nav>
    }
}
