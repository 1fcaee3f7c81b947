//! Moving the keyboard's focus.

use leptos::prelude::Memo;

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

/// Scrolls up to the element with this id if its top is out of view.
pub fn into_view(id: &str) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let document = leptos::prelude::document();
        let element = document.get_element_by_id(id);
        if let Some(element) = element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
            let window = leptos::prelude::window();
            let begin = f64::from(element.offset_top());
            if window.scroll_y().unwrap_or(0.0) > begin {
                element.scroll_into_view();
            }
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = id;
}

/// Moves focus to `id` once the page has settled: for a button that is replaced when it is pressed.
pub fn soon(id: &'static str) {
    super::timers::later(std::time::Duration::from_millis(50), move || to(id));
}

/// Moves focus to `id` if nothing has it because the focused element was removed. Checked after the page has settled.
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

/// Follows the reader from page to page. The link that was pressed goes away with its page and takes the focus along;
/// the keyboard then goes on at the new page's heading or, after Back, at the row whose page was left. To be called once,
/// inside the router.
pub fn follow_pages(path: Memo<String>) {
    #[cfg(feature = "hydrate")]
    page::follow(path);
    #[cfg(not(feature = "hydrate"))]
    let _ = path;
}

#[cfg(feature = "hydrate")]
mod page {
    use std::time::Duration;

    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement};

    use crate::browser::timers::Repeater;

    const LOOK_EVERY: Duration = Duration::from_millis(50);
    /// After ten seconds of loading, the reader is probably doing something else; focus is left alone then.
    const LOOKS: u32 = 200;

    /// What was there when the page was left.
    struct Left {
        path: String,
        heading: Option<Element>,
        focused: Option<Element>,
    }

    pub(super) fn follow(path: Memo<String>) {
        let looking = Repeater::new();
        Effect::new(move |before: Option<String>| {
            let now = path.get();
            if let Some(before) = before
                && before != now
            {
                let left = Left {
                    path: before,
                    heading: find("main h1"),
                    focused: focused(),
                };
                let mut looks = LOOKS;
                looking.every(LOOK_EVERY, move || {
                    looks -= 1;
                    if looks == 0 || left.is_settled() {
                        looking.stop();
                    }
                });
            }
            now
        });
    }

    impl Left {
        /// Whether there is nothing more to do: the focus has been moved, or the reader has moved it.
        fn is_settled(&self) -> bool {
            if let Some(focused) = focused() {
                return self.focused.as_ref() != Some(&focused);
            }
            let heading = find("main h1");
            let is_new = heading.is_none() || heading != self.heading;
            if !is_new || find("main").is_none() || find("main .loading").is_some() {
                return false;
            }
            if let Some(row) = row_to(&self.path) {
                // Fails only for an element that cannot be focused.
                let _ = row.focus();
            } else if let Some(target) = heading.or_else(|| find("main")) {
                focus_where_it_is(&target);
            }
            true
        }
    }

    fn find(selector: &str) -> Option<Element> {
        document().query_selector(selector).ok().flatten()
    }

    /// None where the focus is nowhere.
    fn focused() -> Option<Element> {
        document()
            .active_element()
            .filter(|element| element.tag_name() != "BODY")
    }

    fn row_to(path: &str) -> Option<HtmlElement> {
        // A path has its quotes escaped; one that has not is no selector, and finds nothing.
        let row = find(&format!(
            "main .row-link:is([href=\"{path}\"], [href^=\"{path}?\"])"
        ));
        row?.dyn_into().ok()
    }

    /// Without scrolling: after Back the browser has put the page where it was.
    fn focus_where_it_is(target: &Element) {
        // An attribute with a fixed name cannot fail to be set; a heading that cannot be focused is left alone.
        let _ = target.set_attribute("tabindex", "-1");
        let options = js_sys::Object::new();
        let _ = js_sys::Reflect::set(&options, &"preventScroll".into(), &true.into());
        if let Ok(focus) = js_sys::Reflect::get(target, &"focus".into())
            && let Ok(focus) = focus.dyn_into::<js_sys::Function>()
        {
            let _ = focus.call1(target, &options);
        }
    }
}
