//! The filter as an address, and each kind of value.

use model::{
    BrandFilter, Choice, ClientId, DateRange, DurationFilter, EndpointOrder, Environment, FilterField,
    InvalidFilter, InvalidValue, KeyFilter, KeyId, LogFilter, LogView, MOST_VALUES, StatusFilter, Timestamp,
};

#[test]
fn only_endpoints_have_an_order() {
    let filter: LogFilter = "view=errors&sort=p95".parse().expect("a filter");
    assert_eq!(filter.to_string(), "view=errors");
    assert!("view=endpoints&sort=speed".parse::<LogFilter>().is_err());
}

fn only<T>(value: T) -> Choice<T> {
    Choice::only(Some(value))
}

#[test]
fn a_filter_survives_its_query_string() {
    let filters = [
        LogFilter::default(),
        LogFilter {
            range: DateRange::Last7Days,
            status: only(StatusFilter::Class(4)),
            brand: only(BrandFilter::Own),
            environment: only(Environment::Prod),
            method: only("POST".to_owned()),
            path: only("/v1/orders/?a=b&c=é %".to_owned()),
            view: LogView::Errors,
            before: Some(17),
            ..LogFilter::default()
        },
        LogFilter {
            range: DateRange::Between {
                from: Some(Timestamp::from_millis(1_767_607_200_000)),
                to: None,
            },
            status: only(StatusFilter::Exactly(404)),
            brand: only(BrandFilter::Brand(ClientId::from_random([9; 16]))),
            key: only(KeyFilter::Id(KeyId::from_random([3; 16]))),
            ..LogFilter::default()
        },
        LogFilter {
            view: LogView::Endpoints,
            sort: EndpointOrder::ServerErrors,
            ..LogFilter::default()
        },
    ];
    for filter in filters {
        assert_eq!(filter.to_string().parse(), Ok(filter.clone()), "{filter}");
    }
}

/// `FromStr` reads by name and cannot name its fields for the compiler: `Self::texts` and this can.
#[test]
fn every_field_is_written_and_read_alone() {
    let values = [
        ("status", "404"),
        ("brand", "Acme East"),
        ("environment", "prod"),
        ("key", "ab6d"),
        ("method", "POST"),
        ("verdict", "deleted_key"),
        ("error", "card_declined"),
        ("recorded", "verify"),
        ("path", "orders"),
        ("endpoint", "/v1/users/{id}"),
        ("ip", "2001:db8::7"),
        ("duration", ">500ms"),
        ("id", "0123456789abcdef0123456789abcdef"),
    ];
    assert_eq!(
        values.map(|(name, _)| name),
        FilterField::ALL.map(FilterField::parameter)
    );
    let mut written = std::collections::BTreeSet::new();
    for (name, value) in values {
        for exclude in [false, true] {
            let field = FilterField::from_name(name).expect("a field");
            let mut filter = LogFilter::default();
            filter.add(field, exclude, value).expect("a value");
            assert!(filter.narrows(), "{name}");
            assert_eq!(filter.texts(field, exclude), [value]);
            assert_eq!(filter.to_string().parse(), Ok(filter.clone()), "{filter}");
            written.insert(filter.to_string());
            filter.clear(field);
            assert_eq!(filter, LogFilter::default(), "{name}");
        }
    }
    assert_eq!(written.len(), 2 * values.len(), "{written:?}");
}

#[test]
fn values_are_repeated_parameters_and_a_minus_before_the_name_excludes() {
    let query =
        "range=7d&status=4xx&status=500&-status=404&environment=dev&environment=prod&path=orders&before=17";
    let filter: LogFilter = query.parse().expect("a filter");
    assert_eq!(
        filter.status,
        Choice {
            any_of: vec![StatusFilter::Class(4), StatusFilter::Exactly(500)],
            none_of: vec![StatusFilter::Exactly(404)],
        }
    );
    assert_eq!(filter.to_string(), query);
    let in_another_order =
        "path=orders&-status=404&env=dev&status=4xx&before=17&env=prod&status=500&status=4xx&range=7d";
    assert_eq!(in_another_order.parse(), Ok(filter));
}

