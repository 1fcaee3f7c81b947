//! The only place that touches the browser. Every function here exists on the server too and does nothing there, so that
//! components are written once; the two sides are told apart by the feature `hydrate`, inside these files only.

pub mod attention;
pub mod bubbles;
pub mod build;
#[cfg(any(feature = "hydrate", test))]
mod caret;
pub mod clipboard;
pub mod clock;
pub mod combobox;
pub mod controls;
pub mod copying;
pub mod dialog;
pub mod download;
pub mod drawer;
pub mod focus;
pub mod form;
pub mod found;
pub mod html;
pub mod leaving;
pub mod live;
pub mod picker;
pub mod progress;
pub mod rows;
pub mod shortcut;
pub mod theme;
pub mod timers;
pub mod visibility;
pub mod width;
pub mod zone;

/// Marks `<html>` with `data-hydrated` once the page is interactive. Styles and end-to-end tests wait for it.
pub fn mark_hydrated() {
    #[cfg(feature = "hydrate")]
    if let Some(root) = leptos::prelude::document().document_element() {
        // Setting an attribute with a valid name cannot fail.
        let _ = root.set_attribute("data-hydrated", "");
    }
}

/// Path and query of the page that is open, as the browser shows them; empty on the server.
pub fn address() -> String {
    #[cfg(feature = "hydrate")]
    {
        let location = leptos::prelude::window().location();
        if let (Ok(path), Ok(search)) = (location.pathname(), location.search()) {
            return format!("{path}{search}");
        }
    }
    String::new()
}

/// Where the page is from, such as `https://gatehouse.example`; empty on the server.
pub fn origin() -> String {
    #[cfg(feature = "hydrate")]
    if let Ok(origin) = leptos::prelude::window().location().origin() {
        return origin;
    }
    String::new()
}

/// One step back in the history.
pub fn back() {
    #[cfg(feature = "hydrate")]
    if let Ok(history) = leptos::prelude::window().history() {
        // Where there is nothing to go back to, the page stays.
        let _ = history.back();
    }
}

/// The query of the page that is open; empty on the server.
pub fn query() -> String {
    #[cfg(feature = "hydrate")]
    if let Ok(query) = leptos::prelude::window().location().search() {
        return query;
    }
    String::new()
}

/// Takes `name` out of the query once the page has shown what it is about ("Saved."), so that a reload, a bookmark and
/// Back do not say it again. What is on the page stays.
pub fn forget_in_address(name: &'static str) {
    #[cfg(feature = "hydrate")]
    leptos::prelude::Effect::new(move || {
        // The router writes the page's address a moment after the page is there.
        timers::later(timers::SETTLE, move || {
            let window = leptos::prelude::window();
            let (location, Ok(history)) = (window.location(), window.history()) else {
                return;
            };
            let (Ok(path), Ok(search)) = (location.pathname(), location.search()) else {
                return;
            };
            let parts = search.trim_start_matches('?').split('&');
            let (gone, kept): (Vec<&str>, Vec<&str>) =
                parts.partition(|part| part.split('=').next() == Some(name));
            if gone.is_empty() {
                return;
            }
            let query = kept.join("&");
            let address = if query.is_empty() {
                path
            } else {
                format!("{path}?{query}")
            };
            // An address of this page is always allowed; should a browser refuse it, the old one stays.
            let _ = history
                .state()
                .and_then(|state| history.replace_state_with_url(&state, "", Some(&address)));
        });
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = name;
}
