//! The form that makes and changes a webhook. It is a plain form that `server` answers; with scripts the submission
//! becomes a call, and the URL is checked on leaving its field.

use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use model::{
    Catalogue, ClientId, CompanyContext, Environment, InvalidWebhook, KeyGroup, Webhook, WebhookDraft,
    WebhookEvents, WebhookId,
};

use super::choice::{Choice, Choices};
use super::event_choice::{EventChoice, EventChoiceState};
use super::fields::{WebhookFields, in_page_words, is_taken};
use crate::api;
use crate::browser;
use crate::browser::timers::{SETTLE, Timer};
use crate::delivery_reach;
use crate::error::{AppError, sign_in_from};
use crate::pages::company::CompanyScope;
use crate::pages::loaded::address_here;
use crate::ui::{
    Button, ButtonKind, ButtonLink, ButtonSize, EnvironmentBadge, Field, FieldKind, IconName, Notice, Tone,
};

/// The order of the fields, for the one that gets focus after a refusal.
const FIELDS: [&str; 4] = ["name", "webhook_url", "env_type", "events"];

/// What the form is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FormPurpose {
    Create,
    Change(Webhook),
}

impl FormPurpose {
    const fn webhook(&self) -> Option<&Webhook> {
        match self {
            Self::Create => None,
            Self::Change(webhook) => Some(webhook),
        }
    }

    /// What the button says.
    const fn words(&self) -> &'static str {
        match self {
            Self::Create => "Add webhook",
            Self::Change(_) => "Save changes",
        }
    }

    /// The value of `?saved=` on the webhook's page, which then says what to do next.
    const fn saved(&self) -> &'static str {
        match self {
            Self::Create => "created",
            Self::Change(_) => "changed",
        }
    }

    /// Where the form is posted without scripts, and where Cancel leads.
    fn places(&self, scope: CompanyScope) -> (String, String) {
        match self {
            Self::Create => (scope.path("webhooks/new"), scope.path("webhooks")),
            Self::Change(webhook) => {
                let own = scope.path(&format!("webhooks/{}", webhook.id));
                (format!("{own}/edit"), own)
            }
        }
    }
}

/// How far the check of the URL has come. Its faults are shown with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UrlCheck {
    NotAsked,
    Asking,
    Passed,
}

#[derive(Clone, Copy, Debug)]
struct FormState {
    client_id: ClientId,
    purpose: StoredValue<FormPurpose>,
    name: RwSignal<String>,
    url: RwSignal<String>,
    environment: RwSignal<String>,
    events: EventChoiceState,
    faults: RwSignal<Vec<InvalidWebhook>>,
    /// Why nothing was saved, if no field is wrong.
    failure: RwSignal<Option<AppError>>,
    url_check: RwSignal<UrlCheck>,
    busy: RwSignal<bool>,
    /// As the page brought them; none when what was entered has been saved.
    unedited: StoredValue<Option<WebhookFields>>,
}

impl FormState {
    fn new(
        client_id: ClientId,
        purpose: FormPurpose,
        fields: &WebhookFields,
        faults: Vec<InvalidWebhook>,
        catalogue: Catalogue,
    ) -> Self {
        let of_webhook = purpose
            .webhook()
            .map_or(&[][..], |webhook| match &webhook.events {
                WebhookEvents::All => &[],
                WebhookEvents::Only(types) => types,
            });
        let events = EventChoiceState::new(fields, of_webhook, &catalogue);
        Self {
            client_id,
            purpose: StoredValue::new(purpose),
            name: RwSignal::new(fields.name.clone()),
            url: RwSignal::new(fields.webhook_url.clone()),
            environment: RwSignal::new(fields.env_type.clone()),
            events,
            faults: RwSignal::new(faults.into_iter().map(in_page_words).collect()),
            failure: RwSignal::new(None),
            url_check: RwSignal::new(UrlCheck::NotAsked),
            busy: RwSignal::new(false),
            unedited: StoredValue::new(Some(fields.clone())),
        }
    }

    /// The webhook that is being edited.
    fn editing(self) -> Option<WebhookId> {
        self.purpose
            .with_value(|purpose| purpose.webhook().map(|webhook| webhook.id))
    }

