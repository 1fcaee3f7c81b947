//! The only place that touches the browser. Every function here exists on the server too and does nothing there, so that
//! components are written once; the two sides are told apart by the feature `hydrate`, inside these files only.

pub mod attention;
pub mod bubbles;
pub mod build;
pub mod clipboard;
pub mod clock;
pub mod dialog;
pub mod focus;
pub mod form;
pub mod leaving;
pub mod live;
pub mod progress;
pub mod theme;
pub mod timers;
pub mod visibility;

/// Marks `<html>` once the page answers to its person: `data-hydrated`. Styles and end-to-end tests wait for it.
pub fn mark_hydrated() {
    #[cfg(feature = "hydrate")]
    if let Some(root) = leptos::prelude::document().document_element() {
        // Setting an attribute with a valid name cannot fail.
        let _ = root.set_attribute("data-hydrated", "");
    }
}

/// The path of the page that is open.
pub fn path() -> String {
    #[cfg(feature = "hydrate")]
    if let Ok(path) = leptos::prelude::window().location().pathname() {
        return path;
    }
    String::new()
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
