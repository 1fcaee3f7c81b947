//! The forms of a key, each with a button of its own. They work without scripts; with them a submission becomes a call.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use model::{ClientId, KeyId, KeyTerms, MOST_KEY_REQUESTS_A_MINUTE};

use super::fields::{DELETIONS, KeyFields, KeyPart, KeySaved};
use crate::api;
use crate::browser::form;
use crate::pages::company::CompanyScope;
use crate::ui::{
    Button, ButtonKind, Card, Checkbox, Field, FieldKind, Notice, Select, SelectOption, Time, Toasts, Tone,
    grouped,
};

/// A form that came back with what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Entered(Option<(KeyFields, KeySaved)>);

impl Entered {
    pub(super) const fn new(entered: Option<(KeyFields, KeySaved)>) -> Self {
        Self(entered)
    }

    fn saved(&self, part: KeyPart) -> KeySaved {
        match &self.0 {
            Some((fields, saved)) if fields.part == part => saved.clone(),
            _ => KeySaved::default(),
        }
    }
}

/// What the controls hold.
#[derive(Clone, Copy)]
struct Inputs {
    name: RwSignal<String>,
    note: RwSignal<String>,
    expires_at: RwSignal<String>,
    delete: RwSignal<String>,
    delete_at: RwSignal<String>,
    read_only: RwSignal<bool>,
    networks: RwSignal<String>,
    requests_a_minute: RwSignal<String>,
}

impl Inputs {
    fn new(fields: KeyFields) -> Self {
        Self {
            name: RwSignal::new(fields.name),
            note: RwSignal::new(fields.note),
            expires_at: RwSignal::new(fields.expires_at),
            delete: RwSignal::new(fields.delete),
            delete_at: RwSignal::new(fields.delete_at),
            read_only: RwSignal::new(fields.read_only),
            networks: RwSignal::new(fields.networks),
            requests_a_minute: RwSignal::new(fields.requests_a_minute),
        }
    }

    fn fill(self, part: KeyPart, fields: KeyFields) {
        match part {
            KeyPart::Name => {
                self.name.set(fields.name);
                self.note.set(fields.note);
            }
            KeyPart::Expiry => self.expires_at.set(fields.expires_at),
            KeyPart::Deletion => {
                self.delete.set(fields.delete);
                self.delete_at.set(fields.delete_at);
            }
            KeyPart::Limits => {
                self.read_only.set(fields.read_only);
                self.networks.set(fields.networks);
                self.requests_a_minute.set(fields.requests_a_minute);
            }
        }
    }

    /// The forms follow the key: what was saved here is shown as it was stored, and what someone else saved is shown too.
    /// A change of one form leaves what is typed in the others.
    fn follow(self, terms: Memo<KeyTerms>) {
        for part in KeyPart::ALL {
            let stored = Memo::new(move |_| {
                let fields = terms.with(|terms| KeyFields::from(terms));
                KeyFields { part, ..fields }.to_pairs()
            });
            Effect::new(move |before: Option<Vec<(&'static str, String)>>| {
                let now = stored.get();
                if before.is_some_and(|before| before != now) {
                    self.fill(part, terms.with_untracked(|terms| KeyFields::from(terms)));
                }
                now
            });
        }
    }
}

/// One form.
#[derive(Clone, Copy)]
struct Part {
    company: ClientId,
    id: KeyId,
    part: KeyPart,
    inputs: Inputs,
    /// Goes up when the page should ask for the key again.
    asked: RwSignal<u64>,
    busy: RwSignal<bool>,
    saved: RwSignal<KeySaved>,
}

impl Part {
    fn fault(self, field: &'static str) -> Signal<Option<String>> {
        Signal::derive(move || {
            self.saved.with(|saved| {
                let fault = saved.faults.iter().find(|fault| fault.field == field)?;
                Some(fault.message.clone())
            })
        })
    }

    fn submit(self, event: &SubmitEvent, toasts: Toasts) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        let (company, fields) = (self.company, KeyFields::from_pairs(form::entries(event)));
        leptos::task::spawn_local(async move {
            let answer = api::keys::change_key(company, self.id, fields).await;
            if self.busy.try_set(false).is_some() {
                return; // The page was left.
            }
            match answer {
                Ok(saved) => {
                    if saved.is_saved() {
                        toasts.say(self.part.saved());
                        self.asked.update(|asked| *asked += 1);
                    }
                    self.saved.set(saved);
                }
                Err(error) => toasts.fail_with("Not saved.", &error),
            }
        });
    }
}

#[component]
pub(super) fn Forms(
    id: KeyId,
    terms: Memo<KeyTerms>,
    asked: RwSignal<u64>,
    entered: Entered,
) -> impl IntoView {
    let mut fields = terms.with_untracked(|terms| KeyFields::from(terms));
    if let Some((entered, _)) = &entered.0 {
        fields = fields.with(entered);
    }
    let inputs = Inputs::new(fields);
    inputs.follow(terms);
    let company = CompanyScope::here().client_id();
    let part = |part: KeyPart| Part {
        company,
        id,
        part,
        inputs,
        asked,
        busy: RwSignal::new(false),
        saved: RwSignal::new(entered.saved(part)),
    };
    view! {
        <div class="key-grid">
            <div class="key-column">
                <NameForm part=part(KeyPart::Name) />
                <ExpiryForm part=part(KeyPart::Expiry) />
            </div>
            <div class="key-column">
                <LimitsForm part=part(KeyPart::Limits) />
                <DeletionForm part=part(KeyPart::Deletion) />
            </div>
        </div>
    }
}