    /// Something was entered that would be lost. A form that came back with its faults was never saved.
    fn is_edited(self) -> bool {
        let now = |fields: &WebhookFields| {
            Some(WebhookFields {
                name: self.name.try_get_untracked()?,
                webhook_url: self.url.try_get_untracked()?,
                env_type: self.environment.try_get_untracked()?,
                all_events: self.events.all.try_get_untracked()? == "true",
                events: self.events.chosen.try_get_untracked()?.into_iter().collect(),
                again: fields.again,
            })
        };
        self.unedited
            .try_get_value()
            .flatten()
            .is_some_and(|fields| fields.again || now(&fields).is_some_and(|now| now != fields))
    }

    /// All faults of one field, as one text.
    fn fault_of(self, field: &'static str) -> Signal<Option<String>> {
        Signal::derive(move || {
            self.faults.with(|faults| {
                let messages: Vec<_> = faults
                    .iter()
                    .filter(|fault| fault.field == field)
                    .map(|fault| fault.message.as_str())
                    .collect();
                (!messages.is_empty()).then(|| messages.join(" "))
            })
        })
    }

    fn forget_faults_of(self, fields: &[&str]) {
        if self
            .faults
            .with_untracked(|faults| faults.iter().any(|fault| fields.contains(&fault.field.as_str())))
        {
            self.faults
                .update(|faults| faults.retain(|fault| !fields.contains(&fault.field.as_str())));
        }
    }

    fn refuse(self, faults: Vec<InvalidWebhook>) {
        let faults: Vec<_> = faults.into_iter().map(in_page_words).collect();
        let first = FIELDS
            .into_iter()
            .find(|field| faults.iter().any(|fault| fault.field == *field));
        if self.faults.try_set(faults).is_none()
            && let Some(first) = first
        {
            browser::focus::to(first);
        }
    }

    /// Asks the server whether the URL may be used. Nothing is asked about an empty one, nor about the one that is
    /// saved already.
    fn check_url(self) {
        let url = self.url.get_untracked().trim().to_owned();
        let saved = self
            .purpose
            .with_value(|purpose| purpose.webhook().map(|webhook| webhook.url.clone()));
        let Ok(environment) = self.environment.get_untracked().parse::<Environment>() else {
            return;
        };
        if url.is_empty() || saved.as_ref() == Some(&url) {
            self.url_check.set(UrlCheck::NotAsked);
            return;
        }
        self.url_check.set(UrlCheck::Asking);
        let draft = checking(&url, environment);
        leptos::task::spawn_local(async move {
            let answer = api::webhooks::check_webhook(self.client_id, draft, self.editing()).await;
            let asked_again = self.url.try_with_untracked(|now| now.trim() != url) != Some(false)
                || self
                    .environment
                    .try_with_untracked(|now| now.as_str() != environment.as_str())
                    != Some(false);
            if !asked_again {
                self.take_url_check(answer);
            }
        });
    }

    /// Checks the receiver's URL. An environment has one webhook for a URL, so where it has this one already it is given
    /// an ending of its own; the receiver does not look at it.
    fn use_or_vary(self, url: String) {
        self.url_check.set(UrlCheck::Asking);
        let Ok(environment) = self.environment.get_untracked().parse::<Environment>() else {
            return;
        };
        let draft = checking(&url, environment);
        leptos::task::spawn_local(async move {
            let answer = api::webhooks::check_webhook(self.client_id, draft, self.editing()).await;
            if self.url.try_with_untracked(|now| *now == url) != Some(true) {
                return;
            }
            match answer {
                Ok(faults) if faults.iter().any(|fault| is_taken(&fault.message)) => {
                    let number = browser::clock::now().as_millis() / 1000 % 1_000_000;
                    self.url.set(format!("{url}?number={number}"));
                    self.check_url();
                }
                answer => self.take_url_check(answer),
            }
        });
    }

    fn take_url_check(self, answer: Result<Vec<InvalidWebhook>, AppError>) {
        // A failed question says nothing about the URL; saving asks again.
        let Ok(found) = answer else {
            return self.url_check.set(UrlCheck::NotAsked);
        };
        let about_url = |fault: &InvalidWebhook| fault.field == "webhook_url" || fault.field == "env_type";
        let found: Vec<_> = found.into_iter().map(in_page_words).filter(about_url).collect();
        self.url_check.set(if found.is_empty() {
            UrlCheck::Passed
        } else {
            UrlCheck::NotAsked
        });
        self.faults.update(|faults| {
            faults.retain(|fault| !about_url(fault));
            faults.extend(found);
        });
    }

