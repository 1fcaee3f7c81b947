//! What the Logs page says when it could not list everything.

use model::{
    DamagedPart, FacetValue, FilterField, LogFacet, LogFacets, LogHistogram, LogPage, LogRow, RequestId,
    Verdict,
};

use crate::world::{NOON, World, company, owner};
use crate::{assert_sound, render, text_of};

fn row() -> LogRow {
    LogRow {
        seq: 9,
        request_id: RequestId::time_ordered(NOON, [1; 10]),
        at: NOON,
        method: "GET".to_owned(),
        path: "/v1/orders/".to_owned(),
        status: Some(200),
        verdict: Verdict::Accepted,
        error_code: None,
        environment: None,
        client_id: company(),
        brand: None,
        key_id: None,
        key_last_four: None,
        duration_us: 1,
        caller: None,
    }
}

pub(crate) fn page(rows: Vec<LogRow>) -> LogPage {
    LogPage {
        rows,
        matching: Some(1),
        at_least: 1,
        from: NOON.minus_seconds(86_400),
        to: NOON,
        ..LogPage::default()
    }
}

async fn text(page: LogPage, file: &str) -> (String, String) {
    text_at("logs", page, file).await
}

async fn text_at(address: &str, page: LogPage, file: &str) -> (String, String) {
    let world = World {
        log: Some(page),
        ..owner()
    };
    let html = render(world, address, file).await;
    assert_sound(&html);
    (text_of(&html), html)
}

#[tokio::test]
async fn a_search_that_ran_out_of_time_says_how_far_back_it_looked_and_goes_on() {
    let unfinished = |rows| LogPage {
        older: Some(77),
        matching: None,
        looked_back_to: Some(NOON.minus_seconds(3600)),
        ..page(rows)
    };
    let stopped = "The search took too long and stopped at 5 Jan 2026 11:00:00 UTC .";
    let (some, html) = text(unfinished(vec![row()]), "logs-unfinished").await;
    for words in [stopped, "1+ requests in the last 24 hours", "Search further back"] {
        assert!(some.contains(words), "{words} in {some}");
    }
    assert!(html.contains("before=77"), "{html}");
    let (none, html) = text(unfinished(Vec::new()), "logs-unfinished-empty").await;
    for words in [stopped, "No matching requests so far", "Search further back"] {
        assert!(none.contains(words), "{words} in {none}");
    }
    assert!(!none.contains("0 requests"), "{none}");
    assert!(html.contains("before=77"), "{html}");
}

#[tokio::test]
async fn damaged_parts_of_the_log_are_named() {
    let damaged = LogPage {
        damaged: vec![
            DamagedPart {
                from: NOON.minus_seconds(7200),
                to: NOON.minus_seconds(3600),
            },
            DamagedPart {
                from: NOON.minus_seconds(60),
                to: NOON,
            },
        ],
        ..page(vec![row()])
    };
    let (text, _) = text(damaged, "logs-damaged").await;
    for (from, to) in [("10:00:00", "11:00:00"), ("11:59:00", "12:00:00")] {
        let words = format!(
            "Part of the log is damaged: requests between 5 Jan 2026 {from} UTC and 5 Jan 2026 {to} UTC may be missing"
        );
        assert!(text.contains(&words), "{words} in {text}");
    }
}

fn histogram() -> LogHistogram {
    let bucket = |at: u64| {
        let errors = if at.is_multiple_of(5) { at % 7 } else { 0 };
        [0, 0, 40 + (at * 37) % 80, u64::from(at == 9), errors * 2, errors]
    };
    LogHistogram {
        from: NOON.minus_seconds(86_400),
        width: 900_000,
        buckets: (0..96)
            .map(|at| if at < 20 { [0; 6] } else { bucket(at) })
            .collect(),
        looked_back_to: None,
        now: NOON,
    }
}

fn facets() -> LogFacets {
    let value = |text: &str, label: &str, note: &str, requests| FacetValue {
        text: text.to_owned(),
        label: label.to_owned(),
        note: note.to_owned(),
        requests,
    };
    let facet = |field, values| LogFacet {
        field,
        values,
        more: 0,
    };
    let plain = |texts: &[&str]| texts.iter().map(|text| value(text, "", "", 1_203)).collect();
    let hostile = "<b>Acme</b> \"East\" \u{202e}";
    LogFacets {
        all: vec![
            facet(FilterField::Status, plain(&["2xx", "4xx", "5xx"])),
            facet(
                FilterField::Status,
                plain(&["200", "201", "404", "401", "429", "500", "502", "503"]),
            ),
            facet(
                FilterField::Brand,
                vec![
                    value("own", "Own requests", "", 8),
                    value(hostile, hostile, "", 3),
                ],
            ),
            facet(
                FilterField::Environment,
                vec![
                    value("sandbox", "Sandbox", "", 8),
                    value("prod", "Production", "", 8),
                ],
            ),
            facet(
                FilterField::Key,
                vec![
                    value("ab6d", "…ab6d", "Production, deleted", 12),
                    value("a6f1", "…a6f1", "Sandbox", 7),
                ],
            ),
            facet(FilterField::Method, plain(&["GET", "POST"])),
            facet(
                FilterField::Verdict,
                vec![
                    value("accepted", "Key accepted", "", 8),
                    value("deleted_key", "Deleted key", "", 8),
                ],
            ),
            facet(
                FilterField::Duration,
                plain(&["<16ms", "16ms..64ms", "64ms..256ms"]),
            ),
        ],
        looked_back_to: None,
    }
}

