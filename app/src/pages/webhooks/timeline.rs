//! Where the time of an attempt went: every step from the event's acceptance to the end of the response, in milliseconds, and in a
//! sentence what was slow.

use leptos::prelude::*;
use model::{Attempt, AttemptOutcome, FailureClass, HopRecord, Timestamp};

use super::words::took_text;
use crate::ui::{Time, TimeStyle};

/// A step that took this many milliseconds is slow, if it is also half of the attempt.
const SLOW: u64 = 1_000;
/// An attempt that waited this many milliseconds before it began is worth a sentence.
const LONG_WAIT: u64 = 10_000;

/// A part of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Of several requests, which: redirects, or a try with the other key.
    hop: Option<usize>,
    pub(super) phase: Phase,
    pub(super) millis: u64,
    /// The attempt ended in it.
    gave_up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// From the acceptance of the event to the first attempt.
    Queued,
    /// From the attempt before to this one.
    Retry,
    Dns,
    Connect,
    Tls,
    FirstByte,
    Body,
}

impl Phase {
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Queued => "Queued",
            Self::Retry => "Waited for the retry",
            Self::Dns => "DNS",
            Self::Connect => "Connect",
            Self::Tls => "TLS",
            Self::FirstByte => "First byte",
            Self::Body => "Response body",
        }
    }

    /// Its colour.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Queued | Self::Retry => "queued",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::FirstByte => "first-byte",
            Self::Body => "body",
        }
    }
}

/// The steps of one request, as far as they were reached.
pub(super) fn steps_of_hop(hop: &HopRecord) -> Vec<(Phase, u64)> {
    let timing = hop.timing;
    [
        (Phase::Dns, timing.dns_ms),
        (Phase::Connect, timing.connect_ms),
        (Phase::Tls, timing.tls_ms),
        (Phase::FirstByte, timing.first_byte_ms),
        (Phase::Body, timing.body_ms),
    ]
    .into_iter()
    .filter_map(|(phase, millis)| Some((phase, millis?)))
    .collect()
}

/// The request used a connection that was already open.
fn is_reused(hop: &HopRecord) -> bool {
    let timing = hop.timing;
    hop.address.is_some() && timing.connect_ms.is_none() && timing.dns_ms.is_none()
}

/// The step in which a failed attempt ended.
fn ended_in(attempt: &Attempt) -> Option<Phase> {
    let AttemptOutcome::Failed { class, .. } = attempt.outcome else {
        return None;
    };
    let last = attempt.hops.last()?;
    match class {
        FailureClass::Dns => Some(Phase::Dns),
        FailureClass::Refused => Some(Phase::Connect),
        FailureClass::TimeoutConnect if last.timing.connect_ms.is_some() => Some(Phase::Tls),
        FailureClass::TimeoutConnect => Some(Phase::Connect),
        FailureClass::Tls => Some(Phase::Tls),
        FailureClass::TimeoutHeaders => Some(Phase::FirstByte),
        FailureClass::TimeoutBody => Some(Phase::Body),
        FailureClass::Protocol if last.status.is_none() => Some(Phase::FirstByte),
        FailureClass::Protocol => Some(Phase::Body),
        FailureClass::BlockedAddress | FailureClass::Status | FailureClass::Redirect => None,
    }
}

/// The step in which the last request ended, if it was not measured to its end, as a name that was not found or a body that did not
/// end is: what is left of the attempt.
pub(super) fn unmeasured(attempt: &Attempt) -> Option<(Phase, u64)> {
    let phase = ended_in(attempt)?;
    let is_measured = steps_of_hop(attempt.hops.last()?)
        .last()
        .is_some_and(|(last, _)| *last == phase);
    let measured: u64 = attempt
        .hops
        .iter()
        .flat_map(steps_of_hop)
        .map(|(_, millis)| millis)
        .sum();
    (!is_measured).then(|| (phase, attempt.duration_ms.saturating_sub(measured)))
}

