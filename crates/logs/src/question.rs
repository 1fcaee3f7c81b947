//! What can be asked of the log. [`crate::Reading`] asks; a [`crate::Reader`] answers with a [`crate::Found`].

use std::time::Duration;

use model::{
    BrandFilter, ClientId, CompanyId, Environment, KeyId, LogFilter, Recorded, StatusFilter, Timestamp,
    Verdict,
};

/// Whose rows may be read. Every question needs a scope, so no code can read the log without naming a company (invariant
/// 5). `client_id` is the company's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A company that is not a brand: its own rows and those of its brands. Matches rows whose `place.root` is `company`.
    WithBrands { company: CompanyId, client_id: ClientId },
    /// A brand: its own rows only. Matches rows whose `place.company` is `company`, and so whose `place.client_id` is
    /// `client_id`: the two are unique to each other.
    Brand { company: CompanyId, client_id: ClientId },
}

impl Scope {
    /// The company that is reading.
    pub const fn company(self) -> CompanyId {
        match self {
            Self::WithBrands { company, .. } | Self::Brand { company, .. } => company,
        }
    }

    /// That company's client id.
    pub const fn client_id(self) -> ClientId {
        match self {
            Self::WithBrands { client_id, .. } | Self::Brand { client_id, .. } => client_id,
        }
    }
}

/// Which values of one field match. A row matches if its value is among `any_of`, or `any_of` is empty, and it is not
/// among `none_of`. A row without a value matches only if `any_of` is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<T> {
    pub any_of: Vec<T>,
    pub none_of: Vec<T>,
}

// Not derived: a derive would ask for `T: Default`.
impl<T> Default for Choice<T> {
    fn default() -> Self {
        Self {
            any_of: Vec::new(),
            none_of: Vec::new(),
        }
    }
}

impl<T> Choice<T> {
    /// Only this value, or every value.
    pub fn only(value: Option<T>) -> Self {
        Self {
            any_of: value.into_iter().collect(),
            none_of: Vec::new(),
        }
    }

    /// Whether every value matches.
    pub const fn is_everything(&self) -> bool {
        self.any_of.is_empty() && self.none_of.is_empty()
    }
}

/// What a row must be like. All of these must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    pub status: Choice<StatusFilter>,
    /// The company's own client id, or a brand's.
    pub client: Choice<ClientId>,
    pub environment: Choice<Environment>,
    pub key: Choice<KeyId>,
    /// As stored; case-sensitive.
    pub method: Choice<String>,
    pub verdict: Choice<Verdict>,
    pub recorded: Choice<Recorded>,
    /// The path contains one of these; case-sensitive.
    pub path: Choice<String>,
    /// The caller's address, as stored.
    pub address: Choice<String>,
    /// Microseconds: from (included) and to (excluded).
    pub duration_us: Option<(u64, u64)>,
}

impl Conditions {
    /// The conditions of a filter. Its date range and its cursor belong to the [`Question`].
    pub fn of(filter: &LogFilter, scope: Scope) -> Self {
        // Names every field, so that a new filter does not compile until it is handled here.
        let LogFilter {
            range: _,
            status,
            brand,
            environment,
            key,
            method,
            path,
            before: _,
        } = filter;
        let client = brand.map(|brand| match brand {
            BrandFilter::Own => scope.client_id(),
            BrandFilter::Brand(client_id) => client_id,
        });
        // Stored paths have U+2400 in place of NUL.
        let path = Some(path.replace('\0', "\u{2400}")).filter(|path| !path.is_empty());
        Self {
            status: Choice::only(*status),
            client: Choice::only(client),
            environment: Choice::only(*environment),
            key: Choice::only(*key),
            method: Choice::only(method.clone()),
            path: Choice::only(path),
            ..Self::default()
        }
    }

    /// The requests of one key.
    pub fn of_key(key: KeyId) -> Self {
        Self {
            key: Choice::only(Some(key)),
            ..Self::default()
        }
    }

    /// Whether every row matches.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// A question about the rows of one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// When the request arrived: from (included)
    pub from: Timestamp,
    /// to (excluded).
    pub to: Timestamp,
    pub conditions: Conditions,
    /// The cursor: only rows with a smaller `seq`. Does not affect `count`, `histogram` and `facets`.
    pub before: Option<i64>,
    /// Only rows with this `seq` or a smaller one, so that every page of a list belongs to its first.
    pub as_of: Option<i64>,
    /// How many rows to return at most. May be 0.
    pub rows: usize,
    /// Whether to count the matching rows.
    pub count: bool,
    /// Into how many equal parts to divide the range for the histogram.
    pub histogram: Option<u32>,
    /// Whether to count the rows of each value of each field.
    pub facets: bool,
    /// When this has passed, the reader answers with what it has: see [`crate::LookedBack`].
    pub budget: Duration,
}
