//! The fields whose values have row sets of their own, and the bytes under which a value is found.

use model::{ClientId, CompanyId, Environment, KeyId, Recorded, Verdict};

use crate::{Column, codes};

/// A field that is indexed: for each of its values, a segment has the set of rows with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// The parent company, or the company itself.
    Root,
    /// The Client ID of the company that the row belongs to.
    Client,
    /// The API key. Rows without one have [`ValueKey::no_key`].
    Key,
    Environment,
    Method,
    Status,
    Verdict,
    Recorded,
    /// See [`duration_class`].
    DurationClass,
}

impl Field {
    pub const ALL: [Self; 9] = [
        Self::Root,
        Self::Client,
        Self::Key,
        Self::Environment,
        Self::Method,
        Self::Status,
        Self::Verdict,
        Self::Recorded,
        Self::DurationClass,
    ];

    /// The column that has the field's value of each row, directly or as a number in a dictionary.
    pub const fn column(self) -> Column {
        match self {
            Self::Root | Self::Client => Column::Place,
            Self::Key => Column::Key,
            Self::Environment => Column::Environment,
            Self::Method => Column::Method,
            Self::Status => Column::Status,
            Self::Verdict => Column::Verdict,
            Self::Recorded => Column::Recorded,
            Self::DurationClass => Column::Duration,
        }
    }
}

/// Bytes of a method that belong to its key at most.
const METHOD_KEY: usize = 32;

/// A value of a [`Field`], as the bytes under which it is found. At most 33 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueKey(pub(crate) Vec<u8>);

impl ValueKey {
    pub fn root(company: CompanyId) -> Self {
        Self(company.to_bytes().to_vec())
    }

    pub fn client(client_id: ClientId) -> Self {
        Self(client_id.to_bytes().to_vec())
    }

    pub fn key(key: KeyId) -> Self {
        Self(key.to_bytes().to_vec())
    }

    /// The rows without a key.
    pub const fn no_key() -> Self {
        Self(Vec::new())
    }

    pub fn environment(environment: Option<Environment>) -> Self {
        Self(vec![codes::environment(environment)])
    }

    /// All methods that agree in their first 32 bytes and are longer share one key.
    pub fn method(method: &str) -> Self {
        let mut key = method.as_bytes().to_vec();
        if key.len() > METHOD_KEY {
            key.truncate(METHOD_KEY);
            key.push(0xff);
        }
        Self(key)
    }

    /// Whether this is the key of several methods, which are too long for keys of their own.
    pub(crate) fn is_shared(&self) -> bool {
        self.0.len() > METHOD_KEY
    }

    pub fn status(status: u16) -> Self {
        Self(status.to_be_bytes().to_vec())
    }

    pub fn verdict(verdict: Verdict) -> Self {
        Self(vec![codes::verdict(verdict)])
    }

    pub fn recorded(recorded: Recorded) -> Self {
        Self(vec![codes::recorded(recorded)])
    }

    pub fn duration_class(class: u8) -> Self {
        Self(vec![class])
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The value, if this is a key of [`Field::Root`].
    pub fn to_company(&self) -> Option<CompanyId> {
        self.id().map(CompanyId::from_bytes)
    }

    /// The value, if this is a key of [`Field::Client`].
    pub fn to_client(&self) -> Option<ClientId> {
        self.id().map(ClientId::from_bytes)
    }

    /// The value, if this is a key of [`Field::Key`] and not [`ValueKey::no_key`].
    pub fn to_key(&self) -> Option<KeyId> {
        self.id().map(KeyId::from_bytes)
    }

    /// The value, if this is a key of [`Field::Environment`]; the inner `None` is a row without an environment.
    pub fn to_environment(&self) -> Option<Option<Environment>> {
        self.code().and_then(codes::to_environment)
    }

    /// The value, if this is a key of [`Field::Method`]. A method that was too long ends with `…`.
    pub fn to_method(&self) -> String {
        match self.0.split_last() {
            Some((0xff, start)) => format!("{}…", String::from_utf8_lossy(start)),
            _ => String::from_utf8_lossy(&self.0).into_owned(),
        }
    }

    /// The value, if this is a key of [`Field::Status`].
    pub fn to_status(&self) -> Option<u16> {
        self.0.as_slice().try_into().ok().map(u16::from_be_bytes)
    }

    /// The value, if this is a key of [`Field::Verdict`].
    pub fn to_verdict(&self) -> Option<Verdict> {
        self.code().and_then(codes::to_verdict)
    }

    /// The value, if this is a key of [`Field::Recorded`].
    pub fn to_recorded(&self) -> Option<Recorded> {
        self.code().and_then(codes::to_recorded)
    }

    /// The value, if this is a key of [`Field::DurationClass`].
    pub fn to_duration_class(&self) -> Option<u8> {
        self.code()
    }

    fn id(&self) -> Option<[u8; 16]> {
        self.0.as_slice().try_into().ok()
    }

    fn code(&self) -> Option<u8> {
        match self.0.as_slice() {
            [code] => Some(*code),
            _ => None,
        }
    }
}

/// The class of a duration in microseconds: 0 below 1 ms, and n from 2^(n-1) ms up to 2^n ms.
pub const fn duration_class(microseconds: u64) -> u8 {
    let milliseconds = microseconds / 1000;
    (64 - milliseconds.leading_zeros()) as u8
}

/// The durations of a class in microseconds: from (included) and to (excluded).
pub fn duration_of_class(class: u8) -> (u64, u64) {
    let milliseconds = |exponent: u32| 1_u64.checked_shl(exponent).unwrap_or(u64::MAX);
    let from = class
        .checked_sub(1)
        .map_or(0, |below| milliseconds(u32::from(below)));
    let to = milliseconds(u32::from(class));
    (from.saturating_mul(1000), to.saturating_mul(1000))
}