#[test]
fn a_value_is_included_or_excluded_and_never_both() {
    let filter: LogFilter = "status=404&-status=404".parse().expect("a filter");
    assert_eq!(filter.to_string(), "-status=404");
}

#[test]
fn comparisons_of_opposite_directions_are_a_range() {
    for (query, canonical) in [
        ("status=%3E%3D400&status=%3C500", "status=400..499"),
        ("status=%3C%3D404&status=%3E403", "status=404"),
        ("status=%3E499&status=%3C300", "status=%3E%3D500&status=%3C%3D299"),
        ("duration=%3E%3D500ms&duration=%3C2s", "duration=500ms..2s"),
        ("duration=%3C1s&duration=%3E2s", "duration=%3C1s&duration=%3E2s"),
        (
            "-duration=%3C2s&-duration=%3E1s",
            "-duration=%3C2s&-duration=%3E1s",
        ),
    ] {
        let filter: LogFilter = query.parse().expect("a filter");
        assert_eq!(filter.to_string(), canonical, "{query}");
    }
}

#[test]
fn statuses_and_durations_have_exact_bounds() {
    for (text, bounds) in [
        ("5xx", (500, 600)),
        ("1XX", (100, 200)),
        ("404", (404, 405)),
        (">=500", (500, 1000)),
        (">499", (500, 1000)),
        ("<500", (1, 500)),
        ("<=499", (1, 500)),
        ("unknown", (0, 1)),
        ("400..404", (400, 405)),
    ] {
        assert_eq!(text.parse().map(StatusFilter::bounds), Ok(bounds), "{text}");
    }
    for text in [
        "",
        "0xx",
        "6xx",
        "99",
        "600",
        "404..400",
        ">=1000",
        "+404",
        "0404",
        "4x",
        "4xxx",
        "404..",
        "=404",
        ">599",
        "<100",
        "0",
        "000",
        "Unknown",
        ">=unknown",
    ] {
        assert_eq!(text.parse::<StatusFilter>(), Err(InvalidValue), "{text}");
    }
    for (text, bounds, canonical) in [
        (">500ms", (500_001, u64::MAX), ">500ms"),
        (">=500ms", (500_000, u64::MAX), ">=500ms"),
        ("<2s", (0, 2_000_000), "<2s"),
        ("<=2s", (0, 2_000_001), "<=2s"),
        ("<1.5s", (0, 1_500_000), "<1500ms"),
        ("<0.25ms", (0, 250), "<250us"),
        (">2min", (120_000_001, u64::MAX), ">120s"),
        ("500ms..2s", (500_000, 2_000_000), "500ms..2s"),
        ("0s..1ms", (0, 1_000), "<1ms"),
        (">0s", (1, u64::MAX), ">0s"),
    ] {
        let filter: DurationFilter = text.parse().expect(text);
        assert_eq!(filter.bounds(), bounds, "{text}");
        assert_eq!(filter.to_string(), canonical);
        assert_eq!(canonical.parse(), Ok(filter));
    }
    for text in [
        "",
        "500ms",
        ">500",
        ">ms",
        ">=0s",
        "<0s",
        "2s..1s",
        ">-1s",
        ">1.s",
        ">.5s",
        ">1.2.3s",
        "<25h",
        ">99999999999m",
        ">1e3s",
    ] {
        assert_eq!(text.parse::<DurationFilter>(), Err(InvalidValue), "{text}");
    }
}

#[test]
fn a_key_is_named_by_its_id_or_by_its_last_four() {
    let last_four = KeyFilter::LastFour("ab6d".parse().expect("four"));
    for text in ["ab6d", "AB6D", "…ab6d"] {
        assert_eq!(text.parse(), Ok(last_four), "{text}");
    }
    assert!(matches!(
        "0123456789abcdef0123456789abcdef".parse(),
        Ok(KeyFilter::Id(_))
    ));
    for text in ["", "ab6", "ab6g", "0ab6d", "é12"] {
        assert_eq!(text.parse::<KeyFilter>(), Err(InvalidValue), "{text}");
    }
}

