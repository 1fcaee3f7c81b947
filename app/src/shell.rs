//! The document around the page, rendered on the server only.

#[cfg(feature = "ssr")]
use leptos::prelude::*;
#[cfg(feature = "ssr")]
use leptos_meta::MetaTags;

#[cfg(feature = "ssr")]
use crate::browser::theme::{self, Theme};
#[cfg(feature = "ssr")]
use crate::routes::App;

/// `<html>` with its head; the site's files carry their hash in `options.output_name`.
#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let theme = chosen_theme();
    let stylesheet = format!("/{}/{}.css", options.site_pkg_dir, options.output_name);
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme.as_str()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="robots" content="noindex" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=stylesheet />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// From the cookie, so that the first paint already has it.
#[cfg(feature = "ssr")]
fn chosen_theme() -> Theme {
    let Some(parts) = use_context::<http::request::Parts>() else {
        return Theme::System;
    };
    let cookies = parts
        .headers
        .get(http::header::COOKIE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    cookies
        .split(';')
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == theme::COOKIE)
        .map_or(Theme::System, |(_, value)| Theme::from_cookie(value))
}
