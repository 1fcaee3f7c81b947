//! The help pages under `/docs/`: how to call the API and receive events. They show the reader's own Client ID and gateway
//! address where they are known.

mod api_keys_rotation;
mod authentication;
mod document;
mod forward_auth;
mod proxy_samples;
mod reader;
mod security;
mod verify_samples;
mod webhook_events;

use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use self::api_keys_rotation::ApiKeysRotation;
use self::authentication::Authentication;
use self::document::Document;
use self::forward_auth::ForwardAuth;
use self::reader::Reader;
use self::security::Security;
use self::webhook_events::WebhookEvents;
use crate::AppError;
use crate::pages::frame::{Main, TopBar};
use crate::pages::loaded::{Failure, Loaded};
use crate::ui::{BackLink, PageHeader, Title};

/// Where `/docs` leads.
pub fn first_page() -> String {
    format!("/docs/{}", Document::Authentication.slug())
}

/// `/docs/{page}?company={client_id}`. A page that does not exist is a 404.
#[component]
pub fn DocsPage() -> impl IntoView {
    let (params, query) = (use_params_map(), use_query_map());
    let document = Memo::new(move |_| {
        params
            .with(|params| params.get("page"))
            .and_then(|slug| Document::from_slug(&slug))
    });
    let company = Memo::new(move |_| {
        query
            .with(|query| query.get("company"))
            .and_then(|text| text.parse().ok())
    });
    let lists_events = Memo::new(move |_| document.get() == Some(Document::WebhookEvents));
    let reader = Resource::new(move || (company.get(), lists_events.get()), Reader::find);
    view! {
        <Loaded
            resource=reader
            render=move |reader| {
                let bar = match reader.company.clone() {
                    Some(company) => view! { <TopBar company /> }.into_any(),
                    None => view! { <TopBar /> }.into_any(),
                };
                view! {
                    {bar}
                    <Main>{move || page(document.get(), reader.clone())}</Main>
                }
                .into_any()
            }
        />
    }
    .into_any()
}

fn page(document: Option<Document>, reader: Reader) -> AnyView {
    let Some(document) = document else {
        return view! { <Title text="Help" /> <Failure error=AppError::NotFound is_page=true /> }.into_any();
    };
    view! {
        <Title text=document.title() />
        <div class="docs">
            <Contents reader=reader.clone() current=document />
            <article class="docs__text">
                <PageHeader title=document.title() lead=document.lead() />
                <Body document reader />
            </article>
        </div>
    }
    .into_any()
}

#[component]
fn Body(document: Document, reader: Reader) -> impl IntoView {
    match document {
        Document::Authentication => view! { <Authentication reader /> }.into_any(),
        Document::WebhookEvents => view! { <WebhookEvents reader /> }.into_any(),
        Document::ApiKeysRotation => view! { <ApiKeysRotation reader /> }.into_any(),
        Document::Security => view! { <Security reader /> }.into_any(),
        Document::ForwardAuth => view! { <ForwardAuth /> }.into_any(),
    }
}

/// The pages, the parts of the open one, and the way back.
#[component]
fn Contents(reader: Reader, current: Document) -> impl IntoView {
    let back = reader.development("keys");
    let entries = Document::ALL
        .into_iter()
        .map(|document| {
            let is_current = document == current;
            let parts = is_current.then(|| {
                let parts = document.parts().iter().map(|(id, title)| view! { <li><a href=format!("#{id}")>{*title}</a></li> });
                view! { <ul>{parts.collect_view()}</ul> }
            });
            view! {
                <li>
                    <a href=reader.docs(document) aria-current=is_current.then_some("page")>{document.title()}</a>
                    {parts}
                </li>
            }
        })
        .collect_view();
    view! {
        <nav class="docs__contents" aria-label="Help">
            {back.map(|href| view! { <BackLink href to="Development" /> })}
            <ul>{entries}</ul>
        </nav>
    }
    .into_any()
}
