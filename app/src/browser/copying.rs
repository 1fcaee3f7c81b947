//! Copying from a code block that is in the page as HTML: what `ui::CopyButton` does where no code made the button.

use leptos::ev::MouseEvent;

/// Whether the button of a code block was pressed.
pub fn is_pressed(event: &MouseEvent) -> bool {
    #[cfg(feature = "hydrate")]
    {
        page::copy_of(event).is_some()
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = event;
        false
    }
}

/// Copies the text of the block whose button was pressed, and says so, or why not.
pub(crate) fn copy(event: MouseEvent) {
    #[cfg(feature = "hydrate")]
    page::copy(&event);
    #[cfg(not(feature = "hydrate"))]
    drop(event);
}

#[cfg(feature = "hydrate")]
mod page {
    use std::time::Duration;

    use leptos::ev::MouseEvent;
    use wasm_bindgen::JsCast;
    use web_sys::Element;

    use crate::browser::clipboard::{self, CopyRefused};
    use crate::browser::timers;

    const COPIED: &str = "data-copied";
    const COPIED_FOR: Duration = Duration::from_secs(2);
    const FAILED_FOR: Duration = Duration::from_secs(8);

    /// What surrounds the button.
    pub(super) fn copy_of(event: &MouseEvent) -> Option<Element> {
        let target = event.target()?.dyn_into::<Element>().ok()?;
        target.closest(".code .copy").ok().flatten()
    }

    pub(super) fn copy(event: &MouseEvent) {
        let Some(copy) = copy_of(event) else {
            return;
        };
        let code = copy
            .closest(".code")
            .ok()
            .flatten()
            .and_then(|block| find(&block, "pre"));
        let Some(code) = code else {
            return;
        };
        let text = code.text_content().unwrap_or_default();
        let what = code.get_attribute("aria-label").unwrap_or_default();
        clipboard::write(text, move |outcome| match outcome {
            Ok(()) => say_copied(&copy, &what),
            Err(CopyRefused::Say(words)) => say_failed(&copy, &words),
            Err(CopyRefused::Handled) => {}
        });
    }

    fn find(within: &Element, selector: &str) -> Option<Element> {
        within.query_selector(selector).ok().flatten()
    }

    fn say_copied(copy: &Element, what: &str) {
        let (Some(button), Some(status)) = (find(copy, "button"), find(copy, "[role=status]")) else {
            return;
        };
        // An attribute with a fixed name cannot fail to be set or removed.
        let _ = button.set_attribute(COPIED, "true");
        status.set_text_content(Some(&format!("{what} copied")));
        timers::later(COPIED_FOR, move || {
            let _ = button.remove_attribute(COPIED);
            status.set_text_content(None);
        });
    }

    fn say_failed(copy: &Element, words: &str) {
        let Some(failure) = find(copy, "[role=alert]") else {
            return;
        };
        failure.set_text_content(Some(words));
        // An attribute with a fixed name cannot fail to be set or removed.
        let _ = failure.remove_attribute("hidden");
        timers::later(FAILED_FOR, move || {
            let _ = failure.set_attribute("hidden", "");
        });
    }
}