/// The steps of an attempt from the moment `since` on: the event's acceptance, or the end of the attempt before.
pub(super) fn steps(attempt: &Attempt, since: Timestamp) -> Vec<Step> {
    let mut all = Vec::new();
    if !attempt.replay {
        let phase = if attempt.number == 1 {
            Phase::Queued
        } else {
            Phase::Retry
        };
        all.push(Step {
            hop: None,
            phase,
            millis: u64::try_from(attempt.started_at.millis_since(since)).unwrap_or(0),
            gave_up: false,
        });
    }
    let several = attempt.hops.len() > 1;
    for (at, hop) in attempt.hops.iter().enumerate() {
        let hop_number = several.then_some(at + 1);
        all.extend(steps_of_hop(hop).into_iter().map(|(phase, millis)| Step {
            hop: hop_number,
            phase,
            millis,
            gave_up: false,
        }));
    }
    let last_hop = several.then_some(attempt.hops.len());
    if let Some((phase, millis)) = unmeasured(attempt) {
        all.push(Step {
            hop: last_hop,
            phase,
            millis,
            gave_up: true,
        });
    } else if let Some(phase) = ended_in(attempt)
        && let Some(step) = all.last_mut()
        && (step.phase, step.hop) == (phase, last_hop)
    {
        step.gave_up = true;
    }
    all
}

/// What was slow, in a sentence: "Waited 9.80 s for the first byte."
fn slow_sentences(attempt: &Attempt, steps: &[Step]) -> Vec<String> {
    let is_slow = |step: &&Step| match step.phase {
        Phase::Queued => step.millis >= LONG_WAIT,
        // The schedule says how long.
        Phase::Retry => false,
        _ => step.millis >= SLOW && step.millis * 2 >= attempt.duration_ms,
    };
    steps
        .iter()
        .filter(is_slow)
        .map(|step| {
            let took = took_text(step.millis);
            match (step.phase, step.gave_up) {
                (Phase::Queued | Phase::Retry, _) => format!("Waited {took} before the first attempt."),
                (Phase::Dns, false) => format!("Resolving the name took {took}."),
                (Phase::Dns, true) => format!("The name did not resolve in {took}."),
                (Phase::Connect, false) => format!("Connecting took {took}."),
                (Phase::Connect, true) => format!("Waited {took} for a connection."),
                (Phase::Tls, false) => format!("The TLS handshake took {took}."),
                (Phase::Tls, true) => format!("The TLS handshake did not end in {took}."),
                (Phase::FirstByte, false) => format!("Waited {took} for the first byte."),
                (Phase::FirstByte, true) => format!("Waited {took} for the first byte, which did not come."),
                (Phase::Body, false) => format!("Receiving the response took {took}."),
                (Phase::Body, true) => format!("The response did not end in {took}."),
            }
        })
        .collect()
}

