//! The bubble that hover and focus show at a time can be dismissed with Escape, until the next hover or focus
//! (WCAG 1.4.13). The style sheet shows it; this only sets the mark that hides it.

/// Called once, by the shell.
pub fn dismiss_with_escape() {
    #[cfg(feature = "hydrate")]
    {
        use leptos::ev;
        use leptos::prelude::{document, on_cleanup, window_event_listener};

        let mark = |dismissed: bool| {
            if let Some(root) = document().document_element() {
                // An attribute with a fixed name cannot fail to be set.
                let _ = root.toggle_attribute_with_force("data-dismissed", dismissed);
            }
        };
        let escape = window_event_listener(ev::keydown, move |event| {
            if event.key() == "Escape" {
                mark(true);
            }
        });
        let pointed = window_event_listener(ev::pointerover, move |_| mark(false));
        let focused = window_event_listener(ev::focusin, move |_| mark(false));
        on_cleanup(move || {
            escape.remove();
            pointed.remove();
            focused.remove();
        });
    }
}
