//! The page's WASM in parts. What every page needs is the main part; the rest of each page is a chunk of its own, so
//! that a browser loads what it is about to show and nothing else. `cargo xtask` does the splitting (`xtask/src/wasm.rs`);
//! without the feature `split`, which is how the server and `cargo leptos` compile this, everything is in one part.
//!
//! The first page's chunk is loaded before hydration begins ([`load_first`]), and the server names its files in the head
//! of the page, so that they are fetched beside the main part and not after it. From then on the router loads a chunk
//! when the reader goes to its page.

use std::fmt;

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos_router::ChooseView;

use crate::browser::copying;
use crate::browser::progress::OnItsWay;
pub use crate::on_demand::NotLoaded;
use crate::on_demand::{Coming, Part};
use crate::pages::design::DesignPage;
use crate::pages::docs::DocsPage;
use crate::pages::key::{self, KeyPage, NewKeyPage};
use crate::pages::keys::{self, DeleteKeyPage, KeysPage};
use crate::pages::loaded::address_here;
use crate::pages::logs::{self, LogEntryPage, LogsPage, LogsTools};
use crate::pages::rotate::RotatePage;
use crate::pages::sign_in::SignInPage;
use crate::pages::start::StartPage;
use crate::pages::webhooks::{
    DeleteWebhookPage, DeliveriesPage, DeliveryPage, EditWebhookPage, NewWebhookPage, WebhookPage,
    WebhooksPage,
};
use crate::ui::{EmptyState, IconName};

/// A page that is loaded on demand; the `view` of a route.
#[derive(Clone, Copy)]
pub struct Page {
    /// As the site's files and `site.json` call it.
    chunk: &'static str,
    load: fn() -> Coming<()>,
    view: fn() -> Coming<AnyView>,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("chunk", &self.chunk)
            .finish_non_exhaustive()
    }
}

/// `NAME = chunk / function: Component;`, the function's name being one of its own throughout.
macro_rules! pages {
    ($($name:ident = $chunk:ident / $function:ident: $component:path;)+) => {$(
        mod $function {
            use super::*;

            #[cfg_attr(feature = "split", leptos::wasm_split::wasm_split(
                $chunk,
                wasm_split_path = ::leptos::wasm_split,
                fallible,
                preload(load)
            ))]
            pub(super) fn $function() -> Result<AnyView, NotLoaded> {
                Ok($component().into_any())
            }

            #[cfg(feature = "split")]
            pub(super) const PAGE: Page = Page {
                chunk: stringify!($chunk),
                load: || Box::pin(async { Ok(load().await?) }),
                view: || Box::pin($function()),
            };

            #[cfg(not(feature = "split"))]
            pub(super) const PAGE: Page = Page {
                chunk: stringify!($chunk),
                load: || Box::pin(std::future::ready(Ok(()))),
                view: || Box::pin(std::future::ready($function())),
            };
        }
        pub(crate) const $name: Page = $function::PAGE;
    )+};
}

pages! {
    KEYS = keys / keys_page: keys_with_deleted;
    DELETE_KEY = key / delete_key_page: DeleteKeyPage;
    KEY = key / key_page: KeyPage;
    NEW_KEY = key / new_key_page: NewKeyPage;
    ROTATE = rotate / rotate_page: RotatePage;
    LOGS = logs / logs_page: logs_with_tools;
    LOG_ENTRY = request / log_entry_page: LogEntryPage;
    WEBHOOKS = webhooks / webhooks_page: WebhooksPage;
    WEBHOOK = webhook / webhook_page: WebhookPage;
    DELIVERIES = deliveries / deliveries_page: DeliveriesPage;
    DELIVERY = deliveries / delivery_page: DeliveryPage;
    DELETE_WEBHOOK = webhook / delete_webhook_page: DeleteWebhookPage;
    NEW_WEBHOOK = webhook_form / new_webhook_page: NewWebhookPage;
    EDIT_WEBHOOK = webhook_form / edit_webhook_page: EditWebhookPage;
    SIGN_IN = door / sign_in_page: SignInPage;
    START = door / start_page: StartPage;
    DOCS = docs / docs_page: DocsPage;
    DESIGN = design / design_page: DesignPage;
}

