//! One attempt of a delivery: what was sent where, how long each part took, and the response.

use leptos::prelude::*;
use model::{Attempt, AttemptOutcome, HeaderField, HopRecord, Timestamp};

use super::timeline::{Phase, Timeline, steps_of_hop, unmeasured};
use super::words::took_text;
use crate::ui::{Code, Icon, IconName, State, StateBadge, StatusBadge, Time, TimeStyle};

/// `open` shows the evidence at the start; the person decides afterwards. `since` is the end of the attempt before.
#[component]
pub(super) fn AttemptCard(
    attempt: Memo<Attempt>,
    accepted: Timestamp,
    since: Timestamp,
    open: bool,
) -> impl IntoView {
    view! {
        <li class="attempt">
            <details open=open>
                <summary class="attempt__head">
                    <Icon name=IconName::ChevronRight />
                    {move || view! { <Head attempt=attempt.get() /> }}
                </summary>
                <div class="attempt__body">{move || view! { <Evidence attempt=attempt.get() accepted=accepted since=since /> }}</div>
            </details>
        </li>
    }
}

#[component]
fn Head(attempt: Attempt) -> impl IntoView {
    let outcome = match attempt.outcome {
        AttemptOutcome::Succeeded { status }
        | AttemptOutcome::Failed {
            status: Some(status), ..
        } => view! { <StatusBadge status=status /> }.into_any(),
        AttemptOutcome::Failed { class, status: None } => {
            view! { <StateBadge state=State::Failed words=class.label() /> }.into_any()
        }
    };
    let kind = if attempt.replay { "Replay" } else { "Attempt" };
    view! {
        <b class="attempt__number">{format!("{kind} {}", attempt.number)}</b>
        {outcome}
        <span class="attempt__facts">
            <span>{took_text(attempt.duration_ms)}</span>
            <Time at=attempt.started_at style=TimeStyle::Clock />
        </span>
    }
}

#[component]
fn Evidence(attempt: Attempt, accepted: Timestamp, since: Timestamp) -> impl IntoView {
    let timeline = attempt.clone();
    let why = match attempt.outcome {
        AttemptOutcome::Succeeded { .. } => None,
        AttemptOutcome::Failed { class, .. } => Some(view! {
            <p><b>{class.label()} "."</b> " " {class.hint()}</p>
        }),
    };
    let signed = match attempt.signed_by_last_four {
        Some(last_four) => {
            view! { <p class="muted">"Signed with the key ending " <code>{last_four}</code> "."</p> }
                .into_any()
        }
        None => view! { <p class="muted">"This attempt was not signed."</p> }.into_any(),
    };
    let hops = attempt.hops.len();
    let (several, unmeasured) = (hops > 1, unmeasured(&timeline));
    let hops = attempt
        .hops
        .into_iter()
        .enumerate()
        .map(|(at, hop)| {
            let ended_in = unmeasured.filter(|_| at + 1 == hops);
            view! { <Hop hop=hop number=several.then_some(at + 1) ended_in=ended_in /> }
        })
        .collect_view();
    view! {
        {why}
        <Timeline attempt=timeline accepted=accepted since=since />
        {signed}
        {hops}
    }
}

/// One request and its answer. `number` is given where there are several: redirects, or a try with the other key.
#[component]
fn Hop(hop: HopRecord, number: Option<usize>, ended_in: Option<(Phase, u64)>) -> impl IntoView {
    let answered = hop.status.is_some();
    let mut parts = steps_of_hop(&hop);
    parts.extend(ended_in);
    view! {
        <section class="hop">
            <p class="hop__line">
                {number.map(|number| view! { <b>{format!("Hop {number}")}</b> " " })}
                <span class="mono">"POST " {hop.url}</span>
                {hop.address.map(|address| view! { " " <span class="muted">"at " <span class="mono">{address}</span></span> })}
            </p>
            <Timing parts=parts />
            <div class="hop__sides">
                <Code label="Request headers" text=headers_text(&hop.request_headers) wrap=true />
                {answered
                    .then(|| {
                        let label = format!("Response {}", hop.status.unwrap_or_default());
                        view! {
                            <div class="stack stack--tight">
                                <Code label=format!("{label}: headers") text=headers_text(&hop.response_headers) wrap=true />
                                <AnswerBody label=label body=hop.response_body truncated=hop.response_truncated />
                            </div>
                        }
                    })}
            </div>
        </section>
    }
}

/// Always shown as text, whatever its content type.
#[component]
fn AnswerBody(label: String, body: String, truncated: bool) -> impl IntoView {
    if body.is_empty() {
        return view! { <p class="muted">"The response had no body."</p> }.into_any();
    }
    view! {
        <Code label=format!("{label}: body") text=body wrap=true />
        {truncated.then(|| view! { <p class="muted">"Only the first 16 KiB of the response were stored."</p> })}
    }
    .into_any()
}

fn headers_text(headers: &[HeaderField]) -> String {
    headers
        .iter()
        .map(|header| format!("{}: {}", header.name, header.value))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Where the time went: a bar, and the same as words. Widths are attributes of the picture, since the page's policy
/// refuses inline styles.
#[component]
fn Timing(parts: Vec<(Phase, u64)>) -> impl IntoView {
    if parts.is_empty() {
        return ().into_any();
    }
    let bars = bar_widths(&parts)
        .into_iter()
        .map(|(name, x, width)| view! { <rect class="timing__part" data-part=name x=x.to_string() width=width.to_string() height="8" /> })
        .collect_view();
    let words = parts
        .into_iter()
        .map(|(phase, millis)| {
            view! { <li data-part=phase.name()><span>{phase.label()}</span> " " <b>{took_text(millis)}</b></li> }
        })
        .collect_view();
    view! {
        <div class="timing">
            <svg class="timing__bar" viewBox="0 0 1000 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">{bars}</svg>
            <ul class="timing__words">{words}</ul>
        </div>
    }
    .into_any()
}

/// Start and width of each part in a bar of 1000; what took no time keeps a sliver, so that it can be seen.
fn bar_widths(parts: &[(Phase, u64)]) -> Vec<(&'static str, u64, u64)> {
    const SLIVER: u64 = 8;
    // If nothing took a millisecond, all parts get the same width.
    let even = u64::from(parts.iter().all(|part| part.1 == 0));
    let total: u64 = parts.iter().map(|part| part.1 + even).sum();
    let room = 1000_u64.saturating_sub(SLIVER * parts.len() as u64);
    let mut x = 0;
    parts
        .iter()
        .map(|(phase, millis)| {
            let width = SLIVER + room * (millis + even) / total;
            let placed = (phase.name(), x, width);
            x += width;
            placed
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_as_long_as_its_parts_and_never_longer_than_its_frame() {
        let parts = [
            (Phase::Dns, 0),
            (Phase::Connect, 2),
            (Phase::FirstByte, 96),
            (Phase::Body, 2),
        ];
        let widths = bar_widths(&parts);
        assert_eq!(
            widths.iter().map(|(name, ..)| *name).collect::<Vec<_>>(),
            ["dns", "connect", "first-byte", "body"]
        );
        assert_eq!(
            widths.iter().map(|(_, _, width)| *width).collect::<Vec<_>>(),
            [8, 27, 937, 27]
        );
        let (_, x, width) = widths[3];
        assert!(x + width <= 1000, "{x} + {width}");
    }

    #[test]
    fn a_hop_that_took_no_time_shares_its_bar_evenly() {
        assert_eq!(
            bar_widths(&[(Phase::Connect, 0), (Phase::Body, 0)]),
            [("connect", 0, 500), ("body", 500, 500)]
        );
    }
}
