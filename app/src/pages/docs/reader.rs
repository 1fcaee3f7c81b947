//! The reader: the company whose Client ID and gateway address the examples show.

use leptos::prelude::*;
use model::{Catalogue, ClientId, CompanyContext};
use serde::{Deserialize, Serialize};

use super::document::Document;
use crate::api;
use crate::pages::loaded::Outcome;

/// A company the reader is a member of, or none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reader {
    pub(super) company: Option<CompanyContext>,
    /// Where the page lists them.
    pub(super) event_types: Option<Catalogue>,
}

impl Reader {
    /// The company in the address, if the reader may see it; else their first one; else none, because the pages are
    /// worth reading without an account.
    pub(super) async fn find((named, lists_events): (Option<ClientId>, bool)) -> Outcome<Self> {
        let event_types = match lists_events {
            true => Some(api::webhooks::event_types(false).await?),
            false => None,
        };
        Ok(Self {
            event_types,
            ..Self::of(named).await
        })
    }

    async fn of(named: Option<ClientId>) -> Self {
        if let Some(company) = named
            && let Ok(company) = api::company_context(company).await
        {
            return Self {
                company: Some(company),
                event_types: None,
            };
        }
        let first = api::welcome()
            .await
            .ok()
            .and_then(|welcome| welcome.companies.into_iter().next());
        Self {
            company: match first {
                Some(first) => api::company_context(first.client_id).await.ok(),
                None => None,
            },
            event_types: None,
        }
    }

    /// The Client ID, or a placeholder.
    pub(super) fn client_id(&self) -> String {
        self.company.as_ref().map_or_else(
            || "YOUR_CLIENT_ID".to_owned(),
            |company| company.client_id.to_string(),
        )
    }

    /// The gateway's address without a slash at its end, or a placeholder.
    pub(super) fn gateway(&self) -> String {
        self.company.as_ref().map_or_else(
            || "https://gateway.example.com".to_owned(),
            |company| company.gateway_url.clone(),
        )
    }

    /// The address of a help page for the same reader.
    pub(super) fn docs(&self, document: Document) -> String {
        match &self.company {
            Some(company) => format!("/docs/{}?company={}", document.slug(), company.client_id),
            None => format!("/docs/{}", document.slug()),
        }
    }

    /// A part of a help page for the same reader.
    pub(super) fn part(&self, document: Document, part: &str) -> String {
        format!("{}#{part}", self.docs(document))
    }

    /// A tab of the reader's company; nothing where there is none.
    pub(super) fn development(&self, tab: &str) -> Option<String> {
        self.company
            .as_ref()
            .map(|company| format!("/c/{}/development/{tab}", company.client_id))
    }

    /// `words` as a link to a tab where the reader has one, else the words alone.
    pub(super) fn tab(&self, tab: &str, words: &'static str) -> AnyView {
        match self.development(tab) {
            Some(href) => view! { <a href=href>{words}</a> }.into_any(),
            None => view! { <b>{words}</b> }.into_any(),
        }
    }
}
