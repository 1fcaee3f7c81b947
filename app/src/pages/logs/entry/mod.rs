//! `/c/{client_id}/development/logs/{request}`: one request with everything that was stored.

#[cfg(feature = "ssr")]
pub(super) mod beside;
mod body;
mod curl;
mod drawer;
mod facts;
mod marks;
mod message;
mod pivot;
#[cfg(test)]
mod sample;
mod sentence;
mod timing;
mod trail;
mod tree;
mod verdict;

pub(crate) use self::drawer::drawer;

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_params_map};
use model::{ClientId, LogEntry, LogFilter, RequestId};

use self::facts::Facts;
use self::message::{Message, Side};
use self::pivot::{CameFrom, short};
use self::timing::Timing;
use self::trail::{Steps, Trail};
use self::verdict::VerdictCard;
use super::address;
use super::drawn::{Drawing, Drawn, Part, part};
use crate::browser;
use crate::browser::html::ShowMarkup;
use crate::pages::company::CompanyScope;
use crate::pages::loaded::{Loaded, Outcome};
use crate::pages::next_steps::HelpLinks;
use crate::ui::{BackLink, Card, Code, CopyButton, CopyLook, PageHeader, Section, Title, status_number};
use crate::{AppError, api};

/// A request that is not this company's, or not in its log, is a 404.
#[component]
pub fn LogEntryPage() -> impl IntoView {
    let scope = CompanyScope::here();
    let params = use_params_map();
    let request = Memo::new(move |_| {
        params
            .with(|params| params.get("request"))
            .and_then(|text| text.parse().ok())
    });
    let entry = Resource::new(
        move || (scope.client_id(), request.get()),
        |(company, request)| load(company, request),
    );
    let steps = trail::steps_of(scope, request);
    let beside = beside_of(scope, request);
    view! {
        <Title text="Request" />
        <Loaded resource=entry render=move |entry: LogEntry| view! { <Entry scope steps beside entry /> }.into_any() />
        <HelpLinks client_id=untrack(|| scope.client_id()) />
    }
    .into_any()
}

/// The filter that the reader came from.
fn filter_here() -> LogFilter {
    let search = use_location().search;
    untrack(|| search.with(|search| LogFilter::parse_lenient(search).0))
}

/// The ways to the requests beside this one, drawn. As with [`trail::steps_of`], the page itself calls this.
fn beside_of(scope: CompanyScope, request: Memo<Option<RequestId>>) -> Drawing {
    let filter = filter_here();
    Resource::new(
        move || (scope.client_id(), request.get()),
        move |(company, request)| {
            let filter = filter.clone();
            async move {
                match request {
                    Some(request) => {
                        api::logs::draw(company, Part::Beside, filter, request.to_string(), false).await
                    }
                    None => Ok(Drawn::default()),
                }
            }
        },
    )
}

async fn load(company: ClientId, request: Option<RequestId>) -> Outcome<LogEntry> {
    api::logs::log_entry(company, request.ok_or(AppError::NotFound)?).await
}

#[component]
fn Entry(scope: CompanyScope, steps: Steps, beside: Drawing, entry: LogEntry) -> impl IntoView {
    let company = untrack(|| scope.client_id());
    let filter = filter_here();
    let back = address::of_list(company, &filter);
    let above = move || {
        view! {
            <div class="entry-ways">
                <BackLink href=back to="Logs" />
                <Transition fallback=|| ()>
                    <ShowMarkup markup=part(beside, |drawn| &drawn.main) class="entry-ways__beside" />
                </Transition>
            </div>
        }
    };
    let title = format!("{} {}", entry.row.method, entry.row.path);
    let document_title = format!("{} {}", short(&title), status_number(entry.row.status));
    let actions = {
        let request = entry.row.request_id;
        move || view! { <CopyLinks company request /> }
    };
    view! {
        <Title text=document_title />
        <PageHeader title monospace=true above=above actions=actions />
        <EntryParts scope company filter steps entry />
    }
    .into_any()
}

/// A link for others has no filter: they see this request, and then the list without one.
#[component]
fn CopyLinks(company: ClientId, request: RequestId) -> impl IntoView {
    let path = address::of_entry(company, request, &LogFilter::default());
    let link = Signal::derive(move || format!("{}{path}", browser::origin()));
    view! {
        <span class="cluster">
            <CopyButton text=link what="link" kind=CopyLook::Secondary spelt_out=true />
            <CopyButton text=request.to_string() what="ID" kind=CopyLook::Secondary spelt_out=true />
        </span>
    }
    .into_any()
}

/// Everything about a request below its heading.
#[component]
fn EntryParts(
    scope: CompanyScope,
    company: ClientId,
    filter: LogFilter,
    steps: Steps,
    entry: LogEntry,
    /// One part below the other, the least asked for at the end.
    #[prop(optional)]
    in_drawer: bool,
) -> impl IntoView {
    let from = CameFrom::new(company, &filter);
    let events = entry.events.clone();
    let again = entry.clone();
    let again = view! { <Again scope entry=again /> }.into_any();
    let (beside, below) = if in_drawer {
        (None, Some(again))
    } else {
        (Some(again), None)
    };
    view! {
        <div class="columns">
            <div class="stack">
                <VerdictCard company entry=entry.clone() />
                <Timing entry=entry.clone() />
                {beside}
            </div>
            <Facts company from entry=entry.clone() />
        </div>
        <Trail scope steps events />
        <Messages entry />
        {below}
    }
    .into_any()
}

/// Both messages, or why neither was stored.
#[component]
fn Messages(entry: LogEntry) -> impl IntoView {
    if !entry.row.verdict.key_was_recognised() {
        let status = status_number(entry.row.status);
        return view! {
            <Section id="messages" title="Request and response">
                <p class="muted">
                    "No headers or bodies were stored: no active key was recognised, and anyone can send such a request. "
                    {format!("The caller got the standard {status}, which does not say why.")}
                </p>
            </Section>
        }
        .into_any();
    }
    view! {
        <div class="columns">
            <Message side=Side::Request headers=entry.request_headers body=entry.request_body />
            <Message side=Side::Response headers=entry.response_headers body=entry.response_body />
        </div>
    }
    .into_any()
}

/// The same request for a shell.
#[component]
fn Again(scope: CompanyScope, entry: LogEntry) -> impl IntoView {
    view! {
        <Card id="again" title="Send it again" lead="Set SECRET to the secret of an active key first.">
            <Loaded
                resource=scope.context()
                render=move |company| {
                    let text = curl::command(&entry, &company.gateway_url, entry.row.client_id);
                    view! { <Code label="curl" text wrap=true /> }.into_any()
                }
            />
        </Card>
    }
    .into_any()
}
