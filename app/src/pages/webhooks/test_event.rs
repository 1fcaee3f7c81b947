//! *Send test event*: choose a type, send it, and see the receiver's response here.

use std::time::Duration;

use leptos::prelude::*;
use model::{
    AttemptOutcome, Catalogue, Delivery, DeliveryId, DeliveryState, EventType, Permission, WebhookEvents,
};

use super::webhook::WebhookState;
use super::words::{delivery_state, took_text};
use crate::api;
use crate::browser::timers::Repeater;
use crate::pages::company::Topic;
use crate::pages::frame::READ_ONLY;
use crate::ui::{
    Button, ButtonKind, Card, IconName, Notice, Select, SelectOption, StateBadge, Tone, status_word,
};

/// How often the attempt is looked for, and how many times: an attempt takes 10 s at most.
const LOOK_EVERY: Duration = Duration::from_millis(300);
const LOOKS: u32 = 45;

/// How far the test has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Progress {
    Ready,
    Sending,
    /// Accepted; the attempt is in progress.
    Waiting,
    Seen(Box<Delivery>),
    Refused(String),
}

#[derive(Clone, Copy, Debug)]
struct Test {
    state: WebhookState,
    progress: RwSignal<Progress>,
    looking: Repeater,
    looks_left: RwSignal<u32>,
    asking: StoredValue<bool>,
}

impl Test {
    fn send(self, event_type: EventType) {
        self.progress.set(Progress::Sending);
        let company = self.state.scope.client_id();
        leptos::task::spawn_local(async move {
            let answer = api::webhooks::send_test_event(company, self.state.id, event_type).await;
            match answer {
                Ok(delivery) => {
                    if self.progress.try_set(Progress::Waiting).is_none() {
                        self.state.scope.refetch(Topic::Webhooks);
                        self.look_for(delivery);
                    }
                }
                Err(error) => {
                    self.progress.try_set(Progress::Refused(error.to_string()));
                }
            }
        });
    }

    fn look_for(self, delivery: DeliveryId) {
        self.looks_left.set(LOOKS);
        self.looking.every(LOOK_EVERY, move || {
            let left = self.looks_left.try_get_untracked().unwrap_or_default();
            if left == 0 {
                self.looking.stop();
                self.progress.try_set(Progress::Refused(
                    "The test was accepted but has not finished yet. It is listed under Deliveries."
                        .to_owned(),
                ));
                return;
            }
            self.looks_left.set(left - 1);
            self.look(delivery);
        });
    }

    fn look(self, delivery: DeliveryId) {
        if self.asking.try_get_value() != Some(false) {
            return;
        }
        self.asking.set_value(true);
        let company = self.state.scope.client_id();
        leptos::task::spawn_local(async move {
            let answer = api::webhooks::delivery(company, delivery).await;
            if self.asking.try_set_value(false).is_some() {
                return;
            }
            // A failed call is repeated at the next look.
            if let Ok(seen) = answer
                && (!seen.attempts.is_empty() || seen.row.state != DeliveryState::Pending)
                && self.progress.get_untracked() == Progress::Waiting
            {
                self.looking.stop();
                self.progress.set(Progress::Seen(Box::new(seen)));
                self.state.scope.refetch(Topic::Webhooks);
            }
        });
    }

    fn is_under_way(self) -> bool {
        self.progress
            .with(|progress| matches!(progress, Progress::Sending | Progress::Waiting))
    }
}

