//! What a request triggered: the events linked to it, and what became of their deliveries. Updates live.

use leptos::prelude::*;
use model::{DeliveryRow, DeliveryState, EventId, RequestDelivery, RequestId, RequestReceiver};

use crate::api;
use crate::pages::company::{CompanyScope, Topic};
use crate::pages::loaded::{Outcome, read_from};
use crate::ui::{Cell, Column, Narrow, RowLink, Section, State, StateBadge, StatusBadge, Table, Time};

/// What became of a request's events, as the server knows it.
pub(super) type Steps = Resource<Outcome<Vec<RequestDelivery>>>;

/// Asks for the trail of `request`, and again when a delivery of the company moves. To be called by the page itself: a
/// resource that is made inside the `Suspend` of another one is made twice on the server and not found in the browser.
pub(super) fn steps_of(scope: CompanyScope, request: Memo<Option<RequestId>>) -> Steps {
    let changes = scope.changes(Topic::Webhooks);
    Resource::new(
        move || (scope.client_id(), request.get(), changes.get()),
        |(company, request, _)| async move {
            match request {
                Some(request) => api::webhooks::deliveries_of_request(company, request).await,
                None => Ok(Vec::new()),
            }
        },
    )
}

/// Empty if the request triggered nothing.
#[component]
pub(super) fn Trail(scope: CompanyScope, steps: Steps, events: Vec<EventId>) -> impl IntoView {
    view! {
        <Transition>
            <StepTable scope steps events />
        </Transition>
    }
}

#[component]
fn StepTable(scope: CompanyScope, steps: Steps, events: Vec<EventId>) -> impl IntoView {
    // None until they are there; what failed is not "nothing".
    let steps = read_from(move || steps.with(|steps| steps.as_ref().map(|steps| steps.clone().ok())));
    move || {
        let steps = match steps.get() {
            Some(Some(steps)) => steps,
            Some(None) if !events.is_empty() => {
                return view! {
                    <Section id="trail" title="What it triggered">
                        <p class="muted">"The events of this request could not be loaded."</p>
                    </Section>
                }
                .into_any();
            }
            _ => return ().into_any(),
        };
        let undelivered: Vec<_> = undelivered(&events, &steps)
            .into_iter()
            .map(undelivered_line)
            .collect();
        if steps.is_empty() && undelivered.is_empty() {
            return ().into_any();
        }
        let delivered = (!steps.is_empty()).then(|| view! { <Deliveries scope steps /> });
        view! {
            <Section id="trail" title="What it triggered" lead="Events linked to this request, and their deliveries.">
                {delivered}
                {undelivered}
            </Section>
        }
        .into_any()
    }
}

#[component]
fn Deliveries(scope: CompanyScope, steps: Vec<RequestDelivery>) -> impl IntoView {
    let rows = steps
        .into_iter()
        .map(|step| view! { <StepRow scope step /> })
        .collect_view();
    view! {
        <Table
            caption="Deliveries of this request's events"
            columns=vec![
                Column::new("Event"),
                Column::new("Webhook"),
                Column::new("Delivery"),
                Column::new("Attempts").numeric(),
                Column::new("Last response"),
                Column::new("Published"),
            ]
        >
            <tbody>{rows}</tbody>
        </Table>
    }
    .into_any()
}

/// Events without any delivery: no webhook receives their type.
fn undelivered(events: &[EventId], steps: &[RequestDelivery]) -> Vec<EventId> {
    events
        .iter()
        .copied()
        .filter(|event| !steps.iter().any(|step| step.row.event_id == *event))
        .collect()
}

fn undelivered_line(event: EventId) -> impl IntoView + use<> {
    view! {
        <p class="muted">
            "Event " <span class="mono">{event.to_string()}</span>
            " was published, but no webhook in its environment receives this type."
        </p>
    }
    .into_any()
}

/// A brand's delivery has a page only for the brand.
#[component]
fn StepRow(scope: CompanyScope, step: RequestDelivery) -> impl IntoView {
    let RequestDelivery { row: delivery, to } = step;
    let state = state(&delivery);
    let event = delivery.event_type.to_string();
    let (event, webhook) = match to {
        RequestReceiver::Brand(brand) => (event.into_any(), format!("A webhook of {brand}")),
        own => {
            let href = scope.path(&format!(
                "webhooks/{}/deliveries/{}",
                delivery.webhook_id, delivery.id
            ));
            let name = match own {
                RequestReceiver::Webhook(name) => name,
                _ => "Deleted webhook".to_owned(),
            };
            (view! { <RowLink href>{event}</RowLink> }.into_any(), name)
        }
    };
    view! {
        <tr>
            <Cell narrow=Narrow::Lead monospace=true>
                {event}
            </Cell>
            <Cell narrow=Narrow::Second>{webhook}</Cell>
            <Cell narrow=Narrow::End>
                <StateBadge state />
            </Cell>
            <Cell narrow=Narrow::Second label="Attempts" numeric=true>
                {format!("{} of {}", delivery.attempts, delivery.attempts_at_most)}
            </Cell>
            <Cell narrow=Narrow::Second>
                {match (delivery.last_status, delivery.last_failure) {
                    (Some(status), _) => view! { <StatusBadge status /> }.into_any(),
                    (None, Some(failure)) => failure.label().into_any(),
                    (None, None) => view! { <span class="faint">"None yet"</span> }.into_any(),
                }}
            </Cell>
            <Cell narrow=Narrow::SecondEnd>
                <Time at=delivery.created_at />
            </Cell>
        </tr>
    }
    .into_any()
}

const fn state(delivery: &DeliveryRow) -> State {
    match delivery.state {
        state if delivery.on_hold && state.waits() => State::Held,
        DeliveryState::Pending if delivery.attempts == 0 => State::Waiting,
        DeliveryState::Pending => State::Retrying,
        DeliveryState::Held => State::Held,
        DeliveryState::Delivered => State::Delivered,
        DeliveryState::Exhausted => State::Exhausted,
        DeliveryState::Skipped => State::Skipped,
        DeliveryState::Cancelled => State::Cancelled,
    }
}
