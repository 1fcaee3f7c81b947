//! Draws errors as HTML, and what groups of both kinds have in common, on the server alone. Paths, methods and codes are what strangers wrote; the views escape them as on
//! any page.

use std::fmt::Write;

use leptos::prelude::*;
use model::{ClientId, EndpointOrder, ErrorGroup, ErrorReason, LogErrors, LogFilter, LogPage, Timestamp};

use super::words::{InShort, affected, counted, left_out, reason};
use crate::browser::html::Markup;
use crate::pages::logs::address;
use crate::pages::logs::notices::{self, Place};
use crate::pages::logs::words::within;
use crate::ui::{
    Cell, Column, EmptyState, IconName, Narrow, Table, full_time, grouped, row_time, status_word,
};

/// The height of a sparkline, in its own units.
const HEIGHT: f64 = 20.0;

/// A part with a request is this high at least.
const LEAST: f64 = 2.0;

/// What failed, most frequent first, each with a link to its requests.
pub(in crate::pages::logs) fn errors(
    company: ClientId,
    filter: &LogFilter,
    page: &LogPage,
    errors: &LogErrors,
) -> Markup {
    let missing = notices::above(page, Place::Groups);
    let unfinished = unfinished(page, errors.looked_back_to);
    if errors.groups.is_empty() {
        let title = match filter.narrows() {
            true => format!("No matching request failed {}", within(filter.range)),
            false => format!("No request failed {}", within(filter.range)),
        };
        return Markup::of(view! {
            {missing}
            <EmptyState title icon=IconName::Check>
                <p>"A request has failed if its status is 400 or above."</p>
            </EmptyState>
            {unfinished}
        });
    }
    let columns = vec![
        Column::new("Status"),
        Column::new("Endpoint and error"),
        Column::new("Over time"),
        Column::new("Last and first seen"),
        Column::new("Keys and brands"),
        Column::new("Requests").numeric(),
    ];
    let kinds = ["kind of error", "kinds of errors"];
    let count = counted(errors.groups.len(), errors.beyond, kinds, filter);
    let rows = errors
        .groups
        .iter()
        .map(|group| error_row(company, filter, group))
        .collect_view();
    Markup::of(view! {
        <p class="logs-count">{count}</p>
        {missing}
        <Table caption="Errors, most frequent first" columns>
            <tbody>{rows}</tbody>
        </Table>
        {foot(left_out(errors.beyond, EndpointOrder::Requests))}
        {unfinished}
    })
}

fn error_row(company: ClientId, filter: &LogFilter, group: &ErrorGroup) -> impl IntoView + use<> {
    let failed = if group.status < 500 { "4xx" } else { "5xx" };
    let href = address::of_list(company, &group.narrow(filter));
    let why = reason(&group.reason).to_owned();
    let class = match group.reason {
        ErrorReason::Code(_) => "mono",
        ErrorReason::Refused(_) => "",
        ErrorReason::Unknown => "faint",
    };
    let (keys, brands) = (affected(&group.keys), affected(&group.brands));
    let (status, requests) = (group.status, group.requests);
    let (first, last) = (row_time(group.first), row_time(group.last));
    let (link, spark) = (
        endpoint(href, &group.method, &group.endpoint),
        sparkline(&group.counts),
    );
    view! {
        <tr data-failed=failed>
            <Cell narrow=Narrow::Lead>
                <span title=status_word(Some(status))>{status}</span>
                <span class="visually-hidden">" " {status_word(Some(status))}</span>
            </Cell>
            <Cell narrow=Narrow::Lead grow=true>
                {link}
                <span class="logs-groups__under">
                    <span class=class title=why.clone()>{why.clone()}</span>
                </span>
            </Cell>
            <Cell narrow=Narrow::Hidden>{spark}</Cell>
            <Cell narrow=Narrow::Second label="Last seen">
                {last}
                <span class="logs-groups__under">
                    <span class="faint">"first "</span>
                    {first}
                </span>
            </Cell>
            <Cell narrow=Narrow::Second label="Keys" clip=true>
                {in_short(keys, "logs-groups__affected")}
                {in_short(brands, "logs-groups__affected logs-groups__under")}
            </Cell>
            <Cell narrow=Narrow::End numeric=true>
                {number_of_requests(requests)}
            </Cell>
        </tr>
    }
}

