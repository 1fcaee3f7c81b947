//! The questions in DuckDB's SQL, for the table that `peer.py` loads.

use logs::{Choice, Conditions, Question, Scope};
use model::{RequestId, StatusFilter};

/// The columns of a page of the log.
const COLUMNS: &str =
    "seq, id, arrived, method, path, status, verdict, environment, client, brand, key, last_four, duration";

/// The facets in the order of their statements: the column, and its condition.
pub(crate) const FACETS: [&str; 7] = [
    "status",
    "client",
    "environment",
    "key",
    "method",
    "verdict",
    "recorded",
];

/// The page, the count, the histogram and the facets, each as one statement, as far as they are asked for. `before` is the
/// cursor in the peer's own numbers. One row more than the page is read, to know whether there are more.
pub(crate) fn page(scope: Scope, question: &Question, before: Option<i64>) -> Vec<String> {
    let condition = all(&parts(scope, question, None));
    let cursor = before.map_or_else(String::new, |seq| format!(" AND seq < {seq}"));
    let mut statements = vec![format!(
        "SELECT {COLUMNS} FROM log WHERE {condition}{cursor} ORDER BY seq DESC LIMIT {}",
        question.rows + 1
    )];
    if question.count {
        statements.push(format!("SELECT count(*) FROM log WHERE {condition}"));
    }
    if let Some(buckets) = question.histogram {
        let (from, to) = (question.from.as_millis(), question.to.as_millis());
        statements.push(format!(
            "SELECT (arrived - {from}) * {buckets} // {} AS bucket, status // 100 AS class, count(*) FROM log \
             WHERE {condition} GROUP BY ALL",
            to - from
        ));
    }
    if question.facets {
        statements.extend(FACETS.map(|field| facet(scope, question, field)));
    }
    statements
}

/// One entry with all that is known of it.
pub(crate) fn entry(scope: Scope, request: RequestId) -> Vec<String> {
    vec![format!(
        "SELECT * FROM log WHERE {} AND id = '{request}'::UUID",
        of(scope)
    )]
}

/// The peer's number of a row.
pub(crate) fn seq_of(request: RequestId) -> Vec<String> {
    vec![format!("SELECT seq FROM log WHERE id = '{request}'::UUID")]
}

fn facet(scope: Scope, question: &Question, field: &'static str) -> String {
    let condition = all(&parts(scope, question, Some(field)));
    format!("SELECT {field}, count(*) FROM log WHERE {condition} AND {field} IS NOT NULL GROUP BY {field}")
}

fn of(scope: Scope) -> String {
    match scope {
        Scope::WithBrands { company, .. } => format!("root = '{company}'"),
        Scope::Brand { client_id, .. } => format!("client = '{client_id}'"),
    }
}

fn all(parts: &[String]) -> String {
    parts.join(" AND ")
}

/// All conditions but the one on the field `but`.
fn parts(scope: Scope, question: &Question, but: Option<&str>) -> Vec<String> {
    // Names every condition, so that a new one does not compile until it is handled here.
    let Conditions {
        status,
        client,
        environment,
        key,
        method,
        verdict,
        recorded,
        path,
        address,
        duration_us,
        // The benchmark asks for none of these, and looks requests up by their ids.
        error: _,
        endpoint: _,
        row: _,
    } = &question.conditions;
    let equal = |field: &'static str| move |value: String| format!("{field} = '{value}'");
    let fields = [
        ("status", choice(status, status_is)),
        ("client", choice(client, |id| equal("client")(id.to_string()))),
        (
            "environment",
            choice(environment, |value| equal("environment")(value.as_str().into())),
        ),
        ("key", choice(key, |id| equal("key")(id.to_string()))),
        ("method", choice(method, |name| equal("method")(name.clone()))),
        (
            "verdict",
            choice(verdict, |value| equal("verdict")(value.as_str().into())),
        ),
        (
            "recorded",
            choice(recorded, |value| equal("recorded")(value.as_str().into())),
        ),
        ("path", choice(path, |part| format!("contains(path, '{part}')"))),
        ("address", choice(address, |text| equal("address")(text.clone()))),
        (
            "duration",
            choice(duration_us, |(from, to)| {
                format!("duration >= {from} AND duration < {}", to.min(&(i64::MAX as u64)))
            }),
        ),
    ];
    let (from, to) = (question.from.as_millis(), question.to.as_millis());
    [of(scope), format!("arrived >= {from} AND arrived < {to}")]
        .into_iter()
        .chain(
            fields
                .into_iter()
                .filter(|(field, _)| Some(*field) != but)
                .filter_map(|(_, condition)| condition),
        )
        .collect()
}

fn choice<T>(choice: &Choice<T>, is: impl Fn(&T) -> String) -> Option<String> {
    let any = |values: &[T]| values.iter().map(&is).collect::<Vec<_>>().join(" OR ");
    match (choice.any_of.is_empty(), choice.none_of.is_empty()) {
        (true, true) => None,
        (false, true) => Some(format!("({})", any(&choice.any_of))),
        (true, false) => Some(format!("NOT ({})", any(&choice.none_of))),
        (false, false) => Some(format!(
            "({}) AND NOT ({})",
            any(&choice.any_of),
            any(&choice.none_of)
        )),
    }
}

fn status_is(filter: &StatusFilter) -> String {
    match filter {
        StatusFilter::Exactly(status) => format!("status = {status}"),
        _ => {
            let (from, to) = filter.bounds();
            format!("status BETWEEN {from} AND {}", to - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::{ClientId, CompanyId, Timestamp};

    use super::*;

    fn question(conditions: Conditions) -> Question {
        Question {
            from: Timestamp::from_millis(1_000),
            to: Timestamp::from_millis(2_000),
            conditions,
            before: None,
            as_of: None,
            after: None,
            rows: 50,
            count: true,
            histogram: None,
            callers: false,
            facets: false,
            groups: None,
            budget: Duration::MAX,
        }
    }

    fn scope() -> Scope {
        Scope::Brand {
            company: CompanyId::from_random([1; 16]),
            client_id: ClientId::from_random([2; 16]),
        }
    }

    #[test]
    fn a_page_is_one_statement_for_its_rows_and_one_for_their_count() {
        let status = Choice {
            any_of: vec![StatusFilter::Class(5)],
            none_of: vec![StatusFilter::Exactly(503)],
        };
        let statements = page(
            scope(),
            &question(Conditions {
                status,
                ..Conditions::default()
            }),
            Some(9),
        );
        let condition = "client = '02020202020202020202020202020202' AND arrived >= 1000 AND arrived < 2000 AND \
                         (status BETWEEN 500 AND 599) AND NOT (status = 503)";
        assert_eq!(
            statements[0],
            format!("SELECT {COLUMNS} FROM log WHERE {condition} AND seq < 9 ORDER BY seq DESC LIMIT 51")
        );
        assert_eq!(
            statements[1],
            format!("SELECT count(*) FROM log WHERE {condition}")
        );
        assert_eq!(statements.len(), 2);
    }

    #[test]
    fn a_facet_ignores_its_own_condition() {
        let conditions = Conditions {
            method: Choice::only(Some("GET".to_owned())),
            path: Choice::only(Some("/v1".to_owned())),
            ..Conditions::default()
        };
        let of_method = facet(scope(), &question(conditions.clone()), "method");
        assert!(
            !of_method.contains("method = 'GET'") && of_method.contains("contains(path, '/v1')"),
            "{of_method}"
        );
        assert!(facet(scope(), &question(conditions), "status").contains("method = 'GET'"));
    }
}
