//! `verify`: the same check for a proxy that forwards by itself.

use http::Method;
use http_body_util::{BodyExt, Empty};
use model::{BodyAbsence, Recorded, Verdict};

use crate::world::World;

fn headers(world: &World, more: &[(&str, &str)]) -> http::HeaderMap {
    world
        .request(Method::GET, "/", more, Empty::<bytes::Bytes>::new())
        .into_parts()
        .0
        .headers
}

#[tokio::test]
async fn an_active_key_gets_200_with_who_it_is() {
    let world = World::new().await;
    let proxy = "127.0.0.1".parse().expect("an address");
    let sent = headers(
        &world,
        &[
            ("x-forwarded-method", "PUT"),
            ("x-forwarded-uri", "/v1/users/?token=t"),
        ],
    );
    let answer = world.gateway.verify(&sent, proxy);
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["cache-control"]),
        (200, &http::HeaderValue::from_static("no-store"))
    );
    assert_eq!(
        answer.headers()["x-gatehouse-key-id"],
        world.key.id.to_string().as_str()
    );
    assert_eq!(answer.headers()["x-gatehouse-environment"], "sandbox");
    let id = answer.headers()["x-request-id"].clone();
    let entry = world.entry().await;
    assert_eq!(entry.row.request_id.to_string(), id.to_str().expect("text"));
    assert_eq!(
        (entry.recorded, entry.row.method.as_str()),
        (Recorded::Verify, "PUT")
    );
    assert_eq!(entry.row.path, "/v1/users/?token=[redacted]");
    assert_eq!(
        entry.request_body,
        model::Body::Absent {
            why: BodyAbsence::NotSeen,
            total_bytes: 0
        }
    );
}

#[tokio::test]
async fn a_refusal_is_the_documented_one_and_never_cached() {
    let world = World::new().await;
    let mut sent = headers(&world, &[]);
    sent.remove("x-access-secret");
    let answer = world
        .gateway
        .verify(&sent, "127.0.0.1".parse().expect("an address"));
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["cache-control"]),
        (401, &http::HeaderValue::from_static("no-store"))
    );
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    assert_eq!(
        body,
        r#"{"error":{"code":"authentication_failed","message":"No such user"}}"#
    );
    assert_eq!(world.entry().await.row.verdict, Verdict::MissingCredentials);
}
