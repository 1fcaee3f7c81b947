//! `verify`: the same check, for a proxy that forwards the request itself.

use std::net::{IpAddr, Ipv4Addr};

use gateway::Profile;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Empty};
use keys::RateLimit;
use model::{BodyAbsence, Environment, Recorded, Verdict};

use crate::world::World;

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const CADDY: Option<&str> = Some("environment=sandbox&profile=caddy");
const NGINX: Option<&str> = Some("environment=sandbox&profile=nginx");

/// What a proxy sends on behalf of a caller with the test company's key.
fn headers(world: &World, more: &[(&str, &str)]) -> HeaderMap {
    let mut all = vec![
        ("x-forwarded-method", "PUT"),
        ("x-forwarded-uri", "/v1/users/?token=t"),
    ];
    all.extend_from_slice(more);
    world
        .request(Method::GET, "/", &all, Empty::<bytes::Bytes>::new())
        .into_parts()
        .0
        .headers
}

async fn verify(
    world: &World,
    query: Option<&str>,
    headers: &http::HeaderMap,
) -> http::Response<gateway::AnswerBody> {
    let peer = world.gateway.peer(PROXY);
    world.gateway.verify(query, headers.clone(), &peer).await
}

/// The status that the caller gets.
fn real_status(answer: &http::Response<gateway::AnswerBody>) -> u16 {
    let told = answer.headers().get("x-gatehouse-status");
    told.map_or(answer.status().as_u16(), |status| {
        status.to_str().expect("text").parse().expect("a status")
    })
}

#[tokio::test]
async fn an_active_key_gets_200_with_the_callers_identity() {
    let world = World::new().await;
    let answer = verify(&world, CADDY, &headers(&world, &[])).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["cache-control"]),
        (200, &http::HeaderValue::from_static("no-store"))
    );
    assert_eq!(
        answer.headers()["x-gatehouse-key-id"],
        world.key.id.to_string().as_str()
    );
    assert_eq!(answer.headers()["x-gatehouse-environment"], "sandbox");
    assert_eq!(
        answer.headers()["x-gatehouse-brand"],
        "-",
        "the absence of a brand is stated too"
    );
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
async fn a_refusal_is_the_documented_one_and_never_cacheable() {
    let world = World::new().await;
    let mut sent = headers(&world, &[]);
    sent.remove("x-access-secret");
    let answer = verify(&world, CADDY, &sent).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["cache-control"]),
        (401, &http::HeaderValue::from_static("no-store"))
    );
    assert_eq!(answer.headers()["www-authenticate"], "AccessKey");
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    assert_eq!(
        body,
        r#"{"error":{"code":"authentication_failed","message":"No such user"}}"#
    );
    assert_eq!(world.entry().await.row.verdict, Verdict::MissingCredentials);
}

#[tokio::test]
async fn a_key_of_another_environment_does_not_pass() {
    let world = World::new().await;
    let query = Some("environment=prod&profile=caddy");
    let answer = verify(&world, query, &headers(&world, &[])).await;
    assert_eq!(answer.status(), 403);
    assert!(!answer.headers().contains_key("x-gatehouse-key-id"));
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    assert!(body.starts_with(br#"{"error":{"code":"not_authenticated""#));
    let entry = world.entry().await;
    assert_eq!(entry.row.verdict, Verdict::WrongEnvironment);
    assert_eq!(
        entry.verdict_detail,
        "A Sandbox key was sent to the Production API."
    );
    assert_eq!(entry.row.environment, Some(Environment::Sandbox));
}

#[tokio::test]
async fn the_caller_cannot_write_its_own_log_line() {
    let world = World::new().await;
    for forged in [
        ("x-original-uri", "/innocent"),
        ("x-original-url", "/innocent"),
        ("x-original-method", "GET"),
        ("x-forwarded-uri", "/innocent"),
        ("x-forwarded-method", "GET"),
        ("x-rewrite-url", "/innocent"),
    ] {
        for profile in Profile::ALL {
            let query = format!("environment=sandbox&profile={}", profile.as_str());
            let answer = verify(&world, Some(&query), &headers(&world, &[forged])).await;
            assert_eq!(real_status(&answer), 400, "{query} {forged:?}");
            assert_eq!(answer.headers()["cache-control"], "no-store");
            assert!(answer.headers().contains_key("x-request-id"));
        }
    }
    for other in [("x_forwarded_uri", "/innocent"), ("x.forwarded.uri", "/innocent")] {
        let answer = verify(&world, CADDY, &headers(&world, &[other])).await;
        assert_eq!(answer.status(), 200);
    }
    let paths: Vec<String> = world
        .entries()
        .await
        .into_iter()
        .map(|entry| entry.row.path)
        .collect();
    assert_eq!(
        paths,
        ["/v1/users/?token=[redacted]", "/v1/users/?token=[redacted]"]
    );
}

#[tokio::test]
async fn an_unclear_call_gets_400_with_what_is_wrong() {
    let world = World::new().await;
    for (query, field) in [
        (None, "environment"),
        (Some("environment=sandbox"), "profile"),
        (Some("environment=staging&profile=caddy"), "environment"),
        (Some("environment=sandbox&profile=apache"), "profile"),
        (
            Some("environment=sandbox&environment=prod&profile=caddy"),
            "environment",
        ),
    ] {
        let answer = verify(&world, query, &headers(&world, &[])).await;
        assert_eq!(answer.status(), 400, "{query:?}");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["error"]["code"], "incorrect_parameters");
        assert_eq!(body["error"]["extra"]["invalid-params"][0]["field"], field);
    }
    assert!(world.entries().await.is_empty());
    assert_eq!(world.gateway.counts().not_understood, 5);
}

#[tokio::test]
async fn nginx_gets_a_status_it_can_pass_on_and_the_real_one_in_a_header() {
    let world = World::with(|_| {}, RateLimit::per_minute(1)).await;
    let ask = async |more: &[(&str, &str)]| {
        let answer = verify(&world, NGINX, &headers(&world, more)).await;
        let real = answer.headers()["x-gatehouse-status"]
            .to_str()
            .expect("text")
            .to_owned();
        (
            answer.status().as_u16(),
            real,
            answer.headers().contains_key("retry-after"),
        )
    };
    assert_eq!(ask(&[]).await, (200, "200".to_owned(), false));
    assert_eq!(ask(&[]).await, (403, "429".to_owned(), true));
    assert_eq!(
        ask(&[("x-access-secret", "twice")]).await,
        (401, "401".to_owned(), false)
    );
    let entries = world.entries().await;
    let statuses: Vec<Option<u16>> = entries.iter().map(|entry| entry.row.status).collect();
    assert_eq!(
        statuses,
        [Some(401), Some(429), None],
        "the log has the real statuses, and none where only the proxy knows it"
    );

    let world = World::new().await;
    let unknown = headers(&world, &[("x-brand-id", "nobody")]);
    let answer = verify(&world, NGINX, &unknown).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-gatehouse-status"]),
        (403, &"400".parse().expect("a value"))
    );
    let elsewhere = verify(&world, CADDY, &unknown).await;
    assert_eq!(elsewhere.status(), 400);
    assert!(!elsewhere.headers().contains_key("x-gatehouse-status"));
}