#[component]
pub(super) fn TestEvent(state: WebhookState) -> impl IntoView {
    let test = Test {
        state,
        progress: RwSignal::new(Progress::Ready),
        looking: Repeater::new(),
        looks_left: RwSignal::new(0),
        asking: StoredValue::new(false),
    };
    let types = state.detail.with_untracked(|detail| {
        state
            .catalogue
            .with_value(|catalogue| types_to_test(&detail.row.webhook.events, catalogue))
    });
    let first = types.first().cloned();
    let chosen = RwSignal::new(first.as_ref().map(ToString::to_string).unwrap_or_default());
    let options = types
        .iter()
        .map(|event| SelectOption::new(event.as_str(), event.as_str()))
        .collect::<Vec<_>>();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let sent = crate::browser::form::entries(&event);
        let event_type = sent
            .iter()
            .find(|(name, _)| name == "event_type")
            .and_then(|(_, value)| value.parse().ok());
        if let Some(event_type) = event_type.or_else(|| first.clone())
            && !untrack(|| test.is_under_way())
            && state.may(Permission::ManageWebhooks)
        {
            test.send(event_type);
        }
    };
    let busy = Signal::derive(move || test.is_under_way());
    let lead =
        "An example event, signed like a real one: sent once, marked as a test, left out of the statistics.";
    view! {
        <Card id="test" title="Send test event" lead=lead>
            <form class="test-event" method="post" action=state.path("/test") on:submit=submit>
                <Select name="event_type" label="Event type" options=options chosen=chosen on_choose=move |event| chosen.set(event) />
                <SendButton state=state busy=busy />
            </form>
            <div class="test-event__result" role="status">
                {move || view! { <TestResult progress=test.progress.get() state=state /> }}
            </div>
        </Card>
    }
}

/// The types that the webhook has; all where none of them is offered any more.
fn types_to_test(events: &WebhookEvents, catalogue: &Catalogue) -> Vec<EventType> {
    let offered = || catalogue.offered().map(|entry| entry.event_type.clone());
    let chosen: Vec<_> = offered()
        .filter(|event_type| events.includes(event_type))
        .collect();
    if chosen.is_empty() {
        offered().collect()
    } else {
        chosen
    }
}

#[component]
fn SendButton(state: WebhookState, busy: Signal<bool>) -> impl IntoView {
    if !state.may(Permission::ManageWebhooks) {
        return view! { <Button kind=ButtonKind::Primary icon=IconName::Send refused_by=READ_ONLY>"Send test event"</Button> }
            .into_any();
    }
    let reason = Signal::derive(move || {
        let enabled = state.detail.with(|detail| detail.row.webhook.enabled);
        (!enabled).then(|| "Enable the webhook first.".to_owned())
    });
    view! {
        <Button id="send-test" kind=ButtonKind::Primary icon=IconName::Send submit=true busy=busy unavailable=reason>
            "Send test event"
        </Button>
    }
    .into_any()
}

#[component]
fn TestResult(progress: Progress, state: WebhookState) -> impl IntoView {
    match progress {
        Progress::Ready => {
            view! { <p class="faint js-only">"Your endpoint's response appears here."</p> }.into_any()
        }
        Progress::Sending => view! { <p class="muted">"Sending…"</p> }.into_any(),
        Progress::Waiting => {
            view! { <p class="muted">"Sent to your endpoint. Waiting up to 10 s for its response…"</p> }
                .into_any()
        }
        Progress::Refused(why) => {
            view! { <Notice tone=Tone::Bad title="No result.">" " {why}</Notice> }.into_any()
        }
        Progress::Seen(delivery) => {
            let href = state.path(&format!("/deliveries/{}", delivery.row.id));
            view! {
                <p class="test-event__answer">
                    <StateBadge state=delivery_state(&delivery.row) />
                    <span>{result_text(&delivery)}</span>
                    <a href=href>"Request and response"</a>
                </p>
            }
            .into_any()
        }
    }
}

/// "200 OK after 12 ms.", or what failed and what to look at.
fn result_text(delivery: &Delivery) -> String {
    let Some(attempt) = delivery.attempts.last() else {
        return match delivery.row.state {
            DeliveryState::Held => "Not sent: the environment has no active key to sign with.".to_owned(),
            _ => "It was not sent.".to_owned(),
        };
    };
    let took = took_text(attempt.duration_ms);
    match attempt.outcome {
        AttemptOutcome::Succeeded { status } => {
            format!("{status} {} after {took}.", status_word(Some(status)))
        }
        AttemptOutcome::Failed {
            class,
            status: Some(status),
        } => {
            format!(
                "{status} {} after {took}. {}",
                status_word(Some(status)),
                class.hint()
            )
        }
        AttemptOutcome::Failed { class, status: None } => {
            format!("{} after {took}. {}", class.label(), class.hint())
        }
    }
}
