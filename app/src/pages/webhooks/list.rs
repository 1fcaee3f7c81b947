//! `/c/{client_id}/development/webhooks`: every webhook in one row, those that fail first.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::{CompanyContext, Permission, Role, Timestamp, WebhookId, WebhookRow};

use super::LoadedInCompany;
use super::current::{item, keep_current};
use super::long_text::ElidedUrl;
use super::words::HealthBadge;
use crate::api;
use crate::browser;
use crate::pages::company::CompanyScope;
use crate::pages::frame::{READ_ONLY, ReadOnly};
use crate::pages::logs::words::grouped;
use crate::pages::next_steps::HelpLinks;
use crate::ui::{
    Button, ButtonKind, ButtonLink, Cell, Code, Column, CopyButton, Countdown, EmptyState, EnvironmentBadge,
    IconName, Narrow, Notice, PageHeader, RowLink, Table, Time, Title, Tone,
};

/// Prints each request and responds with 200; needs only Node.
const LOCAL_RECEIVER: &str = "node -e 'require(\"http\").createServer((request, answer) => { request.pipe(process.stdout); \
                              request.on(\"end\", () => answer.end()) }).listen(4000)'";

#[component]
pub fn WebhooksPage() -> impl IntoView {
    let scope = CompanyScope::here();
    let rows = Resource::new(move || scope.client_id(), api::webhooks::list_webhooks);
    view! {
        <Title text="Webhooks" />
        <LoadedInCompany
            resource=rows
            render=move |company, rows| view! { <Webhooks company=company first=rows /> }.into_any()
        />
    }
}

#[component]
fn Webhooks(company: CompanyContext, first: Vec<WebhookRow>) -> impl IntoView {
    let scope = CompanyScope::here();
    let client_id = company.client_id;
    let rows = keep_current(first, move || api::webhooks::list_webhooks(client_id)).value;
    let is_empty = Memo::new(move |_| rows.with(Vec::is_empty));
    let (add_path, role) = (scope.path("webhooks/new"), company.role);
    let receiver = company.demo.map(|demo| demo.receiver_url);
    let add = {
        let path = add_path.clone();
        move || view! { {move || view! { <AddWebhook path=path.clone() role=role list_is_empty=is_empty.get() /> }} }
    };
    view! {
        <PageHeader
            title="Webhooks"
            lead="We send events to your URL, sign them, and retry when your endpoint does not respond."
            actions=add
        />
        <ReadOnly role=role permission=Permission::ManageWebhooks />
        <DeletedNotice />
        {move || {
            if is_empty.get() {
                let (add_path, receiver) = (add_path.clone(), receiver.clone());
                let add_path = role.may(Permission::ManageWebhooks).then_some(add_path);
                view! { <NoWebhooks add_path=add_path receiver=receiver /> }.into_any()
            } else {
                view! { <WebhookTable rows=rows /> }.into_any()
            }
        }}
        <HelpLinks client_id=client_id />
    }
}

/// An empty list has the button in its middle.
#[component]
fn AddWebhook(path: String, role: Role, list_is_empty: bool) -> impl IntoView {
    if !role.may(Permission::ManageWebhooks) {
        return view! {
            <Button kind=ButtonKind::Primary icon=IconName::Plus refused_by=READ_ONLY>"Add webhook"</Button>
        }
        .into_any();
    }
    if list_is_empty {
        return ().into_any();
    }
    view! { <ButtonLink href=path kind=ButtonKind::Primary icon=IconName::Plus>"Add webhook"</ButtonLink> }
        .into_any()
}

/// After a deletion without scripts.
#[component]
fn DeletedNotice() -> impl IntoView {
    let query = use_query_map();
    browser::forget_in_address("deleted");
    move || {
        query
            .with(|query| query.get_str("deleted").is_some())
            .then(|| view! { <Notice tone=Tone::Good>"The webhook was deleted. Nothing more will be sent to it."</Notice> })
    }
}

#[component]
fn NoWebhooks(add_path: Option<String>, receiver: Option<String>) -> impl IntoView {
    view! {
        <EmptyState title="No webhook yet" icon=IconName::Webhook>
            <p>
                "A webhook is one of your URLs. When something happens, such as an order or a finished task, we send it a signed POST, so you do not have to poll."
            </p>
            {add_path.map(|href| view! { <ButtonLink href=href kind=ButtonKind::Primary icon=IconName::Plus>"Add your first webhook"</ButtonLink> })}
            {receiver
                .map(|_| {
                    view! {
                        <p>
                            "No endpoint yet? The form has " <b>"Use the built-in receiver"</b>
                            ", which responds at once. Or run one here and enter " <code>"http://127.0.0.1:4000/"</code> ":"
                        </p>
                        <Code label="A receiver on this machine" text=LOCAL_RECEIVER.to_owned() wrap=true />
                    }
                })}
        </EmptyState>
    }
}

