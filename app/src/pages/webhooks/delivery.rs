//! `/c/{client_id}/development/webhooks/{webhook}/deliveries/{delivery}`: the delivery of one event to one webhook: what
//! caused it, what was sent, and the response to each attempt.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use model::{
    AttemptId, CompanyContext, Delivery, DeliveryId, DeliveryNeighbours, DeliveryRow, DeliveryState,
    DeliveryView, HeaderField, Permission, Timestamp, WebhookId,
};

use super::attempt::AttemptCard;
use super::current::{item, keep_current};
use super::deliveries::Attempts;
use super::form::HeldNotice;
use super::words::delivery_state;
use super::{LoadedInCompany, address, curl, id_of_address, webhook_of_address};
use crate::pages::company::{CompanyScope, Topic};
use crate::pages::frame::{READ_ONLY, ReadOnly};
use crate::pages::logs::json_text;
use crate::ui::{
    BackLink, Badge, Button, ButtonKind, ButtonLink, ButtonSize, Card, CopyButton, EnvironmentBadge,
    IconName, KeyValue, KeyValueList, Notice, PageHeader, Section, Snippet, SnippetTabs, StateBadge, Time,
    TimeStyle, Title, Toasts, Tone, WillAppear, ZoneNote,
};
use crate::{AppError, api, browser, provider};

/// What the parts of this page share.
#[derive(Clone, Copy, Debug)]
struct OpenDelivery {
    scope: CompanyScope,
    id: DeliveryId,
    /// Its own address, without a query.
    base: StoredValue<String>,
    /// The list that it was opened from.
    list: StoredValue<DeliveryView>,
    delivery: RwSignal<Delivery>,
}

impl OpenDelivery {
    /// Where a form of this page is sent. The list is in it, for the way back.
    fn action(self, what: &str) -> String {
        let path = self.base.with_value(|base| format!("{base}/{what}"));
        self.list.with_value(|list| address::with_query(path, list))
    }
}

#[component]
pub fn DeliveryPage() -> impl IntoView {
    let scope = CompanyScope::here();
    let webhook = webhook_of_address();
    let id = id_of_address::<DeliveryId>("delivery");
    let list = list_of_address();
    let delivery = Resource::new(
        move || (scope.client_id(), webhook.get(), id.get(), list.get()),
        |(company, webhook, id, list)| async move {
            let (webhook, id) = (webhook?, id?);
            let delivery = api::webhooks::delivery(company, id).await?;
            // A delivery has one address: below another webhook it is not found.
            if delivery.row.webhook_id != webhook {
                return Err(AppError::NotFound);
            }
            let beside = api::webhooks::delivery_neighbours(company, webhook, list, id).await?;
            Ok((delivery, beside))
        },
    );
    view! {
        <LoadedInCompany
            resource=delivery
            render=move |company, (delivery, beside): (Delivery, DeliveryNeighbours)| {
                view! { <OneDelivery company=company first=delivery list=list.get_untracked() beside=beside /> }.into_any()
            }
        />
    }
}

/// The list that the page was opened from: its filter is in the address.
fn list_of_address() -> Memo<DeliveryView> {
    let location = use_location();
    let (path, search) = (location.pathname, location.search);
    // While the reader moves to another page, the address is already that page's and is not read.
    Memo::new(move |before: Option<&DeliveryView>| match before {
        Some(before) if !path.with(|path| path.contains("/deliveries/")) => before.clone(),
        _ => search.with(|search| DeliveryView::parse_lenient(search).0.first_page()),
    })
}

/// The links to the deliveries beside this one in that list.
#[component]
fn Beside(webhook: WebhookId, list: DeliveryView, beside: DeliveryNeighbours) -> impl IntoView {
    let scope = CompanyScope::here();
    let link = |id: Option<DeliveryId>, words: &'static str, icon: IconName| {
        id.map(|id| {
            view! {
                <ButtonLink href=address::of_delivery(scope, webhook, id, &list) size=ButtonSize::Small icon=icon>
                    {words}
                    <span class="visually-hidden">" delivery"</span>
                </ButtonLink>
            }
        })
    };
    let newer = link(beside.newer, "Previous", IconName::ArrowLeft);
    let older = link(beside.older, "Next", IconName::ArrowRight);
    (newer.is_some() || older.is_some())
        .then(|| view! { <nav class="cluster" aria-label="Deliveries beside this one">{newer} {older}</nav> })
}

