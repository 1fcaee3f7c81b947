//! The table: a group for each environment, a row for each active key.

use leptos::prelude::*;
use model::{Environment, KeyGroup, KeySummary, LastUsed, MAX_ACTIVE_KEYS, Permission, Role};

use super::KeysState;
use crate::api;
use crate::ui::{
    Badge, Button, ButtonKind, ButtonLink, ButtonSize, Cell, Column, CopyFetchedButton, CopyRefused,
    EnvironmentBadge, IconName, Narrow, Secret, Table, TableGroup, Time, TimeStyle, Toasts, Tone,
};

/// What the button says at the limit.
const LIMIT_REACHED: &str = "Two keys are active. Delete one first.";

#[component]
pub(super) fn KeyTable(groups: Vec<KeyGroup>, role: Role, state: KeysState) -> impl IntoView {
    let columns = vec![
        Column::new("Name"),
        Column::new("Environment"),
        Column::new("Created"),
        Column::new("Secret"),
        Column::new("Last used"),
        Column::new("Actions").at_end(),
    ];
    view! {
        <h2 id="keys" class="visually-hidden" tabindex="-1">"Keys by environment"</h2>
        <WhatActionsDo role=role />
        <Table caption="API keys by environment" columns=columns>
            {groups.into_iter().map(|group| view! { <EnvironmentGroup group=group role=role state=state /> }).collect_view()}
        </Table>
    }
}

/// The copy button needs scripts, and so does what hides a secret again.
#[component]
fn WhatActionsDo(role: Role) -> impl IntoView {
    let (reveals, manages) = (role.may(Permission::RevealKeys), role.may(Permission::ManageKeys));
    let about_secrets = reveals.then(|| {
        view! {
            <span class="js-only">
                <b>"Reveal"</b> " shows a secret for 30 seconds. " <b>"Copy"</b>
                " puts it on the clipboard without revealing it. "
            </span>
            <span class="no-js-only"><b>"Reveal"</b> " shows a secret on its own page. "</span>
        }
    });
    let about_delete = manages.then(|| view! { " " <b>"Delete"</b> " permanently deletes the key." });
    (reveals || manages).then(|| view! { <p class="keys-about">{about_secrets} {about_delete}</p> })
}

#[component]
fn EnvironmentGroup(group: KeyGroup, role: Role, state: KeysState) -> impl IntoView {
    let environment = group.environment;
    let active = group.active();
    let heading = format!("{active} of {MAX_ACTIVE_KEYS} active keys");
    let may_change = role.may(Permission::ManageKeys);
    let none_works = (active == 0).then(|| no_key_text(&group));
    let expired = group.expired;
    let keys = group
        .keys
        .into_iter()
        .map(|key| {
            let has_expired = expired.contains(&key.id);
            view! { <KeyRow key_=key has_expired=has_expired role=role state=state /> }
        })
        .collect_view();
    view! {
        <TableGroup
            columns=6
            heading=move || {
                view! {
                    <EnvironmentBadge environment=environment />
                    <span class="key-count">{heading.clone()}</span>
                }
            }
            actions=move || {
                may_change.then(|| view! { <GenerateButton environment=environment active=active state=state /> })
            }
        >
            {none_works.map(|text| view! { <tr class="key-none"><td colspan="6">{text}</td></tr> })}
            {keys}
        </TableGroup>
    }
}

/// A form, so that it works without scripts; with them the submission becomes a call.
#[component]
fn GenerateButton(environment: Environment, active: usize, state: KeysState) -> impl IntoView {
    let unavailable = (active >= MAX_ACTIVE_KEYS).then(|| LIMIT_REACHED.to_owned());
    let full = unavailable.is_some();
    // A Production key gets its name first, on a page of its own.
    let asks = environment == Environment::Prod;
    let (method, action) = match asks {
        true => ("get", state.scope.path("keys/new")),
        false => ("post", state.scope.path("keys/generate")),
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        if asks && !full {
            return; // The browser goes there.
        }
        event.prevent_default();
        if !full {
            state.generation.start(state, environment);
        }
    };
    view! {
        <form class="generate" method=method action=action on:submit=submit>
            <input type="hidden" name="environment" value=environment.as_str() />
            <Button
                submit=true
                id=format!("generate-{environment}")
                size=ButtonSize::Small
                icon=IconName::Plus
                busy=state.generation.is_busy(environment)
                unavailable=Signal::stored(unavailable)
            >
                "Generate new key"
            </Button>
        </form>
    }
}

/// Why nothing with a key of this environment is accepted.
fn no_key_text(group: &KeyGroup) -> String {
    let environment = group.environment.label();
    let why = match group.expired.len() {
        0 => "No active key",
        1 => "The key has expired",
        _ => "Both keys have expired",
    };
    format!("{why}: every request to {environment} is refused until you generate one.")
}

