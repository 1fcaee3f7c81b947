//! `/design`: every primitive in every state, with the words the pages use. Served with `--demo` only; people and the
//! browser tests look here first when the look of something changes.

use leptos::prelude::*;
use model::{Environment, SecretText, Timestamp};

use crate::browser::clock;
use crate::pages::frame::{Main, TopBar};
use crate::ui::{
    Badge, Button, ButtonKind, ButtonLink, ButtonSize, Card, Cell, Checkbox, Code, Column, CopyButton,
    CopyFetchedButton, CopyLook, CopyRefused, Countdown, Dialog, DialogActions, DialogKind, EmptyState,
    EnvironmentBadge, Field, FieldKind, Icon, IconName, KeyValue, KeyValueList, Narrow, NavTab, NavTabs,
    NextStep, NextSteps, Notice, PageHeader, Pagination, RevealSlot, RowLink, Secret, Section, Select,
    SelectOption, Snippet, SnippetTabs, State, StateBadge, StatusBadge, Table, TableGroup, Time, TimeStyle,
    Title, Toasts, Tone, duration_text,
};

/// 2 November 2026, 14:30:05 UTC; the page must not depend on the time at which it is rendered.
const MOMENT: Timestamp = Timestamp::from_millis(1_793_629_805_123);
/// Invented for this page; it belongs to no installation.
const SAMPLE_SECRET: &str = "sandbox-3f9c2b7e41d85a60c7f2918be4d03a57661fa6f1";

#[component]
pub fn DesignPage() -> impl IntoView {
    view! {
        <Title text="Design" />
        <TopBar />
        <Main>
            <PageHeader
                title="Design"
                lead="Every primitive and every component, in every state. Pages use only these."
                actions=|| view! { <ButtonLink href="/">"Back to Gatehouse"</ButtonLink> }
            />
            <Colours />
            <Type />
            <Badges />
            <Buttons />
            <Copies />
            <Secrets />
            <Fields />
            <Tables />
            <Dialogs />
            <Messages />
            <EmptyStates />
            <Times />
            <Codes />
            <Navigation />
            <Icons />
            <NextSteps steps=vec![
                NextStep::new("Authentication", "/docs/authentication", "The two headers, and what each refusal means."),
                NextStep::new("Webhook events", "/docs/webhook-events", "What is sent, when, and how it is signed."),
                NextStep::new("API key rotation", "/docs/api-keys-rotation", "From the old key to the new one without downtime."),
                NextStep::new("Security", "/docs/security", "How secrets are stored, encrypted and shown."),
            ] />
        </Main>
    }
}

#[component]
fn Colours() -> impl IntoView {
    let tones = Tone::ALL
        .into_iter()
        .map(|tone| {
            view! {
                <Notice tone title=tone.as_str()>
                    " Text on this background has a contrast of at least 4.5:1."
                </Notice>
            }
        })
        .collect_view();
    view! {
        <Section id="colours" title="Meanings" lead="Six tones. The icon and text mean the same as the colour.">
            <div class="columns">{tones}</div>
        </Section>
    }
}

#[component]
fn Type() -> impl IntoView {
    view! {
        <Section id="type" title="Type" lead="12, 13, 14, 16, 20, 28. Geist for text, Geist Mono for values that are compared.">
            <div class="design__type">
                <p class="t28">"28 API keys"</p>
                <p class="t20">"20 Every request is logged"</p>
                <p class="t16">"16 Webhooks are sent from here"</p>
                <p class="t14">"14 The text of pages: 1 of 2 active keys"</p>
                <p class="t13 muted">"13 Rows, labels and code, secondary"</p>
                <p class="t12 faint">"12 Hints and headings of columns, tertiary"</p>
                <p class="mono">"13 mono: 203.0.113.7  2001:db8::1  0O 1lI  /v1/orders/"</p>
            </div>
        </Section>
    }
}

#[component]
fn Badges() -> impl IntoView {
    let statuses = [
        200u16, 201, 204, 301, 304, 400, 401, 403, 404, 429, 500, 502, 503, 504,
    ]
    .into_iter()
    .map(|status| view! { <StatusBadge status /> })
    .collect_view();
    let states = State::ALL
        .into_iter()
        .map(|state| view! { <StateBadge state /> })
        .collect_view();
    let environments = Environment::ALL
        .into_iter()
        .map(|environment| view! { <EnvironmentBadge environment /> })
        .collect_view();
    view! {
        <Section id="badges" title="Badges" lead="A word and an icon, never colour alone. Production has a lock and a border of its own.">
            <div class="stack stack--tight">
                <div class="cluster">{environments}</div>
                <div class="cluster">{statuses}</div>
                <div class="cluster">{states}</div>
                <div class="cluster">
                    <StateBadge state=State::Failing words="Failing for 3 h" />
                    <StateBadge state=State::Held words="Held: no API key" />
                    <StatusBadge status=200 compact=true />
                    <StatusBadge status=503 compact=true />
                    <Badge>"Owner"</Badge>
                    <Badge icon=IconName::Eye>"Viewer"</Badge>
                </div>
            </div>
        </Section>
    }
}