/// The number, and for those who do not see the head of its column, what it is of.
pub(super) fn number_of_requests(number: u64) -> impl IntoView + use<> {
    let of = if number == 1 { " request" } else { " requests" };
    view! {
        {grouped(number)}
        <span class="visually-hidden">{of}</span>
    }
}

/// The names may be cut, the number of the others is not, and all of them are in the tooltip.
fn in_short(short: InShort, class: &'static str) -> impl IntoView + use<> {
    let rest = (!short.rest.is_empty()).then(|| view! { <span>" "{short.rest}</span> });
    view! {
        <span class=class title=short.whole>
            <span>{short.names}</span>
            {rest}
        </span>
    }
}

/// The link of a row. The key finds it again when the table is drawn anew.
pub(super) fn endpoint(href: String, method: &str, endpoint: &str) -> impl IntoView + use<> {
    let (name, title, key) = (endpoint.to_owned(), endpoint.to_owned(), href.clone());
    view! {
        <a class="row-link mono" href=href data-key=key title=title>
            <span class="logs-groups__method">{method.to_owned()}" "</span>
            {name}
        </a>
    }
}

/// One bar for each part of the range; the highest fills the picture.
fn sparkline(counts: &[u64]) -> impl IntoView + use<> {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let mut path = String::new();
    for (at, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (*count as f64 * HEIGHT / most as f64).max(LEAST);
        let top = HEIGHT - height;
        // Writing into a string cannot fail.
        let _ = write!(path, "M{at}.1 {top:.1}h.8v{height:.1}h-.8z");
    }
    let size = format!("0 0 {} {HEIGHT}", counts.len().max(1));
    view! {
        <svg class="logs-spark" viewBox=size preserveAspectRatio="none" aria-hidden="true">
            <path d=path></path>
        </svg>
    }
}

pub(super) fn foot(words: String) -> impl IntoView {
    (!words.is_empty()).then(|| view! { <p class="logs-kept muted">{words}</p> })
}

/// How far back the groups go, if not over the whole range.
pub(super) fn unfinished(page: &LogPage, looked_back_to: Option<Timestamp>) -> impl IntoView + use<> {
    let unfinished = looked_back_to.map(|at| {
        view! {
            <p class="logs-kept muted">"There was no time to look at requests from before " {full_time(at)} "."</p>
        }
    });
    view! {
        {unfinished}
        {notices::below(page, Place::Groups)}
    }
}

#[cfg(test)]
mod tests {
    use model::{Affected, Beyond, EndpointGroup, ErrorCode, LogEndpoints, Verdict};

    use super::*;
    use crate::pages::logs::groups::endpoints::endpoints;

    fn company() -> ClientId {
        ClientId::from_random([7; 16])
    }

    fn group(reason: ErrorReason, endpoint: &str) -> ErrorGroup {
        ErrorGroup {
            status: 503,
            method: "GET".to_owned(),
            endpoint: endpoint.to_owned(),
            reason,
            requests: 1_234,
            first: Timestamp::from_millis(1_767_614_400_000),
            last: Timestamp::from_millis(1_767_618_000_000),
            counts: vec![0, 1, 1_233],
            keys: Affected {
                names: vec!["…ab6d".to_owned(), "deleted".to_owned()],
                number: 2,
                is_more: false,
            },
            brands: Affected {
                names: vec!["<b>Acme".to_owned()],
                number: 1,
                is_more: false,
            },
        }
    }

    fn errors_of(query: &str, groups: Vec<ErrorGroup>) -> String {
        let found = LogErrors {
            groups,
            ..LogErrors::default()
        };
        let filter = query.parse().expect("a filter");
        errors(company(), &filter, &LogPage::default(), &found)
            .as_str()
            .replace("<!>", "")
    }

