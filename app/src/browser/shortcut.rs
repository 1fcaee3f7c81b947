//! Single keys that act from anywhere on the page. They can be switched off (WCAG 2.1.4), which the browser remembers.

/// The `data-press` of a button that switches them off and on again.
pub const SWITCH: &str = "shortcuts";

/// While the component is there, `/` moves the focus to the field with this id, and what is folded around it opens. Not while
/// the reader types elsewhere, or holds another key.
pub fn slash_leads_to(field: &'static str) {
    #[cfg(feature = "hydrate")]
    {
        use leptos::prelude::{on_cleanup, window_event_listener};
        page::show();
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

/// Whether this is a single key, and not typed into something, and single keys are switched on.
#[cfg(feature = "hydrate")]
pub fn is_meant(key: &web_sys::KeyboardEvent) -> bool {
    let is_plain = !(key.ctrl_key() || key.meta_key() || key.alt_key());
    is_plain && !page::is_typing() && page::are_on()
}

/// Switches single keys off, or on again. `<html>` has `data-shortcuts="off"` while they are off.
pub fn switch() {
    #[cfg(feature = "hydrate")]
    page::switch();
}

#[cfg(feature = "hydrate")]
mod page {
    use leptos::prelude::{document, window};
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement, HtmlInputElement, Storage};

    /// What the browser remembers, and the attribute that styles follow.
    const REMEMBERED: &str = "gatehouse-shortcuts";
    const ATTRIBUTE: &str = "data-shortcuts";
    const OFF: &str = "off";

    fn storage() -> Option<Storage> {
        window().local_storage().ok().flatten()
    }

    pub(super) fn are_on() -> bool {
        let root = document().document_element();
        root.is_none_or(|root| !root.has_attribute(ATTRIBUTE))
    }

    pub(super) fn show() {
        let remembered = storage().and_then(|storage| storage.get_item(REMEMBERED).ok().flatten());
        set(remembered.as_deref() != Some(OFF));
    }

    fn set(on: bool) {
        if let Some(root) = document().document_element() {
            // Attributes with fixed names cannot fail to be set.
            let _ = if on {
                root.remove_attribute(ATTRIBUTE)
            } else {
                root.set_attribute(ATTRIBUTE, OFF)
            };
        }
    }

    pub(super) fn switch() {
        let on = !are_on();
        set(on);
        if let Some(storage) = storage() {
            // A browser that remembers nothing forgets the choice with the page.
            let _ = if on {
                storage.remove_item(REMEMBERED)
            } else {
                storage.set_item(REMEMBERED, OFF)
            };
        }
    }

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
            if let Some(fold) = element.get_attribute("data-unfolded-by") {
                tick(&fold);
            }
            around = element.parent_element();
        }
        // Fails only for an element that cannot be focused.
        let _ = field.focus();
        true
    }

    /// The box that unfolds a part of the page on a phone.
    fn tick(id: &str) {
        let found = document().get_element_by_id(id);
        if let Some(fold) = found.and_then(|found| found.dyn_into::<HtmlInputElement>().ok()) {
            fold.set_checked(true);
        }
    }
}
