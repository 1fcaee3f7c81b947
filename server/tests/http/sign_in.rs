//! Signing in and out.

use http::{Method, StatusCode};
use model::Role;

use crate::world::{PASSWORD, World};

#[tokio::test]
async fn the_right_password_leads_to_the_requested_page() {
    let world = World::start().await;
    let (_, company) = world.company("Acme").await;
    world.member(company, "ana@example.com", Role::Owner).await;
    let wanted = format!("/c/{company}/development/keys");

    let sent_away = world.get(&wanted).send().await;
    assert_eq!(sent_away.status, StatusCode::SEE_OTHER);
    assert!(
        sent_away.header("location").starts_with("/sign-in?next=%2Fc%2F"),
        "{sent_away:?}"
    );

    let form = [
        ("email", "Ana@Example.com"),
        ("password", PASSWORD),
        ("next", wanted.as_str()),
    ];
    let entered = world.ask(Method::POST, "/sign-in").form(&form).send().await;
    assert_eq!(
        (entered.status, entered.header("location")),
        (StatusCode::SEE_OTHER, wanted.as_str())
    );
    let cookie = entered.header("set-cookie");
    for part in ["gatehouse-loopback=", "Path=/", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.contains(part), "{cookie}");
    }

    let page = world.get(&wanted).cookie(&entered.cookie()).send().await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("Acme") && page.body.contains(&company.to_string()));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_get_the_same_response() {
    let world = World::start().await;
    let (_, company) = world.company("Acme").await;
    world.member(company, "ana@example.com", Role::Owner).await;
    let mut answers = Vec::new();
    for email in ["ana@example.com", "nobody@example.com"] {
        let form = [("email", email), ("password", "wrong")];
        let answer = world.ask(Method::POST, "/sign-in").form(&form).send().await;
        assert_eq!(
            answer.header("set-cookie"),
            format!("gatehouse-email={email}; Path=/sign-in; HttpOnly; SameSite=Lax; Max-Age=60")
        );
        answers.push((answer.status, answer.header("location").to_owned(), answer.body));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].1, "/sign-in?error=credentials");
}

