//! URLs that have no page of their own, and what a page says about its build.

use http::StatusCode;

use crate::world::World;

#[tokio::test]
async fn a_url_above_the_pages_leads_to_the_first_of_them() {
    let world = World::start().await;
    let (acme, other) = (world.acme("Acme").await, world.acme("Other").await);
    let company = acme.client_id;
    for (path, leads_to) in [
        ("/docs".to_owned(), "/docs/authentication".to_owned()),
        (
            format!("/docs?company={company}"),
            format!("/docs/authentication?company={company}"),
        ),
        (format!("/c/{company}"), format!("/c/{company}/development/keys")),
        (
            format!("/c/{company}/development"),
            format!("/c/{company}/development/keys"),
        ),
    ] {
        let answer = world.get(&path).cookie(&acme.owner).send().await;
        assert!(answer.status.is_redirection(), "{path}: {}", answer.status);
        assert_eq!(answer.header("location"), leads_to, "{path}");
        let page = world.get(&leads_to).cookie(&acme.owner).send().await;
        assert_eq!(page.status, StatusCode::OK, "{leads_to}");
    }
    for nobody in [other.client_id.to_string(), "0".repeat(32), "nonsense".to_owned()] {
        for rest in ["", "/development", "/development/keys", "/development/webhooks"] {
            let path = format!("/c/{nobody}{rest}");
            let answer = world.get(&path).cookie(&acme.owner).send().await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            assert!(answer.body.contains("Not found"), "{path}");
            assert!(
                !answer.body.contains("class=\"tabs\""),
                "{path} has tabs that lead nowhere"
            );
        }
    }
    let own = format!("/c/{company}/development/keys");
    let own = world.get(&own).cookie(&acme.owner).send().await;
    assert!(
        own.body.contains("class=\"tabs\""),
        "a member's own company has its tabs"
    );
}

#[tokio::test]
async fn a_page_names_its_build_and_requests_its_sprite_by_content_hash() {
    let world = World::start().await;
    let page = world.get("/sign-in").send().await;
    assert!(page.body.contains(" data-build=\"gatehouse"), "{}", page.body);
    assert!(page.body.contains(app::ui::SPRITE) && !page.body.contains("/icons.svg"));
}