#[component]
fn PartForm(part: Part, title: &'static str, lead: &'static str, children: Children) -> impl IntoView {
    let toasts = Toasts::here();
    let scope = CompanyScope::here();
    let action = scope.path(&format!("keys/{}/change", part.id));
    let name = part.part.as_str();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        part.submit(&event, toasts);
    };
    let words = move || {
        part.saved.with(|saved| match saved.shuts_out.is_empty() {
            true => "Save",
            false => "Save anyway",
        })
    };
    view! {
        <Card id=format!("part-{name}") title=title lead=lead>
            <form class="form" method="post" action=action on:submit=submit>
                <input type="hidden" name="part" value=name />
                {children()}
                <div class="form__actions">
                    <Button id=format!("save-{name}") kind=ButtonKind::Secondary submit=true busy=part.busy>
                        {words}
                    </Button>
                </div>
            </form>
        </Card>
    }
}

#[component]
fn NameForm(part: Part) -> impl IntoView {
    let Inputs { name, note, .. } = part.inputs;
    view! {
        <PartForm part=part title="Name and note" lead="Shown wherever this key is named. Members of this company can read both.">
            <Field name="name" label="Name" autocomplete="off" value=name error=part.fault("name") />
            <Field name="note" label="Note" kind=FieldKind::TextArea value=note error=part.fault("note") />
        </PartForm>
    }
}

#[component]
fn ExpiryForm(part: Part) -> impl IntoView {
    view! {
        <PartForm
            part=part
            title="Expiry"
            lead="An expired key is refused. It stays in the list, and you can give it another date."
        >
            <Field
                name="expires_at"
                label="Expires (UTC)"
                kind=FieldKind::DateTime
                hint="Leave it empty for a key that does not expire."
                value=part.inputs.expires_at
                error=part.fault("expires_at")
            />
        </PartForm>
    }
}

#[component]
fn DeletionForm(part: Part) -> impl IntoView {
    let Inputs {
        delete, delete_at, ..
    } = part.inputs;
    let options: Vec<_> = DELETIONS
        .into_iter()
        .map(|(value, label)| SelectOption::new(value, label))
        .collect();
    // Who names a time means that time.
    let name_time = move |_: String| delete.set("at".to_owned());
    view! {
        <PartForm
            part=part
            title="Scheduled deletion"
            lead="At this moment the key is deleted permanently. Until then you can change the time or cancel it."
        >
            <Select
                name="delete"
                label="Delete"
                options=options
                chosen=delete
                on_choose=move |chosen: String| delete.set(chosen)
            />
            <Field
                name="delete_at"
                label="Time (UTC)"
                kind=FieldKind::DateTime
                value=delete_at
                error=part.fault("delete_at")
                on_edit=name_time
            />
        </PartForm>
    }
}

#[component]
fn LimitsForm(part: Part) -> impl IntoView {
    let Inputs {
        read_only,
        networks,
        requests_a_minute,
        ..
    } = part.inputs;
    // What was confirmed was confirmed for other networks.
    let forget = move |_: String| part.saved.update(|saved| saved.shuts_out.clear());
    let most = format!(
        "From 1 to {}. Leave it empty for the installation's limit alone.",
        grouped(u64::from(MOST_KEY_REQUESTS_A_MINUTE))
    );
    view! {
        <PartForm
            part=part
            title="Limits"
            lead="A request outside these limits is refused, and its row in Logs says why."
        >
            <Checkbox
                name="read_only"
                value="true"
                label="Read-only"
                hint="Only GET, HEAD and OPTIONS. Upgrades and method-override headers are refused."
                checked=read_only
                on_change=move |ticked: bool| read_only.set(ticked)
            />
            <Field
                name="networks"
                label="Allowed networks"
                kind=FieldKind::TextArea
                monospace=true
                placeholder="192.0.2.0/24"
                hint="CIDR networks or addresses, one a line. Leave it empty to allow every address."
                value=networks
                error=part.fault("networks")
                on_edit=forget
            />
            <ShutOut part=part />
            <Field
                name="requests_a_minute"
                label="Requests a minute"
                kind=FieldKind::Number
                hint=most
                value=requests_a_minute
                error=part.fault("requests_a_minute")
            />
        </PartForm>
    }
}

/// Who would lose access. The form then says for which networks that was confirmed: those that are in it now.
#[component]
fn ShutOut(part: Part) -> impl IntoView {
    move || {
        let KeySaved {
            shuts_out,
            looked_back_to,
            ..
        } = part.saved.get();
        if shuts_out.is_empty() {
            return None;
        }
        let confirmed = part.inputs.networks.get_untracked();
        let title = match shuts_out.len() {
            1 => "This shuts out 1 address that used the key in the last 7 days.".to_owned(),
            many => format!("This shuts out {many} addresses that used the key in the last 7 days."),
        };
        let addresses = shuts_out
            .into_iter()
            .map(|one| {
                let requests = match one.requests {
                    1 => "1 request".to_owned(),
                    requests => format!("{} requests", grouped(requests)),
                };
                view! { <li><code>{one.address}</code> {format!(": {requests}, the latest ")} <Time at=one.last /></li> }
            })
            .collect_view();
        Some(view! {
            <input type="hidden" name="anyway" value=confirmed />
            <Notice tone=Tone::Warn title=title announce=true>
                <ul class="plain-list">{addresses}</ul>
                {looked_back_to
                    .map(|at| view! { <p>"There was no time to look further back than " <Time at=at /> "."</p> })}
            </Notice>
        })
    }
}
