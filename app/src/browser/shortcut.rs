//! Keys that lead to a field from anywhere on the page.

/// While the component is there, `/` moves the focus to the field with this id, and what is folded around it opens. Not while
/// the reader types elsewhere, or holds another key.
pub fn slash_leads_to(field: &'static str) {
    #[cfg(feature = "hydrate")]
    {
        use leptos::prelude::{on_cleanup, window_event_listener};
        let listener = window_event_listener(leptos::ev::keydown, move |key| {
            if key.key() == "/" && is_meant(&key) && page::go_to(field) {
                key.prevent_default();
            }
        });
        on_cleanup(move || listener.remove());
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = field;
}

/// Whether this is a single key, and not typed into something.
#[cfg(feature = "hydrate")]
pub fn is_meant(key: &web_sys::KeyboardEvent) -> bool {
    let is_plain = !(key.ctrl_key() || key.meta_key() || key.alt_key());
    is_plain && !page::is_typing()
}

#[cfg(feature = "hydrate")]
mod page {
    use leptos::prelude::document;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement};

    pub(super) fn is_typing() -> bool {
        let active = document().active_element();
        active.is_some_and(|active| {
            active
                .matches("input:not([type=checkbox]), textarea, select, dialog *")
                .unwrap_or(false)
        })
    }

    /// False if there is no such field.
    pub(super) fn go_to(field: &str) -> bool {
        let Some(field) = document()
            .get_element_by_id(field)
            .and_then(|field| field.dyn_into::<HtmlElement>().ok())
        else {
            return false;
        };
        let mut around: Option<Element> = field.parent_element();
        while let Some(element) = around {
            if element.tag_name() == "DETAILS" {
                // An attribute with a fixed name cannot fail to be set.
                let _ = element.set_attribute("open", "");
            }
            around = element.parent_element();
        }
        // Fails only for an element that cannot be focused.
        let _ = field.focus();
        true
    }
}
