//! `/c/{client_id}/development/logs/{request}`: one request with everything that was stored.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_params_map};
use model::{Choice, ClientId, KeyFilter, LogEntry, LogFilter, Recorded, RequestId};

use super::address;
use super::curl;
use super::message::{Message, Side};
use super::trail::{self, Steps, Trail};
use super::verdict::VerdictCard;
use crate::pages::company::CompanyScope;
use crate::pages::loaded::{Loaded, Outcome};
use crate::pages::next_steps::HelpLinks;
use crate::ui::{
    BackLink, Card, Code, CopyButton, EnvironmentBadge, KeyValue, KeyValueList, PageHeader, Section,
    StatusBadge, Time, TimeStyle, Title, duration_text,
};
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
    view! {
        <Title text="Request" />
        <Loaded resource=entry render=move |entry: LogEntry| view! { <Entry scope steps entry /> }.into_any() />
        <HelpLinks client_id=untrack(|| scope.client_id()) />
    }
    .into_any()
}

async fn load(company: ClientId, request: Option<RequestId>) -> Outcome<LogEntry> {
    api::logs::log_entry(company, request.ok_or(AppError::NotFound)?).await
}

#[component]
fn Entry(scope: CompanyScope, steps: Steps, entry: LogEntry) -> impl IntoView {
    let company = untrack(|| scope.client_id());
    let search = use_location().search;
    let filter = untrack(|| search.with(|search| LogFilter::parse_lenient(search).0));
    let back = address::of_list(company, &filter);
    let above = move || view! { <BackLink href=back to="Logs" /> };
    let title = format!("{} {}", entry.row.method, entry.row.path);
    let document_title = format!("{} {}", document_name(&title), entry.row.status);
    let events = entry.events.clone();
    view! {
        <Title text=document_title />
        <PageHeader title monospace=true above=above />
        <div class="columns">
            <div class="stack">
                <VerdictCard company entry=entry.clone() />
                <Again scope entry=entry.clone() />
            </div>
            <Facts company entry=entry.clone() />
        </div>
        <Trail scope steps events />
        <Messages entry />
    }
    .into_any()
}

/// The request, short enough for the title of a browser tab.
fn document_name(request: &str) -> String {
    const ROOM: usize = 80;
    if request.chars().count() <= ROOM {
        return request.to_owned();
    }
    let start: String = request.chars().take(ROOM - 1).collect();
    format!("{start}…")
}

#[component]
fn Facts(company: ClientId, entry: LogEntry) -> impl IntoView {
    let LogEntry {
        row,
        recorded,
        address,
        user_agent,
        upstream_us,
        ..
    } = entry;
    let request_id = row.request_id.to_string();
    let duration = match upstream_us {
        Some(upstream) => {
            format!(
                "{}, first byte from the API after {}",
                duration_text(row.duration_us),
                duration_text(upstream)
            )
        }
        None => duration_text(row.duration_us),
    };
    view! {
        <Card id="facts" title="Summary">
            <KeyValueList>
                <KeyValue name="Request ID" monospace=true>
                    <span class="logs-id">{request_id.clone()} <CopyButton text=request_id what="Request ID" /></span>
                </KeyValue>
                <KeyValue name="Time">
                    <Time at=row.at style=TimeStyle::Both />
                </KeyValue>
                <KeyValue name="Status">
                    <StatusBadge status=row.status />
                </KeyValue>
                <KeyValue name="Duration">{duration}</KeyValue>
                {row.environment.map(|environment| view! { <KeyValue name="Environment"><EnvironmentBadge environment /></KeyValue> })}
                {row.key_id.map(|key| view! { <KeyFact company key last_four=row.key_last_four /> })}
                <KeyValue name="Brand">{row.brand.unwrap_or_else(|| "None (your own Client ID)".to_owned())}</KeyValue>
                <KeyValue name="Address" monospace=true>{address}</KeyValue>
                <KeyValue name="User agent">{user_agent.unwrap_or_else(|| "Not sent".to_owned())}</KeyValue>
                <KeyValue name="Recorded by">{recorded_by(recorded)}</KeyValue>
            </KeyValueList>
        </Card>
    }
    .into_any()
}

/// The key, and a link to all requests with it.
#[component]
fn KeyFact(company: ClientId, key: model::KeyId, last_four: Option<String>) -> impl IntoView {
    let filter = LogFilter {
        range: model::DateRange::Last7Days,
        key: Choice::only(Some(KeyFilter::Id(key))),
        ..LogFilter::default()
    };
    let href = address::of_list(company, &filter);
    let ending = last_four.map_or_else(|| key.to_string(), |last_four| format!("…{last_four}"));
    view! {
        <KeyValue name="Key">
            <span class="cluster">
                <span class="mono">{ending}</span>
                <a href=href>"All requests with this key"</a>
            </span>
        </KeyValue>
    }
    .into_any()
}

const fn recorded_by(recorded: Recorded) -> &'static str {
    match recorded {
        Recorded::Gateway => "The gateway",
        Recorded::Verify => "Verify: another proxy checked this request with Gatehouse",
        Recorded::PublicApi => "The public API: Gatehouse handled it directly",
    }
}

/// Both messages, or why neither was stored.
#[component]
fn Messages(entry: LogEntry) -> impl IntoView {
    if !entry.row.verdict.key_was_recognised() {
        let status = entry.row.status;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_leaves_room_for_the_status_in_the_title() {
        let name = document_name(&format!("GET /v1/{}", "é".repeat(200)));
        assert_eq!(name.chars().count(), 80);
        assert!(name.ends_with('…'));
        assert_eq!(document_name("GET /v1/users/"), "GET /v1/users/");
    }
}
