//! What the Logs page says when it could not list everything.

use model::{DamagedPart, LogPage, LogRow, LogTotals, RequestId, Verdict};

use crate::world::{NOON, World, company, owner};
use crate::{assert_sound, render, text_of};

fn row() -> LogRow {
    LogRow {
        seq: 9,
        request_id: RequestId::time_ordered(NOON, [1; 10]),
        at: NOON,
        method: "GET".to_owned(),
        path: "/v1/orders/".to_owned(),
        status: 200,
        verdict: Verdict::Accepted,
        environment: None,
        client_id: company(),
        brand: None,
        key_id: None,
        key_last_four: None,
        duration_us: 1,
    }
}

fn page(rows: Vec<LogRow>) -> LogPage {
    LogPage {
        rows,
        older: None,
        matching: Some(1),
        at_least: 1,
        without_filters: None,
        ever: None,
        totals: LogTotals::default(),
        from: NOON.minus_seconds(86_400),
        to: NOON,
        kept: None,
        looked_back_to: None,
        damaged: Vec::new(),
        moving: None,
        histogram: None,
        facets: None,
    }
}

async fn text(page: LogPage, file: &str) -> (String, String) {
    let world = World {
        log: Some(page),
        ..owner()
    };
    let html = render(world, "logs", file).await;
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