#[component]
fn Buttons() -> impl IntoView {
    let busy = RwSignal::new(true);
    let pressed = RwSignal::new(true);
    let reason = Signal::stored(Some("Two keys are active. Delete one first.".to_owned()));
    view! {
        <Section id="buttons" title="Button" lead="One primary button per view. An unavailable button says why and keeps focus.">
            <div class="stack">
                <div class="cluster">
                    <Button kind=ButtonKind::Primary icon=IconName::Plus>"Generate new key"</Button>
                    <Button>"Cancel"</Button>
                    <Button kind=ButtonKind::Danger>"Delete key"</Button>
                    <Button kind=ButtonKind::Quiet>"Dismiss"</Button>
                    <ButtonLink href="#buttons" icon=IconName::Webhook>"Add webhook"</ButtonLink>
                </div>
                <div class="cluster">
                    <Button kind=ButtonKind::Primary busy>"Saving"</Button>
                    <Button busy>"Send test event"</Button>
                    <Button kind=ButtonKind::Danger busy>"Delete key"</Button>
                </div>
                <div class="cluster">
                    <Button id="blocked-new" unavailable=reason>"Generate new key"</Button>
                </div>
                <div class="cluster">
                    <Button size=ButtonSize::Small pressed on_press=move || pressed.update(|on| *on = !*on)>
                        "Live"
                    </Button>
                    <Button size=ButtonSize::Small kind=ButtonKind::Quiet>"Reveal"</Button>
                    <Button size=ButtonSize::Small kind=ButtonKind::Danger>"Delete"</Button>
                    <Button size=ButtonSize::Small>"Small"</Button>
                </div>
            </div>
        </Section>
    }
}

#[component]
fn Copies() -> impl IntoView {
    let refuse = || async {
        Err(CopyRefused::Say(
            "Nothing was copied: the server did not respond.".to_owned(),
        ))
    };
    let fetch = || async { Ok(SAMPLE_SECRET.to_owned()) };
    view! {
        <Section id="copy" title="CopyButton" lead="Says Copied for two seconds. On failure the clipboard keeps what it had, and the button says why.">
            <div class="cluster">
                <CopyButton text="ab12cd34ef56ab12cd34ef56ab12cd34" what="Client ID" kind=CopyLook::Secondary />
                <CopyButton text="ab12cd34ef56ab12cd34ef56ab12cd34" what="Client ID" />
                <CopyFetchedButton fetch what="Sandbox secret" kind=CopyLook::Secondary />
                <CopyFetchedButton fetch=refuse what="secret that fails" kind=CopyLook::Secondary />
            </div>
        </Section>
    }
}

#[component]
fn Secrets() -> impl IntoView {
    let slot = RevealSlot::new();
    let shown = move || slot.is_shown("sample");
    let words = move || {
        if shown() {
            format!("Hide ({} s)", slot.seconds_left())
        } else {
            "Reveal".to_owned()
        }
    };
    view! {
        <Section id="secrets" title="Secret" lead="A mask of fixed length and the last four. Revealed for thirty seconds; the row does not move.">
            <div class="design__sample cluster">
                <Secret id="sample" last_four="a6f1" reveal=slot />
                <Button
                    size=ButtonSize::Small
                    kind=ButtonKind::Quiet
                    pressed=Signal::derive(shown)
                    on_press=move || {
                        if shown() { slot.hide() } else { slot.show("sample", SecretText::new(SAMPLE_SECRET)) }
                    }
                >
                    {words}
                </Button>
            </div>
        </Section>
    }
}

