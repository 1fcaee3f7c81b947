//! What happened to a request, in one sentence.

use model::{LogEntry, Recorded, Verdict};

use crate::pages::logs::words::uncapitalised;
use crate::ui::{State, duration_text, status_word};

/// The sentence, and how it is marked. What the caller got comes first: a request with an accepted key may still have failed
/// at the API.
pub(super) fn of(entry: &LogEntry) -> (State, String) {
    let verdict = entry.row.verdict;
    let state = state(verdict, entry.row.status);
    let words = match verdict {
        Verdict::Accepted => accepted(entry),
        Verdict::UpstreamUnreachable | Verdict::UpstreamTimeout | Verdict::NotReady | Verdict::Overloaded => {
            format!("Failed: {}", reason(entry))
        }
        _ => format!("Refused: {}", reason(entry)),
    };
    (state, words)
}

const fn state(verdict: Verdict, status: Option<u16>) -> State {
    match verdict {
        Verdict::Accepted => match status {
            Some(500..) => State::Failed,
            Some(400..) => State::Refused,
            // Of a status that is not known, only the key is.
            Some(_) | None => State::Accepted,
        },
        Verdict::NotReady | Verdict::Overloaded | Verdict::UpstreamUnreachable | Verdict::UpstreamTimeout => {
            State::Failed
        }
        _ => State::Refused,
    }
}

fn accepted(entry: &LogEntry) -> String {
    let took = duration_text(entry.row.duration_us);
    let Some(status) = entry.row.status else {
        return "Accepted: the key was active. The status of the API's response is not known here."
            .to_owned();
    };
    let answer = format!("{status} {}", status_word(Some(status)));
    match (entry.recorded, entry.upstream_us) {
        (Recorded::Gateway, Some(_)) if status >= 400 => {
            with_detail(entry, format!("The API returned {answer} after {took}."))
        }
        (Recorded::Gateway, Some(_)) => with_detail(
            entry,
            format!("Accepted: the API returned {answer} after {took}."),
        ),
        (Recorded::Gateway, None) if status >= 400 && !entry.verdict_detail.is_empty() => {
            format!("Failed: {}", reason(entry))
        }
        (Recorded::Gateway, None) if status >= 400 => {
            format!("Gatehouse returned {answer} after {took}: the request did not reach the API.")
        }
        (Recorded::Gateway, None) => format!("Accepted: {answer} after {took}."),
        (Recorded::Verify, _) if status >= 400 => {
            with_detail(entry, format!("The proxy returned {answer} after {took}."))
        }
        (Recorded::Verify, _) => with_detail(
            entry,
            format!("Accepted: the proxy returned {answer} after {took}."),
        ),
        (Recorded::Sent, _) if status >= 400 => format!("The API returned {answer} after {took}."),
        (Recorded::Sent, _) => format!("Accepted: the API returned {answer} after {took}."),
        (Recorded::PublicApi, _) => {
            format!("Gatehouse handled this request and returned {answer} after {took}.")
        }
    }
}

/// A response that began may have ended early; the detail says so.
fn with_detail(entry: &LogEntry, sentence: String) -> String {
    format!("{sentence} {}", entry.verdict_detail)
        .trim_end()
        .to_owned()
}