#[tokio::test]
async fn after_five_wrong_passwords_even_the_right_one_has_to_wait() {
    let world = World::start().await;
    let (_, company) = world.company("Acme").await;
    world.member(company, "ana@example.com", Role::Owner).await;
    let try_with = |password: &'static str| {
        let form = [("email", "ana@example.com"), ("password", password)];
        world.ask(Method::POST, "/sign-in").form(&form).send()
    };
    for _ in 0..5 {
        assert_eq!(
            try_with("wrong").await.header("location"),
            "/sign-in?error=credentials"
        );
    }
    for password in ["wrong", PASSWORD] {
        let answer = try_with(password).await;
        assert_eq!(answer.header("location"), "/sign-in?error=throttled");
        assert!(
            answer.header("set-cookie").starts_with("gatehouse-email="),
            "no session: {answer:?}"
        );
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let page = format!("/c/{}/development/keys", acme.client_id);
    assert_eq!(
        world.get(&page).cookie(&acme.owner).send().await.status,
        StatusCode::OK
    );
    let out = world
        .ask(Method::POST, "/sign-out")
        .cookie(&acme.owner)
        .send()
        .await;
    assert_eq!(
        (out.status, out.header("location")),
        (StatusCode::SEE_OTHER, "/sign-in")
    );
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(
        world.get(&page).cookie(&acme.owner).send().await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn signing_in_never_leads_to_another_site() {
    let world = World::start().await;
    let (_, company) = world.company("Acme").await;
    world.member(company, "ana@example.com", Role::Owner).await;
    for next in [
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example",
        "/.//evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
    ] {
        let form = [
            ("email", "ana@example.com"),
            ("password", PASSWORD),
            ("next", next),
        ];
        let answer = world.ask(Method::POST, "/sign-in").form(&form).send().await;
        assert_eq!(answer.header("location"), "/", "{next}");
    }
}

#[tokio::test]
async fn over_plain_http_from_another_machine_there_is_no_form() {
    let world = World::start_with(|config| {
        config.public_url = Some("http://gatehouse.example.com".parse().expect("a URL"));
    })
    .await;
    let page = world
        .get("/sign-in")
        .header("host", "gatehouse.example.com")
        .send()
        .await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(
        page.body.contains("--public-url https://") && !page.body.contains("<form"),
        "{}",
        page.body
    );
    let form = [("email", "ana@example.com"), ("password", PASSWORD)];
    let posted = world
        .ask(Method::POST, "/sign-in")
        .header("host", "gatehouse.example.com")
        .form(&form)
        .send()
        .await;
    assert_eq!(
        (posted.status, posted.header("set-cookie")),
        (StatusCode::FORBIDDEN, "")
    );
}

#[tokio::test]
async fn signing_in_without_a_password_is_refused_outside_the_demo() {
    let world = World::start().await;
    world.acme("Acme").await;
    let answer = world
        .ask(Method::POST, "/demo/enter")
        .form(&[("role", "owner")])
        .send()
        .await;
    assert_eq!(
        (answer.status, answer.header("set-cookie")),
        (StatusCode::NOT_FOUND, "")
    );
}

#[tokio::test]
async fn signing_in_again_in_the_same_browser_ends_the_previous_session() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let page = format!("/c/{}/development/keys", acme.client_id);
    let is_in = async |cookie: &str| world.get(&page).cookie(cookie).send().await.status == StatusCode::OK;
    let viewer = format!("viewer-{}@example.com", acme.client_id);
    let form = [("email", viewer.as_str()), ("password", PASSWORD)];
    let again = world
        .ask(Method::POST, "/sign-in")
        .cookie(&acme.owner)
        .form(&form)
        .send()
        .await;
    assert!(is_in(&again.cookie()).await);
    assert!(
        !is_in(&acme.owner).await,
        "no session is left behind in the browser"
    );
    assert!(is_in(&acme.viewer).await, "the other browser's session stays");

    let wrong = [("email", viewer.as_str()), ("password", "wrong")];
    let refused = world
        .ask(Method::POST, "/sign-in")
        .cookie(&again.cookie())
        .form(&wrong)
        .send()
        .await;
    assert_eq!(refused.header("location"), "/sign-in?error=credentials");
    assert!(
        is_in(&again.cookie()).await,
        "no one signed in, so no one is signed out"
    );
}

#[tokio::test]
async fn a_session_planted_in_the_browser_is_not_adopted() {
    let world = World::start().await;
    let (_, company) = world.company("Acme").await;
    world.member(company, "ana@example.com", Role::Owner).await;
    let page = format!("/c/{company}/development/keys");
    let planted = format!("gatehouse-loopback={}", vault::Token::generate().text().as_str());
    let form = [("email", "ana@example.com"), ("password", PASSWORD)];
    let entered = world
        .ask(Method::POST, "/sign-in")
        .cookie(&planted)
        .form(&form)
        .send()
        .await;
    assert_ne!(entered.cookie(), planted);
    let with_planted = world.get(&page).cookie(&planted).send().await;
    assert_eq!(with_planted.status, StatusCode::SEE_OTHER);
}

/// A stranger who knows the owner's email address can lock out other strangers, but not the owner.
#[tokio::test]
async fn a_stranger_cannot_lock_out_the_owners_own_browser() {
    let world = World::start().await;
    let (_, company) = world.company("Acme").await;
    for email in ["ana@example.com", "bo@example.com"] {
        world.member(company, email, Role::Owner).await;
    }
    let sign_in = async |email: &str, password: &str, cookie: &str| {
        let ask = world.ask(Method::POST, "/sign-in").cookie(cookie);
        ask.form(&[("email", email), ("password", password)]).send().await
    };
    let known = async |email: &str| {
        let entered = sign_in(email, PASSWORD, "").await;
        let cookies = entered.headers.get_all("set-cookie").iter();
        let cookie = cookies
            .filter_map(|cookie| cookie.to_str().ok())
            .find(|cookie| cookie.starts_with("gatehouse-browser-loopback="))
            .expect("the browser gets its cookie")
            .to_owned();
        for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=31536000"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        cookie.split(';').next().expect("a value").to_owned()
    };
    let (ana, bo) = (known("ana@example.com").await, known("bo@example.com").await);
    for _ in 0..30 {
        sign_in("ana@example.com", "wrong", "").await;
    }
    let location = async |password: &str, cookie: &str| {
        let answer = sign_in("ana@example.com", password, cookie).await;
        answer.header("location").to_owned()
    };
    let changed = format!("{}A", &ana[..ana.len() - 1]);
    for stranger in ["", bo.as_str(), changed.as_str()] {
        if stranger != ana {
            assert_eq!(
                location(PASSWORD, stranger).await,
                "/sign-in?error=throttled",
                "{stranger}"
            );
        }
    }
    assert_eq!(location(PASSWORD, &ana).await, "/");
    for _ in 0..5 {
        assert_eq!(location("wrong", &ana).await, "/sign-in?error=credentials");
    }
    assert_eq!(
        location(PASSWORD, &ana).await,
        "/sign-in?error=throttled",
        "its own budget runs out too"
    );
}

#[tokio::test]
async fn a_wrong_password_keeps_the_email_and_the_requested_page() {
    let world = World::start().await;
    let wanted = "/c/x/development/logs?path=%2Fv1";
    let form = [
        ("email", " ana@example.com "),
        ("password", "wrong"),
        ("next", wanted),
    ];
    let sent_back = world.ask(Method::POST, "/sign-in").form(&form).send().await;
    let location = sent_back.header("location").to_owned();
    let page = world.get(&location).cookie(&sent_back.cookie()).send().await;
    assert!(page.body.contains("value=\"ana@example.com\""), "{}", page.body);
    let password = page
        .body
        .split("<input")
        .find(|input| input.contains("id=\"password\""))
        .expect("the password");
    assert!(password.contains("autofocus"), "{password}");
    assert!(!page.body.contains("wrong\""), "the password is not repeated");
    let next: Vec<_> = page
        .body
        .split("<input")
        .filter(|input| input.contains("name=\"next\""))
        .collect();
    assert_eq!(next.len(), 1);
    assert!(next[0].contains(&format!("value=\"{wanted}\"")), "{}", next[0]);

    let later = world.get("/sign-in").cookie(&sent_back.cookie()).send().await;
    assert!(
        !later.body.contains("ana@example.com"),
        "the email is shown only after a failure"
    );
}

#[tokio::test]
async fn an_email_with_markup_is_escaped_and_one_no_cookie_can_hold_is_dropped() {
    let world = World::start().await;
    for (email, kept) in [
        ("<b>'@example.com", "value=\"&lt;b&gt;'@example.com\""),
        ("x\";y@example.com", "value=\"\""),
        ("é@example.com", "value=\"\""),
    ] {
        let form = [("email", email), ("password", "wrong")];
        let sent_back = world.ask(Method::POST, "/sign-in").form(&form).send().await;
        let page = world
            .get(sent_back.header("location"))
            .cookie(&sent_back.cookie())
            .send()
            .await;
        assert_eq!(page.status, StatusCode::OK);
        let field = page
            .body
            .split("<input")
            .find(|input| input.contains("id=\"email\""))
            .expect("the field");
        assert!(field.contains(kept), "{email}: {field}");
    }
}

#[tokio::test]
async fn a_next_url_with_characters_no_header_allows_is_encoded() {
    let world = World::start().await;
    let (_, company) = world.company("Acme").await;
    world.member(company, "ana@example.com", Role::Owner).await;
    let form = [
        ("email", "ana@example.com"),
        ("password", PASSWORD),
        ("next", "/docs/é\u{1f600}"),
    ];
    let answer = world.ask(Method::POST, "/sign-in").form(&form).send().await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (StatusCode::SEE_OTHER, "/docs/%C3%A9%F0%9F%98%80")
    );
}

