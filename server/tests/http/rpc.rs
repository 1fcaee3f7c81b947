//! Server functions respond to the page's scripts and never redirect anyone.

use http::{Method, StatusCode};
use server::dashboard::server_function_paths;

use crate::world::{Answer, World};

fn assert_json_and_no_redirect(answer: &Answer, what: &str) {
    assert!(!answer.status.is_redirection(), "{what}: {}", answer.status);
    assert_eq!(answer.header("location"), "", "{what}");
    assert!(!answer.headers.contains_key("serverfnredirect"), "{what}");
    assert!(
        serde_json::from_str::<serde_json::Value>(&answer.body).is_ok(),
        "{what}: {}",
        answer.body
    );
}

#[tokio::test]
async fn no_server_function_redirects_to_the_referer() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let company = acme.client_id.to_string();
    let own = format!(
        "http://{}/c/{company}/development/keys",
        world.address(crate::world::To::Dashboard)
    );
    let functions = server_function_paths();
    assert!(functions.len() > 10);
    for (path, method) in functions {
        for referer in ["https://evil.example/", own.as_str(), "/", "javascript:alert(1)"] {
            for cookie in [None, Some(&acme.owner)] {
                let address = if method == Method::GET {
                    format!("{path}?company={company}&filter=")
                } else {
                    path.to_owned()
                };
                let mut ask = world
                    .ask(method.clone(), &address)
                    .header("accept", "text/html,application/xhtml+xml,*/*;q=0.8")
                    .header("referer", referer);
                if method != Method::GET {
                    ask = ask.form(&[("company", &company), ("environment", "sandbox")]);
                }
                if let Some(cookie) = cookie {
                    ask = ask.cookie(cookie);
                }
                let what = format!("{method} {path} with {referer}, signed in: {}", cookie.is_some());
                assert_json_and_no_redirect(&ask.send().await, &what);
            }
        }
    }
}

#[tokio::test]
async fn a_plain_form_gets_the_same_response_as_a_script() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let generate = |cookie: Option<&str>| {
        let ask = world
            .ask(Method::POST, "/rpc/keys/generate_key")
            .header("accept", "text/html")
            .header("referer", "https://evil.example/")
            .form(&[
                ("company", &acme.client_id.to_string()),
                ("environment", "sandbox"),
            ]);
        match cookie {
            Some(cookie) => ask.cookie(cookie).send(),
            None => ask.send(),
        }
    };
    let refused = generate(None).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.json()["error"], "signed_out");
    let made = generate(Some(&acme.owner)).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert!(made.json()["secret"].is_string());
}

#[tokio::test]
async fn a_page_of_another_build_is_told_to_reload() {
    let world = World::start().await;
    for (method, path) in [
        (Method::POST, "/rpc/keys/of_long_ago"),
        (Method::GET, "/rpc/"),
        (Method::PUT, "/rpc/keys/generate_key"),
    ] {
        let answer = world.ask(method.clone(), path).send().await;
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (StatusCode::NOT_FOUND, &serde_json::json!("outdated")),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn the_page_asks_for_each_part_of_the_log_on_its_own() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let key = world.key(acme.id, model::Environment::Sandbox).await;
    let call = world.get("/v1/webhooks/").to(crate::world::To::Gateway);
    let call = call.header("x-access-client-id", &acme.client_id.to_string());
    call.header("x-access-secret", key.secret.expose()).send().await;
    world.running().services.recorder.flush().await;
    let filter = format!("status%3D2xx%26key%3D{}", key.key.last_four);
    let ask = async |path: &str| {
        let path = format!("/rpc/logs/{path}company={}&filter={filter}", acme.client_id);
        let answer = world.get(&path).cookie(&acme.owner).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    };
    let page = ask("list?").await;
    let rows = page["rows"].as_array().expect("a list");
    let [row] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    let html = row["html"].as_str().expect("a row");
    assert!(
        html.starts_with("<tr") && html.contains("/v1/webhooks/"),
        "{html}"
    );
    for (part, words) in [
        ("chart", vec!["<svg", "1 success"]),
        ("facets", vec![key.key.last_four.as_str(), "Sandbox"]),
        ("filters", vec!["<form", "Date range"]),
        ("panels", vec!["Save this view"]),
    ] {
        let drawn = ask(&format!("draw?part={part}&")).await;
        let main = drawn["main"].as_str().expect("HTML");
        for words in words {
            assert!(main.contains(words), "{words} in {main}");
        }
        assert!(drawn.get("rows").is_none(), "{drawn}");
    }
}

#[tokio::test]
async fn what_is_new_is_asked_for_by_cursor() {
    let world = World::start().await;
    let (acme, other) = (world.acme("Acme").await, world.acme("Other").await);
    let key = world.key(acme.id, model::Environment::Sandbox).await;
    let call = async || {
        let call = world.get("/v1/webhooks/").to(crate::world::To::Gateway);
        let call = call.header("x-access-client-id", &acme.client_id.to_string());
        call.header("x-access-secret", key.secret.expose()).send().await;
        world.running().services.recorder.flush().await;
    };
    let ask = async |company: &crate::world::Acme, after: &str, most: &str| {
        let of = company.client_id;
        let path = format!("/rpc/logs/new?company={of}&filter=&after={after}{most}");
        let answer = world.get(&path).cookie(&company.owner).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let new = answer.json();
        let rows = new["page"]["rows"].as_array().expect("a list").len();
        (new["count"].clone(), rows, new["page"]["as_of"].to_string())
    };
    call().await;
    let (count, rows, known) = ask(&acme, "0", "&most=20").await;
    assert_eq!((count, rows), (1.into(), 1));
    for _ in 0..3 {
        call().await;
    }
    assert_eq!(ask(&acme, &known, "").await.1, 0, "only their number");
    let (count, rows, newest) = ask(&acme, &known, "&most=2").await;
    assert_eq!((count, rows), (3.into(), 2));
    assert_eq!(ask(&acme, &newest, "&most=20").await, (0.into(), 0, newest));
    assert_eq!(ask(&other, "0", "&most=20").await.0, 0);
}
