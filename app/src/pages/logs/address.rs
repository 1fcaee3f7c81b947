//! Addresses of the tab, with the filter in them.

use model::{ClientId, LogFilter, RequestId};

/// Names the open request. Filters leave it alone, and an address that only has a filter closes it.
const OPEN: &str = "open";

/// `/c/…/development/logs?status=4xx`.
pub(crate) fn of_list(company: ClientId, filter: &LogFilter) -> String {
    with_query(format!("/c/{company}/development/logs"), filter)
}

/// A request's own page. Its address includes the filter, so that the link back to the list keeps it.
pub(crate) fn of_entry(company: ClientId, request: RequestId, filter: &LogFilter) -> String {
    with_query(format!("/c/{company}/development/logs/{request}"), filter)
}

/// The list with a request open beside it.
pub(super) fn of_open(company: ClientId, filter: &LogFilter, request: RequestId) -> String {
    let list = of_list(company, filter);
    let separator = if list.contains('?') { '&' } else { '?' };
    format!("{list}{separator}{OPEN}={request}")
}

/// The request that the query opens beside the list. What is none opens nothing.
pub(crate) fn opened(query: &str) -> Option<RequestId> {
    let pairs = query.trim_start_matches('?').split('&');
    let mut values = pairs.filter_map(|pair| pair.split_once('='));
    values.find(|(name, _)| *name == OPEN)?.1.parse().ok()
}

fn with_query(path: String, filter: &LogFilter) -> String {
    let query = filter.to_string();
    if query.is_empty() {
        path
    } else {
        format!("{path}?{query}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Choice, Environment};

    #[test]
    fn a_list_without_a_filter_has_no_query() {
        let company = ClientId::from_random([1; 16]);
        let filter = LogFilter {
            environment: Choice::only(Some(Environment::Dev)),
            ..LogFilter::default()
        };
        assert!(of_list(company, &LogFilter::default()).ends_with("/logs"));
        assert!(of_list(company, &filter).ends_with("/logs?environment=dev"));
    }

    #[test]
    fn the_open_request_is_beside_the_filter_which_does_not_know_it() {
        let (company, request) = (ClientId::from_random([1; 16]), RequestId::from_random([2; 16]));
        for query in ["", "range=7d&status=4xx"] {
            let filter: LogFilter = query.parse().expect("a filter");
            let address = of_open(company, &filter, request);
            let (_, query) = address.split_once('?').expect("a query");
            assert_eq!(opened(query), Some(request));
            assert_eq!(LogFilter::parse_lenient(query), (filter, Vec::new()));
        }
        for other in ["", "?open=", "open=%3Cimg%3E", "status=4xx", "open", "reopen=1"] {
            assert_eq!(opened(other), None, "{other}");
        }
    }
}
