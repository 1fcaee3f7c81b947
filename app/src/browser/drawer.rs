//! The keys and the focus of what is open beside a list: the next one, the one before, and back to the list.

use leptos::ev::MouseEvent;
use model::RequestId;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    Next,
    Previous,
    Close,
}

/// The ids of both parts.
#[derive(Clone, Copy, Debug)]
pub struct Beside {
    pub list: &'static str,
    pub drawer: &'static str,
    /// The heading of the drawer.
    pub heading: &'static str,
}

impl Beside {
    /// Calls `run` while the component is there. J and K, the arrows and Escape count where the focus is in the drawer or on a
    /// row, Escape also where it is nowhere; letters not while the reader types or has switched single keys off, and arrows not
    /// where they scroll.
    pub fn on_press(self, run: impl Fn(Press) + 'static) {
        #[cfg(feature = "hydrate")]
        {
            use leptos::prelude::{on_cleanup, window_event_listener};
            let listener = window_event_listener(leptos::ev::keydown, move |key| {
                if let Some(press) = self.read(&key) {
                    key.prevent_default();
                    run(press);
                }
            });
            on_cleanup(move || listener.remove());
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = run;
    }

    /// The drawer shows another: the reader goes on at its heading or, on a row, at the row of the one that is open now.
    pub fn moved(self, path: String) {
        #[cfg(feature = "hydrate")]
        super::timers::later(std::time::Duration::ZERO, move || {
            if page::is_row(self.list) {
                page::focus_row(self.list, &path);
            } else {
                super::focus::to(self.heading);
                page::show_row(self.list, &path);
            }
        });
        #[cfg(not(feature = "hydrate"))]
        drop(path);
    }

    /// The drawer is there: the reader goes on at its heading.
    pub fn opened(self, path: String) {
        #[cfg(feature = "hydrate")]
        super::timers::later(std::time::Duration::ZERO, move || {
            super::focus::to(self.heading);
            page::show_row(self.list, &path);
        });
        #[cfg(not(feature = "hydrate"))]
        drop(path);
    }

    /// The drawer is gone, and the focus with it if it was there: it goes to the row.
    pub fn closed(self, path: String) {
        #[cfg(feature = "hydrate")]
        super::timers::later(std::time::Duration::from_millis(50), move || {
            if page::is_lost() {
                page::focus_row(self.list, &path);
            }
        });
        #[cfg(not(feature = "hydrate"))]
        drop(path);
    }

    #[cfg(feature = "hydrate")]
    fn read(self, key: &web_sys::KeyboardEvent) -> Option<Press> {
        let is_plain = !(key.ctrl_key() || key.meta_key() || key.alt_key() || key.shift_key());
        if !is_plain || key.default_prevented() {
            return None;
        }
        let is_inside = page::is_in(self.drawer) || page::is_row(self.list);
        let press = match key.key().as_str() {
            "Escape" => return (is_inside || page::is_lost()).then_some(Press::Close),
            "j" | "J" if super::shortcut::is_meant(key) => Press::Next,
            "k" | "K" if super::shortcut::is_meant(key) => Press::Previous,
            "ArrowDown" if !page::takes_arrows() => Press::Next,
            "ArrowUp" if !page::takes_arrows() => Press::Previous,
            _ => return None,
        };
        is_inside.then_some(press)
    }
}

/// The request whose row was clicked: the last part of its link.
pub fn row_of(event: &MouseEvent) -> Option<RequestId> {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let clicked = event.target()?.dyn_into::<web_sys::Element>().ok()?;
        let link = clicked.closest("a.row-link").ok().flatten()?;
        let href = link.get_attribute("href")?;
        let path = href.split('?').next()?;
        path.rsplit('/').next()?.parse().ok()
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = event;
        None
    }
}

#[cfg(feature = "hydrate")]
mod page {
    use leptos::prelude::document;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement};

    fn focused() -> Option<Element> {
        document()
            .active_element()
            .filter(|element| element.tag_name() != "BODY")
    }

    pub(super) fn is_lost() -> bool {
        focused().is_none()
    }

    fn focused_is(selector: &str) -> bool {
        focused().is_some_and(|element| element.matches(selector).unwrap_or(false))
    }

    pub(super) fn is_in(id: &str) -> bool {
        focused_is(&format!("#{id}, #{id} *"))
    }

    pub(super) fn is_row(list: &str) -> bool {
        focused_is(&format!("#{list} .row-link"))
    }

    /// The focus is in a field, or in something that scrolls by arrows.
    pub(super) fn takes_arrows() -> bool {
        const GROUP: &str = "[role=\"group\"][tabindex=\"0\"]";
        focused_is(&format!("input, textarea, select, {GROUP}, {GROUP} *"))
    }

    fn row(list: &str, path: &str) -> Option<HtmlElement> {
        // A path has its quotes escaped; one that has not is no selector, and finds nothing.
        let selector = format!("#{list} .row-link:is([href=\"{path}\"], [href^=\"{path}?\"])");
        let row = document().query_selector(&selector).ok().flatten();
        row?.dyn_into().ok()
    }

    pub(super) fn focus_row(list: &str, path: &str) {
        if let Some(row) = row(list, path) {
            // Fails only for an element that cannot be focused.
            let _ = row.focus();
        }
    }

    /// Scrolls until the row is in the window, if it is not.
    pub(super) fn show_row(list: &str, path: &str) {
        let row = row(list, path).and_then(|row| row.closest("tr").ok().flatten());
        let window = leptos::prelude::window().inner_height().ok();
        let (Some(row), Some(height)) = (row, window.and_then(|height| height.as_f64())) else {
            return;
        };
        let place = row.get_bounding_client_rect();
        // The bar above the list stays in the window.
        const BAR: f64 = 48.0;
        if place.top() < BAR {
            leptos::prelude::window().scroll_by_with_x_and_y(0.0, place.top() - BAR);
        } else if place.bottom() > height {
            leptos::prelude::window().scroll_by_with_x_and_y(0.0, place.bottom() - height);
        }
    }
}