    #[test]
    fn a_group_leads_to_exactly_its_requests_one_by_one() {
        let code = ErrorReason::Code(ErrorCode::stored("card_declined").expect("a code"));
        for (reason, expected) in [
            (
                code,
                "status=503&amp;method=GET&amp;error=card_declined&amp;endpoint=/v1/users/%7Bid%7D\"",
            ),
            (
                ErrorReason::Refused(Verdict::DeletedKey),
                "status=503&amp;method=GET&amp;verdict=deleted_key&amp;endpoint=/v1/users/%7Bid%7D\"",
            ),
            (
                ErrorReason::Unknown,
                "status=503&amp;method=GET&amp;verdict=accepted&amp;error=none&amp;endpoint=/v1/users/%7Bid%7D\"",
            ),
        ] {
            let html = errors_of(
                "range=7d&status=5xx&view=errors&before=9",
                vec![group(reason, "/v1/users/{id}")],
            );
            let href = format!("/c/{}/development/logs?range=7d&amp;{expected}", company());
            assert!(html.contains(&format!("href=\"{href}")), "{href} in {html}");
            assert!(!html.contains("view=errors"), "{html}");
        }
    }

    #[test]
    fn what_strangers_wrote_is_text() {
        let hostile = "/<script>alert(1)</script>\"'";
        let html = errors_of("", vec![group(ErrorReason::Unknown, hostile)]);
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        assert!(
            html.contains("&lt;script&gt;alert(1)") && html.contains("&lt;b&gt;Acme"),
            "{html}"
        );
        let found = LogEndpoints {
            groups: vec![EndpointGroup {
                method: "<I>".to_owned(),
                endpoint: hostile.to_owned(),
                requests: 1,
                failed: 0,
                server_errors: 0,
                p50_us: 1_000,
                p95_us: 2_000,
                p99_us: 3_000,
            }],
            ..LogEndpoints::default()
        };
        let html = endpoints(company(), &LogFilter::default(), &LogPage::default(), &found);
        assert!(
            !html.as_str().contains("<script") && !html.as_str().contains("<I>"),
            "{html:?}"
        );
    }

    #[test]
    fn the_slowest_of_all_endpoints_is_named_whatever_the_order_is() {
        let of = |endpoint: &str, p95_us| EndpointGroup {
            method: "GET".to_owned(),
            endpoint: endpoint.to_owned(),
            requests: 700,
            failed: 0,
            server_errors: 0,
            p50_us: 1_000,
            p95_us,
            p99_us: 900_000,
        };
        let drawn = |groups, slowest, filter: &str| {
            let found = LogEndpoints {
                groups,
                slowest,
                ..LogEndpoints::default()
            };
            let filter = filter.parse().expect("a filter");
            endpoints(company(), &filter, &LogPage::default(), &found).to_text()
        };
        assert!(
            drawn(
                vec![EndpointGroup {
                    requests: 1,
                    ..of("/", 1)
                }],
                None,
                ""
            )
            .contains("1 request")
        );
        assert!(
            !drawn(
                vec![EndpointGroup {
                    requests: 1,
                    ..of("/", 1)
                }],
                None,
                ""
            )
            .contains("1 requests")
        );
        let words = "Slowest: GET /v1/links/ (p95 598.0 ms), of the endpoints with 100 requests or more.";
        for filter in [
            "view=endpoints",
            "view=endpoints&sort=p99",
            "view=endpoints&sort=endpoint",
        ] {
            // It need not be listed.
            let listed = vec![of("/v1/users/", 3_000), of("/v1/orders/", 2_000)];
            let text = drawn(listed, Some(of("/v1/links/", 598_000)), filter);
            assert!(text.contains(words), "{text}");
        }
        let (one, tied) = (of("/v1/links/", 598_000), of("/v1/orders/", 590_000));
        let text = drawn(vec![one.clone(), tied, of("/v1/users/", 3_000)], Some(one), "");
        assert!(
            text.contains("or more. Another one is as slow, to within 2 %."),
            "{text}"
        );
        let (one, other) = (of("/v1/users/", 3_000), of("/v1/links/", 598_000));
        assert!(!drawn(vec![one.clone()], Some(one.clone()), "").contains("Slowest"));
        assert!(!drawn(vec![one, other], None, "").contains("Slowest"));
    }

