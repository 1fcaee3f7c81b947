//! The secret of a key, on request, with code that uses it.

use leptos::prelude::*;
use model::{CompanyContext, Environment, KeyId, SecretText};

use crate::api;
use crate::pages::company::CompanyScope;
use crate::pages::samples;
use crate::ui::{
    Button, Card, Code, CopyFetchedButton, CopyRefused, RevealSlot, Secret, SnippetTabs, Toasts,
};

/// Reveal shows the secret and code with it for half a minute; without scripts, on a page of its own.
#[component]
pub(crate) fn SecretCard(
    company: CompanyContext,
    id: KeyId,
    environment: Environment,
    last_four: String,
    #[prop(default = "Secret")] title: &'static str,
) -> impl IntoView {
    let scope = CompanyScope::here();
    let slot = RevealSlot::new();
    let text_id = id.to_string();
    let name = format!("{} key ending {last_four}", environment.label());
    let revealed = {
        let text_id = text_id.clone();
        Memo::new(move |_| slot.secret_of(&text_id))
    };
    let copy = move || async move {
        match api::keys::copy_key(scope.client_id(), id).await {
            Ok(secret) => Ok(secret.expose().to_owned()),
            Err(error) => Err(CopyRefused::Say(format!("Nothing was copied. {error}"))),
        }
    };
    let company = StoredValue::new(company);
    view! {
        <Card id="secret" title=title>
            <p class="keys-about">
                <span class="js-only">"Reveal shows the secret for 30 seconds, with code that uses it."</span>
                <span class="no-js-only">"Reveal shows the secret on its own page."</span>
            </p>
            <div class="key-secret">
                <Secret id=text_id last_four=last_four reveal=slot />
                <RevealForm id=id name=name.clone() secret=slot revealed=revealed />
                <CopyFetchedButton fetch=copy what=name />
            </div>
            {move || {
                let secret = revealed.get()?;
                Some(company.with_value(|company| view! { <WithSecret company=company.clone() secret=secret /> }))
            }}
        </Card>
    }
}

#[component]
fn RevealForm(
    id: KeyId,
    name: String,
    secret: RevealSlot,
    revealed: Memo<Option<SecretText>>,
) -> impl IntoView {
    let slot = secret;
    let scope = CompanyScope::here();
    let toasts = Toasts::here();
    let busy = RwSignal::new(false);
    let toggle = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if revealed.with_untracked(Option::is_some) {
            return slot.hide();
        }
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let company = scope.client_id();
        leptos::task::spawn_local(async move {
            let answer = api::keys::reveal_key(company, id).await;
            if busy.try_set(false).is_some() {
                return; // The page was left, so nothing may appear.
            }
            match answer {
                Ok(secret) => slot.show(id.to_string(), secret),
                Err(error) => toasts.fail_with("Not revealed.", &error),
            }
        });
    };
    let shown = Signal::derive(move || revealed.with(Option::is_some));
    let words = move || if shown.get() { "Hide" } else { "Reveal" };
    let label = Signal::derive(move || format!("{} {name}", words()));
    view! {
        <form method="post" action=scope.path(&format!("keys/{id}/reveal")) on:submit=toggle>
            <Button submit=true busy=busy pressed=shown aria_label=move || label.get()>{words}</Button>
        </form>
    }
}

/// Code with a secret in it, and the line of an `.env` file.
#[component]
pub(super) fn WithSecret(company: CompanyContext, secret: SecretText) -> impl IntoView {
    let snippets = samples::request(&company, secret.expose());
    view! {
        <Code label=".env" text=samples::env_line(secret.expose()) wrap=true />
        <SnippetTabs id="with-secret" what="Example request" snippets=snippets />
    }
}
