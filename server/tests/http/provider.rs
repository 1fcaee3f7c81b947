//! How customers' pages name the company that runs the installation.

use http::StatusCode;
use model::Provider;

use crate::world::World;

#[tokio::test]
async fn pages_with_and_without_a_company_show_the_installations_name() {
    let name = "Fish & \"Chips\" <Pay>";
    let world = World::start_with(|config| {
        config.provider = Provider::named(name).expect("a name");
    })
    .await;
    let acme = world.acme("Acme").await;
    for path in [
        "/sign-in".to_owned(),
        "/docs/security".to_owned(),
        format!("/c/{}/development/webhooks", acme.client_id),
    ] {
        let page = world.get(&path).cookie(&acme.owner).send().await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let (_, rest) = page.body.split_once("data-provider=\"").expect("the attribute");
        let (attribute, _) = rest.split_once('"').expect("its end");
        let text = attribute
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&");
        assert_eq!(text, name, "{path}");
    }
}

#[tokio::test]
async fn without_a_name_a_page_shows_none() {
    let world = World::start().await;
    let page = world.get("/sign-in").send().await;
    assert!(!page.body.contains("data-provider"));
}

#[tokio::test]
async fn custom_header_names_work_at_the_gateway_and_appear_on_pages() {
    let world = World::start_with(|config| {
        let form = &mut config.place.credentials;
        form.client_id = "Acme-Account".parse().expect("a usable name");
        form.secret = "Acme-Secret".parse().expect("a usable name");
        form.prefixes = vault::SecretPrefixes::default()
            .with(model::Environment::Sandbox, &["sk_test_"])
            .expect("a prefix");
    })
    .await;
    let acme = world.acme("Acme").await;
    let page = world
        .get(&format!("/c/{}/development/keys", acme.client_id))
        .cookie(&acme.owner)
        .send()
        .await;
    assert!(page.body.contains("Acme-Account"), "{}", page.body);
    assert!(!page.body.contains("X-Access-"), "{}", page.body);
}