    #[test]
    fn numbers_times_and_whom_it_concerns_are_in_the_row() {
        let html = errors_of("range=7d", vec![group(ErrorReason::Unknown, "/v1/users/")]);
        for part in [
            "1 kind of error in the last 7 days",
            "1,234",
            "<span>…ab6d, deleted</span>",
            "data-at=\"1767614400000\" data-row=\"\" class=\"time\">5 Jan 12:00:00<",
            "data-row=\"\" class=\"time\">5 Jan 13:00:00<",
            "M1.1 18.0h.8v2.0h-.8zM2.1 0.0h.8v20.0h-.8z",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn an_empty_list_says_so_and_an_unfinished_one_says_how_far_it_goes() {
        assert!(errors_of("", Vec::new()).contains("No request failed in the last 24 hours"));
        assert!(errors_of("method=GET", Vec::new()).contains("No matching request failed"));
        let none = endpoints(
            company(),
            &LogFilter::default(),
            &LogPage::default(),
            &LogEndpoints::default(),
        );
        assert!(none.as_str().contains("No requests in the last 24 hours"));
        let unfinished = LogErrors {
            looked_back_to: Some(Timestamp::from_millis(1_767_614_400_000)),
            beyond: Beyond {
                groups: 7,
                requests: 0,
            },
            groups: vec![group(ErrorReason::Unknown, "/")],
            ..LogErrors::default()
        };
        let html = errors(company(), &LogFilter::default(), &LogPage::default(), &unfinished);
        let html = html.as_str().replace("<!>", "");
        assert!(
            html.contains("no time to look at requests from before <time"),
            "{html}"
        );
        assert!(
            html.contains("7 more with fewer requests are not listed."),
            "{html}"
        );
    }

    #[test]
    fn what_may_be_missing_is_said_with_and_without_groups() {
        let at = Timestamp::from_millis;
        let page = LogPage {
            damaged: vec![model::DamagedPart {
                from: at(1_767_614_400_000),
                to: at(1_767_618_000_000),
            }],
            totals: model::LogTotals {
                dropped: 3,
                suppressed: 1,
                ..model::LogTotals::default()
            },
            kept: Some(model::Kept {
                since: at(1_767_614_400_000),
                because: model::KeptBecause::Days(30),
            }),
            ..LogPage::default()
        };
        let filter = LogFilter::default();
        let with = LogErrors {
            groups: vec![group(ErrorReason::Unknown, "/")],
            ..LogErrors::default()
        };
        for html in [
            errors(company(), &filter, &page, &with),
            errors(company(), &filter, &page, &LogErrors::default()),
            endpoints(company(), &filter, &page, &LogEndpoints::default()),
        ] {
            let text = html.to_text();
            for words in [
                "3 requests are not counted here",
                "1 request whose key was not recognised",
                "Part of the log is damaged: requests between 5 Jan 2026 12:00:00 UTC and 5 Jan 2026 13:00:00 UTC may be missing from these groups.",
                "Requests are kept for 30 days. The groups go back to 5 Jan 2026 12:00:00 UTC.",
            ] {
                assert!(text.contains(words), "{words} in {text}");
            }
        }
    }

    #[test]
    fn endpoints_are_sorted_by_links_that_keep_the_filter() {
        let group = EndpointGroup {
            method: "GET".to_owned(),
            endpoint: "/v1/users/".to_owned(),
            requests: 1,
            failed: 0,
            server_errors: 0,
            p50_us: 1_000,
            p95_us: 2_000,
            p99_us: 3_000,
        };
        let found = LogEndpoints {
            groups: vec![group],
            ..LogEndpoints::default()
        };
        let filter = "status=5xx&view=endpoints&sort=p95".parse().expect("a filter");
        let html = endpoints(company(), &filter, &LogPage::default(), &found);
        let html = html.as_str().replace("<!>", "");
        for part in [
            "?status=5xx&amp;view=endpoints\"",
            "?status=5xx&amp;view=endpoints&amp;sort=server_errors\"",
            "aria-current=\"true\">p95</a>",
            "Endpoints, highest p95 first",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert_eq!(html.matches("aria-current").count(), 1);
    }
}
