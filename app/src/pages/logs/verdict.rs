//! Why a request was let through or refused, in words.

use leptos::prelude::*;
use model::{ClientId, LogEntry, Verdict};

use crate::ui::{Card, State, StateBadge};

/// The verdict, what it says of this very request, and one thing to do.
#[component]
pub(super) fn VerdictCard(company: ClientId, entry: LogEntry) -> impl IntoView {
    let verdict = entry.row.verdict;
    let next = next_step(verdict, entry.row.status);
    // Of a deleted key the detail says everything the sentence says, and who and when.
    let says_more =
        entry.verdict_detail.is_empty() || !matches!(verdict, Verdict::DeletedKey | Verdict::ExpiredKey);
    let reading = reading(verdict).map(|(page, words)| {
        view! {
            <p>
                <a href=format!("/docs/{page}?company={company}")>{words}</a>
            </p>
        }
    });
    view! {
        <Card id="verdict" title="Verdict">
            <div class="stack stack--tight logs-verdict">
                <p class="logs-verdict__word">
                    <StateBadge state=state(verdict) words=verdict.label() />
                </p>
                {says_more.then(|| view! { <p>{verdict.sentence()}</p> })}
                {(!entry.verdict_detail.is_empty()).then(|| view! { <p class="logs-verdict__detail">{entry.verdict_detail}</p> })}
                {(!next.is_empty())
                    .then(|| {
                        view! {
                            <p>
                                <b>"Next: "</b>
                                {next}
                            </p>
                        }
                    })} {reading}
            </div>
        </Card>
    }
    .into_any()
}

const fn state(verdict: Verdict) -> State {
    match verdict {
        Verdict::Accepted => State::Accepted,
        Verdict::NotReady | Verdict::Overloaded | Verdict::UpstreamUnreachable | Verdict::UpstreamTimeout => {
            State::Failed
        }
        _ => State::Refused,
    }
}

/// An accepted request can still have failed: then the answer is the upstream's.
const fn next_step(verdict: Verdict, status: u16) -> &'static str {
    match (verdict, status) {
        (Verdict::Accepted, 400..=499) => "The refusal is the API's own answer; read the response body.",
        (Verdict::Accepted, 500..) => {
            "The failure is the API's own answer; try again, or show the operator the request ID."
        }
        _ => verdict.next_step(),
    }
}

/// The help page that explains the verdict.
const fn reading(verdict: Verdict) -> Option<(&'static str, &'static str)> {
    match verdict {
        Verdict::Accepted
        | Verdict::UpstreamUnreachable
        | Verdict::UpstreamTimeout
        | Verdict::NotReady
        | Verdict::Overloaded => None,
        Verdict::DeletedKey | Verdict::ExpiredKey => Some((
            "api-keys-rotation",
            "How to rotate a key without a refused request",
        )),
        _ => Some(("authentication", "How requests are authenticated")),
    }
}
