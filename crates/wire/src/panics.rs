//! Turns each panic into one line of the server's log, with an id that the response to the caller repeats.

use std::any::Any;
use std::cell::Cell;
use std::panic::PanicHookInfo;

thread_local! {
    /// The id under which this thread's last panic was logged. Taken by the code that catches the panic.
    static LOGGED: Cell<Option<String>> = const { Cell::new(None) };
}

/// From now on each panic is one line of the log instead of several on standard error. This also makes panics visible
/// in tasks that nobody joins.
pub fn log_each() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let at = info.location().map(ToString::to_string).unwrap_or_default();
        let incident = log(info.payload(), &at);
        LOGGED.set(Some(incident));
    }));
}

/// The id of a panic just caught on this thread. Logs the panic if no hook has done so.
pub fn incident(payload: &(dyn Any + Send)) -> String {
    LOGGED.take().unwrap_or_else(|| log(payload, ""))
}

/// The id of the panic that is unwinding this thread, if it was logged.
pub fn unwinding() -> Option<String> {
    if !std::thread::panicking() {
        return None;
    }
    let incident = LOGGED.take();
    LOGGED.set(incident.clone());
    incident
}

/// An id that a person can quote and support can search for.
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
    // Formatted with Debug, so that a message of several lines stays on one.
    tracing::error!(incident, at, panic = ?said.unwrap_or("no message"), "a panic occurred");
    incident
}
