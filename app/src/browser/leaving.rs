//! Asks before the reader leaves an edited form: by a link, by Back or Forward, by closing the tab or loading another page.

/// Called once, by the shell, before it makes the router: of two listeners of the window the first one hears first, and
/// what is heard here may not reach the router.
pub fn watch() {
    #[cfg(feature = "hydrate")]
    page::watch();
}

/// Asks `question` before the page at `address` is left while `edited` is true. Lives as long as the component that calls
/// it.
pub fn ask_before_leaving(
    question: &'static str,
    address: String,
    edited: impl Fn() -> bool + Clone + Send + Sync + 'static,
) {
    #[cfg(feature = "hydrate")]
    page::ask_before_leaving(question, address, edited);
    #[cfg(not(feature = "hydrate"))]
    let _ = (question, address, edited);
}

#[cfg(feature = "hydrate")]
mod page {
    use std::cell::RefCell;
    use std::rc::Rc;

    use leptos::ev;
    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, JsValue};
    use web_sys::{HtmlAnchorElement, MouseEvent};

    /// The form that is open.
    #[derive(Clone)]
    struct Form {
        question: &'static str,
        address: String,
        edited: Rc<dyn Fn() -> bool>,
    }

    thread_local! {
        static OPEN: RefCell<Option<Form>> = const { RefCell::new(None) };
    }

    /// The form that stays open if the person says so.
    fn kept() -> Option<Form> {
        let form = OPEN.with_borrow(Clone::clone)?;
        let leaves = || window().confirm_with_message(form.question).unwrap_or(true);
        ((form.edited)() && !leaves()).then_some(form)
    }

    pub(super) fn watch() {
        let press = window_event_listener(ev::click, |event| {
            if leads_to_another_page(&event) && kept().is_some() {
                event.prevent_default();
                event.stop_immediate_propagation();
            }
        });
        // The browser already shows the other page's address, so the form's address is pushed again.
        let travel = window_event_listener(ev::popstate, |event| {
            if let Some(form) = kept() {
                event.stop_immediate_propagation();
                if let Ok(history) = window().history() {
                    // Fails only for another site's address.
                    let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&form.address));
                }
            }
        });
        on_cleanup(move || {
            press.remove();
            travel.remove();
        });
    }

    pub(super) fn ask_before_leaving(
        question: &'static str,
        address: String,
        edited: impl Fn() -> bool + Clone + Send + Sync + 'static,
    ) {
        let form = Form {
            question,
            address: address.clone(),
            edited: Rc::new(edited.clone()),
        };
        OPEN.set(Some(form));
        let unload = window_event_listener(ev::beforeunload, move |event| {
            if edited() {
                event.prevent_default();
                event.set_return_value(question);
            }
        });
        on_cleanup(move || {
            // The next page's form may be there already.
            OPEN.with_borrow_mut(|open| {
                if open.as_ref().is_some_and(|open| open.address == address) {
                    *open = None;
                }
            });
            unload.remove();
        });
    }

    /// As the router decides it: a plain press on a link of this site. Whatever else is pressed loads another document,
    /// and then the browser asks.
    fn leads_to_another_page(press: &MouseEvent) -> bool {
        let modified = press.meta_key() || press.alt_key() || press.ctrl_key() || press.shift_key();
        if press.default_prevented() || press.button() != 0 || modified {
            return false;
        }
        let link = press
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
            .and_then(|target| target.closest("a[href]").ok().flatten())
            .and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok());
        let Some(link) = link else {
            return false;
        };
        let location = window().location();
        let is_here = location.origin().is_ok_and(|origin| origin == link.origin());
        let same_page = location.pathname().is_ok_and(|path| path == link.pathname())
            && location.search().is_ok_and(|search| search == link.search());
        let elsewhere = !link.target().is_empty() && link.target() != "_self";
        is_here && !same_page && !elsewhere && link.rel() != "external" && !link.has_attribute("download")
    }
}
