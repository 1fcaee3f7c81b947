//! Puts hostile text into every field that a stranger can set, and checks on every page that it stays text.

use accounts::{Scope, Scopes};
use http::{Method, StatusCode};
use model::{Actor, CompanyId, Environment, EventType, RequestId, Role};
use serde_json::json;
use server::dashboard::page_paths;

use crate::html::tags;
use crate::receiver::{Receiver, Reply};
use crate::world::{Answer, Ask, To, World};

/// Closes every context it could appear in, then forms an element and an attribute. It contains no white space, so that
/// it also works in an email address.
const HOSTILE: &str = "\"'/gh-attr=1></title></script></textarea></option>--><gh-evil/gh-attr=1>";

/// The ids in [`hostile_world`], by their names in paths.
struct Hostile {
    world: World,
    owner: String,
    company: CompanyId,
    parts: Vec<(&'static str, String)>,
}

impl Hostile {
    fn fill(&self, path: &str) -> String {
        self.parts.iter().fold(path.to_owned(), |path, (name, value)| {
            path.replace(&format!("{{{name}}}"), value)
        })
    }

    async fn page(&self, path: &str) -> Answer {
        self.world.get(path).cookie(&self.owner).send().await
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A company in which every text is hostile: its name, its brand, its people, a webhook with a failed delivery, and a
/// request with the API's response.
async fn hostile_world() -> Hostile {
    let receiver = Receiver::start(|_| Reply::Answer {
        status: 500,
        headers: vec![
            ("X-Hostile", HOSTILE.to_owned()),
            ("Content-Type", HOSTILE.to_owned()),
        ],
        body: HOSTILE.into(),
    })
    .await;
    let upstream = Receiver::start(|_| Reply::Answer {
        status: 400,
        headers: vec![
            ("Content-Type", "application/json".to_owned()),
            ("X-Hostile", HOSTILE.to_owned()),
        ],
        body: json!({ HOSTILE: HOSTILE, "error": { "code": HOSTILE, "message": HOSTILE } })
            .to_string()
            .into_bytes(),
    })
    .await;
    let api = format!("http://{}", upstream.address).parse().expect("a URL");
    let world = World::start_with(|config| {
        config.allow_networks = vec!["127.0.0.0/8".parse().expect("a network")];
        config.upstreams = vec![(Environment::Sandbox, api)];
    })
    .await;
    let (company, client_id) = world.company(HOSTILE).await;
    let email = format!("{HOSTILE}@example.com");
    world.member(client_id, &email, Role::Owner).await;
    let owner = world.sign_in(&email).await;
    let core = &world.running().services.core;
    core.accounts
        .create_company(
            &format!("brand {HOSTILE}"),
            Some(client_id),
            &Actor::command_line(),
        )
        .await
        .expect("a brand");
    core.keys.reload().await.expect("reloaded");
    let key = world.key(company, Environment::Sandbox).await;
    let as_program = async |ask: Ask<'_>| {
        ask.to(To::Gateway)
            .header("x-access-client-id", &client_id.to_string())
            .header("x-access-secret", key.secret.expose())
            .header("user-agent", HOSTILE)
            .header("x-hostile", HOSTILE)
            .send()
            .await
    };
    let draft = json!({
        "name": HOSTILE, "webhook_url": receiver.url(&format!("/{HOSTILE}?{HOSTILE}")), "env_type": "sandbox",
    });
    let made = as_program(world.ask(Method::POST, "/v1/webhooks/").json(&draft)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let called = format!("/v1/{0}/?{0}={0}", encoded(HOSTILE));
    let called = as_program(
        world
            .ask(Method::POST, &called)
            .json(&json!({ HOSTILE: [HOSTILE] })),
    )
    .await;
    assert_eq!(called.status, StatusCode::BAD_REQUEST, "the API's own response");
    let request = called.header("x-request-id").to_owned();
    let delivery = failed_delivery(&world, company, &client_id.to_string(), &request, &receiver).await;
    world.running().services.recorder.flush().await;
    let parts = vec![
        ("company", client_id.to_string()),
        ("key", key.key.id.to_string()),
        ("request", request),
        ("webhook", made.json()["id"].as_str().expect("an id").to_owned()),
        ("delivery", delivery),
        ("page", "webhook-events".to_owned()),
    ];
    Hostile {
        world,
        owner,
        company,
        parts,
    }
}

/// Publishes an event and waits until its attempt is recorded.
async fn failed_delivery(
    world: &World,
    company: CompanyId,
    client_id: &str,
    request: &str,
    receiver: &Receiver,
) -> String {
    let accounts = &world.running().services.core.accounts;
    let scopes = Scopes::new(vec![Scope::Events]);
    let token = accounts
        .create_operator_token(HOSTILE, scopes, &Actor::command_line())
        .await
        .expect("a token");
    let event = json!({
        "client_id": client_id, "env_type": "sandbox", "event_type": EventType::from_static("order-created"),
        "payload": { HOSTILE: HOSTILE }, "request_id": request,
    });
    let accepted = world
        .ask(Method::POST, "/operator/v1/events")
        .to(To::Operator)
        .bearer(token.text().as_str())
        .json(&event)
        .send()
        .await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
    receiver.wait_for(1).await;
    let request: RequestId = request.parse().expect("an id");
    loop {
        let webhooks = &world.running().services.webhooks;
        let rows = webhooks
            .deliveries_of_request(company, request)
            .await
            .expect("read");
        if let Some(row) = rows.iter().map(|one| &one.row).find(|row| row.attempts > 0) {
            return row.id.to_string();
        }
        tokio::task::yield_now().await;
    }
}

/// Every parameter that a page or a form reads, each with hostile text.
fn hostile_query() -> String {
    let names = [
        "next",
        "error",
        "company",
        "saved",
        "deleted",
        "replayed",
        "name",
        "webhook_url",
        "events",
        "env_type",
        "environment",
        "enabled",
        "part",
        "note",
        "expires_at",
        "networks",
        "requests_a_minute",
        "range",
        "from",
        "to",
        "status",
        "brand",
        "key",
        "method",
        "path",
        "before",
        "email",
        "event_type",
        HOSTILE,
    ];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(names.map(|name| (name, HOSTILE)));
    query.finish()
}

/// Asserts that hostile text created no element and no attribute, and that the title is a single text.
fn assert_is_text(answer: &Answer, what: &str) {
    if !answer.header("content-type").starts_with("text/html") {
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
        return;
    }
    let tags = tags(&answer.body);
    assert!(tags.len() > 10, "{what}: a whole page, not {}", answer.body);
    for tag in &tags {
        assert_ne!(tag.name, "gh-evil", "{what}");
        let made = tag.attributes.iter().find(|name| name.starts_with("gh-"));
        assert_eq!(made, None, "{what}: an attribute of <{}>", tag.name);
    }
    let titles = tags.iter().filter(|tag| tag.name == "title").count();
    assert_eq!(titles, 1, "{what}");
}

#[tokio::test]
async fn text_that_strangers_wrote_is_text_on_every_page() {
    let hostile = hostile_world().await;
    let query = hostile_query();
    for path in page_paths() {
        let filled = hostile.fill(&path);
        assert!(
            !filled.contains('{'),
            "{path}: this test does not know one of its segments"
        );
        let plain = hostile.page(&filled).await;
        // This page does not exist outside the demo. `/` redirects.
        let expected = if path == "/design" {
            StatusCode::NOT_FOUND
        } else {
            StatusCode::OK
        };
        assert!(
            plain.status == expected || plain.status.is_redirection(),
            "{path}: {}",
            plain.status
        );
        if plain.status == expected {
            assert_is_text(&plain, &path);
        }
        assert_is_text(
            &hostile.page(&format!("{filled}?{query}")).await,
            &format!("{path} with parameters"),
        );
        let strange = path
            .split('/')
            .map(|part| {
                if part.starts_with('{') && part != "{company}" {
                    encoded(HOSTILE)
                } else {
                    part.to_owned()
                }
            })
            .collect::<Vec<_>>()
            .join("/");
        let strange = hostile.page(&hostile.fill(&strange)).await;
        assert_is_text(&strange, &format!("{path} with hostile parts"));
    }
    let beside = hostile
        .page(&hostile.fill("/c/{company}/development/logs?open={request}"))
        .await;
    assert_eq!(beside.status, StatusCode::OK);
    assert!(
        beside.body.contains("id=\"request-drawer\"") && beside.body.contains("&lt;gh-evil"),
        "the request is open beside the list"
    );
    assert_is_text(&beside, "a request beside the list");
    for path in [
        "/{}",
        "/docs/{}",
        "/c/{}/development/keys",
        "/c/{}",
        "/rpc/{}",
        "/sign-in/{}",
    ] {
        let answer = hostile.page(&path.replace("{}", &encoded(HOSTILE))).await;
        assert_is_text(&answer, path);
    }
}

#[tokio::test]
async fn the_title_shows_the_name_unchanged() {
    let hostile = hostile_world().await;
    for (path, before) in [
        ("webhooks/{webhook}", ""),
        ("webhooks/{webhook}/deliveries/{delivery}", "order-created"),
    ] {
        let page = hostile
            .page(&hostile.fill(&format!("/c/{{company}}/development/{path}")))
            .await;
        let title = page
            .body
            .split("<title>")
            .nth(1)
            .and_then(|rest| rest.split("</title>").next());
        let title = title
            .expect("a title")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&");
        assert!(title.contains(HOSTILE) && title.contains(before), "{title}");
    }
}

#[tokio::test]
async fn what_a_form_sends_is_text_in_its_response() {
    let hostile = hostile_world().await;
    let forms = [
        "/sign-in",
        "/c/{company}/development/keys/generate",
        "/c/{company}/development/keys/{key}/reveal",
        "/c/{company}/development/keys/{key}/change",
        "/c/{company}/development/keys/{key}/test",
        "/c/{company}/development/webhooks/new",
        "/c/{company}/development/webhooks/{webhook}/edit",
        "/c/{company}/development/webhooks/{webhook}/test",
        "/c/{company}/development/webhooks/{webhook}/enabled",
        "/c/{company}/development/webhooks/{webhook}/deliveries/{delivery}/replay",
        "/c/{company}/development/webhooks/{webhook}/deliveries/{delivery}/sign",
        "/c/{company}/development/keys/{key}/delete",
        "/c/{company}/development/webhooks/{webhook}/delete",
    ];
    let fields = [
        "email",
        "password",
        "next",
        "environment",
        "name",
        "webhook_url",
        "events",
        "enabled",
        "event_type",
        "path",
    ];
    for path in forms {
        let filled = hostile.fill(path);
        let ask = hostile.world.ask(Method::POST, &filled).cookie(&hostile.owner);
        let answer = ask.form(&fields.map(|name| (name, HOSTILE))).send().await;
        if answer.status.is_redirection() {
            let next = hostile.page(answer.header("location")).await;
            assert_is_text(&next, &format!("the page after {path}"));
        } else {
            assert_is_text(&answer, path);
        }
    }
    let keys = hostile
        .world
        .running()
        .services
        .core
        .keys
        .list(hostile.company)
        .await;
    assert!(keys.is_ok(), "the server keeps running");
}

/// Every filter and the search line, with markup, with what turns text around, and with far too much of it.
#[tokio::test]
async fn what_an_address_filters_by_is_text_on_the_page() {
    let hostile = hostile_world().await;
    let texts = [
        HOSTILE.to_owned(),
        format!("\u{202e}{HOSTILE}\0\r\n\u{1b}[31m\",\\"),
        HOSTILE.repeat(8192 / HOSTILE.len()),
    ];
    let fields = model::FilterField::ALL.map(model::FilterField::parameter);
    let names = fields
        .iter()
        .copied()
        .chain(["q", "range", "from", "before", "open"]);
    for name in names {
        for sign in ["", "-"] {
            for text in &texts {
                let query = format!("{sign}{name}={}", encoded(text));
                for page in ["logs", "logs/{request}"] {
                    let path = hostile.fill(&format!("/c/{{company}}/development/{page}?{query}"));
                    let mut answer = hostile.page(&path).await;
                    if page == "logs" && name == "q" && answer.status == StatusCode::FOUND {
                        // The line was right, and has an address without it.
                        let location = answer.header("location").to_owned();
                        assert!(location.is_ascii() && !location.contains("q="), "{location}");
                        answer = hostile.page(&location).await;
                    }
                    assert_eq!(answer.status, StatusCode::OK, "{query}");
                    assert_is_text(&answer, &query);
                }
            }
        }
    }
}