#[tokio::test]
async fn what_a_caller_can_cause_is_never_a_status_that_nginx_turns_into_500() {
    let mut kinds = std::collections::BTreeSet::new();
    let cases =
        Profile::ALL.map(|profile| [(profile, RateLimit::off()), (profile, RateLimit::per_minute(1))]);
    for (profile, budget) in cases.into_iter().flatten() {
        let world = World::with(|_| {}, budget).await;
        let query = format!("environment=sandbox&profile={}", profile.as_str());
        let is_original = profile == Profile::IngressNginx;
        let (method, address) = if is_original {
            ("x-original-method", "x-original-url")
        } else {
            ("x-forwarded-method", "x-forwarded-uri")
        };
        for (path, more) in [
            ("/a", &[][..]),
            ("/a<b", &[]),
            ("/a`b", &[]),
            ("*", &[]),
            (&*format!("/a?{query}"), &[]),
            ("/a", &[("x-brand-id", "unknown")]),
            ("/a", &[("x-access-secret", "second")]),
            ("/a", &[("x-rewrite-url", "/b")]),
        ] {
            let mut sent = headers(&world, more);
            sent.remove("x-forwarded-method");
            sent.remove("x-forwarded-uri");
            sent.insert(method, "GET".parse().expect("a value"));
            sent.insert(address, path.parse().expect("a value"));
            let answer = verify(&world, Some(&query), &sent).await;
            let real = real_status(&answer);
            let told = answer.headers().get("x-gatehouse-body").cloned();
            let is_nginx = is_original || profile == Profile::Nginx;
            if is_nginx {
                let status = answer.status().as_u16();
                assert!(matches!(status, 200 | 401 | 403), "{query} {path}: {status}");
            }
            let body = answer.into_body().collect().await.expect("a body").to_bytes();
            let expected = (is_nginx && real != 200).then_some(body);
            assert_eq!(told.map(|told| told.as_bytes().to_vec().into()), expected);
            kinds.insert((is_nginx, real));
        }
    }
    let of = |is_nginx| [200, 400, 401, 429].map(|status| (is_nginx, status));
    let expected = of(false).into_iter().chain(of(true));
    assert_eq!(kinds, expected.collect());
}

#[tokio::test]
async fn an_identity_that_the_caller_claims_is_neither_believed_nor_stored() {
    let world = World::new().await;
    let claimed = [
        ("x-gatehouse-company", "evil"),
        ("x.gatehouse.company", "evil"),
        ("x_gatehouse_brand", "evil"),
    ];
    let answer = verify(&world, CADDY, &headers(&world, &claimed)).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().values().all(|value| value != "evil"));
    let kept = world.entry().await.request_headers;
    assert!(
        !kept.is_empty() && kept.iter().all(|header| !format!("{header:?}").contains("evil")),
        "{kept:?}"
    );
}
