//! A fault of ours: its cause goes to the server's log under an id, and the id to whoever asked.

use std::error::Error;

use crate::error::chain;

/// Logs the fault and returns the id: a person can quote it and an operator can search for it. `what` says what could not
/// be done.
pub(crate) fn logged(what: &str, error: &dyn Error) -> String {
    let incident = wire::panics::new_incident();
    tracing::error!(incident, error = chain(error), "{what}");
    incident
}
