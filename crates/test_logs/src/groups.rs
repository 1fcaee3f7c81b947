//! The groups of a list's rows, made by looking at every row, and a comparison of a store's groups with them.

use std::collections::{BTreeMap, BTreeSet};

use logs::{Distinct, ErrorKey, Found, FoundErrors, Groups, Question, Scope, StoredEntry};
use model::{
    ClientId, EndpointGroup, EndpointOrder, ErrorReason, KeyAddress, KeyId, Timestamp, Verdict, path_template,
};

use crate::List;
use crate::trial::same;

/// Groups that a store tells apart at most.
const MOST: usize = 4096;

/// A group of errors with all that it concerns.
#[derive(Debug, Default)]
struct Errors {
    times: Vec<Timestamp>,
    counts: Vec<u64>,
    keys: BTreeSet<KeyId>,
    clients: BTreeSet<ClientId>,
}

/// The groups must be those of the list. Percentiles may be 1/64 away from exact ones.
pub(crate) fn compare(list: &List, scope: Scope, question: &Question, found: &Found, asked: &str) {
    let (mut errors, mut endpoints, mut addresses) = (0, 0, 0);
    match question.groups {
        None => {}
        Some(Groups::Addresses) => addresses = compare_addresses(list, scope, question, found, asked),
        Some(Groups::Errors { parts }) => {
            errors = compare_errors(list, scope, question, parts, found, asked);
        }
        Some(Groups::Endpoints(order)) => {
            endpoints = compare_endpoints(list, scope, question, order, found, asked);
        }
    }
    let groups = errors.max(endpoints).max(addresses);
    let listed = if addresses > 0 {
        Groups::ADDRESSES
    } else {
        Groups::LISTED
    };
    same(&found.errors.len(), &errors.min(Groups::LISTED), asked);
    same(&found.endpoints.len(), &endpoints.min(Groups::LISTED), asked);
    same(&found.addresses.len(), &addresses.min(Groups::ADDRESSES), asked);
    same(&(found.beyond.requests > 0), &(groups > MOST), asked);
    let more = groups.min(MOST).saturating_sub(listed) as u64;
    same(&found.beyond.groups, &more, asked);
}

/// Returns how many addresses there are.
fn compare_addresses(list: &List, scope: Scope, question: &Question, found: &Found, asked: &str) -> usize {
    let mut seen: BTreeMap<&str, Vec<Timestamp>> = BTreeMap::new();
    for row in list.stored_matching(scope, question) {
        seen.entry(&row.address).or_default().push(row.at);
    }
    if seen.len() <= MOST {
        let mut order: Vec<_> = seen.iter().collect();
        order.sort_by_key(|(address, times)| (std::cmp::Reverse(times.len()), **address));
        let first = order.into_iter().take(Groups::ADDRESSES);
        let expected = first.map(|(address, times)| KeyAddress {
            address: (*address).to_owned(),
            requests: times.len() as u64,
            last: times.iter().copied().max().unwrap_or_default(),
        });
        same(&found.addresses, &expected.collect(), asked);
    }
    seen.len()
}

/// Returns how many groups there are.
fn compare_errors(
    list: &List,
    scope: Scope,
    question: &Question,
    parts: u32,
    found: &Found,
    asked: &str,
) -> usize {
    let mut groups: BTreeMap<ErrorKey, Errors> = BTreeMap::new();
    for row in list.stored_matching(scope, question) {
        if row.status >= 400 {
            groups
                .entry(error_key(row))
                .or_default()
                .add(row, question, parts);
        }
    }
    let mut order: Vec<_> = groups.iter().collect();
    order.sort_by_key(|(key, group)| (std::cmp::Reverse(group.times.len()), (*key).clone()));
    if order.len() <= MOST {
        let first = order.iter().take(Groups::LISTED);
        let keys: Vec<&ErrorKey> = first.map(|(key, _)| *key).collect();
        same(
            &found.errors.iter().map(|group| &group.key).collect(),
            &keys,
            asked,
        );
    }
    for group in &found.errors {
        let expected = &groups[&group.key];
        let known = FoundErrors {
            key: group.key.clone(),
            requests: expected.times.len() as u64,
            first: *expected.times.iter().min().expect("a group has a row"),
            last: *expected.times.iter().max().expect("a group has a row"),
            counts: expected.counts.clone(),
            keys: distinct(&expected.keys, &group.keys),
            clients: distinct(&expected.clients, &group.clients),
        };
        same(group, &known, asked);
    }
    groups.len()
}

impl Errors {
    fn add(&mut self, row: &StoredEntry, question: &Question, parts: u32) {
        let into = i128::from(row.at.as_millis()) - i128::from(question.from.as_millis());
        let range = i128::from(question.to.as_millis()) - i128::from(question.from.as_millis());
        self.counts.resize(parts as usize, 0);
        self.counts[(into * i128::from(parts) / range) as usize] += 1;
        self.times.push(row.at);
        self.keys.extend(row.key.as_ref().map(|key| key.id));
        self.clients.insert(row.place.client_id);
    }
}

