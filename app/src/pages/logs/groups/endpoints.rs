//! Draws endpoints as HTML, on the server alone.

use leptos::prelude::*;
use model::{ClientId, EndpointGroup, EndpointOrder, LogEndpoints, LogFilter, LogPage};

use super::drawing::{endpoint, foot, number_of_requests, unfinished};
use super::words::{counted, left_out, share};
use crate::browser::html::Markup;
use crate::pages::logs::address;
use crate::pages::logs::notices::{self, Place};
use crate::pages::logs::words::within;
use crate::ui::{Cell, Column, EmptyState, IconName, Narrow, Table, grouped, milliseconds_text};

/// Requests by endpoint, most frequent first.
pub(in crate::pages::logs) fn endpoints(
    company: ClientId,
    filter: &LogFilter,
    page: &LogPage,
    endpoints: &LogEndpoints,
) -> Markup {
    let missing = notices::above(page, Place::Groups);
    let unfinished = unfinished(page, endpoints.looked_back_to);
    if endpoints.groups.is_empty() {
        return Markup::of(view! {
            {missing}
            {none(filter)}
            {unfinished}
        });
    }
    let columns = vec![
        Column::new("Endpoint"),
        Column::new("Share").unlabelled(),
        Column::new("Requests").numeric(),
        Column::new("400 and above").numeric(),
        Column::new("500 and above").numeric(),
        Column::new("p50").numeric(),
        Column::new("p95").numeric(),
        Column::new("p99").numeric(),
    ];
    let count = counted(
        endpoints.groups.len(),
        endpoints.beyond,
        ["endpoint", "endpoints"],
        filter,
    );
    let rows = endpoints
        .groups
        .iter()
        .map(|group| endpoint_row(company, filter, group, endpoints.most_requests))
        .collect_view();
    Markup::of(view! {
        <p class="logs-count">{count}</p>
        {missing}
        {slowest(company, filter, endpoints)}
        {orders(company, filter)}
        <Table caption=order_words(filter.sort) columns>
            <tbody>{rows}</tbody>
        </Table>
        {foot(left_out(endpoints.beyond, filter.sort))}
        {foot(without_status(endpoints.unknown))}
        <p class="logs-kept muted">
            "p50, p95 and p99: half, 95 % and 99 % of the requests took at most this long, to within 2 %."
        </p>
        {unfinished}
    })
}

/// In place of the table.
pub(super) fn none(filter: &LogFilter) -> impl IntoView + use<> {
    let title = match filter.narrows() {
        true => "No requests match".to_owned(),
        false => format!("No requests {}", within(filter.range)),
    };
    view! {
        <EmptyState title icon=IconName::Search>
            <p>"Choose a longer date range, or fewer filters."</p>
        </EmptyState>
    }
}

fn without_status(requests: u64) -> String {
    match requests {
        0 => String::new(),
        1 => "One request is not counted here: its status is not known.".to_owned(),
        10_000.. => "10,000 requests or more are not counted here: their status is not known.".to_owned(),
        _ => format!(
            "{} requests are not counted here: their status is not known.",
            grouped(requests)
        ),
    }
}

/// A link to each order, as long as there is anything to order.
fn orders(company: ClientId, filter: &LogFilter) -> impl IntoView + use<> {
    let link = |sort: EndpointOrder| {
        let sorted = LogFilter {
            sort,
            ..filter.first_page()
        };
        let href = address::of_list(company, &sorted);
        let current = (sort == filter.sort).then_some("true");
        view! { <li><a href=href data-key=format!("sort:{}", sort.as_str()) data-noscroll="" aria-current=current>{order_label(sort)}</a></li> }
    };
    view! {
        <div class="logs-groups__order">
            <span id="endpoint-order">"Sort by"</span>
            <ul aria-labelledby="endpoint-order">{EndpointOrder::ALL.map(link).collect_view()}</ul>
        </div>
    }
}

/// As the column is called.
const fn order_label(order: EndpointOrder) -> &'static str {
    match order {
        EndpointOrder::Requests => "Requests",
        EndpointOrder::Endpoint => "Endpoint",
        EndpointOrder::Failed => "400 and above",
        EndpointOrder::ServerErrors => "500 and above",
        EndpointOrder::P50 => "p50",
        EndpointOrder::P95 => "p95",
        EndpointOrder::P99 => "p99",
    }
}

