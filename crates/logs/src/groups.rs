//! Groups of requests as the page shows them: names for keys and brands, which are stored by their ids.

use model::{Affected, ClientId, ErrorGroup, KeyId, LogEndpoints, LogErrors, Timestamp};

use crate::{Distinct, Found, FoundErrors, Known, Scope};

/// Parts of the range that a group's requests are counted in.
pub(crate) const PARTS: u32 = 30;

/// Names what was found between these times. `known` has the brands and keys of the scope.
pub(crate) fn errors(found: Found, from: Timestamp, to: Timestamp, scope: Scope, known: &Known) -> LogErrors {
    let group = |group: FoundErrors| ErrorGroup {
        status: group.key.status,
        method: group.key.method,
        endpoint: group.key.endpoint,
        reason: group.key.reason,
        requests: group.requests,
        first: group.first,
        last: group.last,
        counts: group.counts,
        keys: affected(&group.keys, |id| key(id, known)),
        brands: affected(&group.clients, |id| brand(id, scope, known)),
    };
    LogErrors {
        from,
        to,
        groups: found.errors.into_iter().map(group).collect(),
        beyond: found.beyond,
        looked_back_to: found.looked_back_to.map(|back| back.at),
    }
}

pub(crate) fn endpoints(found: Found) -> LogEndpoints {
    LogEndpoints {
        groups: found.endpoints,
        slowest: found.slowest,
        most_requests: found.most_requests,
        unknown: 0,
        beyond: found.beyond,
        looked_back_to: found.looked_back_to.map(|back| back.at),
    }
}

fn affected<T: Copy>(distinct: &Distinct<T>, name: impl Fn(T) -> String) -> Affected {
    let mut names: Vec<String> = distinct.values.iter().map(|one| name(*one)).collect();
    names.sort();
    Affected {
        names,
        number: distinct.values.len() as u64,
        is_more: distinct.is_more,
    }
}

/// "…ab6d", "…ab6d (deleted)", or "deleted" where no more is known of it.
fn key(id: KeyId, known: &Known) -> String {
    match known.keys.iter().find(|key| key.id == id) {
        Some(key) if key.is_deleted => format!("…{} (deleted)", key.last_four),
        Some(key) => format!("…{}", key.last_four),
        None => "deleted".to_owned(),
    }
}

fn brand(id: ClientId, scope: Scope, known: &Known) -> String {
    if id == scope.client_id() {
        return "Own".to_owned();
    }
    let brand = known.brands.iter().find(|brand| brand.client_id == id);
    brand.map_or_else(|| id.to_string(), |brand| brand.name.clone())
}