/// The timeline of an attempt: a sentence if something was slow, and every step. `accepted` is when the event was accepted, `since` the
/// end of the attempt before, or the same.
#[component]
pub(super) fn Timeline(attempt: Attempt, accepted: Timestamp, since: Timestamp) -> impl IntoView {
    let steps = steps(&attempt, since);
    let slow = slow_sentences(&attempt, &steps);
    let reused = attempt.hops.iter().any(is_reused);
    let done = attempt
        .started_at
        .plus_millis(i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX));
    let rows = steps.into_iter().map(|step| {
        let hop = step.hop.map(|hop| format!(" (request {hop})"));
        view! {
            <tr data-part=step.phase.name()>
                <th scope="row">{step.phase.label()} {hop}</th>
                <td class="numeric">{took_text(step.millis)}</td>
                <td>{step.gave_up.then_some("ended here")}</td>
            </tr>
        }
    });
    let ended = match attempt.outcome {
        AttemptOutcome::Succeeded { .. } => "Done",
        AttemptOutcome::Failed { .. } => "Failed",
    };
    view! {
        {(!slow.is_empty()).then(|| view! { <p class="timeline__slow"><b>{slow.join(" ")}</b></p> })}
        <table class="timeline">
            <caption class="visually-hidden">"Where the time went"</caption>
            <thead class="visually-hidden">
                <tr><th scope="col">"Step"</th><th scope="col">"Took"</th><th scope="col">"At"</th></tr>
            </thead>
            <tbody>
                <tr>
                    <th scope="row">"Accepted"</th>
                    <td class="numeric"></td>
                    <td><Time at=accepted style=TimeStyle::Clock /></td>
                </tr>
                {rows.collect_view()}
                <tr>
                    <th scope="row">{ended}</th>
                    <td class="numeric">{took_text(attempt.duration_ms)} " in all"</td>
                    <td><Time at=done style=TimeStyle::Clock /></td>
                </tr>
            </tbody>
        </table>
        {reused.then(|| view! { <p class="muted">"It used a connection that was already open, so there was no DNS, connect or TLS."</p> })}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{AttemptId, TimingRecord};

    const ACCEPTED: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    fn hop(timing: TimingRecord) -> HopRecord {
        HopRecord {
            url: "https://example.com/".to_owned(),
            address: Some("203.0.113.9:443".to_owned()),
            request_headers: Vec::new(),
            status: None,
            response_headers: Vec::new(),
            response_body: String::new(),
            response_truncated: false,
            timing,
        }
    }

    fn attempt(number: u32, duration_ms: u64, outcome: AttemptOutcome, hops: Vec<HopRecord>) -> Attempt {
        Attempt {
            id: AttemptId::from_random([1; 16]),
            number,
            started_at: ACCEPTED.plus_millis(4),
            duration_ms,
            outcome,
            signed_by_last_four: None,
            replay: false,
            hops,
        }
    }

    const WHOLE: TimingRecord = TimingRecord {
        dns_ms: Some(1),
        connect_ms: Some(2),
        tls_ms: Some(12),
        first_byte_ms: Some(96),
        body_ms: Some(3),
    };

    fn failed(class: FailureClass) -> AttemptOutcome {
        AttemptOutcome::Failed { class, status: None }
    }

    fn told(attempt: &Attempt) -> Vec<(Phase, u64, bool)> {
        let steps = steps(attempt, ACCEPTED);
        steps
            .iter()
            .map(|step| (step.phase, step.millis, step.gave_up))
            .collect()
    }

    #[test]
    fn a_delivered_attempt_has_every_step_from_its_acceptance_to_its_end() {
        let whole = attempt(
            1,
            114,
            AttemptOutcome::Succeeded { status: 200 },
            vec![hop(WHOLE)],
        );
        assert_eq!(
            told(&whole),
            [
                (Phase::Queued, 4, false),
                (Phase::Dns, 1, false),
                (Phase::Connect, 2, false),
                (Phase::Tls, 12, false),
                (Phase::FirstByte, 96, false),
                (Phase::Body, 3, false),
            ]
        );
        assert!(slow_sentences(&whole, &steps(&whole, ACCEPTED)).is_empty());
    }

    #[test]
    fn what_was_not_measured_to_its_end_is_what_is_left_of_the_attempt() {
        let silent = TimingRecord {
            first_byte_ms: None,
            body_ms: None,
            ..WHOLE
        };
        let silent = attempt(1, 9_815, failed(FailureClass::TimeoutHeaders), vec![hop(silent)]);
        assert_eq!(told(&silent).last(), Some(&(Phase::FirstByte, 9_800, true)));
        assert_eq!(
            slow_sentences(&silent, &steps(&silent, ACCEPTED)),
            ["Waited 9.80 s for the first byte, which did not come."]
        );
        let dead = TimingRecord {
            dns_ms: Some(5),
            ..TimingRecord::default()
        };
        let dead = attempt(2, 10_005, failed(FailureClass::TimeoutConnect), vec![hop(dead)]);
        assert_eq!(
            told(&dead),
            [
                (Phase::Retry, 4, false),
                (Phase::Dns, 5, false),
                (Phase::Connect, 10_000, true)
            ]
        );
        let unknown = TimingRecord {
            dns_ms: Some(1_500),
            ..TimingRecord::default()
        };
        let unknown = attempt(1, 1_500, failed(FailureClass::Dns), vec![hop(unknown)]);
        assert_eq!(told(&unknown)[1..], [(Phase::Dns, 1_500, true)]);
        assert_eq!(
            slow_sentences(&unknown, &steps(&unknown, ACCEPTED)),
            ["The name did not resolve in 1.50 s."]
        );
    }

    #[test]
    fn several_requests_are_numbered_and_a_slow_one_is_told_in_words() {
        let slow = TimingRecord {
            first_byte_ms: Some(2_500),
            ..TimingRecord::default()
        };
        let both = attempt(
            1,
            2_614,
            AttemptOutcome::Succeeded { status: 200 },
            vec![hop(WHOLE), hop(slow)],
        );
        let steps = steps(&both, ACCEPTED);
        assert_eq!(steps.last().and_then(|step| step.hop), Some(2));
        assert_eq!(steps[0].hop, None);
        assert_eq!(
            slow_sentences(&both, &steps),
            ["Waited 2.50 s for the first byte."]
        );
        assert!(is_reused(&both.hops[1]) && !is_reused(&both.hops[0]));
    }

    #[test]
    fn an_attempt_that_waited_long_says_so() {
        let mut late = attempt(
            1,
            100,
            AttemptOutcome::Succeeded { status: 200 },
            vec![hop(WHOLE)],
        );
        late.started_at = ACCEPTED.plus_millis(12_340);
        assert_eq!(
            slow_sentences(&late, &steps(&late, ACCEPTED)),
            ["Waited 12.34 s before the first attempt."]
        );
    }
}
