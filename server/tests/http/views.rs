//! Saved views of the Logs page: forms without JavaScript, and whose they are.

use http::{Method, StatusCode};
use model::Role;

use crate::world::{Acme, Answer, World};

async fn post(world: &World, cookie: &str, path: &str, form: &[(&str, &str)]) -> Answer {
    world
        .ask(Method::POST, path)
        .form(form)
        .cookie(cookie)
        .send()
        .await
}

fn list(acme: &Acme) -> String {
    format!("/c/{}/development/logs", acme.client_id)
}

#[tokio::test]
async fn a_view_is_saved_opened_and_deleted_by_plain_forms() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let list = list(&acme);
    let form = [
        ("name", "Slow <errors>"),
        ("query", "status=5xx&range=7d&before=9&duration=%3E1s"),
    ];
    // A viewer has views, too: they change nothing for anyone else.
    let saved = post(&world, &acme.viewer, &format!("{list}/views"), &form).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.body);
    let query = "range=7d&status=5xx&duration=%3E1s";
    assert_eq!(saved.header("location"), format!("{list}?{query}&views=open"));

    let page = world.get(&format!("{list}?duration=%3E1s&status=5xx&range=7d"));
    let page = page.cookie(&acme.viewer).send().await.body;
    let link = page
        .split("<li>")
        .find(|part| part.contains("Slow &lt;errors&gt;"));
    let link = link.expect("it is listed");
    assert!(
        link.contains("aria-current=\"true\""),
        "it is what the address shows: {link}"
    );
    assert!(link.contains(&query.replace('&', "&amp;")), "{link}");
    let other = world.get(&list).cookie(&acme.viewer).send().await.body;
    assert!(other.contains("Slow &lt;errors&gt;") && !other.contains("aria-current=\"true\""));

    let owners = world.get(&list).cookie(&acme.owner).send().await.body;
    assert!(!owners.contains("Slow"), "another person does not see it");
    let [_, delete] = forms_of(link);
    let refused = post(&world, &acme.owner, delete, &[]).await;
    assert_eq!(
        refused.status,
        StatusCode::NOT_FOUND,
        "another person does not delete it"
    );
    let deleted = post(&world, &acme.viewer, delete, &[("query", "status=4xx")]).await;
    assert_eq!(
        deleted.header("location"),
        format!("{list}?status=4xx&views=open")
    );
    let page = world
        .get(&format!("{list}?views=open"))
        .cookie(&acme.viewer)
        .send()
        .await
        .body;
    assert!(
        page.contains("No views yet") && page.contains("<details open"),
        "{page}"
    );
}

/// Where the forms of a listed view are sent: the one that renames it, and the one that deletes it.
fn forms_of(link: &str) -> [&str; 2] {
    let actions = link.split("action=\"").skip(1);
    let actions: Vec<_> = actions.filter_map(|rest| rest.split('"').next()).collect();
    [actions[0], actions[1]]
}

#[tokio::test]
async fn a_view_is_renamed_by_a_plain_form() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let list = list(&acme);
    for name in ["Failures", "Slow"] {
        let form = [("name", name), ("query", "status=5xx")];
        post(&world, &acme.viewer, &format!("{list}/views"), &form).await;
    }
    let page = world.get(&list).cookie(&acme.viewer).send().await.body;
    let link = page.split("<li>").find(|part| part.contains(">Failures<"));
    let [rename, _] = forms_of(link.expect("it is listed"));
    let form = [("name", "Outages"), ("query", "status=4xx")];
    let refused = post(&world, &acme.owner, rename, &form).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "another person's view");
    let renamed = post(&world, &acme.viewer, rename, &form).await;
    let open = format!("{list}?status=4xx&views=open");
    assert_eq!(renamed.header("location"), open);
    let page = world.get(&open).cookie(&acme.viewer).send().await.body;
    assert!(
        page.contains(">Outages<") && !page.contains(">Failures<"),
        "{page}"
    );
    let taken = post(&world, &acme.viewer, rename, &[("name", "Slow")]).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    assert!(
        taken.body.contains("Another of your views has this name."),
        "{}",
        taken.body
    );
}

#[tokio::test]
async fn a_view_is_of_one_company_and_a_name_that_does_not_fit_is_refused_in_words() {
    let world = World::start().await;
    let (acme, other) = (world.acme("Acme").await, world.acme("Other").await);
    let owner = format!("owner-{}@example.com", acme.client_id);
    world.member(other.client_id, &owner, Role::Owner).await;
    let form = [("name", "Failures"), ("query", "status=5xx")];
    let saved = post(&world, &acme.owner, &format!("{}/views", list(&acme)), &form).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    let elsewhere = world.get(&list(&other)).cookie(&acme.owner).send().await.body;
    assert!(elsewhere.contains("No views yet") && !elsewhere.contains(">Failures<"));
    let refused = post(
        &world,
        &acme.owner,
        &format!("{}/views", list(&acme)),
        &[("name", " ")],
    )
    .await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.body.contains("Use 1 to 60 characters"),
        "{}",
        refused.body
    );
    let unreadable = [("name", "Failures"), ("query", "status=abc")];
    let refused = post(
        &world,
        &acme.owner,
        &format!("{}/views", list(&acme)),
        &unreadable,
    )
    .await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.body.contains("status must be a class"),
        "{}",
        refused.body
    );
}
