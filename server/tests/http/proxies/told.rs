//! How a request ends that the proxy forwards, in Gatehouse's log.

use model::{Body, Recorded};

use super::Stage;
use super::caller::Call;
use crate::world::To;

/// The row of an accepted request has what the proxy saw; that of a refused one what Gatehouse said.
pub(super) async fn what_the_access_log_tells(stage: &mut Stage) {
    for (status, length) in [(200, 0), (201, 5), (404, 5), (503, 0)] {
        let what = format!("the row of a {status}");
        let mut call = Call::new("POST", format!("/status/{status}")).with(&stage.key);
        if length > 0 {
            call = call.body(b"hello");
        }
        let (_, received) = stage.send(&call).await;
        let Some(request) = received.first() else {
            stage.fault(&what, "the API got nothing");
            continue;
        };
        let Some(entry) = stage.entry(&request.head.one("X-Request-Id")).await else {
            stage.fault(&what, "the proxy told nothing");
            continue;
        };
        stage.same(
            &what,
            (entry.recorded, entry.row.status),
            (Recorded::Verify, Some(status)),
        );
        stage.same(&what, size(&entry.request_body), length);
        stage.same(&what, size(&entry.response_body), 2);
        let upstream = entry.upstream_us;
        stage.same(&what, upstream.is_some(), stage.shipped.tells_upstream);
        if upstream.is_some_and(|upstream| upstream > entry.row.duration_us) || entry.row.duration_us == 0 {
            stage.fault(&what, format!("{upstream:?} of {} µs", entry.row.duration_us));
        }
    }
    let what = "the row of a refused request";
    let (response, _) = stage.send(&Call::get("/refused").with(&stage.elsewhere)).await;
    let id = response.map_or_else(String::new, |response| response.head.one("X-Request-Id"));
    let status = stage.entry(&id).await.map(|entry| entry.row.status);
    stage.same(what, status, Some(Some(403)));
}

fn size(body: &Body) -> u64 {
    match body {
        Body::Absent { total_bytes, .. } | Body::Text { total_bytes, .. } => *total_bytes,
    }
}

/// A caller cannot complete the row of another request by sending its id.
pub(super) async fn an_id_that_a_caller_chose(stage: &mut Stage) {
    let what = "an id that a caller chose";
    let asked = stage
        .world
        .get("/verify?environment=prod&profile=caddy")
        .to(To::Operator);
    let asked = asked
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-uri", "/waits")
        .header("x-access-client-id", &stage.key.client_id.to_string())
        .header("x-access-secret", &stage.key.secret)
        .send()
        .await;
    let waits = asked.headers["x-request-id"].to_str().expect("text").to_owned();
    let forged = [
        Call::get("/forged").with(&stage.key),
        Call::get("/forged").with(&stage.elsewhere),
        Call::get("/forged"),
        Call::get("/forged HTTP/9").with(&stage.key),
    ];
    for call in forged {
        stage.send(&call.header("X-Request-Id", &waits)).await;
    }
    // When this is there, so is what was told before.
    let Some((_, last)) = stage.passes(what, &Call::get("/last").with(&stage.key)).await else {
        return;
    };
    if stage.entry(&last.head.one("X-Request-Id")).await.is_none() {
        stage.fault(what, "the proxy told nothing");
    }
    let row = stage.entry_so_far(&waits).await.map(|entry| entry.row.status);
    stage.same(what, row, None);
}
