//! What the page of a request says.

use model::{
    Body, BodyAbsence, Environment, EventId, HeaderField, LogEntry, LogRow, Recorded, RequestDelivery,
    RequestId, RequestReceiver, Verdict,
};

use crate::deliveries::delivery_rows;
use crate::world::{NOON, World, company, owner, webhook_id};
use crate::{assert_sound, render, text_of};

const HOSTILE: &str = "</span></details><img src=x onerror=alert(1)>\"'& \u{202e}";

fn header(name: &str, value: &str, redacted: bool) -> HeaderField {
    HeaderField {
        name: name.to_owned(),
        value: value.to_owned(),
        redacted,
    }
}

fn json(text: &str, redactions: u32) -> Body {
    Body::Text {
        text: text.to_owned(),
        total_bytes: text.len() as u64,
        truncated: false,
        redactions,
    }
}

fn entry() -> LogEntry {
    LogEntry {
        row: LogRow {
            seq: 9,
            request_id: RequestId::time_ordered(NOON, [1; 10]),
            at: NOON,
            method: "POST".to_owned(),
            path: "/v1/orders/?page=2".to_owned(),
            status: Some(201),
            verdict: Verdict::Accepted,
            error_code: None,
            environment: Some(Environment::Sandbox),
            client_id: company(),
            brand: None,
            key_id: Some(model::KeyId::from_random([9; 16])),
            key_last_four: Some("a6f1".to_owned()),
            duration_us: 83_200,
            caller: None,
        },
        recorded: Recorded::Gateway,
        address: "203.0.113.20".to_owned(),
        user_agent: Some("orders/1.4".to_owned()),
        verdict_detail: String::new(),
        upstream_us: Some(82_000),
        request_headers: vec![
            header("Content-Type", "application/json", false),
            header("X-Access-Secret", "[redacted]", true),
            header("Authorization", "Bearer [redacted]", true),
        ],
        request_body: json(
            r#"{"name":"Ana","pin":"[redacted]","lines":[{"sku":"a","amount":2},{"sku":"b","amount":1}],"none":[]}"#,
            1,
        ),
        response_headers: vec![header("Content-Type", "application/json", false)],
        response_body: json(r#"{"id":"17","state":"open"}"#, 0),
        events: Vec::new(),
    }
}

async fn page_at(
    address: &str,
    entry: LogEntry,
    triggered: Vec<RequestDelivery>,
    file: &str,
) -> (String, String) {
    let world = World {
        entry: Some(entry),
        triggered,
        ..owner()
    };
    let request = RequestId::time_ordered(NOON, [1; 10]);
    let html = render(world, &format!("logs/{request}{address}"), file).await;
    assert_sound(&html);
    (text_of(&html), html)
}

async fn page(entry: LogEntry, file: &str) -> (String, String) {
    page_at("", entry, Vec::new(), file).await
}

/// Each text is on the page, and the first of them comes first.
fn assert_in_order(text: &str, all: &[&str]) {
    let mut rest = text;
    for words in all {
        let at = rest
            .find(words)
            .unwrap_or_else(|| panic!("{words} in its order in {text}"));
        rest = &rest[at + words.len()..];
    }
}

#[tokio::test]
async fn the_sentence_comes_first_and_the_time_is_split_where_it_was_measured() {
    let (text, html) = page(entry(), "entry").await;
    assert_in_order(
        &text,
        &[
            "POST /v1/orders/?page=2",
            "Accepted: the API returned 201 Created after 83.2 ms.",
            "83.2 ms in total",
            "API 82.0 ms",
            "Gatehouse 1.2 ms",
        ],
    );
    assert!(
        html.contains("aria-label=\"82.0 ms until the API began to respond, then 1.2 ms to the last byte.\""),
        "{html}"
    );
}

#[tokio::test]
async fn a_failure_of_the_api_leads_and_its_accepted_key_comes_after() {
    let mut entry = entry();
    (entry.row.status, entry.row.duration_us, entry.upstream_us) = (Some(500), 120_000, Some(119_000));
    let (text, _) = page(entry, "entry-500").await;
    assert_in_order(
        &text,
        &[
            "What happened",
            "The API returned 500 Server error after 120 ms.",
            "Key accepted. The key was active and the request was passed on.",
            "Next: The API returned this error. Retry, or send support the request ID.",
        ],
    );
}

#[tokio::test]
async fn a_status_that_no_proxy_told_is_shown_as_not_known_and_never_as_a_number() {
    let mut entry = entry();
    (entry.recorded, entry.row.status, entry.upstream_us) = (Recorded::Verify, None, None);
    let (text, html) = page(entry, "entry-not-known").await;
    assert_in_order(
        &text,
        &[
            "What happened",
            "Accepted: the key was active. The status of the API's response is not known here.",
            "Status",
            "— Not known",
        ],
    );
    for number in ["200 OK", "201 Created", "0 Unknown"] {
        assert!(!text.contains(number), "{text}");
    }
    for link in ["status=unknown", "-status=unknown"] {
        assert!(html.contains(link), "{link}: {html}");
    }
}

#[tokio::test]
async fn a_refusal_says_who_deleted_the_key_and_that_nothing_was_stored_or_passed_on() {
    let mut entry = entry();
    (entry.row.status, entry.row.verdict) = (Some(401), Verdict::DeletedKey);
    (entry.row.duration_us, entry.upstream_us) = (190, None);
    entry.verdict_detail =
        "The key ending in a6f1 was deleted by ana@example.com on 5 Jan 2026 11:57:00 UTC, 3 minutes \
                            before this request."
            .to_owned();
    let (text, html) = page(entry, "entry-refused").await;
    assert_in_order(
        &text,
        &[
            "Refused: the key ending in a6f1 was deleted by ana@example.com on 5 Jan 2026 11:57:00 UTC, 3 minutes before this request.",
            "Next: Find the program",
            "190 µs in total",
            "the request was not passed on to the API",
            "No headers or bodies were stored",
        ],
    );
    assert!(!html.contains("timing__bar"), "nothing to split");
    assert_eq!(text.matches("was deleted by").count(), 1, "said once: {text}");
}

#[tokio::test]
async fn each_value_has_links_to_those_with_it_and_without_it_within_the_filter_one_came_with() {
    let (text, html) = page_at(
        "?range=7d&status=2xx&before=9",
        entry(),
        Vec::new(),
        "entry-pivots",
    )
    .await;
    for (words, query) in [
        ("Only POST", "?range=7d&amp;status=2xx&amp;method=POST"),
        ("Not POST", "?range=7d&amp;status=2xx&amp;-method=POST"),
        ("Only 201", "?range=7d&amp;status=201"),
        ("Not 201", "?range=7d&amp;status=2xx&amp;-status=201"),
        ("Only 2xx", "?range=7d&amp;status=2xx"),
        (
            "Only /v1/orders/",
            "?range=7d&amp;status=2xx&amp;path=/v1/orders/",
        ),
        (
            "Not Key accepted",
            "?range=7d&amp;status=2xx&amp;-verdict=accepted",
        ),
        ("Only 83.2 ms or longer", "duration=%3E%3D83200us"),
        ("Only Sandbox", "?range=7d&amp;status=2xx&amp;environment=sandbox"),
        ("Only …a6f1", "key=09090909090909090909090909090909"),
        ("Only your own requests", "?range=7d&amp;status=2xx&amp;brand=own"),
        ("Not 203.0.113.20", "-ip=203.0.113.20"),
        ("Only The gateway", "recorded=gateway"),
    ] {
        assert!(text.contains(words), "{words} in {text}");
        assert!(html.contains(query), "{query} in {html}");
    }
    let links = html.matches("class=\"pivot\"").count();
    assert_eq!(links, 23, "no link more, and none leads to the middle of a list");
    assert_eq!(html.matches("before=").count(), 1, "the way back");
}

#[tokio::test]
async fn json_folds_without_scripts_and_what_was_removed_is_marked() {
    let (text, html) = page(entry(), "entry-json").await;
    // The request's object, its lines and each of the two; the response's object.
    assert_eq!(
        html.matches("<details open class=\"body__fold\"").count(),
        5,
        "{html}"
    );
    assert_eq!(html.matches("class=\"redacted\"").count(), 3, "{html}");
    for words in [
        "\"name\": \"Ana\"",
        "\"pin\": \" [redacted] \"",
        "Bearer [redacted]",
        "1 value redacted",
        "\"none\": []",
        "2 items ],",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    // What a caller sent as it is, is not something that was removed.
    let mut sent = entry();
    sent.request_body = json(r#"{"a":"[redacted]"}"#, 0);
    sent.request_headers.truncate(1);
    let (_, html) = page(sent, "entry-json-sent").await;
    assert_eq!(html.matches("class=\"redacted\"").count(), 0, "{html}");
}

#[tokio::test]
async fn a_body_that_is_not_there_says_why() {
    for why in [
        BodyAbsence::Empty,
        BodyAbsence::UnknownType,
        BodyAbsence::NotText,
        BodyAbsence::NotSeen,
        BodyAbsence::NoLongerKept,
        BodyAbsence::Damaged,
    ] {
        let mut absent = entry();
        absent.request_body = Body::Absent { why, total_bytes: 9 };
        let (text, _) = page(absent, "entry-absent").await;
        assert!(text.contains(why.sentence()), "{why:?} in {text}");
    }
}

#[tokio::test]
async fn what_strangers_wrote_is_text_and_links_stay_links() {
    let long = format!("/v1/{}{HOSTILE}", "x".repeat(8192));
    let mut hostile = entry();
    (hostile.row.method, hostile.row.path) = (HOSTILE.to_owned(), long);
    hostile.row.brand = Some(HOSTILE.to_owned());
    hostile.row.client_id = model::ClientId::from_random([3; 16]);
    (hostile.address, hostile.user_agent) = (HOSTILE.to_owned(), Some(HOSTILE.to_owned()));
    (hostile.row.verdict, hostile.verdict_detail) = (Verdict::UnknownBrand, HOSTILE.to_owned());
    hostile.request_headers = vec![header(HOSTILE, &format!("{HOSTILE}[redacted]{HOSTILE}"), true)];
    hostile.request_body = json(
        &serde_json::json!({ HOSTILE: [HOSTILE, { "a": HOSTILE }] }).to_string(),
        2,
    );
    hostile.response_body = json(&format!("\u{fffd}{HOSTILE}"), 0);
    let to = RequestReceiver::Brand(HOSTILE.to_owned());
    let row = delivery_rows(webhook_id(1)).remove(0);
    let (text, html) = page_at("", hostile, vec![RequestDelivery { row, to }], "entry-hostile").await;
    assert!(!html.contains("<img"), "{html}");
    assert!(html.contains("&lt;img"), "it is shown");
    let [opened, closed] = ["<details", "</details>"].map(|tag| html.matches(tag).count());
    assert_eq!(opened, closed);
    // The path is longer than a filter can be, and the address is none.
    assert!(
        !text.contains("Only /v1/xxx") && !text.contains("Only </span>"),
        "{text}"
    );
    assert!(
        text.contains("Only your") || html.contains("brand=03030303"),
        "{html}"
    );
}

#[tokio::test]
async fn a_brands_delivery_is_named_and_has_no_link_and_an_own_one_has() {
    let mut rows = delivery_rows(webhook_id(1)).into_iter();
    let mut next = |to| RequestDelivery {
        row: rows.next().expect("a row"),
        to,
    };
    let triggered = vec![
        next(RequestReceiver::Webhook("Order mirror".to_owned())),
        next(RequestReceiver::Brand("Northwind Cards".to_owned())),
        next(RequestReceiver::DeletedWebhook),
    ];
    let mut entry = entry();
    entry.events = triggered.iter().map(|one| one.row.event_id).collect();
    entry.events.push(EventId::time_ordered(NOON, [99; 10]));
    let (text, html) = page_at("", entry, triggered, "entry-trail").await;
    for words in ["Order mirror", "A webhook of Northwind Cards", "Deleted webhook"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert_eq!(html.matches("/deliveries/").count(), 2, "{html}");
    assert_eq!(text.matches("no webhook in its environment").count(), 1);
}

#[tokio::test]
async fn a_request_beside_the_list_says_the_same_as_its_page_and_leads_to_it_and_back() {
    let entry = entry();
    let (request, row) = (entry.row.request_id, entry.row.clone());
    let world = World {
        log: Some(crate::logs::page(vec![row])),
        entry: Some(entry),
        ..owner()
    };
    let html = render(world, &format!("logs?status=2xx&open={request}"), "entry-beside").await;
    assert_sound(&html);
    let text = text_of(&html);
    assert_in_order(
        &text,
        &[
            "1 request",
            "Request",
            "Close",
            "POST /v1/orders/?page=2",
            "Open as a page",
            "Accepted: the API returned 201 Created after 83.2 ms.",
            "\"name\": \"Ana\"",
            "Send it again",
        ],
    );
    assert!(
        html.contains("aria-current=\"true\" class=\"row-link\"")
            || html.contains("class=\"row-link\" aria-current=\"true\""),
        "{html}"
    );
    for link in [
        format!("/logs/{request}?status=2xx\""),
        "/logs?status=2xx&amp;method=POST\"".to_owned(),
        "/logs?status=2xx\"".to_owned(),
    ] {
        assert!(html.contains(&link), "{link} in {html}");
    }
    assert!(!html.contains("open="), "no link opens it again");
}
