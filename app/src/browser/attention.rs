//! Whether the reader is busy with a part of the page, which must not move then: a row that slides away between aiming and
//! clicking opens another one.

use leptos::prelude::*;

use super::timers::Timer;

/// The attention given to the element with one id. That element must stay in the document while its content comes and
/// goes, and hand on its events: [`Attention::pointer_entered`], [`Attention::pointer_left`] and [`Attention::focus_left`].
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    #[cfg(feature = "hydrate")]
    id: &'static str,
    pointer: StoredValue<bool>,
    leaving: Timer,
    released: StoredValue<Option<Callback<()>>>,
}

impl Attention {
    /// Must be called inside a component.
    pub fn to(id: &'static str) -> Self {
        #[cfg(not(feature = "hydrate"))]
        let _ = id;
        Self {
            #[cfg(feature = "hydrate")]
            id,
            pointer: StoredValue::new(false),
            leaving: Timer::new(),
            released: StoredValue::new(None),
        }
    }

    /// True while the pointer or the focus is in the element, or its beginning has been scrolled out of the window.
    /// Always false on the server.
    pub fn is_given(self) -> bool {
        #[cfg(feature = "hydrate")]
        {
            self.pointer.try_get_value() == Some(true) || page::is_busy(self.id)
        }
        #[cfg(not(feature = "hydrate"))]
        false
    }

    /// Calls `run` when the attention may have ended. To be called once, by the component that made this.
    pub fn on_release(self, run: impl Fn() + Send + Sync + 'static) {
        self.released.set_value(Some(Callback::new(move |()| run())));
        #[cfg(feature = "hydrate")]
        page::on_scroll(move || self.release_later());
    }

    pub fn pointer_entered(self) {
        self.leaving.cancel();
        self.pointer.set_value(true);
    }

    /// A finger leaves before its click arrives, and a hand overshoots, so the pointer counts for a moment longer.
    pub fn pointer_left(self) {
        self.leaving.after(super::timers::SETTLE, move || {
            self.pointer.try_set_value(false);
            self.release();
        });
    }

    pub fn focus_left(self) {
        if self.pointer.try_get_value() == Some(false) {
            self.release_later();
        }
    }

    /// Waits until the browser has moved the focus or finished scrolling.
    fn release_later(self) {
        if self.pointer.try_get_value() == Some(false) {
            self.leaving.after(super::timers::SETTLE, move || self.release());
        }
    }

    fn release(self) {
        if let Some(released) = self.released.try_get_value().flatten()
            && !self.is_given()
        {
            released.run(());
        }
    }
}

#[cfg(feature = "hydrate")]
mod page {
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use web_sys::HtmlElement;

    pub(super) fn is_busy(id: &str) -> bool {
        let Some(element) = document()
            .get_element_by_id(id)
            .and_then(|element| element.dyn_into::<HtmlElement>().ok())
        else {
            return false;
        };
        let is = |selector| element.matches(selector).unwrap_or(false);
        // After a touch an element counts as hovered until the next one; there only the events tell.
        let can_hover = window().match_media("(hover: hover)").ok().flatten();
        let hovered = can_hover.is_some_and(|query| query.matches()) && is(":hover");
        let scrolled = window().scroll_y().unwrap_or(0.0) > f64::from(element.offset_top());
        hovered || scrolled || is(":focus-within")
    }

    pub(super) fn on_scroll(run: impl Fn() + 'static) {
        let listener = window_event_listener_untyped("scroll", move |_| run());
        on_cleanup(move || listener.remove());
    }
}