    /// Saves, and returns the webhook to show.
    async fn save(self, draft: WebhookDraft) -> Result<Result<WebhookId, Vec<InvalidWebhook>>, AppError> {
        match self.purpose.get_value() {
            FormPurpose::Create => api::webhooks::create_webhook(self.client_id, draft).await,
            FormPurpose::Change(webhook) => {
                let answer = api::webhooks::change_webhook(self.client_id, webhook.id, draft).await;
                answer.map(|outcome| outcome.map(|()| webhook.id))
            }
        }
    }
}

/// A draft whose only faults can be those of its URL.
fn checking(url: &str, environment: Environment) -> WebhookDraft {
    WebhookDraft {
        name: "Check".to_owned(),
        url: url.to_owned(),
        environment,
        events: WebhookEvents::All,
        enabled: true,
    }
}

/// `groups` says in which environments there is a key to sign with.
#[component]
pub(super) fn WebhookForm(
    company: CompanyContext,
    groups: Vec<KeyGroup>,
    purpose: FormPurpose,
    fields: WebhookFields,
    faults: Vec<InvalidWebhook>,
    catalogue: Catalogue,
) -> impl IntoView {
    let (words, fixed_environment) = (
        purpose.words(),
        purpose.webhook().map(|webhook| webhook.environment),
    );
    let (action, back) = purpose.places(CompanyScope::here());
    let state = FormState::new(company.client_id, purpose, &fields, faults, catalogue);
    let submit = on_submit(state);
    let question = "Leave without saving? Your changes will be lost.";
    browser::leaving::ask_before_leaving(question, address_here(), move || state.is_edited());
    view! {
        <form class="webhook-form" method="post" action=action novalidate on:submit=submit>
            <Field
                name="name"
                label="Name"
                hint="Shown in lists and failure messages. Use at most 128 characters."
                value=state.name
                error=state.fault_of("name")
                autocomplete="off"
                required=true
                on_edit=move |_| state.forget_faults_of(&["name"])
            />
            <UrlField state=state receiver=company.demo.map(|demo| demo.receiver_url) />
            <EnvironmentChoice state=state groups=groups fixed=fixed_environment />
            <EventChoice state=state.events error=state.fault_of("events") />
            {move || {
                state.failure.get().map(|error| {
                    // In a tab of its own, so that what was entered stays.
                    let sign_in = (error == AppError::SignedOut).then(|| {
                        let sign_in = sign_in_from(&browser::address());
                        view! { " " <a href=sign_in target="_blank">"Sign in again in a new tab"</a> ", then save again." }
                    });
                    view! { <Notice tone=Tone::Bad title="Not saved." announce=true>" " {error.to_string()} {sign_in}</Notice> }
                })
            }}
            <div class="webhook-form__end">
                <Button kind=ButtonKind::Primary submit=true busy=state.busy>{words}</Button>
                <ButtonLink href=back>"Cancel"</ButtonLink>
            </div>
        </form>
    }
}

/// With scripts the submission is a call: it ends on the webhook's page, or with the faults beside their fields.
fn on_submit(state: FormState) -> impl Fn(leptos::ev::SubmitEvent) + Clone + 'static {
    let scope = CompanyScope::here();
    let navigate = use_navigate();
    move |event| {
        event.prevent_default();
        if state.busy.get_untracked() {
            return;
        }
        state.failure.set(None);
        let enabled = state
            .purpose
            .with_value(|purpose| purpose.webhook().is_none_or(|webhook| webhook.enabled));
        let draft = match WebhookFields::from_pairs(browser::form::entries(&event)).draft(enabled) {
            Ok(draft) => draft,
            Err(faults) => return state.refuse(faults),
        };
        state.busy.set(true);
        let navigate = navigate.clone();
        leptos::task::spawn_local(async move {
            let answer = state.save(draft).await;
            if state.busy.try_set(false).is_some() {
                return; // The page was left.
            }
            match answer {
                Ok(Ok(webhook)) => {
                    let saved = state.purpose.with_value(FormPurpose::saved);
                    state.unedited.set_value(None);
                    navigate(
                        &scope.path(&format!("webhooks/{webhook}?saved={saved}")),
                        Default::default(),
                    );
                }
                Ok(Err(faults)) => state.refuse(faults),
                Err(error) => state.failure.set(Some(error)),
            }
        });
    }
}

