//! The whole product on one page: which address shows what.

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::SsrMode;
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::hooks::use_location;
use leptos_router::path;

use crate::browser::clock::PageClock;
use crate::browser::zone::Zone;
use crate::browser::{bubbles, focus, leaving};
use crate::chunks;
use crate::pages::company::Development;
use crate::pages::company_start::{CompanyStart, DocsStart};
use crate::pages::not_found::NotFoundPage;
use crate::ui::{SkipLink, Title, ToastRegion, Toasts};

/// The page's body, on both sides.
///
/// Every route is rendered whole before its first byte (`SsrMode::Async`): status and redirects depend on data, and the
/// page must be complete where scripts are off. What `Page::at` in `chunks.rs` answers must agree with this table.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    Toasts::provide();
    PageClock::provide();
    Zone::provide();
    bubbles::dismiss_with_escape();
    leaving::watch();
    view! {
        <Title text="" />
        <SkipLink />
        <Router>
                <FollowPages />
                <Routes fallback=NotFoundPage>
                    <Route path=path!("/") view=chunks::START ssr=SsrMode::Async />
                    <Route path=path!("/sign-in") view=chunks::SIGN_IN ssr=SsrMode::Async />
                    <Route path=path!("/design") view=chunks::DESIGN ssr=SsrMode::Async />
                    <Route path=path!("/docs") view=DocsStart ssr=SsrMode::Async />
                    <Route path=path!("/docs/:page") view=chunks::DOCS ssr=SsrMode::Async />
                    <ParentRoute path=path!("/c/:company") view=Development ssr=SsrMode::Async>
                        <Route path=path!("") view=CompanyStart ssr=SsrMode::Async />
                        <Route path=path!("/development") view=CompanyStart ssr=SsrMode::Async />
                        <Route path=path!("/development/keys") view=chunks::KEYS ssr=SsrMode::Async />
                        <Route path=path!("/development/keys/new") view=chunks::NEW_KEY ssr=SsrMode::Async />
                        <Route path=path!("/development/keys/:key") view=chunks::KEY ssr=SsrMode::Async />
                        <Route path=path!("/development/keys/:key/delete") view=chunks::DELETE_KEY ssr=SsrMode::Async />
                        <Route path=path!("/development/keys/:key/rotate") view=chunks::ROTATE ssr=SsrMode::Async />
                        <Route path=path!("/development/logs") view=chunks::LOGS ssr=SsrMode::Async />
                        <Route path=path!("/development/logs/:request") view=chunks::LOG_ENTRY ssr=SsrMode::Async />
                        <Route path=path!("/development/webhooks") view=chunks::WEBHOOKS ssr=SsrMode::Async />
                        <Route path=path!("/development/webhooks/new") view=chunks::NEW_WEBHOOK ssr=SsrMode::Async />
                        <Route path=path!("/development/webhooks/:webhook") view=chunks::WEBHOOK ssr=SsrMode::Async />
                        <Route path=path!("/development/webhooks/:webhook/edit") view=chunks::EDIT_WEBHOOK ssr=SsrMode::Async />
                        <Route path=path!("/development/webhooks/:webhook/delete") view=chunks::DELETE_WEBHOOK ssr=SsrMode::Async />
                        <Route path=path!("/development/webhooks/:webhook/deliveries") view=chunks::DELIVERIES ssr=SsrMode::Async />
                        <Route path=path!("/development/webhooks/:webhook/deliveries/:delivery") view=chunks::DELIVERY ssr=SsrMode::Async />
                    </ParentRoute>
                </Routes>
        </Router>
        <ToastRegion />
    }
}

/// Where the router is: only inside it is there a location to follow.
#[component]
fn FollowPages() -> impl IntoView {
    focus::follow_pages(use_location().pathname);
}
