//! Draws addresses as HTML, on the server alone: who sends these requests.

use leptos::prelude::*;
use model::{ClientId, EndpointOrder, LogAddresses, LogFilter, LogPage, RequestSource};

use super::drawing::{foot, number_of_requests, unfinished};
use super::endpoints::none;
use super::words::{counted, left_out};
use crate::browser::html::Markup;
use crate::pages::logs::address;
use crate::pages::logs::notices::{self, Place};
use crate::ui::{Cell, Column, Narrow, Table, row_time};

/// Requests by address, most frequent first.
pub(in crate::pages::logs) fn addresses(
    company: ClientId,
    filter: &LogFilter,
    page: &LogPage,
    addresses: &LogAddresses,
) -> Markup {
    let missing = notices::above(page, Place::Groups);
    let unfinished = unfinished(page, addresses.looked_back_to);
    if addresses.groups.is_empty() {
        return Markup::of(view! {
            {missing}
            {none(filter)}
            {unfinished}
        });
    }
    let columns = vec![
        Column::new("Address"),
        Column::new("Requests").numeric(),
        Column::new("Latest"),
        Column::new("Path of the latest"),
        Column::new("User agent of the latest"),
    ];
    let (listed, beyond) = (addresses.groups.len(), addresses.beyond);
    let count = counted(listed, beyond, ["address", "addresses"], filter);
    let rows = addresses
        .groups
        .iter()
        .map(|group| address_row(company, filter, group))
        .collect_view();
    Markup::of(view! {
        <p class="logs-count">{count}</p>
        {missing}
        <Table caption="Addresses, most frequent first" columns>
            <tbody>{rows}</tbody>
        </Table>
        {foot(left_out(beyond, EndpointOrder::Requests))}
        {unfinished}
    })
}

fn address_row(company: ClientId, filter: &LogFilter, group: &RequestSource) -> impl IntoView + use<> {
    let href = address::of_list(company, &group.narrow(filter));
    let (address, requests, last) = (group.address.clone(), group.requests, row_time(group.last_at));
    let (path, agent) = (
        group.path.clone().unwrap_or_default(),
        group.user_agent.clone().unwrap_or_default(),
    );
    let (whole_path, whole_agent) = (path.clone(), agent.clone());
    view! {
        <tr>
            <Cell narrow=Narrow::Lead monospace=true>
                <a class="row-link mono" href=href.clone() data-key=href>{address}</a>
            </Cell>
            <Cell narrow=Narrow::End numeric=true>
                {number_of_requests(requests)}
            </Cell>
            <Cell narrow=Narrow::Second label="Latest">{last}</Cell>
            <Cell narrow=Narrow::Second monospace=true clip=true>
                <bdi title=whole_path>{path}</bdi>
            </Cell>
            <Cell narrow=Narrow::Second grow=true clip=true>
                <bdi title=whole_agent>{agent}</bdi>
            </Cell>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    fn drawn(query: &str, groups: Vec<RequestSource>) -> Markup {
        let found = LogAddresses {
            groups,
            ..LogAddresses::default()
        };
        let filter = query.parse().expect("a filter");
        addresses(
            ClientId::from_random([7; 16]),
            &filter,
            &LogPage::default(),
            &found,
        )
    }

    #[test]
    fn an_address_leads_to_its_requests_and_what_strangers_wrote_is_text() {
        let source = RequestSource {
            address: "2001:db8::7".to_owned(),
            requests: 1_234,
            last_at: Timestamp::from_millis(1_767_614_400_000),
            path: Some("/<script>".to_owned()),
            user_agent: Some("<i>curl".to_owned()),
        };
        let html = drawn("verdict=deleted_key&view=addresses&ip=192.0.2.1", vec![source]);
        let text = html.to_text();
        assert!(text.contains("1 address in the last 24 hours"), "{text}");
        assert!(text.contains("1,234"), "{text}");
        let html = html.as_str();
        assert!(
            html.contains("?verdict=deleted_key&amp;ip=2001:db8::7\""),
            "{html}"
        );
        assert!(!html.contains("<script") && !html.contains("<i>"), "{html}");
    }

    #[test]
    fn without_requests_it_says_so() {
        let text = drawn("status=5xx", Vec::new()).to_text();
        assert!(text.contains("No requests match"), "{text}");
    }
}
