//! `/c/{client_id}/development/keys/new`: a Production key gets its name before it is made.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::{CompanyContext, Environment, GeneratedKey, KeyGroup, MAX_ACTIVE_KEYS, Permission};

use super::secret::WithSecret;
use crate::browser::{focus, form};
use crate::pages::company::{CompanyScope, LoadedInCompany, Topic};
use crate::pages::loaded::Failure;
use crate::ui::{
    BackLink, Button, ButtonKind, ButtonLink, Card, Code, DialogActions, Field, Notice, PageHeader, Section,
    Title, Toasts, Tone,
};
use crate::{AppError, api};

#[component]
pub fn NewKeyPage() -> impl IntoView {
    let scope = CompanyScope::here();
    let groups = Resource::new(move || scope.client_id(), api::keys::list_keys);
    let query = use_query_map();
    let environment = Memo::new(move |_| {
        let name = query.with(|query| query.get("environment"));
        name.and_then(|name| name.parse().ok())
            .unwrap_or(Environment::Prod)
    });
    view! {
        <LoadedInCompany
            resource=groups
            render=move |company, groups| {
                let environment = environment.get_untracked();
                view! { <NewKey company=company groups=groups environment=environment /> }.into_any()
            }
        />
    }
}

#[component]
fn NewKey(company: CompanyContext, groups: Vec<KeyGroup>, environment: Environment) -> impl IntoView {
    let scope = CompanyScope::here();
    if let Err(error) = AppError::unless_may(company.role, Permission::ManageKeys) {
        return view! { <Failure error=error /> }.into_any();
    }
    let title = format!("New {} key", environment.label());
    let generated = RwSignal::new(None::<GeneratedKey>);
    let active = groups
        .iter()
        .find(|group| group.environment == environment)
        .map_or(0, KeyGroup::active);
    let is_full = active >= MAX_ACTIVE_KEYS;
    let company = StoredValue::new(company);
    view! {
        <Title text=title.clone() />
        <PageHeader
            title=title
            lead="It is active as soon as it is made. You can reveal its secret again later."
            above=move || view! { <BackLink href=scope.path("keys") to="API Keys" /> }
        />
        {move || match generated.get() {
            Some(generated) => {
                let company = company.get_value();
                view! { <Made company=company generated=generated /> }.into_any()
            }
            None => view! { <Ask environment=environment is_full=is_full generated=generated /> }.into_any(),
        }}
    }
    .into_any()
}

#[component]
fn Ask(environment: Environment, is_full: bool, generated: RwSignal<Option<GeneratedKey>>) -> impl IntoView {
    let scope = CompanyScope::here();
    let toasts = Toasts::here();
    let (busy, fault) = (RwSignal::new(false), RwSignal::new(None::<String>));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        fault.set(None);
        let name = form::entries(&event)
            .into_iter()
            .find_map(|(name, value)| (name == "name").then_some(value));
        let company = scope.client_id();
        leptos::task::spawn_local(async move {
            let answer = api::keys::generate_key(company, environment, name.unwrap_or_default()).await;
            if busy.try_set(false).is_some() {
                return; // The page was left.
            }
            match answer {
                Ok(new) => {
                    generated.set(Some(new));
                    focus::soon("made");
                    scope.refetch(Topic::Keys);
                }
                Err(AppError::Invalid { message, .. }) => fault.set(Some(message)),
                Err(error) => toasts.fail_with("No key was generated.", &error),
            }
        });
    };
    view! {
        <Card>
            <form class="form" method="post" action=scope.path("keys/generate") on:submit=submit>
                {is_full
                    .then(|| view! { <Notice tone=Tone::Warn>"Two keys are active. Delete one first."</Notice> })}
                <input type="hidden" name="environment" value=environment.as_str() />
                <Field
                    name="name"
                    label="Name"
                    hint="Say what will use it, such as \u{201c}Billing server\u{201d}. You can change it later."
                    autocomplete="off"
                    required=true
                    focus_first=true
                    error=fault
                />
                <DialogActions>
                    <ButtonLink href=scope.path("keys")>"Cancel"</ButtonLink>
                    <Button kind=ButtonKind::Primary submit=true busy=busy>"Generate key"</Button>
                </DialogActions>
            </form>
        </Card>
    }
}

/// The answer, in the browser only.
#[component]
fn Made(company: CompanyContext, generated: GeneratedKey) -> impl IntoView {
    let scope = CompanyScope::here();
    let own = scope.path(&format!("keys/{}", generated.key.id));
    let secret = generated.secret;
    view! {
        <Section id="made" title=generated.key.terms.name lead="It is active now. Store it with your other secrets, never in code.">
            <Code label="Secret" text=secret.expose().to_owned() wrap=true />
            <WithSecret company=company secret=secret />
            <DialogActions>
                <ButtonLink href=own>"Limits and expiry"</ButtonLink>
                <ButtonLink href=scope.path("keys") kind=ButtonKind::Primary>"Done"</ButtonLink>
            </DialogActions>
        </Section>
    }
}
