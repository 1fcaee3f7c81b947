//! Asks before a form that was edited is left: by a link, by Back and Forward, by closing the tab or loading another page.

/// Asks `question` before the page is left while `edited` is true. Lives as long as the component that calls it.
pub fn ask_before_leaving(question: &'static str, edited: impl Fn() -> bool + Clone + 'static) {
    #[cfg(feature = "hydrate")]
    page::ask_before_leaving(question, edited);
    #[cfg(not(feature = "hydrate"))]
    let _ = (question, edited);
}

#[cfg(feature = "hydrate")]
mod page {
    use leptos::ev;
    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, JsValue, closure::Closure};
    use web_sys::{Event, HtmlAnchorElement, MouseEvent};

    /// A listener that hears an event before the router does; dropping it ends it.
    struct First {
        event: &'static str,
        heard: Closure<dyn FnMut(Event)>,
    }

    impl First {
        fn new(event: &'static str, heard: impl FnMut(Event) + 'static) -> Self {
            let heard = Closure::<dyn FnMut(Event)>::new(heard);
            // The window is always there, and takes any listener.
            let _ = window().add_event_listener_with_callback_and_bool(
                event,
                heard.as_ref().unchecked_ref(),
                true,
            );
            Self { event, heard }
        }
    }

    impl Drop for First {
        fn drop(&mut self) {
            let _ = window().remove_event_listener_with_callback_and_bool(
                self.event,
                self.heard.as_ref().unchecked_ref(),
                true,
            );
        }
    }

    pub(super) fn ask_before_leaving(question: &'static str, edited: impl Fn() -> bool + Clone + 'static) {
        let stays = {
            let edited = edited.clone();
            move || edited() && !window().confirm_with_message(question).unwrap_or(true)
        };
        let links = {
            let stays = stays.clone();
            First::new("click", move |event| {
                if leads_to_another_page(&event) && stays() {
                    event.prevent_default();
                    event.stop_immediate_propagation();
                }
            })
        };
        // By the time of the event the browser shows the other page's address: the form's is put on top again.
        let form = window().location().href().unwrap_or_default();
        let history = First::new("popstate", move |event| {
            if stays() {
                event.stop_immediate_propagation();
                if let Ok(history) = window().history() {
                    // Fails only for another site's address.
                    let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&form));
                }
            }
        });
        let listeners = StoredValue::new_local(Some((links, history)));
        let unload = window_event_listener(ev::beforeunload, move |event| {
            if edited() {
                event.prevent_default();
                event.set_return_value(question);
            }
        });
        on_cleanup(move || {
            listeners.try_set_value(None);
            unload.remove();
        });
    }

    /// As the router decides it: a plain press on a link of this site. Whatever else is pressed loads another document,
    /// and then the browser asks.
    fn leads_to_another_page(event: &Event) -> bool {
        let Some(press) = event.dyn_ref::<MouseEvent>() else {
            return false;
        };
        let plain = press.button() == 0
            && !press.meta_key()
            && !press.alt_key()
            && !press.ctrl_key()
            && !press.shift_key();
        let link = press
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
            .and_then(|target| target.closest("a[href]").ok().flatten())
            .and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok());
        let (Some(link), true) = (link, plain) else {
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
