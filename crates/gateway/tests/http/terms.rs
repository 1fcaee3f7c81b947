//! What a key's terms mean for a request that comes over the network. The rules themselves are held to a model in the
//! contract suite.

use std::time::Duration;

use http::{HeaderMap, Method};
use http_body_util::{BodyExt as _, Empty};
use keys::{KeyChange, Setting};
use model::{Actor, Verdict};

use crate::world::{NOW, World};

async fn set(world: &World, change: KeyChange) {
    world
        .keys
        .change(world.company.id, world.key.id, change, &Actor::system())
        .await
        .expect("changed");
}

fn networks(text: &str) -> KeyChange {
    KeyChange {
        networks: Some(vec![text.to_owned()]),
        ..KeyChange::default()
    }
}

fn read_only() -> KeyChange {
    KeyChange {
        read_only: Some(true),
        ..KeyChange::default()
    }
}

#[tokio::test]
async fn a_key_that_has_ended_gets_the_same_401_as_an_unknown_one() {
    let world = World::new().await;
    let unknown = world.get_as_other(&world.key, "/echo").await;
    let ends = |expires, deleted| KeyChange {
        expires_at: Setting::To(NOW.plus_millis(expires)),
        delete_at: Setting::To(NOW.plus_millis(deleted)),
        ..KeyChange::default()
    };
    set(&world, ends(1000, 2000)).await;
    world.clock.advance(Duration::from_millis(999));
    assert_eq!(world.get("/echo").await.status, 200);
    for verdict in [Verdict::ExpiredKey, Verdict::DeletedKey] {
        world
            .clock
            .advance(Duration::from_millis(if verdict == Verdict::ExpiredKey {
                1
            } else {
                1000
            }));
        let answer = world.get("/echo").await;
        assert_eq!((answer.status, &answer.body), (401, &unknown.body));
        assert_eq!(
            answer.headers.keys().collect::<Vec<_>>(),
            unknown.headers.keys().collect::<Vec<_>>()
        );
    }
    let verdicts: Vec<Verdict> = world
        .entries()
        .await
        .iter()
        .map(|entry| entry.row.verdict)
        .collect();
    for verdict in [
        Verdict::UnknownClient,
        Verdict::Accepted,
        Verdict::ExpiredKey,
        Verdict::DeletedKey,
    ] {
        assert_eq!(
            verdicts.iter().filter(|one| **one == verdict).count(),
            1,
            "{verdicts:?}"
        );
    }
}

#[tokio::test]
async fn a_read_only_key_reads_and_does_nothing_else() {
    let world = World::new().await;
    set(&world, read_only()).await;
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert_eq!(world.call(method, "/echo", &[], "").await.status, 200);
    }
    let purge = Method::from_bytes(b"PURGE").expect("a method");
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, purge] {
        let answer = world.call(method, "/echo", &[], "").await;
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str()),
            (403, Some("not_authenticated"))
        );
    }
    for header in [
        ("x-http-method-override", "DELETE"),
        ("x-method-override", "DELETE"),
        ("x-http-method", "GET"),
        ("x_http_method_override", "PUT"),
    ] {
        assert_eq!(
            world.call(Method::GET, "/echo", &[header], "").await.status,
            403,
            "{header:?}"
        );
    }
    // The public API is behind the same check.
    assert_eq!(
        world.call(Method::POST, "/v1/webhooks/", &[], "{}").await.status,
        403
    );
    let refused = world.entries().await;
    let refused: Vec<_> = refused
        .iter()
        .filter(|entry| entry.row.status == Some(403))
        .collect();
    assert_eq!(refused.len(), 10);
    assert!(
        refused
            .iter()
            .all(|entry| entry.row.verdict == Verdict::ReadOnlyKey)
    );
}

#[tokio::test]
async fn a_key_with_networks_is_refused_from_elsewhere_and_charged_for_nothing() {
    let world = World::new().await;
    let change = KeyChange {
        requests_a_minute: Setting::To(2),
        ..networks("192.0.2.0/24")
    };
    set(&world, change).await;
    for _ in 0..5 {
        let answer = world.get("/echo").await;
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str()),
            (403, Some("not_authenticated"))
        );
    }
    set(&world, networks("127.0.0.0/8")).await;
    for status in [200, 200, 429] {
        let answer = world.get("/echo").await;
        assert_eq!(answer.status, status);
        assert_eq!(
            answer
                .headers
                .get("retry-after")
                .map(|wait| wait.to_str().expect("text")),
            (status == 429).then_some("30")
        );
    }
    let entries = world.entries().await;
    let detail = |verdict| {
        let entry = entries.iter().find(|entry| entry.row.verdict == verdict);
        entry.expect("an entry").verdict_detail.clone()
    };
    assert!(detail(Verdict::AddressNotAllowed).ends_with(" may not be used from 127.0.0.1."));
    assert!(detail(Verdict::RateLimited).ends_with("; its own is 2 a minute."));
}

#[tokio::test]
async fn verify_judges_the_method_of_the_request_and_not_of_the_proxys_call() {
    let world = World::new().await;
    set(&world, read_only()).await;
    let peer = world.gateway.peer(std::net::IpAddr::from([127, 0, 0, 1]));
    for (method, more, status) in [
        ("GET", None, 200),
        ("OPTIONS", None, 200),
        ("PUT", None, 403),
        ("get", None, 403),
        ("GET", Some(("upgrade", "websocket")), 403),
        ("GET", Some(("x-http-method-override", "PUT")), 403),
    ] {
        let mut sent = vec![("x-forwarded-method", method), ("x-forwarded-uri", "/a")];
        sent.extend(more);
        let request = world.request(Method::GET, "/", &sent, Empty::<bytes::Bytes>::new());
        let headers: HeaderMap = request.into_parts().0.headers;
        let query = Some("environment=sandbox&profile=caddy");
        let answer = world.gateway.verify(query, headers, &peer).await;
        assert_eq!(answer.status().as_u16(), status, "{method} {more:?}");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(
            body.starts_with(br#"{"error":{"code":"not_authenticated""#),
            status == 403
        );
    }
}
