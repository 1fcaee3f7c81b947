//! How long a request took, and how much of that was the API's.

use leptos::prelude::*;
use model::{LogEntry, Recorded, Verdict};

use crate::ui::{Card, KeyValue, KeyValueList, duration_text};

/// The width of the bar in its own units.
const WHOLE: u64 = 1_000;

/// What is known about the time that a request took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Until the first byte of the API's response, and from there to the last byte; in microseconds.
    Split { api: u64, rest: u64 },
    /// Only the whole, and why.
    Whole(&'static str),
}

fn known(entry: &LogEntry) -> Known {
    let whole = entry.row.duration_us;
    if entry.recorded == Recorded::Sent {
        return Known::Whole("As it was sent to this log. Gatehouse did not measure it.");
    }
    if let Some(api) = entry.upstream_us {
        let api = api.min(whole);
        return Known::Split {
            api,
            rest: whole - api,
        };
    }
    Known::Whole(match (entry.recorded, entry.row.verdict) {
        (Recorded::Verify, Verdict::Accepted) if entry.row.status.is_some() => {
            "As the proxy measured it. When the API began to respond was not told."
        }
        (Recorded::Verify, _) => {
            "The time of Gatehouse's check. The proxy that asked for it calls the API itself, so the API's time was not seen."
        }
        (_, Verdict::UpstreamUnreachable | Verdict::UpstreamTimeout) => {
            "Spent on trying to reach the API, which sent no response."
        }
        (Recorded::PublicApi, Verdict::Accepted) => "All of it Gatehouse's: it handled this request itself.",
        (_, Verdict::Accepted) => "When the API began to respond was not recorded.",
        _ => "All of it Gatehouse's: the request was not passed on to the API.",
    })
}

/// The split as a bar and in figures.
#[component]
pub(super) fn Timing(entry: LogEntry) -> impl IntoView {
    let whole = duration_text(entry.row.duration_us);
    let parts = match known(&entry) {
        Known::Split { api, rest } => split(api, rest, passed_on_by(entry.recorded)),
        Known::Whole(why) => view! { <p class="muted timing__note">{why}</p> }.into_any(),
    };
    view! {
        <Card id="timing" title="Timing">
            <div class="stack stack--tight">
                <p><b>{whole}</b>" in total"</p>
                {parts}
            </div>
        </Card>
    }
    .into_any()
}

/// What passed the response on.
const fn passed_on_by(recorded: Recorded) -> &'static str {
    match recorded {
        Recorded::Verify => "Proxy",
        Recorded::Gateway | Recorded::PublicApi | Recorded::Sent => "Gatehouse",
    }
}

fn split(api: u64, rest: u64, by: &'static str) -> AnyView {
    let [api_text, rest_text] = [api, rest].map(duration_text);
    let edge = edge(api, rest);
    let spoken = format!("{api_text} until the API began to respond, then {rest_text} to the last byte.");
    view! {
        <svg class="timing__bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=spoken>
            <rect class="timing__api" x="0" y="0" width=edge.to_string() height="10" />
            <rect class="timing__rest" x=edge.to_string() y="0" width=(WHOLE - edge).to_string() height="10" />
        </svg>
        <KeyValueList>
            <KeyValue name="API">
                <span class="timing__figure" data-part="api">{api_text}</span>
                <span class="muted timing__note">" from arrival to the first byte of the API's response. Includes the check of the key."</span>
            </KeyValue>
            <KeyValue name=by>
                <span class="timing__figure" data-part="rest">{rest_text}</span>
                <span class="muted timing__note">" from there to the last byte: passing the response on, as fast as the API sends and the caller reads."</span>
            </KeyValue>
        </KeyValueList>
    }
    .into_any()
}

/// Where the bar changes colour. A part that took any time can be seen.
fn edge(api: u64, rest: u64) -> u64 {
    const LEAST: u64 = 8;
    let whole = api.saturating_add(rest).max(1);
    // In u128, in which no duration overflows.
    let edge = u128::from(api) * u128::from(WHOLE) / u128::from(whole);
    let edge = u64::try_from(edge).unwrap_or(WHOLE);
    match (api, rest) {
        (0, _) => 0,
        (_, 0) => WHOLE,
        _ => edge.clamp(LEAST, WHOLE - LEAST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::logs::entry::sample::sample;

    #[test]
    fn the_first_byte_of_the_api_divides_the_time() {
        let mut entry = sample();
        (entry.row.duration_us, entry.upstream_us) = (100_000, Some(98_800));
        assert_eq!(
            known(&entry),
            Known::Split {
                api: 98_800,
                rest: 1_200
            }
        );
        // Two clocks may differ by a little.
        entry.upstream_us = Some(100_004);
        assert_eq!(
            known(&entry),
            Known::Split {
                api: 100_000,
                rest: 0
            }
        );
    }

    #[test]
    fn nothing_is_split_that_was_not_measured() {
        let mut entry = sample();
        entry.upstream_us = None;
        for (recorded, verdict, words) in [
            (
                Recorded::Verify,
                Verdict::WrongEnvironment,
                "API's time was not seen",
            ),
            (
                Recorded::PublicApi,
                Verdict::Accepted,
                "handled this request itself",
            ),
            (Recorded::Gateway, Verdict::DeletedKey, "not passed on"),
            (Recorded::Gateway, Verdict::UpstreamTimeout, "sent no response"),
            (Recorded::Gateway, Verdict::Accepted, "was not recorded"),
        ] {
            (entry.recorded, entry.row.verdict) = (recorded, verdict);
            let Known::Whole(why) = known(&entry) else {
                panic!("{recorded:?} {verdict:?} was split");
            };
            assert!(why.contains(words), "{why}");
        }
    }

    #[test]
    fn the_time_of_a_request_that_a_proxy_forwarded_is_not_called_gatehouses() {
        let mut entry = sample();
        (entry.recorded, entry.row.duration_us, entry.upstream_us) = (Recorded::Verify, 9_000, Some(7_000));
        assert_eq!(
            known(&entry),
            Known::Split {
                api: 7_000,
                rest: 2_000
            }
        );
        assert_eq!(passed_on_by(entry.recorded), "Proxy");
        entry.upstream_us = None;
        let Known::Whole(told) = known(&entry) else {
            panic!("it was split");
        };
        assert!(told.contains("As the proxy measured it"), "{told}");
        entry.row.status = None;
        let Known::Whole(untold) = known(&entry) else {
            panic!("it was split");
        };
        assert!(untold.contains("Gatehouse's check"), "{untold}");
    }

    #[test]
    fn every_part_of_the_bar_can_be_seen() {
        assert_eq!(edge(75, 25), 750);
        assert_eq!(edge(1, 1_000_000), 8);
        assert_eq!(edge(u64::MAX / 2, 1), 992);
        assert_eq!((edge(0, 5), edge(5, 0)), (0, 1_000));
    }
}