/// What is known of this request, or what the verdict means.
fn reason(entry: &LogEntry) -> String {
    let detail = entry.verdict_detail.as_str();
    uncapitalised(if detail.is_empty() {
        entry.row.verdict.sentence()
    } else {
        detail
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::logs::entry::sample::sample;

    fn said(verdict: Verdict, status: u16, recorded: Recorded, detail: &str) -> (State, String) {
        let mut entry = sample();
        (entry.row.verdict, entry.row.duration_us) = (verdict, 120_000);
        entry.row.status = model::known_status(status);
        (entry.recorded, entry.verdict_detail) = (recorded, detail.to_owned());
        entry.upstream_us = (verdict == Verdict::Accepted).then_some(118_000);
        of(&entry)
    }

    #[test]
    fn a_failure_of_the_api_leads_and_is_not_called_accepted() {
        for (status, state, words) in [
            (
                500,
                State::Failed,
                "The API returned 500 Server error after 120 ms.",
            ),
            (
                404,
                State::Refused,
                "The API returned 404 Not found after 120 ms.",
            ),
            (
                200,
                State::Accepted,
                "Accepted: the API returned 200 OK after 120 ms.",
            ),
        ] {
            let said = said(Verdict::Accepted, status, Recorded::Gateway, "");
            assert_eq!(said, (state, words.to_owned()));
        }
    }

    #[test]
    fn a_refusal_says_who_and_when() {
        let detail = "The key ending in ab6d was deleted by ana@example.com on 5 Jan 2026 11:56:55 UTC, 3 minutes before this request.";
        let (state, words) = said(Verdict::DeletedKey, 401, Recorded::Gateway, detail);
        assert_eq!(state, State::Refused);
        assert_eq!(
            words,
            "Refused: the key ending in ab6d was deleted by ana@example.com on 5 Jan 2026 11:56:55 UTC, 3 minutes before this request."
        );
    }

    #[test]
    fn a_name_at_the_begin_keeps_its_capital_and_without_a_detail_the_verdict_speaks() {
        let cases = [
            (
                Verdict::MissingCredentials,
                "X-Access-Secret was missing.",
                "Refused: X-Access-Secret was missing.",
            ),
            (
                Verdict::UnknownSecret,
                "No active or recently deleted Sandbox key has this secret.",
                "Refused: no active or recently deleted Sandbox key has this secret.",
            ),
            (
                Verdict::AddressNotAllowed,
                "",
                "Refused: the key may not be used from this address.",
            ),
        ];
        for (verdict, detail, words) in cases {
            assert_eq!(said(verdict, 401, Recorded::Gateway, detail).1, words);
        }
        let unreachable = said(Verdict::UpstreamUnreachable, 502, Recorded::Gateway, "");
        assert_eq!(
            unreachable,
            (
                State::Failed,
                "Failed: the key was active, but the API behind the gateway could not be reached.".to_owned()
            )
        );
    }

    #[test]
    fn what_gatehouse_returned_itself_is_not_called_the_apis() {
        let mut entry = sample();
        (entry.row.status, entry.row.duration_us) = (Some(404), 310);
        assert_eq!(
            of(&entry).1,
            "Gatehouse returned 404 Not found after 310 µs: the request did not reach the API."
        );
        entry.verdict_detail = "The caller disconnected before there was a response.".to_owned();
        assert_eq!(
            of(&entry).1,
            "Failed: the caller disconnected before there was a response."
        );
    }

    #[test]
    fn a_response_that_broke_off_says_so() {
        let broke = "The API closed the connection in the middle of its response.";
        let (_, words) = said(Verdict::Accepted, 200, Recorded::Gateway, broke);
        assert_eq!(
            words,
            format!("Accepted: the API returned 200 OK after 120 ms. {broke}")
        );
    }

    #[test]
    fn what_was_not_seen_is_not_claimed() {
        let (state, verify) = said(Verdict::Accepted, model::STATUS_NOT_KNOWN, Recorded::Verify, "");
        assert_eq!(state, State::Accepted);
        assert!(
            verify.contains("not known") && !verify.contains("proxy"),
            "{verify}"
        );
        for (status, state, words) in [
            (
                204,
                State::Accepted,
                "Accepted: the proxy returned 204 No content after 120 ms.",
            ),
            (
                404,
                State::Refused,
                "The proxy returned 404 Not found after 120 ms.",
            ),
            (
                502,
                State::Failed,
                "The proxy returned 502 Bad gateway after 120 ms.",
            ),
        ] {
            let told = said(Verdict::Accepted, status, Recorded::Verify, "");
            assert_eq!(told, (state, words.to_owned()));
        }
        let (_, own) = said(Verdict::Accepted, 404, Recorded::PublicApi, "");
        assert_eq!(
            own,
            "Gatehouse handled this request and returned 404 Not found after 120 ms."
        );
    }
}