#[component]
fn Fields() -> impl IntoView {
    let chosen = RwSignal::new("24h".to_owned());
    let address = RwSignal::new("https://10.0.0.8/hooks".to_owned());
    let refused = Signal::stored(Some(
        "10.0.0.8 is a private address. Webhooks can only use public ones.".to_owned(),
    ));
    let ticked = RwSignal::new(true);
    view! {
        <Section id="fields" title="Field and Select">
            <div class="columns">
                <div class="stack">
                    <Field name="name" label="Name" hint="Only you see it." placeholder="Orders to the warehouse" />
                    <Field name="url" label="URL" kind=FieldKind::Url monospace=true value=address error=refused
                        hint="Starts with https:// and responds within 10 seconds." />
                    <Field name="password" label="Password" kind=FieldKind::Password autocomplete="current-password" />
                </div>
                <div class="stack">
                    <Select name="environment" label="Environment" options=environments() />
                    <Field name="note" label="Note" kind=FieldKind::TextArea initial="What was tried, and when.\nSecond line." />
                    <Checkbox name="events" value="order-created" label="order-created" monospace=true
                        hint="An order was placed." checked=ticked on_change=move |on| ticked.set(on) />
                </div>
            </div>
            <form class="filters" method="get" action="#fields">
                <Select name="range" label="Date range" chosen on_choose=move |value| chosen.set(value)
                    options=vec![SelectOption::new("1h", "Last hour"), SelectOption::new("24h", "Last 24 hours"),
                        SelectOption::new("7d", "Last 7 days")] />
                <Select name="status" label="Status" options=vec![SelectOption::new("", "All statuses"),
                    SelectOption::new("4xx", "4xx Client errors")] />
                <Select name="brand" label="Brand" options=vec![SelectOption::new("", "All brands")] />
                <div class="filters__end"><span class="muted numeric">"214 requests"</span></div>
            </form>
        </Section>
    }
}

fn environments() -> Vec<SelectOption> {
    Environment::ALL
        .into_iter()
        .map(|environment| SelectOption::new(environment.as_str(), environment.label()))
        .collect()
}

#[component]
fn Tables() -> impl IntoView {
    let columns = || {
        vec![
            Column::new("Environment"),
            Column::new("Created"),
            Column::new("Secret"),
            Column::new("Last used"),
            Column::new("Actions").unlabelled(),
        ]
    };
    let full = Signal::stored(Some("Two keys are active. Delete one first.".to_owned()));
    view! {
        <Section id="tables" title="Table" lead="Rows of one height, in groups. Below 720 px a row is two lines.">
            <Table caption="API keys by environment" columns=columns()>
                <TableGroup
                    columns=5
                    heading=|| view! { "Sandbox · 1 of 2 active keys" }
                    actions=|| view! { <Button size=ButtonSize::Small icon=IconName::Plus>"Generate new key"</Button> }
                >
                    <KeyRow environment=Environment::Sandbox last_four="a6f1" />
                </TableGroup>
                <TableGroup
                    columns=5
                    heading=|| view! { "Production · 2 of 2 active keys" }
                    actions=move || view! {
                        <Button id="full-new" size=ButtonSize::Small icon=IconName::Plus unavailable=full>"Generate new key"</Button>
                    }
                >
                    <KeyRow environment=Environment::Prod last_four="09bd" />
                    <KeyRow environment=Environment::Prod last_four="77e2" />
                </TableGroup>
            </Table>
            <RequestTable />
            <Pagination label="Pages of requests" summary="50 of 20,114 requests" older=Some("#tables".to_owned()) newer=Some("#tables".to_owned()) />
        </Section>
    }
}

#[component]
fn KeyRow(environment: Environment, last_four: &'static str) -> impl IntoView {
    let what = format!("{} secret ending {last_four}", environment.label());
    let delete = format!("Delete {} key ending {last_four}", environment.label());
    let fetch = || async { Ok(SAMPLE_SECRET.to_owned()) };
    view! {
        <tr>
            <Cell narrow=Narrow::Lead><EnvironmentBadge environment /></Cell>
            <Cell narrow=Narrow::Second label="Created"><Time at=MOMENT style=TimeStyle::Date /></Cell>
            <Cell narrow=Narrow::Below><Secret id=last_four last_four /></Cell>
            <Cell narrow=Narrow::End label="Last used"><Time at=MOMENT /></Cell>
            <Cell narrow=Narrow::Below>
                <div class="table__actions">
                    <Button size=ButtonSize::Small kind=ButtonKind::Quiet>"Reveal"</Button>
                    <CopyFetchedButton fetch what />
                    <Button size=ButtonSize::Small kind=ButtonKind::Danger aria_label=delete>"Delete"</Button>
                </div>
            </Cell>
        </tr>
    }
}

