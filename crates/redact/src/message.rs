//! Redacts one message with all its secret values known in advance. A value that has a secret name in one place may
//! be repeated under another name, in the path or in a header, earlier or later.

use crate::memory::Memory;
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
    /// For the next message of the batch.
    pub memory: Memory,
}

/// Redacts a message. `keep` redacts all its parts with a search that knows `needles` and the message's own secret
/// values. It is called at most three times: to gather the values of secret names, to redact, and again if free text
/// contained more of them.
pub fn message<T>(names: &Names, needles: Needles, keep: impl Fn(&Search<'_>) -> T) -> Redacted<T> {
    message_of_batch(names, needles, Memory::of_one(names.seen()), keep)
}

/// The same for one of several messages that are redacted one after the other.
pub fn message_of_batch<T>(
    names: &Names,
    mut needles: Needles,
    memory: Memory,
    keep: impl Fn(&Search<'_>) -> T,
) -> Redacted<T> {
    let gathering = Search::gathering(names, memory);
    keep(&gathering);
    let mut work = gathering.work();
    let (harvest, carried) = gathering.into_found();
    needles.add_all(&harvest);
    let known = needles.count();
    let search = Search::next(names, &needles, carried);
    let mut kept = keep(&search);
    work += search.work();
    let (harvest, mut carried) = search.into_found();
    needles.add_all(&harvest);
    if needles.count() > known {
        let search = Search::next(names, &needles, carried);
        kept = keep(&search);
        work += search.work();
        carried = search.into_found().1;
    }
    Redacted {
        kept,
        needles,
        work,
        memory: carried.memory,
    }
}
