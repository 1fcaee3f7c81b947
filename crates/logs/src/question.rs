//! What can be asked of the log. [`crate::Reading`] asks; a [`crate::Reader`] answers with a [`crate::Found`].

use std::time::Duration;

use model::{
    BrandFilter, Choice, ClientId, CompanyId, EndpointOrder, Environment, ErrorCode, KeyFilter, KeyId,
    LogFilter, NO_ERROR_CODE, Recorded, StatusFilter, Timestamp, Verdict, path_template,
};
use redact::visible;

use crate::Known;

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
    /// `None`: without a code.
    pub error: Choice<Option<ErrorCode>>,
    pub recorded: Choice<Recorded>,
    /// The path contains one of these; case-sensitive.
    pub path: Choice<String>,
    /// The path has one of these templates: see [`model::path_template`].
    pub endpoint: Choice<String>,
    /// The caller's address, as stored.
    pub address: Choice<String>,
    /// Microseconds: from (included) and to (excluded; `u64::MAX` where there is no limit).
    pub duration_us: Choice<(u64, u64)>,
    /// Rows by their `seq`.
    pub row: Choice<i64>,
}

impl Conditions {
    /// The conditions of a filter. Its date range and its cursor belong to the [`Question`]. `known` must have what the
    /// filter names: see [`Known::needs`].
    pub fn of(filter: &LogFilter, scope: Scope, known: &Known) -> Self {
        // Names every field, so that a new filter does not compile until it is handled here.
        let LogFilter {
            range: _,
            status,
            brand,
            environment,
            key,
            method,
            verdict,
            error,
            recorded,
            path,
            endpoint,
            address,
            duration,
            request,
            view: _,
            sort: _,
            before: _,
        } = filter;
        let as_in_paths = |text: &String| visible(text.clone());
        let part = |part: &String| vec![as_in_paths(part)];
        // Also reads a path with ids in it.
        let template = |endpoint: &String| vec![path_template(&as_in_paths(endpoint))];
        Self {
            status: status.clone(),
            client: named(brand, NO_CLIENT, |brand| match brand {
                BrandFilter::Own => vec![scope.client_id()],
                BrandFilter::Brand(client_id) => vec![*client_id],
                BrandFilter::Named(name) => known.brands_named(name),
            }),
            environment: environment.clone(),
            key: named(key, NO_KEY, |key| match key {
                KeyFilter::Id(id) => vec![*id],
                KeyFilter::LastFour(last_four) => known.keys_ending(*last_four),
            }),
            method: method.clone(),
            verdict: verdict.clone(),
            error: named(error, None, |code| vec![code_of(code)]),
            recorded: recorded.clone(),
            path: named(path, NO_TEXT.to_owned(), part),
            endpoint: named(endpoint, NO_TEXT.to_owned(), template),
            address: named(address, NO_TEXT.to_owned(), |address| vec![as_stored(address)]),
            duration_us: named(duration, (0, 0), |duration| vec![duration.bounds()]),
            row: named(request, NO_ROW, |id| known.rows_of(*id)),
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

/// What no row has, for names that nothing is called by: a choice of nothing would be a choice of everything.
const NO_CLIENT: ClientId = ClientId::from_bytes([0; 16]);
const NO_KEY: KeyId = KeyId::from_bytes([0; 16]);
const NO_TEXT: &str = "\0";
const NO_ROW: i64 = i64::MIN;

/// Replaces each value by those that it names, each once. If there are values to include and they name nothing, only
/// `nothing` is included, which no row has.
fn named<T, U: PartialEq>(choice: &Choice<T>, nothing: U, find: impl Fn(&T) -> Vec<U>) -> Choice<U> {
    let all = |values: &[T]| {
        let mut found = Vec::new();
        for value in values.iter().flat_map(&find) {
            if !found.contains(&value) {
                found.push(value);
            }
        }
        found
    };
    let mut any_of = all(&choice.any_of);
    if any_of.is_empty() && !choice.any_of.is_empty() {
        any_of.push(nothing);
    }
    Choice {
        any_of,
        none_of: all(&choice.none_of),
    }
}

/// An address as the gateway writes it. What is no address stays as it is, and no row has it.
fn as_stored(address: &str) -> String {
    let parsed = address.parse::<std::net::IpAddr>();
    parsed.map_or_else(|_| address.to_owned(), |address| address.to_string())
}

/// A code of an error. What no response can have stays as it is, and no row has it.
fn code_of(text: &String) -> Option<ErrorCode> {
    if text == NO_ERROR_CODE {
        None
    } else {
        ErrorCode::stored(text)
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
    /// The cursor: only rows with a smaller `seq`. Does not affect `count`, `histogram`, `facets` and `groups`.
    pub before: Option<i64>,
    /// Only rows with this `seq` or a smaller one, so that every page of a list belongs to its first.
    pub as_of: Option<i64>,
    /// Only rows with a larger `seq`: what is new since an answer with this `as_of`. Their count is exact unless the budget
    /// ends.
    pub after: Option<i64>,
    /// How many rows to return at most. May be 0.
    pub rows: usize,
    /// Whether the rows have their [`model::Caller`].
    pub callers: bool,
    /// Whether to count the matching rows.
    pub count: bool,
    /// Into how many equal parts to divide the range for the histogram.
    pub histogram: Option<u32>,
    /// Whether to count the rows of each value of each field.
    pub facets: bool,
    /// Into which groups to divide the matching rows.
    pub groups: Option<Groups>,
    /// When this has passed, the reader answers with what it has: see [`crate::LookedBack`].
    pub budget: Duration,
}

/// Groups of matching rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Groups {
    /// Those with a status of 400 or above, by what failed. `parts` is into how many equal parts to divide the range for
    /// each group's counts; 1 at least.
    Errors { parts: u32 },
    /// All, by endpoint. The first ones in this order are listed.
    Endpoints(EndpointOrder),
    /// All, by the address of the caller. The most frequent are listed, at most [`Groups::ADDRESSES`].
    Addresses,
}

impl Groups {
    /// Groups that an answer has at most.
    pub const LISTED: usize = 50;
    /// Addresses that an answer has at most.
    pub const ADDRESSES: usize = 1000;
    /// Distinct keys, and distinct brands, of a group that are told apart.
    pub const AFFECTED: usize = 50;
}