#[component]
fn RequestTable() -> impl IntoView {
    let rows = [
        (
            200u16,
            "GET",
            "/v1/orders/?limit=50",
            Environment::Sandbox,
            12_400u64,
        ),
        (201, "POST", "/v1/orders/", Environment::Prod, 84_100),
        (
            401,
            "GET",
            "/v1/customers/5f3a9c/documents/2026/statement-of-everything-that-happened.pdf",
            Environment::Dev,
            410,
        ),
        (503, "POST", "/v1/orders/", Environment::Prod, 10_002_000),
    ];
    let rows = rows
        .into_iter()
        .enumerate()
        .map(|(at, (status, method, path, environment, micros))| {
            view! {
                <tr>
                    <Cell narrow=Narrow::Second><RowLink href="#tables" current=Signal::stored(at == 1)><Time at=MOMENT style=TimeStyle::Clock /></RowLink></Cell>
                    <Cell narrow=Narrow::Lead><StatusBadge status /></Cell>
                    <Cell narrow=Narrow::Lead monospace=true>{method}</Cell>
                    <Cell narrow=Narrow::Lead monospace=true grow=true>{path}</Cell>
                    <Cell narrow=Narrow::Second>"Northwind"</Cell>
                    <Cell narrow=Narrow::Hidden><EnvironmentBadge environment /></Cell>
                    <Cell narrow=Narrow::Hidden monospace=true>"…a6f1"</Cell>
                    <Cell narrow=Narrow::SecondEnd numeric=true>{duration_text(micros)}</Cell>
                </tr>
            }
        })
        .collect_view();
    let columns = ["Time", "Status", "Method", "Path", "Brand", "Environment", "Key"];
    let columns = columns
        .into_iter()
        .map(Column::new)
        .chain([Column::new("Duration").numeric()])
        .collect();
    view! {
        <Table caption="Requests" columns>
            <tbody>{rows}</tbody>
        </Table>
    }
}

#[component]
fn Dialogs() -> impl IntoView {
    let (deleting, made) = (RwSignal::new(false), RwSignal::new(false));
    view! {
        <Section id="dialogs" title="Dialog" lead="The browser's own dialog: focus stays inside and returns when it closes, and Esc closes it.">
            <div class="cluster">
                <Button on_press=move || deleting.set(true)>"Delete a key"</Button>
                <Button on_press=move || made.set(true)>"A key was generated"</Button>
            </div>
        </Section>
        <Dialog id="delete-sample" open=deleting title="Delete this Production key?" kind=DialogKind::Alert return_focus_to="dialogs"
            about="Every system that uses it loses access within seconds. This cannot be undone.">
            <KeyValueList>
                <KeyValue name="Key"><EnvironmentBadge environment=Environment::Prod /> " ending " <span class="mono">"09bd"</span></KeyValue>
                <KeyValue name="Last used">"3 minutes ago from " <span class="mono">"203.0.113.7"</span></KeyValue>
                <KeyValue name="Last 24 hours">"1,204 requests"</KeyValue>
            </KeyValueList>
            <Notice tone=Tone::Bad>"Production will have no key: every call will be refused."</Notice>
            <Field name="confirm" label="Type the last four characters" monospace=true />
            <DialogActions>
                <Button focus_first=true on_press=move || deleting.set(false)>"Cancel"</Button>
                <Button kind=ButtonKind::Danger on_press=move || deleting.set(false)>"Delete key"</Button>
            </DialogActions>
        </Dialog>
        <Dialog id="made-sample" open=made title="Sandbox key generated" about="Copy it now, or reveal it again later.">
            <Code label="Access secret" text=SAMPLE_SECRET wrap=true />
            <DialogActions>
                <Button kind=ButtonKind::Primary focus_first=true on_press=move || made.set(false)>"Done"</Button>
            </DialogActions>
        </Dialog>
    }
}

#[component]
fn Messages() -> impl IntoView {
    let toasts = Toasts::here();
    view! {
        <Section id="messages" title="Toast and Notice" lead="A toast says what just happened; a notice is shown where it belongs.">
            <div class="stack">
                <div class="cluster">
                    <Button on_press=move || toasts.say_with_link("Key deleted. Rejected since 14:30:05.", "#messages", "Find who still sends it")>"Say"</Button>
                    <Button on_press=move || toasts.fail("The webhook was not saved: the server did not respond.")>"Fail"</Button>
                </div>
                <Notice tone=Tone::Warn title="Failing since 14:02. ">
                    "The last 214 attempts failed: 198 timed out after 10 s, 16 got status 503. The webhook will be disabled on Wed 14:02 unless a delivery succeeds."
                </Notice>
                <Notice tone=Tone::Info>"Sample data until 14:02, real requests since."</Notice>
            </div>
        </Section>
    }
}

