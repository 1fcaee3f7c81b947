//! The webhook form must say about a URL what happens when the form is sent.

use http::Method;
use server::config::{Config, Demo};

use crate::world::{Acme, World};

const PUBLIC: &str = "Must start with https:// and lead to a public address.";

/// These are never called, because nothing is published here.
const URLS: [&str; 5] = [
    "https://93.184.216.34/hook",
    "http://93.184.216.34/hook",
    "http://10.1.2.3/hook",
    "https://10.1.2.3/hook",
    "http://127.0.0.1:4000/hook",
];

/// The sentence in the form, and which of [`URLS`] are accepted.
async fn form_and_accepted(change: impl FnOnce(&mut Config)) -> (String, Vec<&'static str>) {
    let world = World::start_with(change).await;
    let acme = world.acme("Acme").await;
    let page = world
        .get(&format!("/c/{}/development/webhooks/new", acme.client_id))
        .cookie(&acme.owner)
        .send()
        .await;
    let (_, hint) = page.body.split_once("id=\"webhook_url-hint\"").expect("the hint");
    let hint = hint.split(['>', '<']).nth(1).expect("its text").to_owned();
    let mut accepted = Vec::new();
    for url in URLS {
        if is_accepted(&world, &acme, url).await {
            accepted.push(url);
        }
    }
    (hint, accepted)
}

async fn is_accepted(world: &World, acme: &Acme, url: &str) -> bool {
    let list = format!("/c/{}/development/webhooks", acme.client_id);
    let answer = world
        .ask(Method::POST, &format!("{list}/new"))
        .cookie(&acme.owner)
        .form(&[("name", "Orders"), ("webhook_url", url), ("env_type", "sandbox")])
        .send()
        .await;
    let next = answer.header("location");
    assert!(next.starts_with(&list), "{answer:?}");
    next.ends_with("?saved=created")
}

fn allow(config: &mut Config, network: &str) {
    config.allow_networks.push(network.parse().expect("a network"));
}

#[tokio::test]
async fn by_default_the_form_asks_for_and_accepts_only_public_addresses() {
    let (hint, accepted) = form_and_accepted(|_| {}).await;
    assert_eq!(hint, PUBLIC);
    assert_eq!(accepted, [URLS[0]]);
}

#[tokio::test]
async fn the_form_names_the_networks_that_the_operator_allows() {
    let (hint, accepted) = form_and_accepted(|config| allow(config, "10.0.0.0/8")).await;
    assert_eq!(
        hint,
        format!("{PUBLIC} Addresses in 10.0.0.0/8 are also allowed, with http:// or https://.")
    );
    assert_eq!(accepted, [URLS[0], URLS[2], URLS[3]]);
}

#[tokio::test]
async fn the_form_of_the_demo_names_this_machine() {
    let (hint, accepted) = form_and_accepted(|config| config.demo = Some(Demo::Empty)).await;
    assert_eq!(
        hint,
        format!("{PUBLIC} Addresses on this machine are also allowed, with http:// or https://.")
    );
    assert_eq!(accepted, [URLS[0], URLS[4]]);
}

#[tokio::test]
async fn a_demo_with_another_network_names_both() {
    let (hint, accepted) = form_and_accepted(|config| {
        config.demo = Some(Demo::Empty);
        allow(config, "10.0.0.0/8");
    })
    .await;
    assert_eq!(
        hint,
        format!(
            "{PUBLIC} Addresses in 10.0.0.0/8 or on this machine are also allowed, with http:// or https://."
        )
    );
    assert_eq!(accepted, [URLS[0], URLS[2], URLS[3], URLS[4]]);
}
