//! What every proxy must do with the shipped configuration.

use model::Recorded;
use serde_json::{Value, json};

use super::caller::{CALLER, Call};
use super::message::Message;
use super::upstream::{OF_THE_API, Upstream};
use super::{BUDGET, Key, Proxy, Stage, caller};

/// What Gatehouse itself uses.
const IDENTITY: [&str; 7] = [
    "X-Gatehouse-Company",
    "X-Gatehouse-Client-Id",
    "X-Gatehouse-Environment",
    "X-Gatehouse-Key-Id",
    "X-Gatehouse-Brand",
    "X-Gatehouse-Status",
    "X-Gatehouse-Body",
];

/// 200: the API gets the request with the caller's identity, and the log knows what was called and from where.
pub(super) async fn identity(stage: &mut Stage) {
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        for brand in [None, Some(stage.brand)] {
            let what = format!("{method} with the brand {brand:?}");
            let mut call = Call::new(method, "/v1/users/?page=2&sort=a").with(&stage.key);
            if let Some(brand) = brand {
                call = call.header("X-Brand-Id", &brand.to_string());
            }
            // The chain that a caller claims must not hide its address.
            let call = call.header("X-Forwarded-For", "198.51.100.7");
            let Some((response, request)) = stage.passes(&what, &call).await else {
                continue;
            };
            let head = &request.head;
            stage.same(&what, head.method(), method.to_owned());
            stage.same(&what, head.target(), "/v1/users/?page=2&sort=a".to_owned());
            for (name, value) in [
                ("X-Gatehouse-Company", stage.company.to_string()),
                ("X-Gatehouse-Client-Id", stage.key.client_id.to_string()),
                ("X-Gatehouse-Environment", "prod".to_owned()),
                ("X-Gatehouse-Key-Id", stage.key.id.clone()),
                (
                    "X-Gatehouse-Brand",
                    brand.map_or("-".to_owned(), |brand| brand.to_string()),
                ),
                ("Host", "api.example".to_owned()),
            ] {
                stage.same(&format!("{what}, {name}"), head.one(name), value);
            }
            let id = head.one("X-Request-Id");
            let told = if stage.shipped.tells_request_id {
                id.as_str()
            } else {
                OF_THE_API
            };
            stage.same(
                &format!("{what}, to the caller"),
                response.head.one("X-Request-Id"),
                told.to_owned(),
            );
            stage.same(&what, response.head.one("X-Made"), OF_THE_API.to_owned());
            no_identity_for_the_caller(stage, &what, &response);
            match stage.entry(&id).await {
                Some(entry) => {
                    let logged = (entry.recorded, entry.row.method, entry.row.path, entry.address);
                    let path = "/v1/users/?page=2&sort=a".to_owned();
                    let expected = (Recorded::Verify, method.to_owned(), path, CALLER.to_string());
                    stage.same(&format!("{what}, in the log"), logged, expected);
                }
                None => stage.fault(&what, format!("the log has no request {id}")),
            }
        }
    }
}

fn no_identity_for_the_caller(stage: &mut Stage, what: &str, response: &Message) {
    let told: Vec<_> = response.head.folded("x-gatehouse-").collect();
    if !told.is_empty() {
        stage.fault(what, format!("the caller gets {told:?}"));
    }
}

/// The name as some programs read it too.
fn spellings(name: &str) -> [String; 4] {
    [
        name.to_owned(),
        name.to_lowercase(),
        name.replace('-', "_"),
        name.replace('-', "."),
    ]
}

/// What a caller says about itself never reaches the API, in no spelling.
pub(super) async fn forged_names(stage: &mut Stage) {
    let mut names = IDENTITY.to_vec();
    names.push("X-Request-Id");
    if stage.shipped.removes_by_pattern {
        names.push("X-Gatehouse-Anything");
    }
    for name in names {
        for spelling in spellings(name) {
            if name == "X-Request-Id" && spelling.contains(['_', '.']) {
                continue;
            }
            let call = Call::get("/forged").with(&stage.key);
            let call = call.header(&spelling, "forged").header(&spelling, "forged, too");
            let (response, received) = stage.send(&call).await;
            let status = response.map_or(0, |response| response.head.status());
            // Some proxies refuse a request with a name that they do not allow.
            let is_refused = (400..500).contains(&status) && spelling.contains(['_', '.']);
            if status != 200 && !is_refused {
                stage.fault(&spelling, format!("status {status}"));
            }
            let believed = received
                .iter()
                .flat_map(|request| &request.head.headers)
                .find(|(_, value)| value.contains("forged"));
            if let Some(believed) = believed {
                stage.fault(&spelling, format!("the API gets {believed:?}"));
            }
        }
    }
}

