//! The protection around every response: which host it serves, what a page may load, and which origins may post.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use server::dashboard::page_paths;

use crate::world::{Answer, To, World};

#[tokio::test]
async fn another_host_name_is_misdirected() {
    let world = World::start().await;
    let port = world.address(To::Dashboard).port();
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        &format!("evil.example:{port}"),
        "127.0.0.1:1",
    ] {
        for path in [
            "/sign-in",
            "/v1/webhooks/",
            "/rpc/session/welcome",
            "/favicon.svg",
        ] {
            let answer = world.get(path).header("host", host).send().await;
            assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{host} {path}");
        }
    }
    let localhost = world
        .get("/sign-in")
        .header("host", &format!("localhost:{port}"))
        .send()
        .await;
    assert_eq!(localhost.status, StatusCode::OK);
}

#[tokio::test]
async fn each_page_has_a_strict_policy_and_each_response_its_own_nonce() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let mut nonces = BTreeSet::new();
    let mut pages = 0;
    for path in page_paths() {
        let path = path
            .replace("{company}", &acme.client_id.to_string())
            .replace("{page}", "security");
        for _ in 0..2 {
            let cookie = if path == "/sign-in" { "" } else { &acme.owner };
            let page = world.get(&path).cookie(cookie).send().await;
            // What redirects, exists only in the demo, or shows one thing of a company that does not exist.
            if page.status != StatusCode::OK {
                continue;
            }
            pages += 1;
            let nonce = nonce_of_strict_policy(&page, &path);
            assert!(nonces.insert(nonce), "{path}: its nonce was used before");
        }
    }
    assert!(pages >= 12, "{pages} responses");
}

/// Fails unless the page's policy is strict and all its scripts have the nonce.
fn nonce_of_strict_policy(page: &Answer, path: &str) -> String {
    let policy = page.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "style-src 'self'",
    ] {
        assert!(policy.contains(part), "{path}: {policy}");
    }
    assert!(
        !policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"),
        "{path}: {policy}"
    );
    let nonce = policy
        .split("'nonce-")
        .nth(1)
        .and_then(|rest| rest.split('\'').next())
        .expect("a nonce");
    assert!(nonce.len() >= 22, "{path}: {nonce}");
    let scripts = page.body.matches("<script").count();
    assert!(scripts > 0, "{path} has scripts");
    assert_eq!(
        page.body.matches(&format!("nonce=\"{nonce}\"")).count(),
        scripts,
        "{path}: every script has the nonce"
    );
    assert!(!page.body.contains(" style=\""), "{path}: no inline styles");
    assert_eq!(page.header("cache-control"), "no-store", "{path}");
    assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
    nonce.to_owned()
}

#[tokio::test]
async fn a_post_from_another_site_is_refused_before_anything_happens() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let generate = format!("/c/{}/development/keys/generate", acme.client_id);
    let other_sites = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ];
    for (name, value) in other_sites {
        for path in [generate.as_str(), "/sign-out", "/rpc/keys/generate_key"] {
            let form = [
                ("environment", "sandbox"),
                ("company", &acme.client_id.to_string()),
            ];
            let answer = world
                .ask(Method::POST, path)
                .cookie(&acme.owner)
                .header(name, value)
                .form(&form)
                .send()
                .await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}: {value} {path}");
        }
    }
    let groups = world
        .running()
        .services
        .core
        .keys
        .list(acme.id)
        .await
        .expect("lists");
    assert!(
        groups.iter().all(|group| group.keys.is_empty()),
        "nothing was generated"
    );

    let own = format!("http://{}", world.address(To::Dashboard));
    for (name, value) in [("sec-fetch-site", "same-origin"), ("origin", own.as_str())] {
        let answer = world
            .ask(Method::POST, &generate)
            .cookie(&acme.owner)
            .header(name, value);
        let answer = answer.form(&[("environment", "sandbox")]).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{name}: {value}");
    }
}

#[tokio::test]
async fn an_unknown_url_is_a_404_with_a_page() {
    let world = World::start().await;
    let answer = world.get("/no/such/page").send().await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(
        answer.body.contains("<main")
            && answer
                .header("content-security-policy")
                .contains("default-src 'none'")
    );
}

#[tokio::test]
async fn a_server_without_a_site_says_so_on_its_pages() {
    let world = World::start().await;
    let page = world.get("/sign-in").send().await;
    assert!(page.body.contains("This server has no site"), "{}", page.body);
}

#[tokio::test]
async fn site_files_are_compressed_and_those_named_by_content_stay_cached() {
    let site = tempfile::tempdir().expect("a directory");
    let pkg = site.path().join("pkg");
    std::fs::create_dir(&pkg).expect("creates");
    std::fs::write(
        site.path().join("site.json"),
        r#"{"output_name":"gatehouse-00ff"}"#,
    )
    .expect("writes");
    std::fs::write(pkg.join("gatehouse-00ff.css"), "plain").expect("writes");
    std::fs::write(pkg.join("gatehouse-00ff.css.br"), "brotli").expect("writes");
    let options = site.path().join("Leptos.toml");
    let text = format!(
        "[[workspace.metadata.leptos]]\noutput-name = \"gatehouse\"\nsite-root = {:?}\nsite-pkg-dir = \"pkg\"\n",
        site.path()
    );
    std::fs::write(&options, text).expect("writes");
    let world = World::start_with(|config| config.leptos_config = options).await;

    let file = world
        .get("/pkg/gatehouse-00ff.css")
        .header("accept-encoding", "gzip, br")
        .send()
        .await;
    assert_eq!(
        (file.header("content-encoding"), file.body.as_str()),
        ("br", "brotli")
    );
    assert_eq!(file.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(
        file.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(world.get("/pkg/gatehouse-00ff.css").send().await.body, "plain");
    for path in [
        "/site.json",
        "/Leptos.toml",
        "/pkg/gatehouse-00ff.css.br",
        "/pkg/../site.json",
    ] {
        assert_eq!(
            world.get(path).send().await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    assert!(
        world
            .get("/sign-in")
            .send()
            .await
            .body
            .contains("/pkg/gatehouse-00ff.css")
    );
}