#[component]
fn EmptyStates() -> impl IntoView {
    view! {
        <Section id="empty" title="EmptyState" lead="What belongs here, and how to add it.">
            <div class="columns">
                <Card flush=true>
                    <EmptyState title="No webhooks yet" icon=IconName::Webhook>
                        <p>"A webhook tells your server when something happens: an order is placed, a report is ready."</p>
                        <ButtonLink href="#empty" kind=ButtonKind::Primary icon=IconName::Plus>"Add webhook"</ButtonLink>
                    </EmptyState>
                </Card>
                <Card flush=true>
                    <EmptyState title="Waiting for your first request…" waiting=true>
                        <p>"Paste this line into a terminal. The request will appear here."</p>
                        <Code label="curl" text=CURL wrap=true />
                    </EmptyState>
                </Card>
            </div>
        </Section>
    }
}

const CURL: &str = "curl http://127.0.0.1:8080/v1/orders/ \\\n  -H 'X-Access-Client-Id: ab12cd34ef56ab12cd34ef56ab12cd34' \\\n  -H \"X-Access-Secret: $SECRET\"";

#[component]
fn Times() -> impl IntoView {
    let ready = clock::ready();
    let recently = move |seconds: i64| clock::now().minus_seconds(seconds);
    view! {
        <Section id="times" title="Time" lead="UTC from the server, then the reader's own zone, kept up to date. The exact time appears on hover and focus.">
            <KeyValueList>
                <KeyValue name="Relative">
                    <Time at=MOMENT />
                    <Show when=ready>
                        ", " <Time at=recently(4) /> ", " <Time at=recently(42) /> ", " <Time at=recently(185) /> ", " <Time at=recently(7_300) />
                    </Show>
                </KeyValue>
                <KeyValue name="Clock"><Time at=MOMENT style=TimeStyle::Clock /></KeyValue>
                <KeyValue name="Date"><Time at=MOMENT style=TimeStyle::Date /></KeyValue>
                <KeyValue name="Full"><Time at=MOMENT style=TimeStyle::Full /></KeyValue>
                <KeyValue name="Countdown">
                    "attempt 3 of 10, "
                    <Countdown until=MOMENT before="next" due="due now" />
                    <Show when=ready>
                        ", " <Countdown until=recently(-24) before="next" due="due now" />
                        ", " <Countdown until=recently(-7_500) before="next" due="due now" />
                    </Show>
                </KeyValue>
            </KeyValueList>
        </Section>
    }
}

#[component]
fn Codes() -> impl IntoView {
    let snippets = vec![
        Snippet::new("curl", CURL),
        Snippet::new(
            "Python",
            "import requests\n\nrequests.get(\n    \"http://127.0.0.1:8080/v1/orders/\",\n    headers={\"X-Access-Client-Id\": CLIENT_ID, \"X-Access-Secret\": SECRET},\n)",
        ),
        Snippet::new(
            "Node",
            "await fetch(\"http://127.0.0.1:8080/v1/orders/\", {\n  headers: { \"X-Access-Client-Id\": clientId, \"X-Access-Secret\": secret },\n});",
        ),
    ];
    view! {
        <Section id="code" title="Code and SnippetTabs" lead="The tabs are radio buttons: they work without scripts.">
            <div class="columns">
                <SnippetTabs id="sample-call" what="Language of the example" snippets />
                <Code label="Response body · 58 B" text="{\n  \"error\": {\n    \"code\": \"authentication_failed\"\n  }\n}" />
            </div>
        </Section>
    }
}

#[component]
fn Navigation() -> impl IntoView {
    let current = |here: bool| Signal::stored(here);
    view! {
        <Section id="navigation" title="NavTabs" lead="Links, each with its own address.">
            <NavTabs label="Sample">
                <NavTab href="#navigation" current=current(true) icon=IconName::Key>"API Keys"</NavTab>
                <NavTab href="#navigation" current=current(false) icon=IconName::List>"Logs"</NavTab>
                <NavTab href="#navigation" current=current(false) icon=IconName::Webhook>"Webhooks"</NavTab>
            </NavTabs>
        </Section>
    }
}

#[component]
fn Icons() -> impl IntoView {
    let icons = IconName::ALL
        .into_iter()
        .map(|name| view! { <li><Icon name /> {name.as_str()}</li> })
        .collect_view();
    view! {
        <Section id="icons" title="Icon">
            <ul class="design__icons">{icons}</ul>
        </Section>
    }
}