/// A caller's `Connection` removes nothing that Gatehouse has set, and opens no connection that later requests could use
/// unchecked.
pub(super) async fn hop_by_hop(stage: &mut Stage) {
    for named in [
        "X-Gatehouse-Company",
        "close, X-Gatehouse-Key-Id, X-Gatehouse-Brand",
        "x-request-id",
    ] {
        let what = format!("Connection: {named}");
        let call = Call::get("/hop").with(&stage.key).header("Connection", named);
        if let Some((_, request)) = stage.passes(&what, &call).await {
            for name in IDENTITY.iter().take(5).chain(&["X-Request-Id"]) {
                let values = request.head.all(name).count();
                stage.same(&format!("{what}, {name}"), values, 1);
            }
            let options = request.head.all("Connection").collect::<Vec<_>>().join(", ");
            if options.to_ascii_lowercase().contains("x-") {
                stage.fault(&what, format!("the API gets Connection: {options}"));
            }
        }
    }
    let what = "an upgrade to h2c";
    let call = Call::get("/hop")
        .with(&stage.key)
        .header("Connection", "Upgrade, HTTP2-Settings");
    let call = call
        .header("Upgrade", "h2c")
        .header("HTTP2-Settings", "AAMAAABkAAQAAP__");
    let (response, received) = stage.send(&call).await;
    if response.is_none_or(|response| response.head.status() == 101) {
        stage.fault(what, "it was accepted or not answered");
    }
    if received
        .iter()
        .any(|request| request.head.all("Upgrade").count() > 0)
    {
        stage.fault(what, "the API is asked for it");
    }
    let what = "an upgrade to WebSocket";
    let call = Call::get("/hop").with(&stage.key).header("Connection", "Upgrade");
    let call = call
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13");
    let call = call.header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    if let Some((_, request)) = stage.passes(what, &call).await {
        stage.same(
            what,
            request.head.one("Upgrade").to_ascii_lowercase(),
            "websocket".to_owned(),
        );
        stage.same(
            what,
            request.head.one("Connection").to_ascii_lowercase(),
            "upgrade".to_owned(),
        );
    }
}

/// The API never sees the secret.
pub(super) async fn credentials(stage: &mut Stage) {
    let what = "credentials";
    let mut call = Call::get("/credentials").with(&stage.key);
    for name in ["X_Access_Secret", "X_Access_Client_Id"] {
        call = call.header(name, &stage.key.secret);
    }
    if let Some((_, request)) = stage.passes(what, &call).await {
        let left: Vec<_> = request.head.folded("x-access-").map(|(name, _)| name).collect();
        if !left.is_empty() {
            stage.fault(what, format!("the API gets {left:?}"));
        }
        let secret = &stage.key.secret;
        if request
            .head
            .headers
            .iter()
            .any(|(_, value)| value.contains(secret.as_str()))
        {
            stage.fault(what, "the API gets the secret");
        }
    }
}

/// 400, 401, 403 and 429: the documented response, and the API gets nothing.
pub(super) async fn refusals(stage: &mut Stage) {
    let error = |code: &str, message: &str| json!({ "error": { "code": code, "message": message } });
    let brand = json!({ "error": {
        "code": "incorrect_parameters",
        "message": "Incorrect request parameters",
        "extra": { "invalid-params": [{ "field": "X-Brand-Id", "message": "No such brand." }] },
    } });
    let unknown = error("authentication_failed", "No such user");
    let wrong = "This key's environment does not serve this request.";
    let (company, client_id) = stage.world.company("Busy").await;
    let busy = Key::of(&stage.world, company, client_id, model::Environment::Prod).await;
    let call = || Call::get("/refused");
    let refused = [
        (
            "400",
            call().with(&stage.key).header("X-Brand-Id", "unknown"),
            400,
            Some(brand),
        ),
        ("401 without credentials", call(), 401, Some(unknown.clone())),
        (
            "401 with two secrets",
            call().with(&stage.key).header("X-Access-Secret", "another"),
            401,
            Some(unknown),
        ),
        (
            "403",
            call().with(&stage.elsewhere),
            403,
            Some(error("not_authenticated", wrong)),
        ),
        ("429", call().with(&busy), 429, None),
    ];
    for (what, call, status, body) in refused {
        let (response, received) = match status {
            429 => until_refused(stage, &call).await,
            _ => stage.send(&call).await,
        };
        stage.same(what, received.len(), 0);
        let Some(response) = response else {
            stage.fault(what, "no response");
            continue;
        };
        refused_with(stage, what, &response, status);
        let sent: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        match body {
            Some(body) => stage.same(what, sent, body),
            None => throttled(stage, what, &response, &sent),
        }
    }
}

