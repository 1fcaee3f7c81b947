//! The frame of every page of a company: whose it is, who looks, the three tabs, and the live stream of the tab that is
//! open. The company stands in the address, never in the session alone: two tabs may show two companies.

use leptos::prelude::*;
use leptos_router::components::Outlet;
use leptos_router::hooks::{use_location, use_params_map};
use model::{ClientId, CompanyContext};

use crate::api;
use crate::browser::live::{self, LiveState};
use crate::pages::frame::{Main, TopBar};
use crate::pages::loaded::{Failure, Outcome};
use crate::ui::{IconName, NavTab, NavTabs};

/// What every page of a company can ask for, from the context: `CompanyScope::here()`.
#[derive(Clone, Copy, Debug)]
pub struct CompanyScope {
    /// From the address; a text that is no client id is nobody's, like an unknown one.
    client_id: Memo<ClientId>,
    context: Resource<Outcome<CompanyContext>>,
    /// Counts what the server said has changed, by topic.
    changed: Changes,
    live: ReadSignal<LiveState>,
}

#[derive(Clone, Copy, Debug)]
struct Changes {
    keys: RwSignal<u64>,
    logs: RwSignal<u64>,
    webhooks: RwSignal<u64>,
}

/// What a page can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Keys,
    Logs,
    Webhooks,
}

const TOPICS: &[&str] = &["keys", "logs", "webhooks"];

impl CompanyScope {
    /// The company of the address. Only inside the pages of a company.
    pub fn here() -> Self {
        expect_context()
    }

    pub fn client_id(self) -> ClientId {
        self.client_id.get()
    }

    /// The company's facts, once loaded; await it inside a `Suspend`.
    pub const fn context(self) -> Resource<Outcome<CompanyContext>> {
        self.context
    }

    /// Goes up each time something of `topic` changed on the server. Use it as a resource's source: the page then moves
    /// by itself.
    pub fn changes(self, topic: Topic) -> Signal<u64> {
        match topic {
            Topic::Keys => self.changed.keys.into(),
            Topic::Logs => self.changed.logs.into(),
            Topic::Webhooks => self.changed.webhooks.into(),
        }
    }

    /// Asks for everything of `topic` again, after an action of this page.
    pub fn refetch(self, topic: Topic) {
        self.signal(topic).update(|count| *count += 1);
    }

    /// Whether the page moves by itself right now.
    pub fn is_live(self) -> Signal<bool> {
        Signal::derive(move || self.live.get() == LiveState::Open)
    }

    /// An address inside the company: `path("keys")` is `/c/…/development/keys`.
    pub fn path(self, rest: &str) -> String {
        format!("/c/{}/development/{rest}", self.client_id.get_untracked())
    }

    const fn signal(self, topic: Topic) -> RwSignal<u64> {
        match topic {
            Topic::Keys => self.changed.keys,
            Topic::Logs => self.changed.logs,
            Topic::Webhooks => self.changed.webhooks,
        }
    }
}

/// `/c/{client_id}/development`: heading, tabs, and the tab's page below.
#[component]
pub fn Development() -> impl IntoView {
    let params = use_params_map();
    let nobody = ClientId::from_random([0; 16]);
    let client_id = Memo::new(move |_| {
        params
            .with(|params| params.get("company"))
            .and_then(|text| text.parse().ok())
            .unwrap_or(nobody)
    });
    let context = Resource::new(
        move || client_id.get(),
        |id| async move { api::company_context(id).await },
    );
    let changed = Changes {
        keys: RwSignal::new(0),
        logs: RwSignal::new(0),
        webhooks: RwSignal::new(0),
    };
    let live = listen(client_id, changed);
    let scope = CompanyScope {
        client_id,
        context,
        changed,
        live,
    };
    provide_context(scope);

    view! {
        <Bar context=context />
        <Tabs scope=scope />
        <Main>
            <Outlet />
        </Main>
    }
}

/// The bar says whose company it is once that is known. Where it is nobody's, the page below says so.
#[component]
fn Bar(context: Resource<Outcome<CompanyContext>>) -> impl IntoView {
    view! {
        <Transition fallback=|| view! { <TopBar /> }>
            {move || Suspend::new(async move {
                let company = context.await.ok();
                view! { <TopBar company=company /> }
            })}
        </Transition>
    }
}

/// As [`Loaded`], with the company's facts beside the resource. Both are awaited in one place, and both
/// are made by the page itself: a resource that is made inside what a `Suspend` answers may be made twice on the server,
/// and the page's stream would wait for ever for the one that was thrown away.
#[component]
pub fn LoadedInCompany<T, F>(resource: Resource<Outcome<T>>, render: F) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    F: Fn(CompanyContext, T) -> AnyView + Clone + Send + Sync + 'static,
{
    let company = CompanyScope::here().context();
    view! {
        <Transition fallback=|| view! { <p class="loading" role="status">"Loading…"</p> }>
            {move || {
                let render = render.clone();
                Suspend::new(async move {
                    match (company.await, resource.await) {
                        (Ok(company), Ok(value)) => render(company, value),
                        (Err(error), _) | (_, Err(error)) => view! { <Failure error=error /> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}

/// One stream for the visible tab. After an interruption everything is asked for once: what changed meanwhile is unknown.
fn listen(client_id: Memo<ClientId>, changed: Changes) -> ReadSignal<LiveState> {
    let all = move || {
        for signal in [changed.keys, changed.logs, changed.webhooks] {
            signal.try_update(|count| *count += 1);
        }
    };
    let opened_before = StoredValue::new(false);
    live::listen(
        move || Some(format!("/live/{}", client_id.get())),
        TOPICS,
        move || {
            if opened_before.get_value() {
                all();
            }
            opened_before.set_value(true);
        },
        move |event| {
            let signal = match event.name {
                "keys" => changed.keys,
                "logs" => changed.logs,
                _ => changed.webhooks,
            };
            signal.try_update(|count| *count += 1);
        },
    )
}

#[component]
fn Tabs(scope: CompanyScope) -> impl IntoView {
    let path = use_location().pathname;
    let is_current = move |tab: &'static str| {
        Signal::derive(move || path.with(|path| path.split('/').nth(4) == Some(tab)))
    };
    let href = move |tab: &'static str| move || format!("/c/{}/development/{tab}", scope.client_id());
    view! {
        <div class="tab-bar">
            <NavTabs label="Development">
                <NavTab href=href("keys") current=is_current("keys") icon=IconName::Key>"API Keys"</NavTab>
                <NavTab href=href("logs") current=is_current("logs") icon=IconName::List>"Logs"</NavTab>
                <NavTab href=href("webhooks") current=is_current("webhooks") icon=IconName::Webhook>"Webhooks"</NavTab>
            </NavTabs>
        </div>
    }
}
