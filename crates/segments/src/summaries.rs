//! What the groups of a question need of a whole segment, made of several of its columns: a fraction of their bytes, so the
//! cache has room for it where it has none for the columns.

use logs::ErrorKey;
use model::{ClientId, KeyId};

/// A summary with more bytes is not kept in the cache: a segment of which each row is a group of its own has one that is larger
/// than the columns.
pub(crate) const LARGEST: usize = 1 << 20;

/// Requests by endpoint.
#[derive(Debug, Default)]
pub(crate) struct EndpointSums {
    /// The most frequent first.
    pub(crate) endpoints: Vec<EndpointSum>,
    pub(crate) templates: Vec<String>,
    pub(crate) methods: Vec<String>,
    /// Classes of durations, and how many requests are in each.
    pub(crate) durations: Vec<(u16, u32)>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct EndpointSum {
    /// The number of its template,
    pub(crate) template: u32,
    /// and of its method.
    pub(crate) method: u16,
    pub(crate) counts: Counts,
    /// Where its durations end. They begin where those of the one before end.
    pub(crate) durations_end: u32,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    pub(crate) server_errors: u64,
}

impl EndpointSums {
    /// Each endpoint with its durations.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&EndpointSum, &[(u16, u32)])> {
        let mut begin = 0;
        self.endpoints.iter().map(move |one| {
            let end = one.durations_end as usize;
            (one, &self.durations[std::mem::replace(&mut begin, end)..end])
        })
    }

    /// Bytes of memory, roughly.
    pub(crate) fn weight(&self) -> usize {
        let texts = self.templates.iter().chain(&self.methods);
        self.endpoints.capacity() * size_of::<EndpointSum>()
            + texts
                .map(|text| size_of::<String>() + text.capacity())
                .sum::<usize>()
            + self.durations.capacity() * size_of::<(u16, u32)>()
    }
}

/// The failed requests, and the values that their numbers stand for.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    /// In ascending order.
    pub(crate) rows: Vec<FailedRow>,
    pub(crate) groups: Vec<ErrorKey>,
    pub(crate) keys: Vec<Option<KeyId>>,
    pub(crate) clients: Vec<ClientId>,
}

/// A segment has 65,536 rows at most, so each number fits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FailedRow {
    pub(crate) at: i64,
    pub(crate) row: u16,
    pub(crate) group: u16,
    pub(crate) key: u16,
    pub(crate) client: u16,
}

impl Failures {
    /// Bytes of memory, roughly.
    pub(crate) fn weight(&self) -> usize {
        /// Of the code of a group, if it has one.
        const CODE: usize = 32;
        let of = |group: &ErrorKey| {
            size_of::<ErrorKey>() + group.method.capacity() + group.endpoint.capacity() + CODE
        };
        self.rows.capacity() * size_of::<FailedRow>()
            + self.groups.iter().map(of).sum::<usize>()
            + self.keys.capacity() * size_of::<Option<KeyId>>()
            + self.clients.capacity() * size_of::<ClientId>()
    }
}
