//! Renders `/design` on the server and checks what holds for every primitive. The page is left in the target directory,
//! where it can be looked at with `style/main.css`.

use std::collections::BTreeSet;

use app::pages::design::DesignPage;
use app::ui::IconName;
use leptos::prelude::*;
use leptos_meta::provide_meta_context;

const SPRITE: &str = include_str!("../../public/icons.svg");

fn page() -> String {
    let owner = Owner::new();
    let html = owner.with(|| {
        provide_meta_context();
        app::ui::Toasts::provide();
        view! {
            <app::ui::SkipLink />
            <DesignPage />
            <app::ui::ToastRegion />
        }
        .to_html()
    });
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("design.html");
    std::fs::write(path, &html).expect("the target directory can be written");
    html
}

/// The values of `name="…"` in the page.
fn attribute<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    html.split(start.as_str())
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn ids_are_unique_and_every_reference_has_its_target() {
    let html = page();
    let ids = attribute(&html, "id");
    let unique: BTreeSet<_> = ids.iter().copied().collect();
    assert!(ids.len() > 30);
    assert_eq!(ids.len(), unique.len(), "an id is used twice");
    for name in ["for", "aria-labelledby", "aria-describedby"] {
        let targets: Vec<_> = attribute(&html, name)
            .into_iter()
            .flat_map(str::split_whitespace)
            .collect();
        assert!(!targets.is_empty(), "{name}");
        for target in targets {
            assert!(unique.contains(target), "{name} points at #{target}");
        }
    }
}

#[test]
fn nothing_is_styled_in_place_because_the_policy_refuses_it() {
    let html = page();
    assert!(html.contains("class=\"button"));
    assert!(!html.contains(" style=") && !html.contains("<style"));
}

#[test]
fn a_button_that_cannot_act_keeps_its_focus_and_says_why() {
    let html = page();
    assert!(html.contains("aria-describedby=\"blocked-new-why\""));
    assert!(html.contains("Two keys are active. Delete one first."));
    for tag in html.split("<button").skip(1) {
        let attributes = tag.split('>').next().expect("the tag ends");
        assert!(!attributes.contains(" disabled"), "{attributes}");
    }
}

#[test]
fn a_masked_secret_says_nothing_but_its_last_four() {
    let html = page();
    // Without the mark between two views.
    assert!(html.replace("<!>", "").contains("••••••••••••<b>a6f1</b>"));
    assert!(html.contains("Hidden, ends in a6f1"));
}

#[test]
fn times_are_utc_until_the_page_is_hydrated() {
    let html = page();
    assert!(html.contains("datetime=\"2026-11-02T14:30:05.123Z\""));
    assert!(html.contains("2 Nov 2026 14:30:05 UTC"));
}

#[test]
fn production_has_a_lock() {
    let html = page();
    let badge = html
        .split("data-environment=\"prod\"")
        .nth(1)
        .expect("a Production badge");
    assert!(
        badge
            .split("</span>")
            .next()
            .expect("its content")
            .contains(&format!("{}#lock", app::ui::SPRITE))
    );
}

#[test]
fn every_icon_is_in_the_sprite_and_the_sprite_has_no_other() {
    let named: BTreeSet<_> = IconName::ALL.iter().map(|icon| icon.as_str()).collect();
    let drawn: BTreeSet<_> = attribute(SPRITE, "id").into_iter().collect();
    assert_eq!(named, drawn);
}