/// `chunk / function: path::to::it(Argument);` is what a page loads when it is used, and not with the page: the function,
/// loaded and then called. Its name is one of its own throughout.
macro_rules! tools {
    ($($chunk:ident / $function:ident: $path:path, $argument:ty;)+) => {$(
        mod $function {
            use super::*;

            #[cfg_attr(feature = "split", leptos::wasm_split::wasm_split(
                $chunk,
                wasm_split_path = ::leptos::wasm_split,
                fallible
            ))]
            pub(super) fn $function(argument: $argument) -> Result<(), NotLoaded> {
                $path(argument);
                Ok(())
            }
        }

        #[cfg(feature = "split")]
        fn $function(argument: $argument) -> Coming<()> {
            Box::pin($function::$function(argument))
        }

        #[cfg(not(feature = "split"))]
        fn $function(argument: $argument) -> Coming<()> {
            Box::pin(std::future::ready($function::$function(argument)))
        }
    )+};
}

tools! {
    logs_tools / work_chart: logs::chart::work_chart, logs::chart::ChartTools;
    logs_tools / work_filters: logs::filters::work_filters, logs::filters::FilterTools;
    logs_tools / run_export: logs::export_run::run_export, logs::export_run::ExportRun;
    logs_tools / copy_code: copying::copy, MouseEvent;
    logs_tools / change_views: logs::views_run::change_views, logs::views_run::ViewsRun;
}

/// `NAME = chunk / function: Component(Argument);` is a part of a page that is loaded with it where its address asks for it,
/// and otherwise when it is used. The function's name is one of its own throughout.
macro_rules! parts {
    ($($name:ident = $chunk:ident / $function:ident: $path:path, $argument:ty;)+) => {$(
        mod $function {
            use super::*;

            #[cfg_attr(feature = "split", leptos::wasm_split::wasm_split(
                $chunk,
                wasm_split_path = ::leptos::wasm_split,
                fallible,
                preload(load)
            ))]
            pub(super) fn $function(argument: $argument) -> Result<AnyView, NotLoaded> {
                Ok($path(argument).into_any())
            }

            #[cfg(feature = "split")]
            pub(super) const PART: Part<$argument> = Part {
                load: || Box::pin(async { Ok(load().await?) }),
                view: |argument| Box::pin($function(argument)),
            };

            #[cfg(not(feature = "split"))]
            pub(super) const PART: Part<$argument> = Part {
                load: || Box::pin(std::future::ready(Ok(()))),
                view: |argument| Box::pin(std::future::ready($function(argument))),
            };
        }
        const $name: Part<$argument> = $function::PART;
    )+};
}

parts! {
    DELETED_KEYS = key / deleted_keys: key::deleted_keys_part, ();
    DRAWER = request / entry_drawer: logs::entry::drawer, logs::opened::InDrawer;
}

/// The API Keys tab with what loads the deleted ones.
fn keys_with_deleted() -> impl IntoView {
    view! { <KeysPage deleted=keys::deleted::DeletedLoader(DELETED_KEYS) /> }
}

/// The Logs tab with what loads its tools.
fn logs_with_tools() -> impl IntoView {
    let tools = LogsTools {
        chart: work_chart,
        filters: work_filters,
        panels: logs::panels::Loaders {
            views: change_views,
            export: run_export,
        },
        drawer: DRAWER,
        copy: copy_code,
    };
    view! { <LogsPage tools /> }
}

impl ChooseView for Page {
    async fn choose(self) -> AnyView {
        match (self.view)().await {
            Ok(view) => view,
            Err(NotLoaded) => view! { <NotLoadedPage /> }.into_any(),
        }
    }

    async fn preload(&self) {
        let _on_its_way = OnItsWay::begin();
        // Where it fails, `choose` tries once more, and says so when that fails too.
        (self.load)().await.ok();
    }
}

