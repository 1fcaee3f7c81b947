//! The frame of every page of a company: its name, who is signed in, the three tabs, and the live stream of the tab that is
//! open. The company is part of the address, never of the session alone: two tabs may show two companies.

use std::any::Any;
use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::components::Outlet;
use leptos_router::hooks::{use_location, use_params_map};
use model::{ClientId, CompanyContext};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::AppError;
use crate::api;
use crate::browser::build;
use crate::browser::live::{self, LiveEvent, LiveState};
use crate::browser::visibility;
use crate::error::sign_in_from;
use crate::pages::frame::{Main, TopBar};
use crate::pages::loaded::{Failure, Loading, Outcome, address_here};
use crate::ui::{IconName, NavTab, NavTabs, Notice, Tone};

/// What every page of a company can ask for, from the context: `CompanyScope::here()`.
#[derive(Clone, Copy, Debug)]
pub struct CompanyScope {
    /// From the address. A text that is not a client id is treated like an unknown one.
    client_id: Memo<ClientId>,
    context: Resource<Outcome<CompanyContext>>,
    /// Counts the changes that the server has announced, by topic.
    changed: Changes,
    live: ReadSignal<LiveState>,
    /// How many times the live stream has come back after an interruption.
    returns: RwSignal<u64>,
    session_ended: RwSignal<bool>,
    left: StoredValue<Option<Arc<dyn Any + Send + Sync>>>,
}

#[derive(Clone, Copy, Debug)]
struct Changes {
    keys: RwSignal<u64>,
    logs: RwSignal<u64>,
    webhooks: RwSignal<u64>,
}

/// What the server announces changes of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Keys,
    Logs,
    Webhooks,
}

const TOPICS: &[&str] = &["keys", "logs", "webhooks", BUILD];