fn error_key(row: &StoredEntry) -> ErrorKey {
    ErrorKey {
        status: row.status,
        method: row.method.clone(),
        endpoint: path_template(&row.path),
        reason: match (row.verdict, &row.error_code) {
            (Verdict::Accepted, Some(code)) => ErrorReason::Code(code.clone()),
            (Verdict::Accepted, None) => ErrorReason::Unknown,
            (refused, _) => ErrorReason::Refused(refused),
        },
    }
}

/// All values or, if there are too many, those that the store chose among them.
fn distinct<T: Ord + Copy>(all: &BTreeSet<T>, found: &Distinct<T>) -> Distinct<T> {
    let is_more = all.len() > Groups::AFFECTED;
    let chosen: BTreeSet<T> = found
        .values
        .iter()
        .copied()
        .filter(|one| all.contains(one))
        .collect();
    if is_more && chosen.len() == Groups::AFFECTED {
        return Distinct {
            values: chosen.into_iter().collect(),
            is_more,
        };
    }
    Distinct {
        values: all.iter().copied().collect(),
        is_more,
    }
}

/// Returns how many groups there are.
fn compare_endpoints(
    list: &List,
    scope: Scope,
    question: &Question,
    by: EndpointOrder,
    found: &Found,
    asked: &str,
) -> usize {
    let mut groups: BTreeMap<(String, String), Vec<&StoredEntry>> = BTreeMap::new();
    for row in list.stored_matching(scope, question) {
        let key = (path_template(&row.path), row.method.clone());
        groups.entry(key).or_default().push(row);
    }
    let mut order: Vec<_> = groups.iter().collect();
    let part = |rows: &[&StoredEntry], from: u16| {
        let failed = rows.iter().filter(|row| row.status >= from).count();
        failed * 1_000_000 / rows.len()
    };
    order.sort_by_key(|(key, rows)| {
        let rank = match by {
            EndpointOrder::Endpoint => return (std::cmp::Reverse((0, 0)), (*key).clone()),
            EndpointOrder::Failed => part(rows, 400),
            EndpointOrder::ServerErrors => part(rows, 500),
            _ => rows.len(),
        };
        (std::cmp::Reverse((rank, rows.len())), (*key).clone())
    });
    let percentile: Option<fn(&EndpointGroup) -> u64> = match by {
        EndpointOrder::P50 => Some(|group| group.p50_us),
        EndpointOrder::P95 => Some(|group| group.p95_us),
        EndpointOrder::P99 => Some(|group| group.p99_us),
        _ => None,
    };
    if let Some(percentile) = percentile {
        let is_sorted = found
            .endpoints
            .is_sorted_by(|a, b| percentile(a) >= percentile(b));
        assert!(is_sorted, "{:?}: {asked}", found.endpoints);
    } else if order.len() <= MOST {
        let first = order.iter().take(Groups::LISTED);
        let keys: Vec<(String, String)> = first.map(|(key, _)| (*key).clone()).collect();
        let listed = found.endpoints.iter();
        let listed = listed.map(|group| (group.endpoint.clone(), group.method.clone()));
        same(&listed.collect(), &keys, asked);
    }
    if groups.len() <= MOST {
        let most = groups.values().map(Vec::len).max().unwrap_or(0);
        same(&found.most_requests, &(most as u64), asked);
        let enough = |rows: &&Vec<&StoredEntry>| rows.len() as u64 >= EndpointGroup::ENOUGH;
        let highest = groups
            .values()
            .filter(enough)
            .map(|rows| percentile_of(rows, 95))
            .max();
        let slowest = found.slowest.as_ref();
        same(&slowest.is_some(), &highest.is_some(), asked);
        if let (Some(slowest), Some(highest)) = (slowest, highest) {
            let rows = &groups[&(slowest.endpoint.clone(), slowest.method.clone())];
            assert!(enough(&rows), "{slowest:?}: {asked}");
            assert!(
                slowest.p95_us >= highest - highest / 64,
                "{slowest:?}, not {highest}: {asked}"
            );
        }
    }
    for group in found.endpoints.iter().chain(&found.slowest) {
        let rows = &groups[&(group.endpoint.clone(), group.method.clone())];
        let from = |status: u16| rows.iter().filter(|row| row.status >= status).count() as u64;
        same(
            &(group.requests, group.failed, group.server_errors),
            &(rows.len() as u64, from(400), from(500)),
            asked,
        );
        for (percent, found) in [(50, group.p50_us), (95, group.p95_us), (99, group.p99_us)] {
            let exact = percentile_of(rows, percent);
            assert!(
                found.abs_diff(exact) <= exact / 64,
                "{found} and not {exact}, {percent} % of {group:?}: {asked}"
            );
        }
    }
    groups.len()
}

/// The duration that this share of the rows, in percent, does not exceed.
fn percentile_of(rows: &[&StoredEntry], percent: usize) -> u64 {
    let mut durations: Vec<u64> = rows.iter().map(|row| row.duration_us).collect();
    durations.sort_unstable();
    durations[(durations.len() * percent).div_ceil(100) - 1]
}
