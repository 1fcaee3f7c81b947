//! What a filter can name and only others know: brands by their names, keys by the last four characters of their secrets,
//! requests by their ids.

use std::fmt;

use async_trait::async_trait;
use model::{
    Brand, BrandFilter, ClientId, Environment, KeyFilter, KeyId, LastFour, LogFilter, LogRow, RequestId,
};

use crate::{LogStoreError, Scope};

/// Knows what the companies of a scope, and their keys, are called.
#[async_trait]
pub trait Directory: fmt::Debug + Send + Sync {
    /// The brands of the company. Empty for a brand.
    async fn brands(&self, scope: Scope) -> Result<Vec<Brand>, LogStoreError>;

    /// The keys that rows of this scope can have: those of the company and, for a parent, of its brands or, for a brand, of
    /// its parent. Deleted keys are among them as long as their tombstones are kept.
    async fn keys(&self, scope: Scope) -> Result<Vec<NamedKey>, LogStoreError>;
}

/// What a key is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKey {
    pub id: KeyId,
    pub last_four: String,
    pub environment: Environment,
    /// Whose key it is.
    pub client_id: ClientId,
    pub is_deleted: bool,
}

/// What the names in a filter stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub brands: Vec<Brand>,
    pub keys: Vec<NamedKey>,
    /// The rows of the filter's request ids, those that the scope has.
    pub requests: Vec<LogRow>,
}

/// Which parts of [`Known`] a filter needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    pub brands: bool,
    pub keys: bool,
}

impl Known {
    /// What a filter needs besides the rows of its request ids.
    pub fn needs(filter: &LogFilter) -> Needs {
        let (brand, key) = (&filter.brand, &filter.key);
        let is_name = |brand: &BrandFilter| matches!(brand, BrandFilter::Named(_));
        let is_last_four = |key: &KeyFilter| matches!(key, KeyFilter::LastFour(_));
        Needs {
            brands: brand.any_of.iter().chain(&brand.none_of).any(is_name),
            keys: key.any_of.iter().chain(&key.none_of).any(is_last_four),
        }
    }

    /// Names are compared without regard to case.
    pub(crate) fn brands_named(&self, name: &str) -> Vec<ClientId> {
        let name = name.trim().to_lowercase();
        let brands = self
            .brands
            .iter()
            .filter(|brand| brand.name.trim().to_lowercase() == name);
        brands.map(|brand| brand.client_id).collect()
    }

    pub(crate) fn keys_ending(&self, last_four: LastFour) -> Vec<KeyId> {
        let keys = self.keys.iter().filter(|key| key.last_four == last_four.as_str());
        keys.map(|key| key.id).collect()
    }

    pub(crate) fn rows_of(&self, id: RequestId) -> Vec<i64> {
        let rows = self.requests.iter().filter(|row| row.request_id == id);
        rows.map(|row| row.seq).collect()
    }
}

/// Knows no brand and no key.
#[derive(Debug)]
pub(crate) struct Empty;

#[async_trait]
impl Directory for Empty {
    async fn brands(&self, _: Scope) -> Result<Vec<Brand>, LogStoreError> {
        Ok(Vec::new())
    }

    async fn keys(&self, _: Scope) -> Result<Vec<NamedKey>, LogStoreError> {
        Ok(Vec::new())
    }
}
