//! Moving the keyboard's focus.

/// Moves focus to the element with this id. It needs `tabindex="-1"` when it is not a control.
pub fn to(id: impl Into<String>) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let element = leptos::prelude::document().get_element_by_id(&id.into());
        if let Some(element) = element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
            // Fails only for an element that cannot be focused.
            let _ = element.focus();
        }
    }
    #[cfg(not(feature = "hydrate"))]
    drop(id.into());
}

/// Moves focus to `id` once the page has settled: for what a press replaces along with itself.
pub fn soon(id: &'static str) {
    super::timers::later(std::time::Duration::from_millis(50), move || to(id));
}

/// Moves focus to `id` if it is nowhere: what had it was removed. Looked at after the page has settled.
pub fn if_lost(id: String) {
    #[cfg(feature = "hydrate")]
    super::timers::later(std::time::Duration::from_millis(50), move || {
        let active = leptos::prelude::document().active_element();
        if active.is_none_or(|active| active.tag_name() == "BODY") {
            to(id);
        }
    });
    #[cfg(not(feature = "hydrate"))]
    drop(id);
}
