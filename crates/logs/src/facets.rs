//! Facets as the page shows them: classes next to single values, and names for what is stored by its id.

use model::{
    BrandFilter, ClientId, DurationFilter, FacetValue, FilterField, KeyId, KeyName, LogFacet, LogFacets,
    StatusFilter, known_status,
};

use crate::{Found, Known, NamedKey, Scope};

/// How many values a facet has at most. A parent of hundreds of brands must not get them all with every page.
const MOST_VALUES: usize = 50;

/// Durations up to these classes are counted together. Each class ends at twice the duration of the one before, the first
/// at 1 ms.
const DURATIONS: [(u8, u64, u64); 6] = [
    (4, 0, 16),
    (6, 16, 64),
    (8, 64, 256),
    (10, 256, 1024),
    (12, 1024, 4096),
    (u8::MAX, 4096, u64::MAX),
];

/// Names what was found. `known` has the brands and keys of the scope.
pub(crate) fn named(found: Found, scope: Scope, known: &Known) -> LogFacets {
    let looked_back_to = found.looked_back_to.map(|back| back.at);
    let facets = found.facets;
    let mut all = vec![
        facet(FilterField::Status, classes(&facets.status)),
        facet(
            FilterField::Status,
            plain(facets.status, |status| StatusFilter::only(known_status(*status))),
        ),
        facet(
            FilterField::Brand,
            facets
                .client
                .into_iter()
                .map(|(id, requests)| brand(id, requests, scope, known))
                .collect(),
        ),
        facet(
            FilterField::Environment,
            labelled(facets.environment, |one| (one.as_str(), one.label())),
        ),
        facet(
            FilterField::Key,
            facets
                .key
                .into_iter()
                .map(|(id, requests)| key(id, requests, scope, known))
                .collect(),
        ),
        facet(FilterField::Method, plain(facets.method, Clone::clone)),
        facet(
            FilterField::Verdict,
            labelled(facets.verdict, |one| (one.as_str(), one.label())),
        ),
        facet(
            FilterField::Recorded,
            labelled(facets.recorded, |one| (one.as_str(), "")),
        ),
        facet(FilterField::Duration, durations(&facets.duration)),
    ];
    all.retain(|facet| !facet.values.is_empty());
    LogFacets { all, looked_back_to }
}

fn facet(field: FilterField, mut values: Vec<FacetValue>) -> LogFacet {
    let more = values.len().saturating_sub(MOST_VALUES) as u64;
    values.truncate(MOST_VALUES);
    LogFacet { field, values, more }
}

fn value(text: impl ToString, requests: u64) -> FacetValue {
    FacetValue {
        text: text.to_string(),
        label: String::new(),
        note: String::new(),
        requests,
    }
}

fn plain<T, U: ToString>(counted: Vec<(T, u64)>, text: impl Fn(&T) -> U) -> Vec<FacetValue> {
    let values = counted.iter().map(|(one, requests)| value(text(one), *requests));
    values.collect()
}

fn labelled<T>(
    counted: Vec<(T, u64)>,
    names: impl Fn(&T) -> (&'static str, &'static str),
) -> Vec<FacetValue> {
    let values = counted.iter().map(|(one, requests)| {
        let (text, label) = names(one);
        FacetValue {
            label: label.to_owned(),
            ..value(text, *requests)
        }
    });
    values.collect()
}

fn classes(statuses: &[(u16, u64)]) -> Vec<FacetValue> {
    let requests = |class: u8| -> u64 {
        let of_class = statuses
            .iter()
            .filter(|(status, _)| *status / 100 == u16::from(class));
        of_class.map(|(_, requests)| requests).sum()
    };
    let values = (1..=5).map(|class| value(StatusFilter::Class(class), requests(class)));
    values.filter(|value| value.requests > 0).collect()
}

fn durations(classes: &[(u8, u64)]) -> Vec<FacetValue> {
    let mut first = 0;
    let values = DURATIONS.into_iter().filter_map(|(last, from, to)| {
        let of_these = classes.iter().filter(|(class, _)| (first..=last).contains(class));
        let requests = of_these.map(|(_, requests)| requests).sum();
        first = last.saturating_add(1);
        let filter = DurationFilter::new(from * 1000, to.saturating_mul(1000))?;
        (requests > 0).then(|| value(filter, requests))
    });
    values.collect()
}

fn brand(id: ClientId, requests: u64, scope: Scope, known: &Known) -> FacetValue {
    if id == scope.client_id() {
        return FacetValue {
            label: "Own requests".to_owned(),
            ..value(BrandFilter::Own, requests)
        };
    }
    FacetValue {
        label: name_of(id, known).unwrap_or_default().to_owned(),
        ..value(id, requests)
    }
}

fn name_of(id: ClientId, known: &Known) -> Option<&str> {
    let brand = known.brands.iter().find(|brand| brand.client_id == id)?;
    Some(&brand.name)
}

fn key(id: KeyId, requests: u64, scope: Scope, known: &Known) -> FacetValue {
    let Some(named) = known.keys.iter().find(|key| key.id == id) else {
        return FacetValue {
            note: "deleted".to_owned(),
            ..value(id, requests)
        };
    };
    FacetValue {
        label: format!("…{}", named.last_four),
        note: note_of(named, scope, known),
        ..value(id, requests)
    }
}

/// What the keys of a scope are called, active ones first.
pub(crate) fn key_names(scope: Scope, known: &Known) -> Vec<KeyName> {
    let mut names: Vec<_> = known
        .keys
        .iter()
        .map(|key| KeyName {
            id: key.id,
            last_four: key.last_four.clone(),
            note: note_of(key, scope, known),
            is_active: !key.is_deleted,
        })
        .collect();
    names.sort_by_key(|key| !key.is_active);
    names
}

/// "Production", "Acme East, Sandbox, deleted".
fn note_of(key: &NamedKey, scope: Scope, known: &Known) -> String {
    let brand = name_of(key.client_id, known).filter(|_| key.client_id != scope.client_id());
    let parts = [
        brand,
        Some(key.environment.label()),
        key.is_deleted.then_some("deleted"),
    ];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    parts.join(", ")
}
