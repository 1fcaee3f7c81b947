//! Whether the tab can be seen.

use leptos::prelude::*;

/// True while the tab is visible, and always on the server. Lives as long as the component that asks.
pub fn visible() -> ReadSignal<bool> {
    let (visible, set_visible) = signal(true);
    watch(move |is_visible| {
        set_visible.try_set(is_visible);
    });
    visible
}

/// Calls `run` whenever the tab is hidden, and when the calling component is removed.
pub fn on_hidden(run: impl Fn() + Send + Sync + Clone + 'static) {
    let leaving = run.clone();
    on_cleanup(leaving);
    watch(move |is_visible| {
        if !is_visible {
            run();
        }
    });
}

/// The event bubbles from the document to the window.
#[cfg(feature = "hydrate")]
fn watch(changed: impl Fn(bool) + 'static) {
    let listener = window_event_listener_untyped("visibilitychange", move |_| changed(is_visible()));
    on_cleanup(move || listener.remove());
}

#[cfg(not(feature = "hydrate"))]
fn watch(changed: impl Fn(bool) + 'static) {
    let _ = changed;
}

/// Right now; true on the server.
pub fn is_visible() -> bool {
    #[cfg(feature = "hydrate")]
    {
        document().visibility_state() != web_sys::VisibilityState::Hidden
    }
    #[cfg(not(feature = "hydrate"))]
    true
}