fn throttled(stage: &mut Stage, what: &str, response: &Message, sent: &Value) {
    let wait: u64 = response.head.one("Retry-After").parse().unwrap_or_default();
    if !(1..=60).contains(&wait) {
        stage.fault(what, format!("Retry-After: {}", response.head.one("Retry-After")));
    }
    let message = sent["error"]["message"].as_str().unwrap_or_default();
    let expected = format!("Request was throttled. Expected available in {wait} second");
    if sent["error"]["code"] != "throttled" || !message.starts_with(&expected) {
        stage.fault(what, format!("{sent}"));
    }
}

/// What every refusal has.
fn refused_with(stage: &mut Stage, what: &str, response: &Message, status: u16) {
    let head = &response.head;
    stage.same(what, head.status(), status);
    stage.same(what, head.one("Content-Type"), "application/json".to_owned());
    stage.same(what, head.one("Cache-Control"), "no-store".to_owned());
    if head.one("X-Request-Id").parse::<model::RequestId>().is_err() {
        stage.fault(what, format!("X-Request-Id: {}", head.one("X-Request-Id")));
    }
    if status == 401 {
        stage.same(what, head.one("WWW-Authenticate"), "AccessKey".to_owned());
    }
    no_identity_for_the_caller(stage, what, response);
}

/// Sends the call until its key has no requests left.
async fn until_refused(stage: &Stage, call: &Call) -> (Option<Message>, Vec<Message>) {
    // The budget grows again while it is used.
    for _ in 0..BUDGET * 5 {
        let (response, received) = stage.send(call).await;
        if response
            .as_ref()
            .is_none_or(|response| response.head.status() != 200)
        {
            return (response, received);
        }
    }
    panic!("the budget of {BUDGET} requests was never used up");
}

/// The API gets the body, Gatehouse does not, and the next request on the connection is a request of its own.
pub(super) async fn bodies(stage: &mut Stage) {
    let large: Vec<u8> = (0..300_000_u32).map(|byte| byte.to_le_bytes()[0]).collect();
    for (what, call) in [
        ("a body", Call::new("POST", "/body").with(&stage.key).body(&large)),
        (
            "a body in chunks",
            Call::new("PUT", "/body").with(&stage.key).chunked(&large),
        ),
        (
            "a body of a GET",
            Call::get("/body")
                .with(&stage.key)
                .body(b"GET /inner HTTP/1.1\r\n\r\n"),
        ),
        (
            "an empty body",
            Call::new("POST", "/body").with(&stage.key).body(b""),
        ),
    ] {
        let sent = Message::read(&call.bytes()).expect("a whole call").0.body;
        let next = Call::get("/next").with(&stage.key);
        let response = caller::send(stage.proxy.address, &[call, next]).await;
        let received = stage.api.take();
        stage.same(what, response.map(|response| response.head.status()), Some(200));
        let targets: Vec<String> = received.iter().map(|request| request.head.target()).collect();
        stage.same(what, targets, vec!["/body".to_owned(), "/next".to_owned()]);
        if let [first, second] = &received[..] {
            if first.body != sent {
                stage.fault(
                    what,
                    format!("the API gets {} bytes of {}", first.body.len(), sent.len()),
                );
            }
            stage.same(what, second.body.len(), 0);
        }
    }
    // A refused request's body is not read as the next request.
    let what = "a refused body";
    let inner = Call::get("/inner").with(&stage.key).bytes();
    let response = caller::send(stage.proxy.address, &[Call::new("POST", "/body").body(&inner)]).await;
    stage.same(what, response.map(|response| response.head.status()), Some(401));
    stage.same(what, stage.api.take().len(), 0);
}