/// The first event of a stream: the server's build.
const BUILD: &str = "build";

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

    /// Goes up each time something of `topic` changed on the server. Use it as a resource's source, and the page updates
    /// live.
    pub fn changes(self, topic: Topic) -> Signal<u64> {
        match topic {
            Topic::Keys => self.changed.keys.into(),
            Topic::Logs => self.changed.logs.into(),
            Topic::Webhooks => self.changed.webhooks.into(),
        }
    }

    /// Fetches everything of `topic` again, after an action on this page.
    pub fn refetch(self, topic: Topic) {
        self.signal(topic).update(|count| *count += 1);
    }

    /// Goes up each time the live stream comes back after an interruption, so that what failed in between can be asked
    /// for again.
    pub fn returns(self) -> u64 {
        self.returns.get()
    }

    /// Notes the error of a call: if the session has ended, the page says so.
    pub fn heed(self, error: &AppError) {
        if *error == AppError::SignedOut {
            self.session_ended.try_set(true);
        }
    }

    /// Keeps what a page wants to find when the reader comes back to it. One page at a time: the latest one.
    pub fn leave<T: Send + Sync + 'static>(self, what: T) {
        self.left.try_set_value(Some(Arc::new(what)));
    }

    /// What the page left before, if it was the last to leave something.
    pub fn left<T: Clone + Send + Sync + 'static>(self) -> Option<T> {
        let left = self.left.try_get_value().flatten()?;
        left.downcast_ref::<T>().cloned()
    }

    /// Whether the page is updating live right now.
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
    let unknown = ClientId::from_random([0; 16]);
    let client_id = Memo::new(move |_| {
        params
            .with(|params| params.get("company"))
            .and_then(|text| text.parse().ok())
            .unwrap_or(unknown)
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
    let returns = RwSignal::new(0);
    let session = Session {
        client_id,
        ended: RwSignal::new(false),
    };
    let outdated = RwSignal::new(false);
    let live = listen(session, changed, returns, outdated);
    provide_context(CompanyScope {
        client_id,
        context,
        changed,
        live,
        returns,
        session_ended: session.ended,
        left: StoredValue::new(None),
    });
    let path = use_location().pathname;

    view! {
        {view! { <Head context=context client_id=client_id path=path /> }.into_any()}
        <Main>
            {view! { <SessionEnded ended=session.ended /> }.into_any()}
            {move || outdated.get().then(|| view! { <Updated /> })}
            <Outlet />
        </Main>
    }
}

/// For a page that was left open over an upgrade. It keeps working as far as both builds agree, so nothing is forced.
#[component]
fn Updated() -> impl IntoView {
    view! {
        <Notice tone=Tone::Info>
            "Gatehouse has been updated since you opened this page. "
            <a href="" rel="external">"Reload"</a>
        </Notice>
    }
}

/// The bar names the company once it is known. For an unknown company there is nothing to choose from: no tabs,
/// and the page below says that nothing was found.
#[component]
fn Head(
    context: Resource<Outcome<CompanyContext>>,
    client_id: Memo<ClientId>,
    path: Memo<String>,
) -> impl IntoView {
    let fallback = move || view! { <TopBar /> <Tabs client_id=client_id path=path /> };
    view! {
        <Transition fallback=fallback>
            {move || Suspend::new(async move {
                let company = context.await;
                let tabs = (!matches!(company, Err(AppError::NotFound)))
                    .then(|| view! { <Tabs client_id=client_id path=path /> });
                view! {
                    <TopBar company=company.ok() />
                    {tabs}
                }
            })}
        </Transition>
    }
}

/// The session as this tab knows it.
#[derive(Clone, Copy, Debug)]
struct Session {
    client_id: Memo<ClientId>,
    ended: RwSignal<bool>,
}

impl Session {
    /// Asks the server; a call that fails changes nothing.
    fn look(self) {
        let Some(client_id) = self.client_id.try_get_untracked() else {
            return;
        };
        leptos::task::spawn_local(async move {
            match api::company_context(client_id).await {
                Err(AppError::SignedOut) => {
                    self.ended.try_set(true);
                }
                Ok(_) if self.ended.try_get_untracked() == Some(true) => {
                    self.ended.try_set(false);
                }
                _ => (),
            }
        });
    }
}

/// Shown above what was loaded before, which stays readable. Where the page itself says that the
/// session has ended, the style sheet hides this.
#[component]
fn SessionEnded(ended: RwSignal<bool>) -> impl IntoView {
    move || {
        ended.get().then(|| {
            let sign_in = sign_in_from(&address_here());
            view! {
                <div class="session-ended">
                    <Notice tone=Tone::Warn title="Your session has ended." announce=true>
                        " This page is no longer up to date. " <a href=sign_in>"Sign in again"</a> " to continue."
                    </Notice>
                </div>
            }
        })
    }
}

/// Like [`Loaded`], with the company's facts as well as the resource. Both are awaited in one place, and both
/// are made by the page itself: a resource that is made inside what a `Suspend` answers may be made twice on the server,
/// and the page's stream would wait for ever for the one that was thrown away.
#[component]
pub fn LoadedInCompany<T, F>(resource: Resource<Outcome<T>>, render: F) -> impl IntoView
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Fn(CompanyContext, T) -> AnyView + Clone + Send + Sync + 'static,
{
    let company = CompanyScope::here().context();
    let retry = Callback::new(move |()| resource.refetch());
    let retry_both = Callback::new(move |()| {
        company.refetch();
        resource.refetch();
    });
    view! {
        <Transition fallback=|| view! { <Loading /> }>
            {move || {
                let render = render.clone();
                Suspend::new(async move {
                    match (company.await, resource.await) {
                        (Ok(company), Ok(value)) => render(company, value),
                        (Err(error), _) => view! { <Failure error=error retry=retry_both is_page=true /> }.into_any(),
                        (_, Err(error)) => view! { <Failure error=error retry=retry is_page=true /> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}

/// One stream for the visible tab. It begins where the page ended: what changed while there was none is announced first. A refused stream may mean that the session has ended. Nothing is opened then until there is a session again, which is
/// checked whenever the tab becomes visible, since people sign in again in another tab.
fn listen(
    session: Session,
    changed: Changes,
    returns: RwSignal<u64>,
    outdated: RwSignal<bool>,
) -> ReadSignal<LiveState> {
    let Session { client_id, ended } = session;
    let opened_before = StoredValue::new(false);
    let on_open = move || {
        if opened_before.get_value() {
            returns.try_update(|count| *count += 1);
        }
        opened_before.set_value(true);
    };
    let on_event = move |event: LiveEvent| {
        if event.name == BUILD {
            outdated.try_set(event.data != build::of_this_page());
            return;
        }
        let signal = match event.name {
            "keys" => changed.keys,
            "logs" => changed.logs,
            _ => changed.webhooks,
        };
        signal.try_update(|count| *count += 1);
    };
    let visible = visibility::visible();
    Effect::new(move || {
        if visible.get() && ended.get_untracked() {
            session.look();
        }
    });
    let address = move || (!ended.get()).then(|| format!("/live/{}", client_id.get()));
    live::listen(address, TOPICS, on_open, move || session.look(), on_event)
}

#[component]
fn Tabs(client_id: Memo<ClientId>, path: Memo<String>) -> impl IntoView {
    let is_current = move |tab: &'static str| {
        Signal::derive(move || path.with(|path| path.split('/').nth(4) == Some(tab)))
    };
    let href = move |tab: &'static str| move || format!("/c/{}/development/{tab}", client_id.get());
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