#[component]
fn OneDelivery(
    company: CompanyContext,
    first: Delivery,
    list: DeliveryView,
    beside: DeliveryNeighbours,
) -> impl IntoView {
    let scope = CompanyScope::here();
    let (client_id, id, webhook) = (company.client_id, first.row.id, first.row.webhook_id);
    let webhook_path = scope.path(&format!("webhooks/{webhook}"));
    let base = StoredValue::new(format!("{webhook_path}/deliveries/{id}"));
    let (title, webhook_name) = (first.row.event_type.to_string(), first.webhook_name.clone());
    let list_path = address::of_list(scope, webhook, &list);
    let back = format!("Deliveries of {webhook_name}");
    let (is_test, body) = (first.row.test, first.body.clone());
    let delivery = keep_current(first, move || api::webhooks::delivery(client_id, id)).value;
    let view_state = OpenDelivery {
        scope,
        id,
        base,
        list: StoredValue::new(list.clone()),
        delivery,
    };
    let role = company.role;
    let replay = match role.may(Permission::ReplayDeliveries) {
        false => Replaying::NotByThisRole,
        true if is_test => Replaying::NotOfATest,
        true => Replaying::Possible,
    };
    view! {
        <Title text=format!("{title} for {webhook_name}") />
        <PageHeader
            title=title
            monospace=true
            lead="A replay sends the same bytes again, with the same webhook_id, so your receiver can recognise a duplicate. It is not a new event and does not count as one of the attempts."
            above=move || view! {
                <div class="entry-ways">
                    <BackLink href=list_path to=back />
                    <Beside webhook=webhook list=list beside=beside />
                </div>
            }
            actions=move || view! { <Replay view_state=view_state replay=replay /> }
        />
        <ReadOnly role=role permission=Permission::ReplayDeliveries />
        <ReplayedNotice />
        <Summary view_state=view_state webhook=(webhook_path, webhook_name) />
        <AttemptList view_state=view_state />
        <BodySent view_state=view_state body=body may_sign=role.may(Permission::ReplayDeliveries) />
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replaying {
    Possible,
    NotOfATest,
    NotByThisRole,
}

/// Sends the same bytes once more. A form, so that it works without scripts.
#[component]
fn Replay(view_state: OpenDelivery, replay: Replaying) -> impl IntoView {
    let toasts = Toasts::here();
    let busy = RwSignal::new(false);
    let waits = Memo::new(move |_| {
        view_state
            .delivery
            .with(|delivery| delivery.row.state == DeliveryState::Pending)
    });
    let words = move || if waits.get() { "Try now" } else { "Replay" };
    match replay {
        Replaying::Possible => (),
        Replaying::NotByThisRole => {
            return view! { <Button icon=IconName::Retry refused_by=READ_ONLY>{words}</Button> }.into_any();
        }
        Replaying::NotOfATest => {
            let why = Some("A test is sent once. Send another from the webhook's page.".to_owned());
            return view! { <Button id="replay" icon=IconName::Retry unavailable=Signal::stored(why)>{words}</Button> }
                .into_any();
        }
    }
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let is_refused = view_state
            .delivery
            .with_untracked(|delivery| refusal(&delivery.row).is_some());
        if busy.get_untracked() || is_refused {
            return;
        }
        busy.set(true);
        let company = view_state.scope.client_id();
        leptos::task::spawn_local(async move {
            let answer = api::webhooks::replay_delivery(company, view_state.id).await;
            if busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(()) => toasts.say(
                    "Sending it once more, with the same webhook_id. The retry schedule does not change.",
                ),
                Err(error) => toasts.fail_with("Not sent.", &error),
            }
            view_state.scope.refetch(Topic::Webhooks);
        });
    };
    view! {
        <form method="post" action=view_state.action("replay") on:submit=submit>
            <Button
                id="replay"
                kind=ButtonKind::Primary
                icon=IconName::Retry
                submit=true
                busy=busy
                unavailable=Signal::derive(move || view_state.delivery.with(|delivery| refusal(&delivery.row)))
            >
                {words}
            </Button>
        </form>
    }
    .into_any()
}

/// Why a delivery that waits cannot be sent now.
fn refusal(row: &DeliveryRow) -> Option<String> {
    let waits = row.state.waits();
    if row.on_hold && waits {
        Some(format!(
            "{} has put this delivery on hold. It is sent once they resume it.",
            provider().name_at_start()
        ))
    } else if row.webhook_is_off {
        Some("The webhook is paused or disabled. Enable it first.".to_owned())
    } else if row.state == DeliveryState::Held {
        Some("There is no API key to sign with. It is sent once there is one.".to_owned())
    } else {
        None
    }
}

