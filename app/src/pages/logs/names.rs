//! What brands and keys are called, for the menus and the chips.

use leptos::prelude::*;
use model::{Brand, BrandFilter, CompanyContext, Environment, KeyFilter, KeyGroup, KeyId};

use crate::api;
use crate::pages::company::CompanyScope;
use crate::pages::loaded::Outcome;

/// The words of one company for what its filters name by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) brands: Vec<Brand>,
    /// Active keys, in the order of the API Keys tab.
    pub(super) keys: Vec<KeyName>,
}

#[derive(Clone, Debug)]
pub(super) struct KeyName {
    pub(super) id: KeyId,
    pub(super) environment: Environment,
    pub(super) last_four: String,
}

impl KeyName {
    /// "Sandbox …a6f1".
    pub(super) fn label(&self) -> String {
        format!("{} …{}", self.environment.label(), self.last_four)
    }
}

impl Names {
    /// Groups that could not be loaded are left out: the filters work without them.
    pub(super) fn new(company: CompanyContext, keys: Outcome<Vec<KeyGroup>>) -> Self {
        let keys = keys.unwrap_or_default().into_iter().flat_map(|group| group.keys);
        let keys = keys.map(|key| KeyName {
            id: key.id,
            environment: key.environment,
            last_four: key.last_four,
        });
        Self {
            brands: company.brands,
            keys: keys.collect(),
        }
    }

    pub(super) fn brand(&self, brand: &BrandFilter) -> String {
        match brand {
            BrandFilter::Own => "Own requests".to_owned(),
            BrandFilter::Brand(id) => {
                let known = self.brands.iter().find(|brand| brand.client_id == *id);
                known.map_or_else(|| "Unknown brand".to_owned(), |brand| brand.name.clone())
            }
            BrandFilter::Named(name) => name.clone(),
        }
    }

    pub(super) fn active_key(&self, id: KeyId) -> Option<String> {
        self.keys.iter().find(|key| key.id == id).map(KeyName::label)
    }

    pub(super) fn key_filter(&self, key: KeyFilter) -> String {
        match key {
            KeyFilter::Id(id) => self.key(id),
            KeyFilter::LastFour(last_four) => format!("…{last_four}"),
        }
    }

    /// A deleted key, or a brand's, has no name here; the rows say more about it (`Listing::key_name`).
    pub(super) fn key(&self, id: KeyId) -> String {
        self.active_key(id)
            .unwrap_or_else(|| "not one of your active keys".to_owned())
    }
}

/// The company's active keys. Asked for once: the menu need not follow every change of the other tab.
pub(super) fn active_keys(scope: CompanyScope) -> Resource<Outcome<Vec<KeyGroup>>> {
    Resource::new(
        move || scope.client_id(),
        |company| async move { api::keys::list_keys(company).await },
    )
}
