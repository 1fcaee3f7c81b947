//! The companies, keys, paths and addresses that the rows of a benchmark are made of.

use logs::{KeyTrace, Place, Scope};
use model::{ClientId, CompanyId, Environment, KeyId, Timestamp};

use crate::dice::{Weighted, mix};

/// Days that the rows are spread over.
pub(crate) const DAYS: i64 = 30;

pub(crate) const DAY_MILLIS: i64 = 86_400_000;

/// Which of the three logs to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Variant {
    /// One company with 20 brands, 12 keys and 3,006 distinct paths.
    Plain,
    /// The same with one million distinct paths.
    Paths,
    /// 10,000 companies. The first has a quarter of the rows, 20 brands and 12 keys.
    Companies,
}

impl Variant {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Paths => "paths",
            Self::Companies => "companies",
        }
    }

    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Plain => "20 brands, 12 keys, 3,006 paths",
            Self::Paths => "one million distinct paths",
            Self::Companies => "10,000 companies",
        }
    }
}

/// What is common to all rows of one log.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) variant: Variant,
    pub(crate) rows: u64,
    /// The rows arrived before this.
    pub(crate) end: Timestamp,
    /// The company that asks: itself first, then its brands.
    pub(crate) family: Vec<Place>,
    pub(crate) family_weights: Weighted,
    /// The keys of the family, with the rarest last.
    pub(crate) keys: Vec<(KeyTrace, Environment)>,
    pub(crate) key_weights: Weighted,
    /// The key of requests that were refused because theirs was deleted, if the log names it.
    pub(crate) deleted_key: Option<KeyTrace>,
    /// Companies beside the family, each with one key.
    pub(crate) others: Vec<(Place, KeyTrace)>,
    pub(crate) common_paths: Vec<String>,
    pub(crate) statuses: Weighted,
}

pub(crate) const COMMON_PATHS: [&str; 6] = [
    "/v1/users/",
    "/v1/orders/",
    "/v1/tasks/",
    "/v1/links/",
    "/v1/companies/",
    "/v1/bridge-tokens/",
];

/// Paths of reports, where there are not a million.
pub(crate) const REPORTS: u64 = 3_000;

/// Paths of reports, where there are a million.
pub(crate) const MANY_REPORTS: u64 = 1_000_000;

/// Statuses with their weights.
pub(crate) const STATUSES: [(u16, f64); 7] = [
    (200, 0.900),
    (201, 0.040),
    (404, 0.020),
    (401, 0.015),
    (429, 0.010),
    (500, 0.010),
    (503, 0.005),
];

/// The weight of what is rare, as a part of all.
const RARE: f64 = 0.000_05;

impl World {
    pub(crate) fn new(variant: Variant, rows: u64, end: Timestamp) -> Self {
        let others = if variant == Variant::Companies { 9_979 } else { 0 };
        // The company has most requests, and each brand fewer than the one before. The last brand is rare.
        let family_weights = (0..20).map(|brand| 1.0 / f64::from(brand + 1)).chain([RARE]);
        Self {
            variant,
            rows,
            end,
            family: (0..=20).map(|member| place(0, member)).collect(),
            family_weights: Weighted::new(family_weights),
            keys: (0..12).map(|number| (key(number), environment(number))).collect(),
            deleted_key: None,
            key_weights: Weighted::new((0..11).map(|_| 1.0).chain([11.0 * RARE])),
            others: (1..=others)
                .map(|number| (place(number, 0), key(1_000 + number)))
                .collect(),
            common_paths: COMMON_PATHS.map(str::to_owned).to_vec(),
            statuses: Weighted::new(STATUSES.map(|(_, weight)| weight)),
        }
    }

    /// When the first row arrived, or shortly before.
    pub(crate) const fn start(&self) -> Timestamp {
        self.end.plus_millis(-DAYS * DAY_MILLIS)
    }

    /// The company that asks.
    pub(crate) fn scope(&self) -> Scope {
        let own = &self.family[0];
        Scope::WithBrands {
            company: own.root,
            client_id: own.client_id,
        }
    }

    /// A company with few rows, if there are 10,000.
    pub(crate) fn small_scope(&self) -> Option<Scope> {
        let (place, _) = self.others.get(4_000)?;
        Some(Scope::WithBrands {
            company: place.root,
            client_id: place.client_id,
        })
    }

    /// The path of this report.
    pub(crate) fn report(&self, number: u64) -> String {
        match self.variant {
            Variant::Paths => format!("/v1/links/{:08x}/report/", mix(number) as u32),
            Variant::Plain | Variant::Companies => format!("/v1/links/{number:04x}/report/"),
        }
    }

    pub(crate) const fn reports(&self) -> u64 {
        match self.variant {
            Variant::Paths => MANY_REPORTS,
            Variant::Plain | Variant::Companies => REPORTS,
        }
    }
}

/// Member 0 is the company itself; the others are its brands.
fn place(root: u64, member: u64) -> Place {
    let company = |member: u64| CompanyId::from_random(id(1, root * 1_000 + member));
    Place {
        root: company(0),
        company: company(member),
        client_id: ClientId::from_random(id(2, root * 1_000 + member)),
        brand: (member > 0).then(|| format!("Brand {member:02}")),
    }
}

pub(crate) fn key(number: u64) -> KeyTrace {
    KeyTrace {
        id: KeyId::from_random(id(3, number)),
        last_four: format!("{:04x}", mix(number) as u16),
    }
}

/// Most keys are for production, two for development.
const fn environment(key: u64) -> Environment {
    match key {
        3 | 7 | 11 => Environment::Sandbox,
        5 | 9 => Environment::Dev,
        _ => Environment::Prod,
    }
}

/// An id of this kind of thing, the same in every run.
pub(crate) fn id(kind: u64, number: u64) -> [u8; 16] {
    let high = mix(kind << 56 | number);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&high.to_be_bytes());
    bytes[8..].copy_from_slice(&mix(high).to_be_bytes());
    bytes
}