#[component]
fn UrlField(state: FormState, receiver: Option<String>) -> impl IntoView {
    // What the check says moves what is below it, perhaps from under the pointer that has just pressed there.
    let settled = Timer::new();
    let hint = Signal::derive(move || match state.url_check.get() {
        UrlCheck::Asking => "Checking the address…".to_owned(),
        UrlCheck::Passed => "This address is allowed.".to_owned(),
        UrlCheck::NotAsked => delivery_reach().rule(),
    });
    let edit = move |_| {
        state.forget_faults_of(&["webhook_url"]);
        state.url_check.set(UrlCheck::NotAsked);
    };
    view! {
        <div class="webhook-url">
            <Field
                name="webhook_url"
                label="URL"
                kind=FieldKind::Url
                hint=move || hint.get()
                value=state.url
                error=state.fault_of("webhook_url")
                placeholder="https://example.com/webhooks"
                autocomplete="off"
                monospace=true
                required=true
                on_edit=edit
                on_leave=move |_| settled.after(SETTLE, move || state.check_url())
            />
            {receiver.map(|url| view! { <BuiltInReceiver state=state url=url /> })}
        </div>
    }
}

/// The demo has a webhook receiver of its own.
#[component]
fn BuiltInReceiver(state: FormState, url: String) -> impl IntoView {
    let address = url.clone();
    let fill = move |()| {
        state.forget_faults_of(&["webhook_url", "env_type"]);
        state.url.set(url.clone());
        if state.name.with_untracked(|name| name.trim().is_empty()) {
            state.name.set("Built-in receiver".to_owned());
            state.forget_faults_of(&["name"]);
        }
        state.use_or_vary(url.clone());
    };
    view! {
        <p class="webhook-url__receiver">
            <Button size=ButtonSize::Small icon=IconName::Inbox needs_script=true on_press=fill>
                "Use the built-in receiver"
            </Button>
            <span class="muted">"It responds with 200 at " <code>{address}</code></span>
        </p>
    }
}

/// The environment cannot be changed later: signing keys, history and the public API's view of a webhook depend on it.
#[component]
fn EnvironmentChoice(state: FormState, groups: Vec<KeyGroup>, fixed: Option<Environment>) -> impl IntoView {
    if let Some(environment) = fixed {
        return view! { <FixedEnvironment environment=environment /> }.into_any();
    }
    let has_key = move |environment: &Environment| {
        groups
            .iter()
            .any(|group| group.environment == *environment && group.active() > 0)
    };
    let without_key: Vec<_> = Environment::ALL
        .into_iter()
        .filter(|environment| !has_key(environment))
        .collect();
    let options = Environment::ALL.map(|environment| {
        let hint = if without_key.contains(&environment) {
            "No active key yet"
        } else {
            "Signed with its API key"
        };
        view! {
            <Choice
                name="env_type"
                value=environment.as_str()
                chosen=state.environment
                label=move || view! { <EnvironmentBadge environment=environment /> }
                hint=hint
            />
        }
    });
    let held = Memo::new(move |_| {
        let chosen = state.environment.get().parse::<Environment>().ok();
        chosen.filter(|chosen| without_key.contains(chosen))
    });
    check_again_when_it_changes(state);
    view! {
        <Choices name="env_type" legend="Environment" error=state.fault_of("env_type") in_row=true>
            {options.into_iter().collect_view()}
        </Choices>
        {move || held.get().map(|environment| view! { <HeldNotice environment=environment /> })}
    }
    .into_any()
}

/// A URL may be taken in one environment and free in another.
fn check_again_when_it_changes(state: FormState) {
    let settled = Timer::new();
    Effect::new(move |before: Option<String>| {
        let now = state.environment.get();
        if before.is_some_and(|before| before != now) {
            untrack(|| {
                state.forget_faults_of(&["env_type", "webhook_url"]);
                settled.after(SETTLE, move || state.check_url());
            });
        }
        now
    });
}

#[component]
fn FixedEnvironment(environment: Environment) -> impl IntoView {
    view! {
        <div class="field">
            <span class="field__label">"Environment"</span>
            <div><EnvironmentBadge environment=environment /></div>
            <input type="hidden" name="env_type" value=environment.as_str() />
            <p class="field__hint">"The environment cannot be changed. Add another webhook for a different one."</p>
        </div>
    }
}

/// What happens to deliveries of an environment without an active key.
#[component]
pub(super) fn HeldNotice(environment: Environment) -> impl IntoView {
    let keys = CompanyScope::here().path("keys");
    let title = format!("{} has no active key.", environment.label());
    view! {
        <Notice tone=Tone::Hold title=title>
            " Deliveries cannot be signed, so they are held. This does not use up any attempts. Once there is a key, they are sent, oldest first. Keys that were imported as digests cannot sign. "
            <a href=keys>"Generate one on API Keys"</a>
        </Notice>
    }
}
