//! Addresses of the tab, with the filter in them.

use model::{ClientId, LogFilter, RequestId};

/// `/c/…/development/logs?status=4xx`.
pub(super) fn of_list(company: ClientId, filter: &LogFilter) -> String {
    with_query(format!("/c/{company}/development/logs"), filter)
}

/// A request's own page. Its address includes the filter, so that the link back to the list keeps it.
pub(super) fn of_entry(company: ClientId, request: RequestId, filter: &LogFilter) -> String {
    with_query(format!("/c/{company}/development/logs/{request}"), filter)
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
}
