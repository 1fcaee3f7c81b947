//! Opens and closes a native dialog according to a signal.

use leptos::prelude::*;
use web_sys::HtmlDialogElement;

/// Shows the dialog modally while `open` is true. Focus then returns to what opened it or, if that is gone, to the element
/// with the id `return_focus_to`.
pub fn follow(
    node: impl Fn() -> Option<HtmlDialogElement> + 'static,
    open: RwSignal<bool>,
    return_focus_to: Option<String>,
) {
    #[cfg(feature = "hydrate")]
    Effect::new(move |was_open: Option<bool>| {
        let wanted = open.get();
        let Some(dialog) = node() else { return false };
        if wanted && !dialog.open() {
            // It fails only for a dialog that is not in the document, and then there is nothing to show.
            let _ = dialog.show_modal();
        } else if !wanted && dialog.open() {
            dialog.close();
        }
        // Only after a dialog that was open: a page that is loaded must not take the focus.
        if was_open == Some(true)
            && !wanted
            && let Some(id) = &return_focus_to
        {
            super::focus::if_lost(id.clone());
        }
        wanted
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (node, open, return_focus_to);
}
