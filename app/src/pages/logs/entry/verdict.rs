//! What happened to a request: the sentence, what it means, and one next step.

use leptos::prelude::*;
use model::{Choice, ClientId, DateRange, KeyFilter, LogEntry, LogFilter, LogView, Recorded, Verdict};

use super::sentence;
use crate::pages::logs::address;
use crate::provider;
use crate::ui::{Card, Icon, IconName, State, Tone};

/// The sentence comes first. What it leaves out about the verdict follows, then what to do.
#[component]
pub(super) fn VerdictCard(company: ClientId, entry: LogEntry) -> impl IntoView {
    let (state, sentence) = sentence::of(&entry);
    let next = next_step(&entry).replace("your API provider", provider().name());
    let meaning = meaning(&entry).replace("your API provider", provider().name());
    let senders = senders(company, &entry);
    let reading = reading(entry.row.verdict).map(|(page, words)| {
        view! {
            <p>
                <a href=format!("/docs/{page}?company={company}")>{words}</a>
            </p>
        }
    });
    let (tone, icon) = look(state);
    view! {
        <Card id="verdict" title="What happened">
            <div class="stack stack--tight">
                <p class="entry-sentence" data-tone=tone.as_str()>
                    <Icon name=icon />
                    <bdi>{sentence}</bdi>
                </p>
                {(!meaning.is_empty()).then(|| view! { <p class="muted">{meaning}</p> })}
                {(!next.is_empty())
                    .then(|| {
                        view! {
                            <p>
                                <b>"Next: "</b>
                                {next}
                                {senders}
                            </p>
                        }
                    })} {reading}
            </div>
        </Card>
    }
    .into_any()
}

/// A deleted key that is still in use: everyone who sends it.
fn senders(company: ClientId, entry: &LogEntry) -> Option<AnyView> {
    let key = entry
        .row
        .key_id
        .filter(|_| entry.row.verdict == Verdict::DeletedKey)?;
    let mut filter = LogFilter {
        range: DateRange::Last30Days,
        key: Choice::only(Some(KeyFilter::Id(key))),
        view: LogView::Addresses,
        ..LogFilter::default()
    };
    filter.verdict.set(false, Verdict::DeletedKey);
    let href = address::of_list(company, &filter);
    Some(view! { " " <a href=href>"Show the addresses that send it"</a> }.into_any())
}

const fn look(state: State) -> (Tone, IconName) {
    match state {
        State::Failed => (Tone::Bad, IconName::Cross),
        State::Refused => (Tone::Warn, IconName::Ban),
        _ => (Tone::Good, IconName::Check),
    }
}

/// What the verdict means, where the sentence does not say it.
fn meaning(entry: &LogEntry) -> String {
    let verdict = entry.row.verdict;
    match (verdict, entry.recorded) {
        (Verdict::Accepted, Recorded::Gateway)
            if entry.row.status >= Some(400) && entry.upstream_us.is_some() =>
        {
            format!("{}. {}", verdict.label(), verdict.sentence())
        }
        (Verdict::Accepted, Recorded::Gateway) if entry.upstream_us.is_some() => {
            verdict.sentence().to_owned()
        }
        (Verdict::Accepted, Recorded::Gateway) => "The key was active.".to_owned(),
        (Verdict::Accepted, Recorded::Verify) => {
            "A proxy checked this request with Gatehouse before passing it on.".to_owned()
        }
        (Verdict::Accepted, Recorded::PublicApi) => "The key was active.".to_owned(),
        (_, Recorded::Sent) => {
            "A program of your API provider sent this to the log. Gatehouse did not see the request itself."
                .to_owned()
        }
        // Of these, the detail says only what went wrong this time.
        (
            Verdict::WrongEnvironment
            | Verdict::AddressNotAllowed
            | Verdict::ReadOnlyKey
            | Verdict::NotReady
            | Verdict::Overloaded
            | Verdict::UpstreamUnreachable
            | Verdict::UpstreamTimeout,
            _,
        ) if !entry.verdict_detail.is_empty() => verdict.sentence().to_owned(),
        _ => String::new(),
    }
}

fn next_step(entry: &LogEntry) -> &'static str {
    let verdict = entry.row.verdict;
    // Of a request that only Verify saw, the API's response is not known.
    let by_the_api = verdict == Verdict::Accepted
        && match entry.recorded {
            Recorded::Gateway => entry.upstream_us.is_some(),
            Recorded::Sent => true,
            Recorded::Verify | Recorded::PublicApi => false,
        };
    // A response without a status is no error of the API's.
    match entry.row.status.unwrap_or_default() {
        400..=499 if by_the_api => "The API refused this request. The response body says why.",
        500.. if by_the_api => "The API returned this error. Retry, or send support the request ID.",
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
    use crate::pages::logs::entry::sample::sample;

    #[test]
    fn the_accepted_key_comes_after_the_failure_of_the_api() {
        let mut entry = sample();
        (entry.row.status, entry.upstream_us) = (Some(500), Some(9));
        assert_eq!(
            meaning(&entry),
            "Key accepted. The key was active and the request was passed on."
        );
        assert!(next_step(&entry).starts_with("The API returned this error"));
        entry.upstream_us = None;
        assert!(!meaning(&entry).contains("passed on"), "it was not");
        assert_eq!(next_step(&entry), "");
    }

    #[test]
    fn what_was_not_seen_is_not_called_the_apis() {
        let mut entry = sample();
        for recorded in [Recorded::Verify, Recorded::PublicApi] {
            for status in [200, 404, 503] {
                (entry.recorded, entry.row.status, entry.upstream_us) = (recorded, Some(status), Some(9));
                let (_, sentence) = sentence::of(&entry);
                let card = [sentence, meaning(&entry), next_step(&entry).to_owned()].join(" ");
                assert!(
                    !card.contains("The API returned") && !card.contains("The API refused"),
                    "{card}"
                );
            }
        }
    }

    #[test]
    fn what_the_sentence_says_is_not_said_again() {
        let mut entry = sample();
        for verdict in Verdict::ALL.iter().copied() {
            (entry.row.verdict, entry.row.status) = (verdict, verdict.status().or(Some(200)));
            let (_, sentence) = sentence::of(&entry);
            assert_ne!(meaning(&entry).to_lowercase(), sentence.to_lowercase());
            let says = verdict == Verdict::Accepted;
            assert_eq!(meaning(&entry).is_empty(), !says, "without a detail: {verdict}");
        }
    }
}
