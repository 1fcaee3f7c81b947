//! Deliveries in a table: the state of each, its next attempt, and a link to its own page.

use leptos::prelude::*;
use model::{DeliveryId, DeliveryRow, DeliveryState};

use super::current::item;
use super::long_text::ShortId;
use super::words::{attempts_text, delivery_state, took_text};
use crate::ui::{
    Badge, Cell, Column, CopyButton, Countdown, Narrow, RowLink, StateBadge, Table, Time, Tone, status_word,
};

/// `rows` are kept current row by row: one that is already there stays where it is in the document.
#[component]
pub(super) fn DeliveryTable(
    #[prop(into)] rows: Signal<Vec<DeliveryRow>>,
    /// The address of a delivery's page.
    href: Callback<DeliveryId, String>,
    /// Whether a row that is drawn now arrived live.
    #[prop(optional)]
    is_fresh: Option<Callback<DeliveryRow, bool>>,
) -> impl IntoView {
    let columns = vec![
        Column::new("Event"),
        Column::new("State"),
        Column::new("Response"),
        Column::new("Attempts"),
        Column::new("webhook_id"),
        Column::new("Duration").numeric(),
        Column::new("Time"),
    ];
    view! {
        <Table caption="Deliveries, newest first" columns=columns>
            <tbody>
                <For
                    each=move || rows.get()
                    key=|row| row.id
                    children=move |first| {
                        let id = first.id;
                        let fresh = is_fresh.is_some_and(|is_fresh| is_fresh.run(first.clone()));
                        let row = item(rows, first, move |rows: &Vec<DeliveryRow>| {
                            rows.iter().find(|row| row.id == id).cloned()
                        });
                        view! { <DeliveryTableRow href=href.run(id) row=row fresh=fresh /> }
                    }
                />
            </tbody>
        </Table>
    }
}

#[component]
fn DeliveryTableRow(href: String, row: Memo<DeliveryRow>, fresh: bool) -> impl IntoView {
    let first = row.get_untracked();
    let event_id = first.event_id.to_string();
    view! {
        <tr data-fresh=fresh.then_some("true")>
            <Cell narrow=Narrow::Lead monospace=true>
                <RowLink href=href>{first.event_type.to_string()}</RowLink>
                {first.test.then(|| view! { " " <Badge tone=Tone::Info>"Test"</Badge> })}
            </Cell>
            <Cell narrow=Narrow::End>{move || view! { <StateBadge state=delivery_state(&row.get()) /> }}</Cell>
            <Cell narrow=Narrow::Second>{move || view! { <LastAnswer row=row.get() /> }}</Cell>
            <Cell narrow=Narrow::Second>{move || view! { <Attempts row=row.get() /> }}</Cell>
            <Cell narrow=Narrow::Hidden>
                <span class="url-line">
                    <ShortId id=event_id.clone() />
                    <CopyButton text=event_id what="webhook_id" />
                </span>
            </Cell>
            <Cell narrow=Narrow::Hidden numeric=true>
                {move || row.with(|row| row.last_duration_ms.map(took_text))}
            </Cell>
            <Cell narrow=Narrow::SecondEnd>
                <Time at=first.created_at />
            </Cell>
        </tr>
    }
}

/// The result of the last attempt: the status and its word, or what failed.
#[component]
fn LastAnswer(row: DeliveryRow) -> impl IntoView {
    match (row.last_status, row.last_failure) {
        (Some(status), _) => view! {
            <span class="nowrap">
                <span class="mono">{status.to_string()}</span>
                " "
                {status_word(Some(status))}
            </span>
        }
        .into_any(),
        (None, Some(failure)) => {
            view! { <span class="nowrap" title=failure.hint()>{failure.label()}</span> }.into_any()
        }
        (None, None) if matches!(row.state, DeliveryState::Skipped | DeliveryState::Cancelled) => {
            view! { <span class="faint">"None"</span> }.into_any()
        }
        (None, None) => view! { <span class="faint">"None yet"</span> }.into_any(),
    }
}

/// "attempt 3 of 10, next in 24 s".
#[component]
pub(super) fn Attempts(row: DeliveryRow) -> impl IntoView {
    let waiting = row.state == DeliveryState::Pending;
    let next = row.next_attempt_at.filter(|_| waiting).map(|at| {
        let before = if row.attempts == 0 { "first" } else { "next" };
        view! { ", " <Countdown until=at before=before due="due now" /> }
    });
    view! { <span class="numeric">{attempts_text(&row)} {next}</span> }
}