/// "Sandbox key ending a6f1 (Billing)": how a control says which key it means.
pub(super) fn key_name(key: &KeySummary) -> String {
    let name = match key.terms.name.as_str() {
        "" => String::new(),
        name => format!(" ({name})"),
    };
    format!("{} key ending {}{name}", key.environment.label(), key.last_four)
}

#[component]
fn KeyRow(key_: KeySummary, has_expired: bool, role: Role, state: KeysState) -> impl IntoView {
    let key = key_;
    let name = key_name(&key);
    let own = state.scope.path(&format!("keys/{}", key.id));
    let shown_name = if key.terms.name.is_empty() {
        format!("Key ending {}", key.last_four)
    } else {
        key.terms.name.clone()
    };
    let (id, last_used) = (key.id.to_string(), key.last_used.clone());
    let (row_id, last_four, environment, created_at) =
        (id.clone(), key.last_four.clone(), key.environment, key.created_at);
    view! {
        <tr data-key=row_id>
            <Cell narrow=Narrow::Lead clip=true>
                <a href=own>{shown_name}</a>
                {has_expired.then(|| view! { " " <Badge tone=Tone::Warn>"Expired"</Badge> })}
            </Cell>
            <Cell narrow=Narrow::Hidden>
                <EnvironmentBadge environment=environment />
            </Cell>
            <Cell narrow=Narrow::Second label="Created">
                <Time at=created_at style=TimeStyle::Date />
            </Cell>
            <Cell narrow=Narrow::Second monospace=true>
                <Secret id=id last_four=last_four reveal=state.reveal />
            </Cell>
            <Cell narrow=Narrow::Second label="Last used">
                <LastUsedText last_used=last_used />
            </Cell>
            <Cell narrow=Narrow::Below>
                <KeyActions key_=key name=name role=role state=state />
            </Cell>
        </tr>
    }
}

/// When, and from which address; or "Never used".
#[component]
pub(super) fn LastUsedText(last_used: Option<LastUsed>) -> impl IntoView {
    match last_used {
        Some(used) => view! {
            <Time at=used.at />
            <span class="key-address">{format!(" from {}", used.address)}</span>
        }
        .into_any(),
        None => view! { <span class="muted">"Never used"</span> }.into_any(),
    }
}

#[component]
fn KeyActions(key_: KeySummary, name: String, role: Role, state: KeysState) -> impl IntoView {
    let key = key_;
    let id = key.id;
    let copy = move || async move {
        let company = state.scope.client_id();
        match api::keys::copy_key(company, id).await {
            Ok(secret) => Ok(secret.expose().to_owned()),
            Err(error) => Err(CopyRefused::Say(format!("Nothing was copied. {error}"))),
        }
    };
    let delete_path = state.scope.path(&format!("keys/{id}/delete"));
    let open_delete = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        state.deletion.open(state, id);
    };
    let (reveals, manages) = (role.may(Permission::RevealKeys), role.may(Permission::ManageKeys));
    let label = format!("Delete {name}");
    let secret = reveals.then(|| {
        view! {
            <RevealForm key_=key name=name.clone() state=state />
            <CopyFetchedButton fetch=copy what=name />
        }
    });
    let delete = manages.then(|| {
        view! {
            <ButtonLink
                href=delete_path
                kind=ButtonKind::Quiet
                size=ButtonSize::Small
                aria_label=label
                on:click=open_delete
            >
                "Delete"
            </ButtonLink>
        }
    });
    (reveals || manages).then(|| view! { <div class="table__actions">{secret} {delete}</div> })
}

/// Reveals in the row, or, without scripts, on a page of its own.
#[component]
fn RevealForm(key_: KeySummary, name: String, state: KeysState) -> impl IntoView {
    let id = key_.id;
    let text_id = StoredValue::new(id.to_string());
    let busy = RwSignal::new(false);
    let toasts = Toasts::here();
    let shown = Signal::derive(move || text_id.with_value(|text_id| state.reveal.is_shown(text_id)));
    let toggle = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if shown.get_untracked() {
            return state.reveal.hide();
        }
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let company = state.scope.client_id();
        leptos::task::spawn_local(async move {
            let answer = api::keys::reveal_key(company, id).await;
            if busy.try_set(false).is_some() {
                return; // The page was left, so nothing may appear.
            }
            match answer {
                Ok(secret) => state.reveal.show(text_id.get_value(), secret),
                Err(error) => toasts.fail_with("Not revealed.", &error),
            }
        });
    };
    let words = move || if shown.get() { "Hide" } else { "Reveal" };
    let label = Signal::derive(move || format!("{} {name}", words()));
    view! {
        <form method="post" action=state.scope.path(&format!("keys/{id}/reveal")) on:submit=toggle>
            <Button
                submit=true
                kind=ButtonKind::Quiet
                size=ButtonSize::Small
                busy=busy
                pressed=shown
                aria_label=move || label.get()
            >
                {words}
            </Button>
        </form>
    }
}