const fn order_words(order: EndpointOrder) -> &'static str {
    match order {
        EndpointOrder::Requests => "Endpoints, most frequent first",
        EndpointOrder::Endpoint => "Endpoints from A to Z",
        EndpointOrder::Failed => "Endpoints, largest part with 400 and above first",
        EndpointOrder::ServerErrors => "Endpoints, largest part with 500 and above first",
        EndpointOrder::P50 => "Endpoints, highest p50 first",
        EndpointOrder::P95 => "Endpoints, highest p95 first",
        EndpointOrder::P99 => "Endpoints, highest p99 first",
    }
}

/// The slowest endpoint of all, if there are several, listed or not: the table may be in any order and has only the first.
fn slowest(company: ClientId, filter: &LogFilter, endpoints: &LogEndpoints) -> Option<impl IntoView + use<>> {
    let slowest = endpoints.slowest.as_ref()?;
    let href = address::of_list(company, &slowest.narrow(filter));
    let name = format!("{} {}", slowest.method, slowest.endpoint);
    let p95 = milliseconds_text(slowest.p95_us);
    let ties = match endpoints
        .groups
        .iter()
        .filter(|group| is_tied(group, slowest))
        .count()
    {
        0 => String::new(),
        1 => " Another one is as slow, to within 2 %.".to_owned(),
        ties => format!(" {ties} others are as slow, to within 2 %."),
    };
    let of = format!(
        " (p95 {p95}), of the endpoints with {} requests or more.{ties}",
        EndpointGroup::ENOUGH
    );
    (endpoints.groups.len() > 1).then(|| {
        view! { <p class="logs-groups__slowest">"Slowest: " <a class="mono" href=href>{name}</a> {of}</p> }
    })
}

fn endpoint_row(
    company: ClientId,
    filter: &LogFilter,
    group: &EndpointGroup,
    most: u64,
) -> impl IntoView + use<> {
    let href = address::of_list(company, &group.narrow(filter));
    let width = (group.requests as f64 * 100.0 / most.max(1) as f64).max(1.0);
    let requests = group.requests;
    let rate = |part: u64| {
        let class = if part == 0 { "faint" } else { "" };
        view! { <span class=class>{share(part, requests)}</span> }
    };
    let (failed, server_errors) = (rate(group.failed), rate(group.server_errors));
    let [p50, p95, p99] = [group.p50_us, group.p95_us, group.p99_us].map(milliseconds_text);
    let link = endpoint(href, &group.method, &group.endpoint);
    view! {
        <tr>
            <Cell narrow=Narrow::Lead grow=true>
                {link}
            </Cell>
            <Cell narrow=Narrow::Hidden>
                <svg class="logs-spark" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">
                    <rect y="6" width=format!("{width:.1}") height="8"></rect>
                </svg>
            </Cell>
            <Cell narrow=Narrow::End numeric=true>
                {number_of_requests(requests)}
            </Cell>
            <Cell narrow=Narrow::Second label="≥400" numeric=true>
                {failed}
            </Cell>
            <Cell narrow=Narrow::Second label="≥500" numeric=true>
                {server_errors}
            </Cell>
            // On a phone there is one line for these.
            <Cell narrow=Narrow::Hidden numeric=true>
                {p50}
            </Cell>
            <Cell narrow=Narrow::Second label="p95" numeric=true>
                {p95}
            </Cell>
            <Cell narrow=Narrow::Second label="p99" numeric=true>
                {p99}
            </Cell>
        </tr>
    }
}

/// Percentiles are known to within 2 %.
fn is_tied(group: &EndpointGroup, slowest: &EndpointGroup) -> bool {
    let is_same = group.method == slowest.method && group.endpoint == slowest.endpoint;
    let is_close = u128::from(group.p95_us) * 51 >= u128::from(slowest.p95_us) * 50;
    !is_same && group.requests >= EndpointGroup::ENOUGH && is_close
}
