//! What the log keeps of a request, and that it contains no secret.

use http::Method;
use model::{Body, BodyAbsence, Verdict};

use crate::world::World;

#[tokio::test]
async fn an_entry_describes_the_whole_request() {
    let world = World::new().await;
    let headers = [("content-type", "application/json"), ("user-agent", "tester/1")];
    let body = r#"{"order":7,"password":"hunter2"}"#;
    let answer = world
        .call(Method::POST, "/tell-secrets?page=2&token=t", &headers, body)
        .await;
    assert_eq!(
        answer.body, r#"{"password":"hunter2","note":""}"#,
        "the caller gets the whole body"
    );
    let entry = world.entry().await;
    assert_eq!(entry.row.request_id, answer.request_id());
    assert_eq!(
        (entry.row.method.as_str(), entry.row.status, entry.row.verdict),
        ("POST", Some(200), Verdict::Accepted)
    );
    assert_eq!(entry.row.path, "/tell-secrets?page=2&token=[redacted]");
    assert_eq!(
        (entry.row.key_id, entry.row.environment),
        (Some(world.key.id), Some(model::Environment::Sandbox))
    );
    assert_eq!(entry.row.key_last_four.as_deref(), world.key.secret.get(44..));
    assert_eq!(
        (entry.address.as_str(), entry.user_agent.as_deref()),
        ("127.0.0.1", Some("tester/1"))
    );
    assert!(
        entry
            .upstream_us
            .is_some_and(|upstream| upstream <= entry.row.duration_us)
    );
    let text = |body: &Body| match body {
        Body::Text { text, .. } => text.clone(),
        Body::Absent { why, .. } => panic!("{why:?}"),
    };
    assert_eq!(
        text(&entry.request_body),
        r#"{"order":7,"password":"[redacted]"}"#
    );
    assert_eq!(
        text(&entry.response_body),
        r#"{"password":"[redacted]","note":""}"#
    );
    let secret = entry
        .request_headers
        .iter()
        .find(|header| header.name == "x-access-secret")
        .expect("it was sent");
    assert_eq!((secret.value.as_str(), secret.redacted), ("[redacted]", true));
    assert!(
        entry
            .response_headers
            .iter()
            .any(|header| header.name == "content-type")
    );
}

#[tokio::test]
async fn the_secret_is_not_stored_wherever_the_caller_put_it() {
    let world = World::new().await;
    let secret = world.key.secret.clone();
    let digits = secret.trim_start_matches("sandbox-").to_owned();
    let (lower_half, upper) = (digits[20..].to_owned(), secret.to_uppercase());
    let encoded: String = digits.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let headers = [
        ("x-echo", secret.as_str()),
        ("user-agent", secret.as_str()),
        ("x-debug", upper.as_str()),
        ("referer", &format!("https://a.test/{encoded}?x={digits}")),
        ("content-type", "application/json"),
        ("authorization", &format!("Bearer {secret}")),
        ("x_access_secret", &secret),
    ];
    let body = format!(r#"{{"a":"{secret}","b":["{digits}"],"c":"{lower_half}"}}"#);
    world
        .call(
            Method::POST,
            &format!("/tell-secrets/{encoded}/{digits}?q={secret}"),
            &headers,
            &body,
        )
        .await;
    world.call(Method::POST, "/tell-secrets", &headers, &body).await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    world
        .call(
            Method::POST,
            "/echo",
            &form,
            &format!("a={encoded}&b={secret}&c=d"),
        )
        .await;
    let filler = "x".repeat(16 * 1024 - 30);
    world
        .call(
            Method::POST,
            "/echo",
            &[("content-type", "application/json")],
            &format!(r#"{{"a":"{filler}{secret}"}}"#),
        )
        .await;
    world.call(Method::POST, "/v1/webhooks/", &[], &body).await;

    let entries = world.entries().await;
    assert_eq!(entries.len(), 5);
    world.recorder.shutdown().await;
    let mut searched = 0;
    for file in std::fs::read_dir(world.folder.path()).expect("the folder") {
        let file = file.expect("a file").path();
        if !file
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("logs.db"))
        {
            continue;
        }
        let bytes = String::from_utf8_lossy(&std::fs::read(&file).expect("its bytes")).to_ascii_lowercase();
        searched += bytes.len();
        for needle in [
            secret.as_str(),
            &digits,
            &lower_half,
            &digits[..20],
            &secret[..20],
            &encoded.to_lowercase(),
        ] {
            assert!(!bytes.contains(needle), "{needle} appears in {}", file.display());
        }
    }
    assert!(searched > 10_000, "the log's files were searched");
}

#[tokio::test]
async fn an_empty_response_and_an_unread_body_say_why_they_are_missing() {
    let world = World::new().await;
    world.get("/no-content").await;
    let entry = world.entry().await;
    let empty = Body::Absent {
        why: BodyAbsence::Empty,
        total_bytes: 0,
    };
    assert_eq!((entry.request_body, entry.response_body), (empty.clone(), empty));
}

#[tokio::test]
async fn refusals_beyond_ten_a_second_are_counted_but_not_stored() {
    let mut world = World::new().await;
    world.key.secret = format!("sandbox-{}", "ab".repeat(20));
    let mut client = world.connect().await;
    for _ in 0..25 {
        let request = world.request(Method::GET, "/echo", &[], Default::default());
        assert_eq!(client.send(request).await.status, 401);
    }
    assert_eq!(world.entries().await.len(), 10);
    let totals = world.recorder.totals();
    assert_eq!(
        (totals.seen, totals.stored, totals.suppressed, totals.dropped),
        (25, 10, 15, 0)
    );
}
