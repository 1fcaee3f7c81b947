//! Groups of requests, compared with the requests that a click on each of them finds.

use std::collections::BTreeSet;

use logs::{Scope, StoredEntry};
use model::{DateRange, LogFilter, LogParts};

use crate::log_world::World;
use crate::logs::matches;

/// A click on a group finds the requests that the group counts.
pub(crate) async fn check_groups(world: &World, scope: Scope, filter: &LogFilter, entries: &[StoredEntry]) {
    let page = world.parts(scope, filter, LogParts::ERRORS).await;
    assert!(page.rows.is_empty() && page.endpoints.is_none());
    let (from, to) = (page.from, page.to);
    let found = |mut narrowed: LogFilter| {
        narrowed.range = DateRange::Between {
            from: Some(from),
            to: Some(to),
        };
        let found: Vec<&StoredEntry> = entries
            .iter()
            .filter(|entry| matches(entry, scope, &narrowed))
            .collect();
        found
    };
    let errors = page.errors.expect("errors");
    let failed = found(filter.clone())
        .into_iter()
        .filter(|entry| entry.status >= 400)
        .count();
    let counted: u64 = errors.groups.iter().map(|group| group.requests).sum();
    assert!(
        counted == failed as u64 || errors.beyond.groups > 0,
        "{scope:?} {filter}"
    );
    assert_eq!(errors.beyond.requests, 0);
    for group in &errors.groups {
        let narrowed = found(group.narrow(filter));
        assert_eq!(
            narrowed.len() as u64,
            group.requests,
            "{scope:?} {filter} {group:?}"
        );
        assert_eq!(narrowed.iter().map(|entry| entry.at).min(), Some(group.first));
        assert_eq!(narrowed.iter().map(|entry| entry.at).max(), Some(group.last));
        assert_eq!(group.counts.iter().sum::<u64>(), group.requests);
        let brands: BTreeSet<_> = narrowed.iter().map(|entry| entry.place.client_id).collect();
        assert_eq!(group.brands.number, brands.len() as u64);
        assert!(
            group
                .brands
                .names
                .iter()
                .all(|name| ["Own", "Brand 2", "Brand 3"].contains(&&**name))
        );
        let keys = ["…00ff", "…0aff", "…00ff (deleted)"];
        assert!(
            group.keys.names.iter().all(|name| keys.contains(&&**name)),
            "{group:?}"
        );
    }
    let page = world.parts(scope, filter, LogParts::ENDPOINTS).await;
    let endpoints = page.endpoints.expect("endpoints");
    let counted: u64 = endpoints.groups.iter().map(|group| group.requests).sum();
    assert_eq!(counted, found(filter.clone()).len() as u64, "{filter}");
    for group in &endpoints.groups {
        let narrowed = found(group.narrow(filter));
        assert_eq!(
            narrowed.len() as u64,
            group.requests,
            "{scope:?} {filter} {group:?}"
        );
    }
}