/// After a replay without scripts.
#[component]
fn ReplayedNotice() -> impl IntoView {
    let query = use_query_map();
    browser::forget_in_address("replayed");
    move || {
        query.with(|query| query.get_str("replayed").is_some()).then(|| {
            view! { <Notice tone=Tone::Good>"Sent once more. The replay will be listed below once it has finished."</Notice> }
        })
    }
}

#[component]
fn Summary(
    view_state: OpenDelivery,
    /// Its page and its name.
    webhook: (String, String),
) -> impl IntoView {
    let delivery = view_state.delivery;
    let row = Memo::new(move |_| delivery.with(|delivery| delivery.row.clone()));
    let first = delivery.get_untracked();
    let (environment, event_id) = (first.environment, first.row.event_id.to_string());
    let request = first
        .request_id
        .map(|id| (id.to_string(), view_state.scope.path(&format!("logs/{id}"))));
    let state_text =
        move || view! { <StateBadge state=delivery_state(&row.get()) /> " " <Attempts row=row.get() /> };
    view! {
        <Card>
            <KeyValueList>
                <KeyValue name="State">{state_text}</KeyValue>
                <KeyValue name="Webhook">
                    <a href=webhook.0>{webhook.1}</a>
                </KeyValue>
                <KeyValue name="Environment">
                    <EnvironmentBadge environment=environment />
                    {first.row.test.then(|| view! { " " <Badge tone=Tone::Info>"Test"</Badge> })}
                </KeyValue>
                <KeyValue name="Event created">
                    <Time at=first.event_created_at style=TimeStyle::Both />
                </KeyValue>
                <KeyValue name="Caused by">
                    {match request {
                        Some((id, href)) => view! { "Request " <a class="mono" href=href>{id}</a> }.into_any(),
                        None => view! { <span class="muted">{no_request(first.row.test)}</span> }.into_any(),
                    }}
                </KeyValue>
                <KeyValue name="webhook_id">
                    <span class="url-line">
                        <span class="mono">{event_id.clone()}</span>
                        <CopyButton text=event_id what="webhook_id" />
                    </span>
                </KeyValue>
            </KeyValueList>
        </Card>
        {move || row.with(|row| {
            if row.on_hold || row.state == DeliveryState::Cancelled {
                Some(view! { <BrakeNotice cancelled=!row.on_hold /> }.into_any())
            } else if row.state == DeliveryState::Held {
                Some(view! { <HeldNotice environment=environment /> }.into_any())
            } else {
                None
            }
        })}
    }
}

/// What the operator did to this delivery.
#[component]
fn BrakeNotice(cancelled: bool) -> impl IntoView {
    let who = provider();
    let (title, text) = if cancelled {
        (
            "Cancelled.",
            format!(
                " {} cancelled this delivery. It is not sent unless you replay it.",
                who.name_at_start()
            ),
        )
    } else {
        (
            "On hold.",
            format!(
                " {} has put this delivery on hold. It is sent once they resume it.",
                who.name_at_start()
            ),
        )
    };
    view! { <Notice title=title>{text}</Notice> }
}

fn no_request(test: bool) -> String {
    if test {
        "A test event".to_owned()
    } else {
        format!("{} (no linked request)", provider().name_at_start())
    }
}

#[component]
fn AttemptList(view_state: OpenDelivery) -> impl IntoView {
    let delivery = view_state.delivery;
    let none_yet = Memo::new(move |_| {
        delivery.with(|delivery| {
            delivery
                .attempts
                .is_empty()
                .then(|| no_attempt_text(&delivery.row))
        })
    });
    // The latest first, because it is what the reader looks for.
    let attempts =
        move || delivery.with(|delivery| delivery.attempts.iter().rev().cloned().collect::<Vec<_>>());
    let latest =
        Memo::new(move |_| delivery.with(|delivery| delivery.attempts.last().map(|attempt| attempt.id)));
    let opened_first = latest.get_untracked();
    let accepted = delivery.with_untracked(|delivery| delivery.row.created_at);
    view! {
        <Section id="attempts" title="Attempts">
            {move || {
                none_yet
                    .get()
                    .map(|text| {
                        let will_come = (text == NONE_YET).then(|| view! { " " <WillAppear what="The first one" /> });
                        view! { <p class="muted">{text} {will_come}</p> }
                    })
            }}
            <ol class="attempts" reversed>
                <For
                    each=attempts
                    key=|attempt| attempt.id
                    children=move |first| {
                        let id = first.id;
                        // One that comes while the page is open is opened too.
                        let open = Some(id) == opened_first || Some(id) == latest.get_untracked();
                        let attempt = item(delivery.into(), first, move |delivery: &Delivery| {
                            delivery.attempts.iter().find(|attempt| attempt.id == id).cloned()
                        });
                        let since = delivery.with_untracked(|delivery| end_before(delivery, id));
                        view! { <AttemptCard attempt=attempt accepted=accepted since=since open=open /> }
                    }
                />
            </ol>
            <p class="muted">
                <ZoneNote />
            </p>
        </Section>
    }
}

