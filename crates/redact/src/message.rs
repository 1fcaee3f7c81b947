//! Redacts one message with all its secret values known in advance. A value that has a secret name in one place may
//! be repeated under another name, in the path or in a header, earlier or later.

use crate::names::Names;
use crate::needles::Needles;
use crate::search::Search;

/// A message after redaction.
#[derive(Debug)]
pub struct Redacted<T> {
    /// What may be stored.
    pub kept: T,
    /// The secrets that were searched for. The response may repeat them.
    pub needles: Needles,
    /// Number of bytes examined, counting each as often as it was read.
    pub work: usize,
}

/// Redacts a message. `keep` redacts all its parts with a search that knows `needles` and the message's own secret
/// values. It is called at most three times: to gather the values of secret names, to redact, and again if free text
/// contained more of them.
pub fn message<T>(names: &Names, mut needles: Needles, keep: impl Fn(&Search<'_>) -> T) -> Redacted<T> {
    let gathering = Search::gathering(names);
    keep(&gathering);
    let mut work = gathering.work();
    let (harvest, carried) = gathering.into_found();
    needles.add_all(&harvest);
    let known = needles.count();
    let search = Search::next(names, &needles, carried);
    let mut kept = keep(&search);
    work += search.work();
    let (harvest, carried) = search.into_found();
    needles.add_all(&harvest);
    if needles.count() > known {
        let search = Search::next(names, &needles, carried);
        kept = keep(&search);
        work += search.work();
    }
    Redacted { kept, needles, work }
}