/// A caller cannot choose what is checked and logged, nor send the API elsewhere.
pub(super) async fn claims_about_the_request(stage: &mut Stage) {
    for name in [
        "X-Forwarded-Method",
        "X-Forwarded-Uri",
        "X-Original-Method",
        "X-Original-Uri",
        "X-Original-Url",
        "X-Rewrite-Url",
    ] {
        let call = Call::new("DELETE", "/true?a=b").with(&stage.key);
        let call = call.header(name, "/claimed").header(name, "/claimed/twice");
        if let Some((_, request)) = stage.passes(name, &call).await {
            stage.same(name, request.head.target(), "/true?a=b".to_owned());
            let claimed = request
                .head
                .headers
                .iter()
                .any(|(_, value)| value.contains("claimed"));
            if claimed {
                stage.fault(name, "the API gets the claim");
            }
            let entry = stage.entry(&request.head.one("X-Request-Id")).await;
            let logged = entry.map(|entry| (entry.row.method, entry.row.path));
            stage.same(name, logged, Some(("DELETE".to_owned(), "/true?a=b".to_owned())));
        }
    }
}

/// The API's own errors reach the caller as they are.
pub(super) async fn errors_of_the_api(stage: &mut Stage) {
    for status in [400, 401, 403, 404, 429, 500, 502, 503] {
        let what = format!("the API's own {status}");
        let call = Call::get(format!("/status/{status}")).with(&stage.key);
        let (response, received) = stage.send(&call).await;
        stage.same(&what, received.len(), 1);
        let Some(response) = response else {
            stage.fault(&what, "no response");
            continue;
        };
        stage.same(&what, response.head.status(), status);
        stage.same(&what, response.head.one("X-Made"), OF_THE_API.to_owned());
        stage.same(&what, response.body.as_slice(), b"ok".as_slice());
    }
}

/// 503 from Gatehouse is 503 for the caller; if Gatehouse is not there, or does not respond, nothing passes.
pub(super) async fn gatehouse_that_cannot_say(stage: &mut Stage) {
    let not_ready =
        r#"{"error":{"code":"not_ready","message":"The service is not ready. Try again in a moment."}}"#;
    let id = "0199aaaabbbb7ccc8dddeeeeffff0000";
    // Gatehouse says so only when its database is lost. This is the response that it has for each profile.
    let stand_in = Upstream::answering(move |request| {
        let mut head = format!(
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\n\
             Cache-Control: no-store\r\nX-Request-Id: {id}\r\nContent-Length: {}\r\n",
            not_ready.len()
        );
        if request.target().contains("profile=nginx") {
            head.push_str(&format!(
                "X-Gatehouse-Status: 503\r\nX-Gatehouse-Body: {not_ready}\r\n"
            ));
        }
        format!("{head}\r\n{not_ready}")
    })
    .await;
    let proxy = Proxy::start(stage.shipped, stage.api.address, stand_in.address, &stage.log);
    let what = "503";
    let call = Call::new("POST", "/not-ready").with(&stage.key).body(b"body");
    let response = caller::send(proxy.address, &[call]).await;
    stage.same(what, stage.api.take().len(), 0);
    let asked = stand_in.take();
    // Starting the proxy has asked too.
    let bodies = asked
        .iter()
        .filter(|request| request.head.one("X-Forwarded-Uri") == "/not-ready")
        .map(|request| request.body.len());
    stage.same(what, bodies.collect::<Vec<_>>(), vec![0]);
    match response {
        Some(response) => {
            stage.same(what, response.head.one("Retry-After"), "1".to_owned());
            stage.same(
                what,
                String::from_utf8_lossy(&response.body).into_owned(),
                not_ready.to_owned(),
            );
            if stage.shipped.passes_503 {
                refused_with(stage, what, &response, 503);
            } else {
                stage.same(what, response.head.status(), 503);
            }
        }
        None => stage.fault(what, "no response"),
    }
    drop(stand_in);

    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = nowhere.local_addr().expect("an address");
    let silent = Proxy::start(stage.shipped, stage.api.address, address, &stage.log);
    let call = Call::get("/silent").with(&stage.key);
    let response = caller::send(silent.address, std::slice::from_ref(&call)).await;
    unavailable(stage, "a Gatehouse that does not respond", response);
    // Accepts no connection from here on.
    drop(nowhere);
    let response = caller::send(silent.address, &[call]).await;
    unavailable(stage, "no Gatehouse", response);
}

fn unavailable(stage: &mut Stage, what: &str, response: Option<Message>) {
    stage.same(
        what,
        response.map(|response| response.head.status()),
        Some(stage.shipped.without_gatehouse),
    );
    stage.same(what, stage.api.take().len(), 0);
}