#[test]
fn more_values_than_there_is_room_for_are_named() {
    let query: String = (0..40)
        .map(|status| format!("status={}&", 400 + status))
        .collect();
    let (filter, wrong) = LogFilter::parse_lenient(&query);
    assert_eq!(filter.status.any_of.len(), MOST_VALUES);
    assert_eq!(
        wrong,
        [InvalidFilter {
            name: "status",
            wants: "32 values at most"
        }]
    );
    let long = format!(
        "path={}&brand={}&method={}",
        "x".repeat(8192),
        "x".repeat(401),
        "x".repeat(65)
    );
    let (filter, wrong) = LogFilter::parse_lenient(&long);
    assert_eq!(filter, LogFilter::default());
    assert_eq!(
        wrong.iter().map(|one| one.name).collect::<Vec<_>>(),
        ["path", "brand", "method"]
    );
}

#[test]
fn an_address_can_have_a_search_line() {
    let (filter, wrong) =
        LogFilter::parse_lenient("range=7d&q=status%3A5xx+-env%3Adev+%2Fv1%2Forders&status=404");
    assert_eq!(wrong, []);
    assert_eq!(
        filter.to_string(),
        "range=7d&status=5xx&status=404&-environment=dev&path=/v1/orders"
    );
    let (filter, wrong) = LogFilter::parse_lenient("q=status%3A9xx+foo%3Abar+env%3Adev");
    assert_eq!(wrong.len(), 1);
    assert_eq!(filter.to_string(), "environment=dev");
}

#[test]
fn the_default_filter_is_an_empty_query() {
    assert_eq!(LogFilter::default().to_string(), "");
}

#[test]
fn an_empty_value_is_no_filter() {
    assert_eq!("status=&brand=&path=&range=".parse(), Ok(LogFilter::default()));
}

#[test]
fn a_preset_wins_over_the_bounds_beside_it() {
    for query in [
        "range=7d&from=2026-01-05T10:00&to=",
        "from=2026-01-05T10:00&range=7d",
    ] {
        assert_eq!(
            query.parse(),
            Ok(LogFilter {
                range: DateRange::Last7Days,
                ..LogFilter::default()
            }),
            "{query}"
        );
    }
}

#[test]
fn a_wrong_value_is_named() {
    let error = "status=9xx".parse::<LogFilter>().expect_err("9xx is no class");
    assert_eq!(error.name, "status");
}

#[test]
fn a_range_that_ends_before_it_begins_is_named_and_keeps_its_beginning() {
    for to in ["2026-01-05T10:00:00Z", "2026-01-05T09:59:00Z"] {
        let (filter, wrong) =
            LogFilter::parse_lenient(&format!("from=2026-01-05T10:00:00Z&to={to}&status=404"));
        assert_eq!(wrong.len(), 1, "{to}");
        assert_eq!((wrong[0].name, wrong[0].wants), ("to", "later than from"));
        assert_eq!(filter.to_string(), "from=2026-01-05T10:00:00.000Z&status=404");
    }
}

#[test]
fn a_custom_range_without_bounds_is_named() {
    let (filter, wrong) = LogFilter::parse_lenient("range=&from=&to=&status=404");
    assert_eq!(wrong.len(), 1);
    assert_eq!(wrong[0].name, "from");
    assert_eq!(filter.to_string(), "status=404");
    for fine in [
        "range=7d&from=&to=",
        "range=&from=2026-01-05T10:00&to=",
        "status=",
    ] {
        assert_eq!(LogFilter::parse_lenient(fine).1, [], "{fine}");
    }
}

#[test]
fn lenient_reading_keeps_the_rest() {
    let (filter, wrong) = LogFilter::parse_lenient("range=7d&status=abc&environment=dev");
    assert_eq!(wrong.len(), 1);
    assert_eq!(
        (filter.range, filter.environment, filter.status),
        (DateRange::Last7Days, only(Environment::Dev), Choice::default())
    );
}
