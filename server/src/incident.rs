//! An internal error. Its cause goes to the server's log under an incident id, and the caller gets only the id.

use std::error::Error;

use crate::error::chain;

/// Logs the error and returns the id, which a person can report and an operator can search for. `what` says what
/// failed.
pub(crate) fn logged(what: &str, error: &dyn Error) -> String {
    let incident = wire::panics::new_incident();
    tracing::error!(incident, error = chain(error), "{what}");
    incident
}
