//! The document around the page, rendered on the server only.

#[cfg(feature = "ssr")]
use leptos::prelude::*;
#[cfg(feature = "ssr")]
use leptos_meta::MetaTags;

#[cfg(feature = "ssr")]
use crate::browser::live::DrawnSince;
#[cfg(feature = "ssr")]
use crate::browser::theme::{self, Theme};
#[cfg(feature = "ssr")]
use crate::chunks::Page;
#[cfg(feature = "ssr")]
use crate::cookies;
#[cfg(feature = "ssr")]
use crate::credential_names;
#[cfg(feature = "ssr")]
use crate::provider;
#[cfg(feature = "ssr")]
use crate::routes::App;

/// `<html>` with its head; the site's files carry their hash in `options.output_name`. `chunk_files` answers with the
/// addresses of what a page's chunk consists of, which the browser then fetches beside the main part.
#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions, chunk_files: impl Fn(Page) -> Vec<String>) -> impl IntoView {
    let chunk_files: Vec<String> = pages_asked_for().into_iter().flat_map(chunk_files).collect();
    let theme = chosen_theme();
    let build = options.output_name.to_string();
    let stylesheet = format!("/{}/{}.css", options.site_pkg_dir, options.output_name);
    let (agent, sign) = crate::delivery_headers::unusual();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.as_str() data-build=build data-changes=changes_drawn() data-provider=provider().set_name().map(str::to_owned) data-webhook-agent=agent data-webhook-sign=sign data-credential-names=own_credential_names() data-delivery-reach=allowed_networks()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="robots" content="noindex" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=stylesheet />
                <link rel="preload" href="/fonts/geist-latin.woff2" r#as="font" r#type="font/woff2" crossorigin="anonymous" />
                <link rel="preload" href="/fonts/geist-mono-latin.woff2" r#as="font" r#type="font/woff2" crossorigin="anonymous" />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                {chunk_files.into_iter().map(|address| view! { <Preload address /> }).collect_view()}
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// Where the page's live stream begins.
#[cfg(feature = "ssr")]
fn changes_drawn() -> Option<String> {
    use_context::<DrawnSince>().map(|DrawnSince(mark)| mark)
}

/// The page, and what its address opens beside it.
#[cfg(feature = "ssr")]
fn pages_asked_for() -> Vec<Page> {
    let parts = use_context::<http::request::Parts>();
    let page = parts.as_ref().and_then(|parts| Page::at(parts.uri.path()));
    let query = parts
        .as_ref()
        .and_then(|parts| parts.uri.query())
        .unwrap_or_default();
    let beside = page.and_then(|page| page.beside(query));
    page.into_iter().chain(beside).collect()
}

/// What a page needs beside the main part is a script (`.js`) and the pack of modules that it fetches.
#[cfg(feature = "ssr")]
#[component]
fn Preload(address: String) -> impl IntoView {
    if address.ends_with(".js") {
        view! { <link rel="modulepreload" href=address /> }.into_any()
    } else {
        view! { <link rel="preload" href=address r#as="fetch" crossorigin="anonymous" /> }.into_any()
    }
}

/// From the cookie, so that the first paint already has it.
#[cfg(feature = "ssr")]
fn chosen_theme() -> Theme {
    cookies::value_of(theme::COOKIE).map_or(Theme::System, |value| Theme::from_cookie(&value))
}

/// None where only public addresses are allowed, as in most installations.
#[cfg(feature = "ssr")]
fn allowed_networks() -> Option<String> {
    let reach = crate::delivery_reach();
    (!reach.is_public_only()).then(|| reach.to_string())
}

/// None where they are the documented ones, which the browser knows.
#[cfg(feature = "ssr")]
fn own_credential_names() -> Option<String> {
    let names = credential_names();
    (names != model::CredentialNames::default()).then(|| names.to_string())
}
