//! What brands and keys are called, for the menus and the chips.

use model::{Brand, BrandFilter, KeyFilter, KeyName};

/// The requests of no brand.
pub(super) const OWN: &str = "Own requests";

/// The words of one company for what its filters name by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) brands: Vec<Brand>,
    pub(crate) keys: Vec<KeyName>,
}

impl Names {
    pub(super) fn brand(&self, brand: &BrandFilter) -> String {
        match brand {
            BrandFilter::Own => OWN.to_owned(),
            BrandFilter::Brand(id) => {
                let known = self.brands.iter().find(|brand| brand.client_id == *id);
                known.map_or_else(|| "Unknown brand".to_owned(), |brand| brand.name.clone())
            }
            BrandFilter::Named(name) => name.clone(),
        }
    }

    /// "…a6f1 (Sandbox)", "…7821 (Acme East, Production, deleted)".
    pub(super) fn key(&self, key: KeyFilter) -> String {
        match key {
            KeyFilter::Id(id) => self
                .keys
                .iter()
                .find(|key| key.id == id)
                .map_or_else(|| "Unknown key".to_owned(), label),
            KeyFilter::LastFour(last_four) => format!("…{last_four}"),
        }
    }
}

fn label(key: &KeyName) -> String {
    format!("…{} ({})", key.last_four, key.note)
}
