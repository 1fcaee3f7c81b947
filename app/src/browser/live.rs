//! Server-sent events: one stream per visible tab, closed while the tab is hidden and opened again when it is seen.

use leptos::prelude::*;

/// One event as it arrived: its name (`event:`) and its text (`data:`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveEvent {
    pub name: &'static str,
    pub data: String,
}

/// The state of the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LiveState {
    /// Not wanted, or the tab is hidden, or this is the server.
    #[default]
    Closed,
    Connecting,
    Open,
    /// The browser is reconnecting.
    Interrupted,
}

/// Listens at `address` for events with the given names while it is `Some` and the tab is visible. A change of address
/// closes the stream and opens another. The address says since when (`?since=`) the page needs to know of changes: since it was
/// drawn, and later since the last event, by its id; so nothing is missed in between. `on_open` runs each time the stream opens, also after
/// an interruption. `on_refused` runs when the server answered with something else than a stream: the
/// browser gives up then, so it is tried again here, each time later than before.
pub fn listen(
    address: impl Fn() -> Option<String> + 'static,
    names: &'static [&'static str],
    on_open: impl Fn() + 'static,
    on_refused: impl Fn() + 'static,
    on_event: impl Fn(LiveEvent) + 'static,
) -> ReadSignal<LiveState> {
    let (state, set_state) = signal(LiveState::Closed);
    #[cfg(feature = "hydrate")]
    page::listen(address, names, on_open, on_refused, on_event, set_state);
    #[cfg(not(feature = "hydrate"))]
    let _ = (address, names, on_open, on_refused, on_event, set_state);
    state
}

/// Where the server was among its changes when it began to draw the page. The server provides it to the document, which has it as
/// `<html data-changes>`.
#[derive(Clone, Debug)]
pub struct DrawnSince(pub String);

#[cfg(feature = "hydrate")]
mod page {
    use std::rc::Rc;
    use std::time::Duration;

    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, closure::Closure};
    use web_sys::{Event, EventSource, MessageEvent};

    use super::{LiveEvent, LiveState};
    use crate::browser::timers::Timer;
    use crate::browser::visibility;

    /// After a refusal: 2 s, doubled each time, up to this.
    const LONGEST_WAIT: Duration = Duration::from_secs(32);

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

    /// What a stream reports to.
    struct Listener {
        names: &'static [&'static str],
        on_open: Box<dyn Fn()>,
        on_refused: Box<dyn Fn()>,
        on_event: Box<dyn Fn(LiveEvent)>,
        set_state: WriteSignal<LiveState>,
        /// Goes up when the stream should be opened again.
        again: RwSignal<u32>,
        wait: StoredValue<Duration>,
        timer: Timer,
        /// Up to where the page knows of changes, in the server's words.
        since: StoredValue<String>,
    }

    impl Listener {
        fn opened(&self) {
            self.wait.try_set_value(Duration::from_secs(2));
            self.set_state.try_set(LiveState::Open);
            (self.on_open)();
        }

        /// The browser reconnects on its own unless it has closed the stream.
        fn failed(&self, closed: bool) {
            self.set_state.try_set(LiveState::Interrupted);
            if !closed {
                return;
            }
            (self.on_refused)();
            let (again, wait) = (self.again, self.wait.try_get_value().unwrap_or(LONGEST_WAIT));
            self.wait.try_set_value((wait * 2).min(LONGEST_WAIT));
            self.timer.after(wait, move || {
                again.try_update(|times| *times += 1);
            });
        }
    }

    pub(super) fn listen(
        address: impl Fn() -> Option<String> + 'static,
        names: &'static [&'static str],
        on_open: impl Fn() + 'static,
        on_refused: impl Fn() + 'static,
        on_event: impl Fn(LiveEvent) + 'static,
        set_state: WriteSignal<LiveState>,
    ) {
        let visible = visibility::visible();
        let stream = StoredValue::new_local(None::<Stream>);
        let listener = Rc::new(Listener {
            names,
            on_open: Box::new(on_open),
            on_refused: Box::new(on_refused),
            on_event: Box::new(on_event),
            set_state,
            again: RwSignal::new(0),
            wait: StoredValue::new(Duration::from_secs(2)),
            timer: Timer::new(),
            since: StoredValue::new(since_drawn()),
        });
        Effect::new(move || {
            listener.again.track();
            listener.timer.cancel();
            let wanted = address().filter(|_| visible.get());
            stream.try_update_value(|stream| *stream = None);
            let opened = wanted.and_then(|address| open(&address, &listener));
            set_state.set(if opened.is_some() {
                LiveState::Connecting
            } else {
                LiveState::Closed
            });
            stream.try_update_value(|stream| *stream = opened);
        });
    }

    /// See [`super::DrawnSince`].
    fn since_drawn() -> String {
        let root = document().document_element();
        root.and_then(|root| root.get_attribute("data-changes"))
            .unwrap_or_default()
    }

    fn open(address: &str, listener: &Rc<Listener>) -> Option<Stream> {
        let since = listener.since.get_value();
        let source = EventSource::new(&format!("{address}?since={since}")).ok()?;
        let mut listeners = Vec::with_capacity(listener.names.len() + 2);
        let opened = {
            let listener = Rc::clone(listener);
            Closure::<dyn FnMut(Event)>::new(move |_| listener.opened())
        };
        source.set_onopen(Some(opened.as_ref().unchecked_ref()));
        listeners.push(opened);
        let failed = {
            let (listener, source) = (Rc::clone(listener), source.clone());
            Closure::<dyn FnMut(Event)>::new(move |_| {
                listener.failed(source.ready_state() == EventSource::CLOSED);
            })
        };
        source.set_onerror(Some(failed.as_ref().unchecked_ref()));
        listeners.push(failed);
        for &name in listener.names {
            let told = Rc::clone(listener);
            let told = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
                let message: MessageEvent = event.unchecked_into();
                let data = message.data().as_string().unwrap_or_default();
                match message.last_event_id() {
                    id if id.is_empty() => {}
                    id => drop(told.since.try_set_value(id)),
                }
                (told.on_event)(LiveEvent { name, data });
            });
            source
                .add_event_listener_with_callback(name, told.as_ref().unchecked_ref())
                .ok()?;
            listeners.push(told);
        }
        Some(Stream {
            source,
            _listeners: listeners,
        })
    }
}