/// When the attempt before this one ended; before the first one, when the event was accepted.
fn end_before(delivery: &Delivery, id: AttemptId) -> Timestamp {
    let before = delivery
        .attempts
        .iter()
        .take_while(|attempt| attempt.id != id)
        .last();
    before.map_or(delivery.row.created_at, |attempt| {
        let took = i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX);
        attempt.started_at.plus_millis(took)
    })
}

/// There will be one, and the page shows it then.
const NONE_YET: &str = "None yet.";

/// What an empty list of attempts means.
const fn no_attempt_text(row: &DeliveryRow) -> &'static str {
    match row.state {
        DeliveryState::Skipped => {
            "Nothing was sent, and nothing will be unless you replay it: the webhook was disabled when the event \
             arrived, or was deleted before the first attempt."
        }
        DeliveryState::Cancelled => "Nothing was sent.",
        _ if row.on_hold => "None yet. The first attempt will be made when the delivery is resumed.",
        _ if row.webhook_is_off => "None yet. The first attempt will be made when the webhook is enabled.",
        _ => NONE_YET,
    }
}

/// The body, pretty and raw, and as a command once there is an attempt whose headers it can copy.
#[component]
fn BodySent(view_state: OpenDelivery, body: String, may_sign: bool) -> impl IntoView {
    let delivery = view_state.delivery;
    let signed = RwSignal::new(Vec::new());
    let command = Memo::new(move |_| {
        delivery.with(|delivery| signed.with(|signed| curl::of_delivery(delivery, signed)))
    });
    let has_command = Memo::new(move |_| command.with(Option::is_some));
    let body = StoredValue::new(body);
    let snippets = move || {
        let body = body.get_value();
        let mut snippets = vec![
            Snippet::new(
                "Pretty",
                json_text::indented(&body).unwrap_or_else(|| body.clone()),
            ),
            Snippet::new("Raw", body),
        ];
        if let Some(command) = command.get() {
            snippets.push(Snippet::new("curl", command));
        }
        snippets
    };
    let size = body.with_value(String::len);
    let lead = format!(
        "{size} bytes, the same in every attempt. The signature covers exactly these bytes, not the pretty-printed form."
    );
    view! {
        <Section id="body" title="Body sent" lead=lead>
            {move || view! { <SnippetTabs id="body-form" what="Body format" snippets=snippets() /> }}
            {move || has_command.get().then(|| view! { <SignAgain view_state=view_state signed=signed may_sign=may_sign /> })}
        </Section>
    }
}

/// The command has the signatures of the last attempt. Receivers that check the time refuse them after five minutes.
#[component]
fn SignAgain(view_state: OpenDelivery, signed: RwSignal<Vec<HeaderField>>, may_sign: bool) -> impl IntoView {
    let toasts = Toasts::here();
    let busy = RwSignal::new(false);
    let is_signed = Memo::new(move |_| signed.with(|signed| !signed.is_empty()));
    let words = move || {
        if is_signed.get() {
            "The curl command is signed as of now. Receivers that check the time accept it for five minutes."
        } else {
            "The curl command has the signatures of the last attempt. Receivers that check the time accept them for five minutes."
        }
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let company = view_state.scope.client_id();
        leptos::task::spawn_local(async move {
            let answer = api::webhooks::sign_delivery(company, view_state.id).await;
            if busy.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(headers) => signed.set(headers),
                Err(error) => toasts.fail_with("Not signed.", &error),
            }
        });
    };
    let form = may_sign.then(|| {
        view! {
            <form
                method="post"
                action=view_state.action("sign")
                on:submit=submit
            >
                <Button submit=true size=ButtonSize::Small busy=busy>"Sign again now"</Button>
            </form>
        }
    });
    view! { <div class="cluster"><p class="muted">{words}</p> {form}</div> }
}