#[component]
fn WebhookTable(rows: RwSignal<Vec<WebhookRow>>) -> impl IntoView {
    let columns = vec![
        Column::new("Name"),
        Column::new("URL"),
        Column::new("Environment"),
        Column::new("Status"),
        Column::new("Last delivery"),
        Column::new("Last 24 hours"),
        Column::new("Next attempt"),
    ];
    view! {
        <Table caption="Webhooks, failing ones first" id="webhooks" columns=columns>
            <tbody>
                <For
                    each=move || rows.get()
                    key=|row| row.webhook.id
                    children=move |first| {
                        let id = first.webhook.id;
                        let row = item(rows.into(), first, move |rows: &Vec<WebhookRow>| {
                            rows.iter().find(|row| row.webhook.id == id).cloned()
                        });
                        view! { <WebhookTableRow id=id row=row /> }
                    }
                />
            </tbody>
        </Table>
    }
}

#[component]
fn WebhookTableRow(id: WebhookId, row: Memo<WebhookRow>) -> impl IntoView {
    let href = CompanyScope::here().path(&format!("webhooks/{id}"));
    let url = Memo::new(move |_| row.with(|row| row.webhook.url.clone()));
    let name = row.with_untracked(|row| row.webhook.name.clone());
    view! {
        <tr>
            <Cell narrow=Narrow::Lead clip=true>
                <RowLink href=href>{move || row.with(|row| row.webhook.name.clone())}</RowLink>
            </Cell>
            <Cell narrow=Narrow::Below grow=true>
                <span class="url-line">
                    {move || view! { <ElidedUrl url=url.get() /> }}
                    <CopyButton text=url what=format!("URL of {name}") />
                </span>
            </Cell>
            <Cell narrow=Narrow::Second>
                {move || view! { <EnvironmentBadge environment=row.with(|row| row.webhook.environment) /> }}
            </Cell>
            <Cell narrow=Narrow::End>
                {move || {
                    let (health, disabled) = row.with(|row| (row.health.clone(), row.webhook.disabled));
                    view! { <HealthBadge health=health disabled=disabled /> }
                }}
            </Cell>
            <Cell narrow=Narrow::Second label="Last delivery">
                {move || view! { <LastDelivery at=row.with(|row| row.last_delivery_at) /> }}
            </Cell>
            <Cell narrow=Narrow::Second label="Last 24 hours">
                {move || {
                    let (delivered, failed) = row.with(|row| (row.delivered_24_hours, row.failed_24_hours));
                    view! { <Counts delivered=delivered failed=failed /> }
                }}
            </Cell>
            <Cell narrow=Narrow::Second label="Next attempt">
                {move || {
                    let (at, waiting, on_hold) = row.with(|row| (row.next_attempt_at, row.pending, row.on_hold));
                    view! { <NextAttempt at=at waiting=waiting on_hold=on_hold /> }
                }}
            </Cell>
        </tr>
    }
}

#[component]
fn LastDelivery(at: Option<Timestamp>) -> impl IntoView {
    match at {
        Some(at) => view! { <Time at=at /> }.into_any(),
        None => view! { <span class="faint">"None yet"</span> }.into_any(),
    }
}

/// Deliveries that arrived, and those that were tried and did not.
#[component]
fn Counts(delivered: u64, failed: u64) -> impl IntoView {
    view! {
        <span class="webhook-counts">
            <span>{grouped(delivered)} " delivered"</span>
            {(failed > 0).then(|| view! { <span class="webhook-counts__failed">{grouped(failed)} " failed"</span> })}
        </span>
    }
}

/// When the next one is due, how many wait in all, and how many of these the operator holds.
#[component]
fn NextAttempt(at: Option<Timestamp>, waiting: u64, on_hold: u64) -> impl IntoView {
    let next = match at {
        Some(at) => view! { <Countdown until=at before="" due="due now" /> }.into_any(),
        None => view! { <span class="faint none-due">"None due"</span> }.into_any(),
    };
    view! {
        <span class="webhook-counts">
            {next} {(waiting > 0).then(|| view! { <span>{grouped(waiting)} " waiting"</span> })}
            {(on_hold > 0).then(|| view! { <span>{grouped(on_hold)} " on hold"</span> })}
        </span>
    }
}
