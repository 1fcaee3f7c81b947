//! The documented webhook API as a customer's program sees it, on both listeners that serve it.

use http::{Method, StatusCode};
use model::{Actor, ClientId, Environment, SecretText};
use serde_json::{Value, json};

use crate::world::{Answer, Ask, To, World};

/// A program with its credentials.
pub(crate) struct Program<'w> {
    world: &'w World,
    pub(crate) client_id: ClientId,
    secret: SecretText,
    to: To,
}

impl<'w> Program<'w> {
    pub(crate) async fn new(world: &'w World, name: &str, environment: Environment) -> Self {
        let (company, client_id) = world.company(name).await;
        let secret = world.key(company, environment).await.secret;
        Self {
            world,
            client_id,
            secret,
            to: To::Gateway,
        }
    }

    fn ask(&self, method: Method, path: &str) -> Ask<'w> {
        let ask = self.world.ask(method, path).to(self.to);
        ask.header("x-access-client-id", &self.client_id.to_string())
            .header("x-access-secret", self.secret.expose())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).send().await
    }

    pub(crate) async fn post(&self, body: &Value) -> Answer {
        self.ask(Method::POST, "/v1/webhooks/").json(body).send().await
    }

    async fn options(&self, method: Method, id: &str, body: Option<&Value>) -> Answer {
        let ask = self.ask(method, &format!("/v1/webhook-deliveries/webhooks/{id}/"));
        match body {
            Some(body) => ask.json(body).send().await,
            None => ask.send().await,
        }
    }

    pub(crate) async fn patch(&self, id: &str, body: &Value) -> Answer {
        self.ask(Method::PATCH, &format!("/v1/webhooks/{id}/"))
            .json(body)
            .send()
            .await
    }
}

/// A webhook that may be created in Sandbox. Its host name does not resolve, and these tests never look it up.
pub(crate) fn draft(url: &str) -> Value {
    json!({ "name": "Orders", "webhook_url": url, "env_type": "sandbox" })
}

fn faults(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    let body = answer.json();
    assert_eq!(body["error"]["code"], "incorrect_parameters");
    assert_eq!(body["error"]["message"], "Incorrect request parameters");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let faults = body["error"]["extra"]["invalid-params"]
        .as_array()
        .expect("a list");
    faults
        .iter()
        .map(|fault| (text(&fault["field"]), text(&fault["message"])))
        .collect()
}

fn fields(answer: &Answer) -> Vec<String> {
    faults(answer).into_iter().map(|(field, _)| field).collect()
}

#[tokio::test]
async fn a_webhooks_whole_life_has_the_documented_format_on_both_listeners() {
    let world = World::start().await;
    let mut program = Program::new(&world, "Acme", Environment::Sandbox).await;
    for (to, slash) in [(To::Gateway, "/"), (To::Dashboard, "")] {
        program.to = to;
        let mut asked = draft("https://203-0-113-9.example.com/hook");
        asked["events"] = json!(["order-status-updated", "order-created"]);
        let created = program
            .ask(Method::POST, &format!("/v1/webhooks{slash}"))
            .json(&asked)
            .send()
            .await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
        assert_eq!(created.header("content-type"), "application/json");
        let made = created.json();
        let id = made["id"].as_str().expect("an id").to_owned();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let names: Vec<&String> = made.as_object().expect("an object").keys().collect();
        assert_eq!(
            names,
            [
                "created_at",
                "enabled",
                "env_type",
                "events",
                "id",
                "name",
                "updated_at",
                "webhook_url"
            ]
        );
        assert_eq!(
            (&made["name"], &made["enabled"], &made["env_type"]),
            (&json!("Orders"), &json!(true), &json!("sandbox"))
        );
        assert_eq!(made["events"], json!(["order-created", "order-status-updated"]));
        assert!(made["created_at"].as_str().expect("a time").ends_with('Z'));

        let path = format!("/v1/webhooks/{id}{slash}");
        assert_eq!(program.get(&path).await.json(), made);
        let list = program.get(&format!("/v1/webhooks{slash}")).await.json();
        assert_eq!(
            list,
            json!({ "count": 1, "next": null, "previous": null, "results": [made] })
        );

        let off = program
            .ask(Method::PATCH, &path)
            .json(&json!({ "enabled": false, "id": "ignored" }))
            .send()
            .await;
        assert_eq!(
            (off.status, &off.json()["enabled"], &off.json()["name"]),
            (StatusCode::OK, &json!(false), &json!("Orders"))
        );
        let gone = program.ask(Method::DELETE, &path).send().await;
        assert_eq!((gone.status, gone.body.as_str()), (StatusCode::NO_CONTENT, ""));
        let missing = program.get(&path).await;
        assert_eq!(
            (missing.status, missing.json()),
            (StatusCode::NOT_FOUND, json!({ "detail": "Not Found." }))
        );
    }
}

