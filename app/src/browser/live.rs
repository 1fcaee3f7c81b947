//! Server-sent events: one stream per visible tab, closed while the tab is hidden and opened again when it is seen.

use leptos::prelude::*;

/// One event as it came: its name (`event:`), its text (`data:`) and its id (`id:`), the latter two as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveEvent {
    pub name: &'static str,
    pub data: String,
    pub id: String,
}

/// How the stream is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LiveState {
    /// Not wanted, or the tab is hidden, or this is the server.
    #[default]
    Closed,
    Connecting,
    Open,
    /// The browser is trying again by itself.
    Interrupted,
}

/// Listens at `address` for events with the given names while it is `Some` and the tab is visible. A change of address
/// closes the stream and opens another. `on_open` runs each time the stream opens, also after an interruption: what was
/// missed in between must be fetched.
pub fn listen(
    address: impl Fn() -> Option<String> + 'static,
    names: &'static [&'static str],
    on_open: impl Fn() + 'static,
    on_event: impl Fn(LiveEvent) + 'static,
) -> ReadSignal<LiveState> {
    let (state, set_state) = signal(LiveState::Closed);
    #[cfg(feature = "hydrate")]
    page::listen(address, names, on_open, on_event, set_state);
    #[cfg(not(feature = "hydrate"))]
    let _ = (address, names, on_open, on_event, set_state);
    state
}

#[cfg(feature = "hydrate")]
mod page {
    use std::rc::Rc;

    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, closure::Closure};
    use web_sys::{Event, EventSource, MessageEvent};

    use super::{LiveEvent, LiveState};
    use crate::browser::visibility;

    /// An open stream with the closures it calls; dropping it closes the stream first.
    struct Stream {
        source: EventSource,
        _listeners: Vec<Closure<dyn FnMut(Event)>>,
    }

    impl Drop for Stream {
        fn drop(&mut self) {
            self.source.set_onopen(None);
            self.source.set_onerror(None);
            self.source.close();
        }
    }

    pub(super) fn listen(
        address: impl Fn() -> Option<String> + 'static,
        names: &'static [&'static str],
        on_open: impl Fn() + 'static,
        on_event: impl Fn(LiveEvent) + 'static,
        set_state: WriteSignal<LiveState>,
    ) {
        let visible = visibility::visible();
        let stream = StoredValue::new_local(None::<Stream>);
        let on_open: Rc<dyn Fn()> = Rc::new(on_open);
        let on_event: Rc<dyn Fn(LiveEvent)> = Rc::new(on_event);
        Effect::new(move || {
            let wanted = address().filter(|_| visible.get());
            stream.try_update_value(|stream| *stream = None);
            let opened = wanted.and_then(|address| open(&address, names, &on_open, &on_event, set_state));
            set_state.set(if opened.is_some() {
                LiveState::Connecting
            } else {
                LiveState::Closed
            });
            stream.try_update_value(|stream| *stream = opened);
        });
    }

    fn open(
        address: &str,
        names: &'static [&'static str],
        on_open: &Rc<dyn Fn()>,
        on_event: &Rc<dyn Fn(LiveEvent)>,
        set_state: WriteSignal<LiveState>,
    ) -> Option<Stream> {
        let source = EventSource::new(address).ok()?;
        let mut listeners = Vec::with_capacity(names.len() + 2);
        let opened = {
            let on_open = Rc::clone(on_open);
            Closure::<dyn FnMut(Event)>::new(move |_| {
                set_state.try_set(LiveState::Open);
                on_open();
            })
        };
        source.set_onopen(Some(opened.as_ref().unchecked_ref()));
        listeners.push(opened);
        let interrupted = Closure::<dyn FnMut(Event)>::new(move |_| {
            set_state.try_set(LiveState::Interrupted);
        });
        source.set_onerror(Some(interrupted.as_ref().unchecked_ref()));
        listeners.push(interrupted);
        for &name in names {
            let on_event = Rc::clone(on_event);
            let listener = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
                let message: MessageEvent = event.unchecked_into();
                let data = message.data().as_string().unwrap_or_default();
                on_event(LiveEvent {
                    name,
                    data,
                    id: message.last_event_id(),
                });
            });
            source
                .add_event_listener_with_callback(name, listener.as_ref().unchecked_ref())
                .ok()?;
            listeners.push(listener);
        }
        Some(Stream {
            source,
            _listeners: listeners,
        })
    }
}
