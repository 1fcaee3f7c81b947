//! One message, redacted with all the secret values in it known beforehand: what stands under a secret name may stand
//! under another name too, or in the address or a header, before it or after it.

use crate::names::Names;
use crate::needles::Needles;
use crate::search::Search;

/// A message after redaction.
#[derive(Debug)]
pub struct Redacted<T> {
    /// What may be stored.
    pub kept: T,
    /// What was searched for: an answer to the message may repeat it.
    pub needles: Needles,
    /// How many bytes were looked at, counting each as often as it was.
    pub work: usize,
}

/// Redacts a message. `keep` redacts all its parts with a search that knows `needles` and the secret values in the
/// message. It is called at most three times: to gather the values that names give away, to redact, and once more if
/// free text had further ones.
pub fn message<T>(names: &Names, mut needles: Needles, keep: impl Fn(&Search<'_>) -> T) -> Redacted<T> {
    let gathering = Search::gathering(names);
    keep(&gathering);
    let mut work = gathering.work();
    needles.add_all(&gathering.into_harvest());
    let known = needles.len();
    let search = Search::new(names, &needles);
    let mut kept = keep(&search);
    work += search.work();
    needles.add_all(&search.into_harvest());
    if needles.len() > known {
        let search = Search::new(names, &needles);
        kept = keep(&search);
        work += search.work();
    }
    Redacted { kept, needles, work }
}
