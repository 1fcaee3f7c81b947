//! How to change a key without downtime; where two keys are active, whether the older one is still in use.

use leptos::prelude::*;
use model::{KeyGroup, RotationState};

use crate::credential_names;
use crate::pages::company::CompanyScope;
use crate::ui::{EnvironmentBadge, Notice, Section, Time, Tone};

#[component]
pub(super) fn RotationGuide(groups: Vec<KeyGroup>) -> impl IntoView {
    let scope = CompanyScope::here();
    let links = groups
        .iter()
        .flat_map(|group| &group.keys)
        .map(|key| {
            let href = scope.path(&format!("keys/{}/rotate", key.id));
            let words = format!(
                "Rotate the {} key ending {}",
                key.environment.label(),
                key.last_four
            );
            view! { <li><a href=href>{words}</a></li> }
        })
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
            <ol class="steps">
                <li><b>"Generate"</b> " a second key in the same environment."</li>
                <li><b>"Replace"</b> " the secret wherever your programs send " <code>{credential_names().secret}</code> ", and where they verify webhooks."</li>
                <li><b>"Check"</b> " that requests use the new key and none use the older one: see Last used, or filter Logs by key."</li>
                <li><b>"Delete"</b> " the older key. Every system that still uses it loses access within seconds."</li>
            </ol>
            <ul class="plain-list">{links}</ul>
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