impl Page {
    /// The page at this path, as the route table in `routes.rs` has it. None where the main part is all there is.
    pub fn at(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        Some(match parts.as_slice() {
            [] => START,
            ["sign-in"] => SIGN_IN,
            ["design"] => DESIGN,
            ["docs", _] => DOCS,
            ["c", _, "development", rest @ ..] => match rest {
                ["keys"] => KEYS,
                ["keys", "new"] => NEW_KEY,
                ["keys", _] => KEY,
                ["keys", _, "delete"] => DELETE_KEY,
                ["keys", _, "rotate"] => ROTATE,
                ["logs"] => LOGS,
                ["logs", _] => LOG_ENTRY,
                ["webhooks"] => WEBHOOKS,
                ["webhooks", "new"] => NEW_WEBHOOK,
                ["webhooks", _] => WEBHOOK,
                ["webhooks", _, "edit"] => EDIT_WEBHOOK,
                ["webhooks", _, "delete"] => DELETE_WEBHOOK,
                ["webhooks", _, "deliveries"] => DELIVERIES,
                ["webhooks", _, "deliveries", _] => DELIVERY,
                _ => return None,
            },
            _ => return None,
        })
    }

    /// The page whose chunk the query asks for as well: a request that is open beside the list, or deleted keys below it.
    pub fn beside(self, query: &str) -> Option<Self> {
        if self.chunk == LOGS.chunk && logs::address::opened(query).is_some() {
            Some(LOG_ENTRY)
        } else if self.chunk == KEYS.chunk && keys::deleted::are_asked_for(query) {
            Some(KEY)
        } else {
            None
        }
    }

    pub const fn chunk(self) -> &'static str {
        self.chunk
    }
}

/// Loads what the page at this address needs. Hydration is one step that cannot wait in the middle, so this comes first.
pub async fn load_first(address: &str) -> Result<(), NotLoaded> {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let Some(page) = Page::at(path) else {
        return Ok(());
    };
    (page.load)().await?;
    match page.beside(query) {
        Some(beside) if beside.chunk == KEY.chunk => (DELETED_KEYS.load)().await,
        Some(_) => (DRAWER.load)().await,
        None => Ok(()),
    }
}

/// Shown in place of a page whose chunk could not be loaded. A plain link, followed by the browser, loads the whole page.
#[component]
fn NotLoadedPage() -> impl IntoView {
    let address = address_here();
    view! {
        <EmptyState title="This page could not be loaded" icon=IconName::Alert is_page=true>
            <p>"The connection failed, or Gatehouse has been updated since you opened it."</p>
            <p><a href=address rel="external">"Reload the page"</a></p>
        </EmptyState>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk_at(path: &str) -> Option<&'static str> {
        Page::at(path).map(Page::chunk)
    }

    #[test]
    fn a_path_leads_to_its_chunk_and_an_unknown_one_to_none() {
        assert_eq!(chunk_at("/c/00/development/keys"), Some("keys"));
        assert_eq!(chunk_at("/c/00/development/keys/01"), Some("key"));
        assert_eq!(chunk_at("/c/00/development/keys/new"), Some("key"));
        assert_eq!(chunk_at("/c/00/development/keys/01/delete"), Some("key"));
        assert_eq!(chunk_at("/c/00/development/logs/"), Some("logs"));
        assert_eq!(chunk_at("/c/00/development/logs/01"), Some("request"));
        assert_eq!(chunk_at("/c/00/development/webhooks/new"), Some("webhook_form"));
        assert_eq!(chunk_at("/c/00/development/webhooks/01"), Some("webhook"));
        assert_eq!(
            chunk_at("/c/00/development/webhooks/01/deliveries"),
            Some("deliveries")
        );
        assert_eq!(
            chunk_at("/c/00/development/webhooks/01/deliveries/02"),
            Some("deliveries")
        );
        assert_eq!(chunk_at("/docs/security"), Some("docs"));
        let beside = |path, query| {
            Page::at(path)
                .and_then(|page| page.beside(query))
                .map(Page::chunk)
        };
        let open = "status=4xx&open=0123456789abcdef0123456789abcdef";
        assert_eq!(beside("/c/00/development/logs", open), Some("request"));
        assert_eq!(beside("/c/00/development/logs", "open=x"), None);
        assert_eq!(beside("/c/00/development/keys", open), None);
        assert_eq!(beside("/c/00/development/keys", "deleted=1"), Some("key"));
        assert_eq!(beside("/c/00/development/logs", "deleted=1"), None);
        for main_alone in ["/c/00/development", "/c/00/other", "/docs/a/b"] {
            assert_eq!(chunk_at(main_alone), None, "{main_alone}");
        }
    }
}