#[tokio::test]
async fn a_webhook_created_without_events_receives_all_of_them() {
    let world = World::start().await;
    let program = Program::new(&world, "Acme", Environment::Sandbox).await;
    let made = program.post(&draft("https://hooks.example.com/")).await.json();
    assert_eq!(
        made["events"].as_array().expect("a list").len(),
        webhooks::event_types::documented().len()
    );
    let mut none = draft("https://hooks.example.com/none");
    none["events"] = json!([]);
    assert_eq!(fields(&program.post(&none).await), ["events"]);
}

#[tokio::test]
async fn the_same_url_twice_is_the_documented_error() {
    let world = World::start().await;
    let program = Program::new(&world, "Acme", Environment::Sandbox).await;
    assert_eq!(
        program.post(&draft("https://hooks.example.com/")).await.status,
        StatusCode::CREATED
    );
    let expected = vec![(
        "env_type".to_owned(),
        "Webhook url for sandbox already registered".to_owned(),
    )];
    assert_eq!(
        faults(&program.post(&draft("https://hooks.example.com")).await),
        expected
    );
    let other = program
        .post(&draft("https://hooks.example.com/other"))
        .await
        .json();
    let id = other["id"].as_str().expect("an id");
    assert_eq!(
        faults(
            &program
                .patch(id, &json!({ "webhook_url": "https://hooks.example.com/" }))
                .await
        ),
        expected
    );
}

#[tokio::test]
async fn wrong_fields_are_named_and_forbidden_urls_are_refused() {
    let world = World::start().await;
    let program = Program::new(&world, "Acme", Environment::Sandbox).await;
    assert_eq!(
        fields(&program.post(&json!({})).await),
        ["name", "webhook_url", "env_type"]
    );
    assert_eq!(fields(&program.post(&json!([])).await), ["non_field_errors"]);
    let mut wrong = draft("https://hooks.example.com/");
    wrong["events"] = json!(["order-shredded"]);
    wrong["name"] = json!("x".repeat(129));
    assert_eq!(fields(&program.post(&wrong).await), ["name", "events"]);
    wrong["events"] = json!(["order-created"]);
    assert_eq!(fields(&program.post(&wrong).await), ["name"]);
    let gateway = world.address(To::Gateway);
    for url in [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
        "https://hooks.example.com:25/",
        "https://user:pass@hooks.example.com/",
        "not a url",
        &format!("http://{gateway}/"),
    ] {
        assert_eq!(fields(&program.post(&draft(url)).await), ["webhook_url"], "{url}");
    }
    assert_eq!(program.get("/v1/webhooks/").await.json()["count"], 0);
}

#[tokio::test]
async fn a_secret_acts_only_in_its_own_environment_and_company() {
    let world = World::start().await;
    let sandbox = Program::new(&world, "Acme", Environment::Sandbox).await;
    let made = sandbox.post(&draft("https://hooks.example.com/")).await.json();
    let id = made["id"].as_str().expect("an id").to_owned();
    let acme = world
        .running()
        .services
        .core
        .accounts
        .company(sandbox.client_id)
        .await
        .expect("read")
        .expect("there");
    let prod = Program {
        secret: world.key(acme.id, Environment::Prod).await.secret,
        ..Program {
            world: &world,
            ..sandbox
        }
    };
    let stranger = Program::new(&world, "Other", Environment::Sandbox).await;
    for program in [&prod, &stranger] {
        assert_eq!(program.get("/v1/webhooks/").await.json()["count"], 0);
        let path = format!("/v1/webhooks/{id}/");
        for method in [Method::GET, Method::PATCH, Method::DELETE] {
            let answer = program
                .ask(method.clone(), &path)
                .json(&json!({ "name": "" }))
                .send()
                .await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (StatusCode::NOT_FOUND, r#"{"detail":"Not Found."}"#),
                "{method}"
            );
        }
    }
    let refused = prod.post(&draft("https://hooks.example.com/prod")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.json()["error"]["code"], "not_authenticated");
}

