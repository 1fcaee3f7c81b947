//! The whole product on one page: which address shows what.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::SsrMode;
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::path;

use crate::browser::clock::Clock;
use crate::pages::company::Development;
use crate::pages::design::DesignPage;
use crate::pages::docs::DocsPage;
use crate::pages::keys::{DeleteKeyPage, KeysPage};
use crate::pages::logs::{LogEntryPage, LogsPage};
use crate::pages::not_found::NotFoundPage;
use crate::pages::sign_in::SignInPage;
use crate::pages::start::StartPage;
use crate::pages::webhooks::{
    DeleteWebhookPage, DeliveryPage, EditWebhookPage, NewWebhookPage, WebhookPage, WebhooksPage,
};
use crate::ui::{SkipLink, ToastRegion, Toasts};

/// The page's body, on both sides.
///
/// Every route is rendered whole before its first byte (`SsrMode::Async`): status and redirects depend on data, and the
/// page must be complete where scripts are off.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    Toasts::provide();
    Clock::provide();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Gatehouse".to_owned() } else { format!("{title} · Gatehouse") } />
        <SkipLink />
        <Router>
                <Routes fallback=NotFoundPage>
                    <Route path=path!("/") view=StartPage ssr=SsrMode::Async />
                    <Route path=path!("/sign-in") view=SignInPage ssr=SsrMode::Async />
                    <Route path=path!("/design") view=DesignPage ssr=SsrMode::Async />
                    <Route path=path!("/docs/:page") view=DocsPage ssr=SsrMode::Async />
                    <ParentRoute path=path!("/c/:company/development") view=Development ssr=SsrMode::Async>
                        <Route path=path!("/keys") view=KeysPage ssr=SsrMode::Async />
                        <Route path=path!("/keys/:key/delete") view=DeleteKeyPage ssr=SsrMode::Async />
                        <Route path=path!("/logs") view=LogsPage ssr=SsrMode::Async />
                        <Route path=path!("/logs/:request") view=LogEntryPage ssr=SsrMode::Async />
                        <Route path=path!("/webhooks") view=WebhooksPage ssr=SsrMode::Async />
                        <Route path=path!("/webhooks/new") view=NewWebhookPage ssr=SsrMode::Async />
                        <Route path=path!("/webhooks/:webhook") view=WebhookPage ssr=SsrMode::Async />
                        <Route path=path!("/webhooks/:webhook/edit") view=EditWebhookPage ssr=SsrMode::Async />
                        <Route path=path!("/webhooks/:webhook/delete") view=DeleteWebhookPage ssr=SsrMode::Async />
                        <Route path=path!("/webhooks/:webhook/deliveries/:delivery") view=DeliveryPage ssr=SsrMode::Async />
                    </ParentRoute>
                </Routes>
        </Router>
        <ToastRegion />
    }
}
