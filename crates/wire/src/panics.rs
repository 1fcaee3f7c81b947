//! Panics: each is one line of the server's log, with an id that the answer to the caller repeats.

use std::any::Any;
use std::cell::Cell;
use std::panic::PanicHookInfo;

thread_local! {
    /// The id under which this thread's last panic was logged; taken by whoever catches it.
    static LOGGED: Cell<Option<String>> = const { Cell::new(None) };
}

/// From now on a panic is one line of the log, and not several on standard error. A task that nobody waits for is heard of
/// this way too.
pub fn log_each() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let at = info.location().map(ToString::to_string).unwrap_or_default();
        let incident = log(info.payload(), &at);
        LOGGED.set(Some(incident));
    }));
}

/// The id of a panic that was just caught on this thread. Logs it, where no hook has.
pub fn incident(payload: &(dyn Any + Send)) -> String {
    LOGGED.take().unwrap_or_else(|| log(payload, ""))
}

/// The id of the panic that is unwinding this thread, where it has been logged.
pub fn unwinding() -> Option<String> {
    if !std::thread::panicking() {
        return None;
    }
    let incident = LOGGED.take();
    LOGGED.set(incident.clone());
    incident
}

/// An id that a person can quote and an operator can search for.
pub fn new_incident() -> String {
    let id = model::RequestId::from_random(vault::random()).to_string();
    id.chars().take(12).collect()
}

fn log(payload: &(dyn Any + Send), at: &str) -> String {
    let incident = new_incident();
    let said = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    // Debug, so that a message of several lines stays one.
    tracing::error!(incident, at, panic = ?said.unwrap_or("without a message"), "something panicked");
    incident
}