#[tokio::test]
async fn a_request_that_names_a_brand_acts_for_the_brand() {
    let world = World::start().await;
    let program = Program::new(&world, "Acme", Environment::Sandbox).await;
    let core = &world.running().services.core;
    let brand = core
        .accounts
        .create_company("Brand", Some(program.client_id), &Actor::command_line())
        .await
        .expect("a brand");
    core.keys.reload().await.expect("reloaded");
    let brand_id = brand.client_id.to_string();
    let post = program
        .ask(Method::POST, "/v1/webhooks/")
        .header("x-brand-id", &brand_id);
    assert_eq!(
        post.json(&draft("https://brand.example.com/"))
            .send()
            .await
            .status,
        StatusCode::CREATED
    );
    let listed = program
        .ask(Method::GET, "/v1/webhooks/")
        .header("x-brand-id", &brand_id)
        .send()
        .await;
    assert_eq!(listed.json()["count"], 1);
    assert_eq!(
        program.get("/v1/webhooks/").await.json()["count"],
        0,
        "the company itself has none"
    );
}

#[tokio::test]
async fn methods_and_media_types_are_refused_as_documented() {
    let world = World::start().await;
    let program = Program::new(&world, "Acme", Environment::Sandbox).await;
    let id = "48427a36d43c4d5aa6324bc06c692456";
    for (path, allow) in [
        ("/v1/webhooks/".to_owned(), "GET, HEAD, POST"),
        (format!("/v1/webhooks/{id}/"), "GET, HEAD, PATCH, DELETE"),
        ("/v1/webhook-requests/".to_owned(), "GET, HEAD"),
    ] {
        let answer = program.ask(Method::PUT, &path).json(&json!({})).send().await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (StatusCode::METHOD_NOT_ALLOWED, allow),
            "{path}"
        );
    }
    let form = program
        .ask(Method::POST, "/v1/webhooks/")
        .form(&[("name", "x")])
        .send()
        .await;
    assert_eq!(form.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let html = program
        .ask(Method::GET, "/v1/webhooks/")
        .header("accept", "text/html")
        .send()
        .await;
    assert_eq!(html.status, StatusCode::NOT_ACCEPTABLE);
    for path in [
        "/v1/webhooks/none/",
        "/v1/webhook-requests/x/",
        &format!("/v1/webhooks/{id}/"),
    ] {
        assert_eq!(program.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let nobody = world.get("/v1/webhooks/").to(To::Gateway).send().await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_list_is_paged_by_number() {
    let world = World::start().await;
    let program = Program::new(&world, "Acme", Environment::Sandbox).await;
    for number in 0..5 {
        assert_eq!(
            program
                .post(&draft(&format!("https://hooks.example.com/{number}")))
                .await
                .status,
            StatusCode::CREATED
        );
    }
    let mut path = "/v1/webhooks/?page_size=2".to_owned();
    let mut seen = Vec::new();
    let origin = format!("http://{}", world.address(To::Gateway));
    loop {
        let page = program.get(&path).await.json();
        assert_eq!(page["count"], 5);
        seen.extend(
            page["results"]
                .as_array()
                .expect("rows")
                .iter()
                .map(|one| one["webhook_url"].clone()),
        );
        match page["next"].as_str() {
            Some(next) => {
                path = next
                    .strip_prefix(&origin)
                    .expect("an absolute link to this listener")
                    .to_owned()
            }
            None => break,
        }
    }
    let expected: Vec<Value> = (0..5)
        .rev()
        .map(|number| json!(format!("https://hooks.example.com/{number}")))
        .collect();
    assert_eq!(seen, expected);
    assert_eq!(
        program.get("/v1/webhooks/?page=4&page_size=2").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn one_response_names_every_error_in_a_body() {
    let world = World::start().await;
    let program = Program::new(&world, "Acme", Environment::Sandbox).await;
    let all = ["name", "webhook_url", "env_type", "events", "enabled"];
    let taken = "https://hooks.example.com/taken";
    assert_eq!(program.post(&draft(taken)).await.status, StatusCode::CREATED);
    let other = program.post(&draft("https://hooks.example.com/")).await.json();
    let id = other["id"].as_str().expect("an id");
    for (name, url, events) in [
        (
            json!("x".repeat(129)),
            json!("not a url"),
            json!(["order-shredded"]),
        ),
        (json!(""), json!("https://127.0.0.1/"), json!([])),
        (json!(7), json!(7), json!("order-created")),
        (
            Value::Null,
            json!(format!("https://hooks.example.com/{}", "x".repeat(2048))),
            json!({}),
        ),
    ] {
        let body = json!({
            "name": name, "webhook_url": url, "env_type": "production", "events": events, "enabled": "yes",
        });
        assert_eq!(fields(&program.post(&body).await), all, "{body}");
        assert_eq!(fields(&program.patch(id, &body).await), all, "{body}");
    }
    // The URL belongs to another webhook, and the name is too long too.
    let mut body = draft(taken);
    body["name"] = json!("x".repeat(129));
    assert_eq!(fields(&program.post(&body).await), ["name", "env_type"]);
    assert_eq!(fields(&program.patch(id, &body).await), ["name", "env_type"]);
    let same = program.patch(id, &json!({})).await;
    assert_eq!(
        (same.status, &same.json()["name"], &same.json()["webhook_url"]),
        (StatusCode::OK, &other["name"], &other["webhook_url"]),
        "nothing was changed"
    );
}

#[tokio::test]
async fn a_program_that_reads_one_page_sees_a_hundred_webhooks() {
    let world = World::start().await;
    let program = Program::new(&world, "Acme", Environment::Sandbox).await;
    for number in 0..101 {
        let made = program
            .post(&draft(&format!("https://hooks.example.com/{number}")))
            .await;
        assert_eq!(made.status, StatusCode::CREATED);
    }
    let page = program.get("/v1/webhooks/").await.json();
    let rows = page["results"].as_array().expect("rows");
    assert_eq!((rows.len(), &page["count"]), (100, &json!(101)));
    assert_eq!(
        rows[0]["webhook_url"], "https://hooks.example.com/100",
        "newest first"
    );
    let more = program.get("/v1/webhooks/?page_size=1000").await.json();
    assert_eq!(more["results"].as_array().map(Vec::len), Some(100));
}

#[tokio::test]
async fn links_to_other_pages_use_the_address_that_programs_use() {
    let next = async |world: &World, to: To, proxied: bool| {
        let program = Program::new(world, "Acme", Environment::Sandbox).await;
        for path in ["a", "b"] {
            program
                .post(&draft(&format!("https://hooks.example.com/{path}")))
                .await;
        }
        let mut ask = program.ask(Method::GET, "/v1/webhooks/?page_size=1").to(to);
        if proxied {
            ask = ask
                .header("x-forwarded-proto", "https")
                .header("x-forwarded-host", "proxy.example");
        }
        let page = ask.send().await.json();
        page["next"]
            .as_str()
            .unwrap_or_else(|| panic!("{page}"))
            .to_owned()
    };
    let url = |text: &str| Some(text.parse().expect("a URL"));
    let rest = "/v1/webhooks/?page_size=1&page=2";

    let plain = World::start().await;
    for (to, proxied) in [(To::Gateway, false), (To::Dashboard, false), (To::Gateway, true)] {
        let own = format!("http://{}{rest}", plain.address(to));
        assert_eq!(
            next(&plain, to, proxied).await,
            own,
            "an untrusted peer's headers are ignored"
        );
    }
    let named = World::start_with(|config| {
        config.gateway_url = url("https://api.example.com");
        config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    for (proxied, origin) in [
        (true, "https://proxy.example"),
        (false, "https://api.example.com"),
    ] {
        assert_eq!(
            next(&named, To::Gateway, proxied).await,
            format!("{origin}{rest}")
        );
    }
    let proxied = World::start_with(|config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    assert_eq!(
        next(&proxied, To::Gateway, true).await,
        format!("https://proxy.example{rest}")
    );
    let public = World::start_with(|config| config.public_url = url("http://localhost:3456")).await;
    let gateway = format!("http://{}{rest}", public.address(To::Gateway));
    assert_eq!(
        next(&public, To::Gateway, false).await,
        gateway,
        "never the dashboard's address"
    );
}

#[tokio::test]
async fn times_are_read_in_every_format_that_programs_send() {
    let world = World::start().await;
    let program = Program::new(&world, "Acme", Environment::Sandbox).await;
    let now = world.running().services.webhooks.now().to_rfc3339();
    let (day, _) = now.split_once('T').expect("a date and a time");
    for zone in ["Z", "%2B00:00", "+00:00", "%2B0000", "+0000", ".000000+00:00", ""] {
        let path = format!("/v1/webhook-requests/?created_at__gte={day}T00:00:00{zone}");
        assert_eq!(program.get(&path).await.status, StatusCode::OK, "{zone}");
    }
    let wrong = program
        .get("/v1/webhook-requests/?created_at__gte=x&status_code=x&cursor=x")
        .await;
    assert_eq!(fields(&wrong), ["created_at__gte", "status_code", "cursor"]);
}

#[tokio::test]
async fn a_webhooks_headers_and_rate_limit_have_a_path_of_their_own() {
    let world = World::start().await;
    let program = Program::new(&world, "Acme", Environment::Sandbox).await;
    let created = program.post(&draft("https://receiver.example/hook")).await;
    let id = created.json()["id"].as_str().expect("an id").to_owned();
    let options = async |method, body| program.options(method, &id, body).await;
    let none = json!({ "id": id, "secret_headers": [], "rate_limit": null });
    assert_eq!(options(Method::GET, None).await.json(), none);
    let patch = json!({ "secret_headers": { "Authorization": "Bearer tenant-token-1", "X-Old": "partner-9f27" }, "rate_limit": 50 });
    let patched = options(Method::PATCH, Some(&patch)).await;
    assert_eq!(patched.status, StatusCode::OK, "{}", patched.body);
    let request = patched.header("x-request-id").to_owned();
    let all = json!({ "id": id, "secret_headers": ["Authorization", "X-Old"], "rate_limit": 50 });
    assert_eq!(patched.json(), all);
    let patch = json!({ "secret_headers": { "x-old": null }, "rate_limit": null });
    let left = json!({ "id": id, "secret_headers": ["Authorization"], "rate_limit": null });
    assert_eq!(options(Method::PATCH, Some(&patch)).await.json(), left);
    let read = options(Method::GET, None).await;
    assert_eq!(read.json(), left);
    assert!(!read.body.contains("tenant-token"));
    let documented = program.get(&format!("/v1/webhooks/{id}/")).await.json();
    assert!(
        documented.get("secret_headers").is_none(),
        "the documented object stays as it is"
    );

    let wrong = json!({ "headers": { "X-Old": "x" } });
    assert_eq!(fields(&options(Method::PATCH, Some(&wrong)).await), ["headers"]);
    let wrong = json!({ "secret_headers": { "Host": "x", "X-Wsgi": 1 }, "rate_limit": 0 });
    assert_eq!(
        fields(&options(Method::PATCH, Some(&wrong)).await),
        ["secret_headers.X-Wsgi"]
    );
    let wrong = json!({ "secret_headers": { "Host": "x", "X-Line": "a\r\nb" }, "rate_limit": 0 });
    assert_eq!(
        fields(&options(Method::PATCH, Some(&wrong)).await),
        ["secret_headers.Host", "secret_headers.X-Line", "rate_limit"]
    );
    assert_eq!(
        options(Method::PUT, Some(&wrong)).await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    let other = Program::new(&world, "Other", Environment::Sandbox).await;
    for method in [Method::GET, Method::PATCH] {
        let theirs = other
            .options(method.clone(), &id, (method == Method::PATCH).then_some(&patch))
            .await;
        assert_eq!(theirs.status, StatusCode::NOT_FOUND);
    }

    // Nor does the log show a value in the request that set it.
    world.running().services.recorder.flush().await;
    world
        .member(program.client_id, "ana@acme.example", model::Role::Owner)
        .await;
    let session = world.sign_in("ana@acme.example").await;
    let entry = format!("/c/{}/development/logs/{request}", program.client_id);
    let page = world.get(&entry).cookie(&session).send().await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("secret_headers"), "the body is shown");
    for value in ["tenant-token-1", "partner-9f27"] {
        assert!(!page.body.contains(value), "{value} is shown");
    }
}