fn full() -> LogPage {
    let rows = (0..24).map(|at: u8| LogRow {
        seq: 100 - i64::from(at),
        request_id: RequestId::time_ordered(NOON, [at; 10]),
        status: Some([200, 201, 404, 200, 503, 302][usize::from(at) % 6]),
        brand: at.is_multiple_of(3).then(|| "Northwind Cards".to_owned()),
        environment: Some(model::Environment::ALL[usize::from(at) % 3]),
        key_last_four: Some("ab6d".to_owned()),
        duration_us: u64::from(at) * 73_411 + 840,
        caller: None,
        ..row()
    });
    LogPage {
        histogram: Some(histogram()),
        facets: Some(facets()),
        matching: Some(4_812),
        ..page(rows.collect())
    }
}

#[tokio::test]
async fn the_chart_has_its_picture_its_numbers_and_links_to_other_ranges_without_scripts() {
    let (text, html) = text(full(), "logs-full").await;
    assert!(
        html.contains("<svg") && html.contains("data-class=\"5xx\""),
        "{html}"
    );
    for words in [
        "client errors",
        "Earlier",
        "Zoom out",
        "4 Jan 12:00 UTC",
        "5 Jan 12:00 UTC",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(
        html.contains("?from=2026-01-04T12:00:00.000Z&amp;to=2026-01-04T12:15:00.000Z"),
        "a link for each bucket"
    );
    // No more than three filters were asked for.
    assert!(
        !text.contains("Status class") && html.contains("<details data-key=\"more\" class=\"logs-more\""),
        "{text}"
    );
}

#[tokio::test]
async fn more_filters_are_open_and_counted_where_one_of_them_is_set() {
    let (text, html) = text_at("logs?method=POST&-status=404&key=ab6d", full(), "logs-more").await;
    assert!(
        html.contains("<details data-key=\"more\" open class=\"logs-more\""),
        "{html}"
    );
    for words in [
        "Status class",
        "1,203 requests",
        "Method: POST",
        "Status: not 404 Not found",
        "Key: …ab6d",
        "Production, deleted",
        "2 more of Status",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert!(
        html.contains("&lt;b&gt;Acme&lt;/b&gt;") && !html.contains("<b>Acme"),
        "what strangers wrote is text"
    );
    for kept in [
        "name=\"-status\" value=\"404\"",
        "<option value=\"POST\" selected",
    ] {
        assert!(html.contains(kept), "{kept} in {html}");
    }
}

#[tokio::test]
async fn without_scripts_a_wrong_word_of_the_search_line_is_shown_with_what_it_should_be() {
    let (text, html) = text_at("logs?q=method%3AGET+status%3A9xx&more=1", full(), "logs-wrong").await;
    assert!(
        text.contains("9xx status wants a class such as 5xx, a code, &gt;=500 or unknown."),
        "{text}"
    );
    assert!(html.contains("value=\"method:GET status:9xx\""), "{html}");
    assert!(
        text.contains("Remove the filter Method: GET"),
        "the rest is a filter: {text}"
    );
}

#[tokio::test]
async fn a_row_whose_status_is_not_known_has_a_dash_and_is_no_failure() {
    let mut unknown = row();
    unknown.status = None;
    let (text, html) = text(page(vec![unknown]), "logs-not-known").await;
    assert!(text.contains("— Not known"), "{text}");
    assert!(
        !html.contains("data-failed=\"4xx\"") && !html.contains("data-failed=\"5xx\""),
        "{html}"
    );
    let facets = LogFacets {
        all: vec![LogFacet {
            field: FilterField::Status,
            values: vec![FacetValue {
                text: "unknown".to_owned(),
                label: String::new(),
                note: String::new(),
                requests: 1,
            }],
            more: 0,
        }],
        looked_back_to: None,
    };
    let found = LogPage {
        facets: Some(facets),
        ..page(vec![row()])
    };
    let (text, html) = text_at("logs?status=unknown&more=1", found, "logs-only-not-known").await;
    assert!(text.contains("Not known"), "{text}");
    assert!(html.contains("-status=unknown"), "{html}");
}