#[tokio::test]
async fn the_demos_buttons_keep_the_requested_page_unless_it_is_on_another_site() {
    let world = World::start_with(|config| config.demo = Some(server::config::Demo::Empty)).await;
    let page = world.get("/sign-in?next=%2Fdocs%2Fsecurity").send().await;
    assert_eq!(
        page.body.matches("value=\"/docs/security\"").count(),
        2,
        "the form and the buttons: {}",
        page.body
    );
    for (next, location) in [
        ("/docs/security", "/docs/security"),
        ("//evil.example", "/"),
        ("/.//evil.example", "/"),
        ("", "/"),
    ] {
        let form = [("role", "owner"), ("next", next)];
        let answer = world.ask(Method::POST, "/demo/enter").form(&form).send().await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::SEE_OTHER, location),
            "{next}"
        );
    }
}

#[tokio::test]
async fn a_form_from_an_ended_session_leads_to_sign_in_and_back_to_its_page() {
    let world = World::start().await;
    let (_, company) = world.company("Acme").await;
    let page = format!("/c/{company}/development/webhooks/new");
    let answer = world
        .ask(Method::POST, &page)
        .header("accept", "text/html")
        .header(
            "referer",
            &format!("http://{}{page}", world.address(crate::world::To::Dashboard)),
        )
        .form(&[("name", "Orders")])
        .send()
        .await;
    let next = page.replace('/', "%2F");
    assert_eq!(
        answer.header("location"),
        format!("/sign-in?error=session&next={next}")
    );
}
