//! How to change a key without downtime; where two keys are active, whether the older one is still in use.

use leptos::prelude::*;
use model::{KeyGroup, KeyId, RotationState};

use crate::credential_names;
use crate::pages::company::CompanyScope;
use crate::ui::{EnvironmentBadge, Notice, Section, Time, Tone};

#[component]
pub(super) fn RotationGuide(groups: Vec<KeyGroup>) -> impl IntoView {
    let scope = CompanyScope::here();
    let links = groups
        .iter()
        .flat_map(|group| links_of(scope, group))
        .collect::<Vec<_>>();
    let under_way = groups
        .into_iter()
        .filter_map(|group| {
            let environment = group.environment;
            let rotation = group.rotation?;
            Some(view! {
                <li>
                    <EnvironmentBadge environment=environment />
                    " "
                    <OlderKey rotation=rotation />
                </li>
            })
        })
        .collect::<Vec<_>>();
    view! {
        <Section id="rotation" title="Rotate a key without downtime" lead="Both keys work until you delete one.">
            <ul class="plain-list">{links}</ul>
            <p>"A rotation makes the second key, and shows live who still uses the first. You can also do it by hand:"</p>
            <ol class="steps">
                <li><b>"Generate"</b> " a second key in the same environment."</li>
                <li><b>"Replace"</b> " the secret wherever your programs send " <code>{credential_names().secret}</code> ", and where they verify webhooks."</li>
                <li><b>"Check"</b> " that requests use the new key and none use the older one: see Last used, or filter Logs by key."</li>
                <li><b>"Delete"</b> " the older key. Every system that still uses it loses access within seconds."</li>
            </ol>
            {(!under_way.is_empty())
                .then(|| {
                    view! {
                        <Notice tone=Tone::Info title="Two keys are active">
                            <ul class="plain-list">{under_way}</ul>
                        </Notice>
                    }
                })}
        </Section>
    }
}

/// Each key that can be rotated, or the rotation that is under way.
fn links_of(scope: CompanyScope, group: &KeyGroup) -> Vec<AnyView> {
    let link = |id: KeyId, words: String| {
        let href = scope.path(&format!("keys/{id}/rotate"));
        view! { <li><a href=href>{words}</a></li> }.into_any()
    };
    let environment = group.environment.label();
    match &group.rotation {
        Some(rotation) if rotation.is_watched => {
            let words = format!(
                "Go on with the rotation of the {environment} key ending {}",
                rotation.older_last_four
            );
            vec![link(rotation.older, words)]
        }
        _ => group
            .keys
            .iter()
            .map(|key| {
                link(
                    key.id,
                    format!("Rotate the {environment} key ending {}", key.last_four),
                )
            })
            .collect(),
    }
}

#[component]
fn OlderKey(rotation: RotationState) -> impl IntoView {
    let older = rotation.older_last_four;
    match rotation.older_last_used {
        Some(used) => view! {
            "The older key, ending " <code>{older}</code> ", was last used " <Time at=used.at /> {format!(" from {}.", used.address)}
        }
        .into_any(),
        None => view! { "The older key, ending " <code>{older}</code> ", has never been used." }.into_any(),
    }
}
