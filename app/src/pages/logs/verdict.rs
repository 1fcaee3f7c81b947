//! Why a request was accepted or refused, and what became of it, in words.

use leptos::prelude::*;
use model::{ClientId, LogEntry, Verdict};

use crate::provider;
use crate::ui::{Card, State, StateBadge, status_word};

/// First what the caller got: a request with an accepted key may still have failed at the API. Then the verdict, its detail
/// for this request, and one next step.
#[component]
pub(super) fn VerdictCard(company: ClientId, entry: LogEntry) -> impl IntoView {
    let (verdict, status) = (entry.row.verdict, entry.row.status);
    let next = next_step(verdict, status).replace("your API provider", provider().name());
    // For a deleted key, the detail says all that the sentence says, and also who deleted it and when.
    let says_more =
        entry.verdict_detail.is_empty() || !matches!(verdict, Verdict::DeletedKey | Verdict::ExpiredKey);
    let reading = reading(verdict).map(|(page, words)| {
        view! {
            <p>
                <a href=format!("/docs/{page}?company={company}")>{words}</a>
            </p>
        }
    });
    let (state, words) = outcome(verdict, status);
    let by_the_api = failed_at_the_api(verdict, status);
    view! {
        <Card id="verdict" title="What happened">
            <div class="stack stack--tight logs-verdict">
                <p class="logs-verdict__word">
                    <StateBadge state words />
                </p>
                {by_the_api.then(|| view! { <p>{next.clone()}</p> })}
                {says_more
                    .then(|| {
                        view! {
                            <p class=if by_the_api { "muted" } else { "" }>
                                {by_the_api.then(|| format!("{}. ", verdict.label()))} {verdict.sentence()}
                            </p>
                        }
                    })}
                {(!entry.verdict_detail.is_empty()).then(|| view! { <p class="logs-verdict__detail">{entry.verdict_detail}</p> })}
                {(!next.is_empty() && !by_the_api)
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

/// The key was accepted, and the API behind the gateway refused the request or failed.
const fn failed_at_the_api(verdict: Verdict, status: u16) -> bool {
    matches!(verdict, Verdict::Accepted) && status >= 400
}

fn outcome(verdict: Verdict, status: u16) -> (State, String) {
    let state = match verdict {
        Verdict::Accepted if status >= 500 => State::Failed,
        Verdict::Accepted if status >= 400 => State::Refused,
        Verdict::Accepted => State::Accepted,
        Verdict::NotReady | Verdict::Overloaded | Verdict::UpstreamUnreachable | Verdict::UpstreamTimeout => {
            State::Failed
        }
        _ => State::Refused,
    };
    let words = if failed_at_the_api(verdict, status) {
        format!("The API returned {status} {}", status_word(status))
    } else {
        verdict.label().to_owned()
    };
    (state, words)
}

const fn next_step(verdict: Verdict, status: u16) -> &'static str {
    match (verdict, status) {
        (Verdict::Accepted, 400..=499) => "The API refused this request. The response body says why.",
        (Verdict::Accepted, 500..) => "The API returned this error. Retry, or send support the request ID.",
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
        Verdict::DeletedKey | Verdict::ExpiredKey => {
            Some(("api-keys-rotation", "How to rotate a key without downtime"))
        }
        _ => Some(("authentication", "How requests are authenticated")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_api_leads_and_is_not_called_accepted() {
        let (state, words) = outcome(Verdict::Accepted, 500);
        assert_eq!(state, State::Failed);
        assert_eq!(words, "The API returned 500 Server error");
        assert_eq!(outcome(Verdict::Accepted, 404).0, State::Refused);
        let (state, words) = outcome(Verdict::Accepted, 200);
        assert_eq!((state, words.as_str()), (State::Accepted, "Key accepted"));
    }
}
