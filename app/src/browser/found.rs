//! What a search has found inside an element: one of the places is the current one, and in view.

/// Makes the `at`th `<mark>` inside the element with this id the current one, once it is drawn. Only the element scrolls.
pub fn soon(id: &'static str, at: usize) {
    #[cfg(feature = "hydrate")]
    super::timers::later(std::time::Duration::ZERO, move || page::go_to(id, at));
    #[cfg(not(feature = "hydrate"))]
    let _ = (id, at);
}

#[cfg(feature = "hydrate")]
mod page {
    use leptos::prelude::document;
    use wasm_bindgen::JsCast;
    use web_sys::Element;

    const CURRENT: &str = "data-current";

    pub(super) fn go_to(id: &str, at: usize) {
        let Some(around) = document().get_element_by_id(id) else {
            return;
        };
        let Ok(marks) = around.query_selector_all("mark") else {
            return;
        };
        for index in 0..marks.length() {
            let mark = marks.get(index).and_then(|mark| mark.dyn_into::<Element>().ok());
            let Some(mark) = mark else { continue };
            // An attribute with a fixed name cannot fail to be set or removed.
            if index as usize == at {
                let _ = mark.set_attribute(CURRENT, "");
                scroll(&around, &mark);
            } else {
                let _ = mark.remove_attribute(CURRENT);
            }
        }
    }

    /// To the middle, if it is out of view.
    fn scroll(around: &Element, mark: &Element) {
        let (frame, place) = (around.get_bounding_client_rect(), mark.get_bounding_client_rect());
        if place.top() < frame.top() || place.bottom() > frame.bottom() {
            let middle = place.top() - frame.top() - frame.height() / 2.0;
            around.set_scroll_top(around.scroll_top() + middle as i32);
        }
    }
}
