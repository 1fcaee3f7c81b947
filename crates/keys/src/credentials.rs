//! Everything needed to judge requests, in memory: companies, active keys and tombstones. It is one immutable snapshot
//! that is replaced as a whole, so readers take no lock.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use http::HeaderValue;
use model::{ClientId, CompanyId, Environment, KeyId, Timestamp};
use vault::LookupHash;

use crate::{CompanyRow, CredentialRow, CredentialState, Loaded};

/// For this many days the log can name a deleted key when someone tries it.
pub const TOMBSTONE_DAYS: i64 = 90;

/// The maps are split into this many parts. A change copies one part instead of all keys of the installation.
const PARTS: usize = 64;

/// What log entries and responses say about a company.
#[derive(Debug, PartialEq, Eq)]
pub struct Company {
    pub id: CompanyId,
    pub client_id: ClientId,
    pub name: Arc<str>,
    /// A brand's parent. For any other company, the company itself.
    pub root: CompanyId,
    /// The brand's own name, if this is a brand.
    pub brand_name: Option<Arc<str>>,
    /// `id` and `client_id` as the gateway sends them to upstreams, so that it formats nothing for each request.
    pub id_header: HeaderValue,
    pub client_id_header: HeaderValue,
}

/// A company that the snapshot, keys and requests in progress share. A clone is one more reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanyRef(Arc<Company>);

impl Deref for CompanyRef {
    type Target = Company;

    fn deref(&self) -> &Company {
        &self.0
    }
}

impl From<&CompanyRow> for CompanyRef {
    fn from(row: &CompanyRow) -> Self {
        let name: Arc<str> = row.name.as_str().into();
        Self(Arc::new(Company {
            id: row.id,
            client_id: row.client_id,
            name: Arc::clone(&name),
            root: row.parent.unwrap_or(row.id),
            brand_name: row.parent.map(|_| name),
            id_header: header(row.id),
            client_id_header: header(row.client_id),
        }))
    }
}

/// An id as the value of a header.
fn header(id: impl Display) -> HeaderValue {
    // Ids are hex digits, which every header may have.
    HeaderValue::try_from(id.to_string()).unwrap_or(HeaderValue::from_static("-"))
}

/// A key that requests may use.
#[derive(Clone, Debug)]
pub struct ActiveKey {
    pub key_id: KeyId,
    pub company: CompanyRef,
    pub environment: Environment,
    pub last_four: Arc<str>,
    pub lookup: LookupHash,
    /// `key_id` as the gateway sends it to upstreams.
    pub id_header: HeaderValue,
}

/// What remains of a deleted key.
#[derive(Clone, Debug)]
pub struct Tombstone {
    pub key_id: KeyId,
    pub company: CompanyRef,
    pub environment: Environment,
    pub last_four: Arc<str>,
    pub deleted_at: Timestamp,
    /// The name of the person or program that deleted it.
    pub deleted_by: Arc<str>,
}

/// A key as named in a log entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTrace {
    pub key_id: KeyId,
    pub last_four: Arc<str>,
    pub environment: Environment,
}

impl ActiveKey {
    pub(crate) fn new(
        key_id: KeyId,
        company: CompanyRef,
        environment: Environment,
        last_four: &str,
        lookup: LookupHash,
    ) -> Self {
        Self {
            key_id,
            company,
            environment,
            last_four: last_four.into(),
            lookup,
            id_header: header(key_id),
        }
    }

    pub fn trace(&self) -> KeyTrace {
        KeyTrace {
            key_id: self.key_id,
            last_four: Arc::clone(&self.last_four),
            environment: self.environment,
        }
    }
}

impl Tombstone {
    pub fn trace(&self) -> KeyTrace {
        KeyTrace {
            key_id: self.key_id,
            last_four: Arc::clone(&self.last_four),
            environment: self.environment,
        }
    }

    /// From this moment on, the key is treated like any unknown key.
    pub const fn forgotten_at(&self) -> Timestamp {
        self.deleted_at.plus_seconds(TOMBSTONE_DAYS * 86_400)
    }
}

/// What a look-up hash belongs to.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    Active(Arc<ActiveKey>),
    Deleted(Arc<Tombstone>),
}

impl Credential {
    pub(crate) fn company(&self) -> &CompanyRef {
        match self {
            Self::Active(key) => &key.company,
            Self::Deleted(tombstone) => &tombstone.company,
        }
    }
}

type Part = HashMap<LookupHash, Credential>;

#[derive(Debug, Default)]
struct Companies {
    by_client: HashMap<ClientId, CompanyRef>,
    by_id: HashMap<CompanyId, CompanyRef>,
}

/// The state of all keys after a change. It never changes; the next state is another snapshot.
#[derive(Clone, Debug)]
pub struct Snapshot {
    version: u64,
    companies: Arc<Companies>,
    parts: Vec<Arc<Part>>,
}

impl Snapshot {
    /// Builds the state from the database's rows. A key whose company is missing is left out, so nobody can use it.
    pub fn build(loaded: Loaded) -> Self {
        let companies = Companies::build(&loaded.companies);
        let mut parts: Vec<Part> = (0..PARTS).map(|_| Part::new()).collect();
        for row in loaded.credentials {
            let Some(company) = companies.by_id.get(&row.company) else {
                tracing::error!(key = %row.id, "a key belongs to no company; refusing it");
                continue;
            };
            parts[part_of(&row.lookup)].insert(row.lookup, row.into_credential(company.clone()));
        }
        Self {
            version: loaded.version,
            companies: Arc::new(companies),
            parts: parts.into_iter().map(Arc::new).collect(),
        }
    }

    /// This snapshot contains all changes up to this change version.
    pub const fn version(&self) -> u64 {
        self.version
    }

    pub fn company(&self, client_id: ClientId) -> Option<&CompanyRef> {
        self.companies.by_client.get(&client_id)
    }

    pub fn company_by_id(&self, id: CompanyId) -> Option<&CompanyRef> {
        self.companies.by_id.get(&id)
    }

    /// The brand of `parent` that `X-Brand-Id` names. `None` for another company's brand, for the parent itself, and
    /// for text that is not a client id.
    pub fn brand(&self, parent: CompanyId, client_id: &str) -> Option<CompanyRef> {
        let brand = self.company(client_id.parse().ok()?)?;
        (brand.root == parent && brand.id != parent).then(|| brand.clone())
    }

    /// An active key by its id. Searches all keys, so it is for the command line and not for requests.
    pub fn active_key(&self, key: KeyId) -> Option<&Arc<ActiveKey>> {
        self.active().find(|active| active.key_id == key)
    }

    pub(crate) fn credential(&self, lookup: &LookupHash) -> Option<&Credential> {
        self.parts[part_of(lookup)].get(lookup)
    }

    fn active(&self) -> impl Iterator<Item = &Arc<ActiveKey>> {
        self.parts
            .iter()
            .flat_map(|part| part.values())
            .filter_map(|credential| match credential {
                Credential::Active(key) => Some(key),
                Credential::Deleted(_) => None,
            })
    }

    /// The same state with one more credential. A tombstone replaces its key, but a key never replaces its tombstone,
    /// whatever order changes are applied in.
    fn with(&self, lookup: LookupHash, credential: Credential) -> Self {
        let mut next = self.clone();
        let part = Arc::make_mut(&mut next.parts[part_of(&lookup)]);
        match credential {
            Credential::Active(_) => drop(part.entry(lookup).or_insert(credential)),
            Credential::Deleted(_) => drop(part.insert(lookup, credential)),
        }
        next
    }

    /// Companies whose active keys differ between the two.
    pub(crate) fn companies_with_other_keys(&self, other: &Self) -> HashSet<CompanyId> {
        let ids = |snapshot: &Self| -> HashMap<KeyId, CompanyId> {
            snapshot
                .active()
                .map(|key| (key.key_id, key.company.id))
                .collect()
        };
        let (ours, theirs) = (ids(self), ids(other));
        let missing = |from: &HashMap<KeyId, CompanyId>, to: &HashMap<KeyId, CompanyId>| -> Vec<CompanyId> {
            from.iter()
                .filter(|(key, _)| !to.contains_key(key))
                .map(|(_, company)| *company)
                .collect()
        };
        missing(&ours, &theirs)
            .into_iter()
            .chain(missing(&theirs, &ours))
            .collect()
    }
}

fn part_of(lookup: &LookupHash) -> usize {
    // Not the byte that the maps hash by, so that each part uses its own buckets evenly.
    let [.., last] = lookup.as_bytes();
    usize::from(*last) % PARTS
}

impl Companies {
    fn build(rows: &[CompanyRow]) -> Self {
        let mut companies = Self::default();
        for row in rows {
            let company = CompanyRef::from(row);
            companies.by_client.insert(row.client_id, company.clone());
            companies.by_id.insert(row.id, company);
        }
        companies
    }
}

impl CredentialRow {
    fn into_credential(self, company: CompanyRef) -> Credential {
        match self.state {
            CredentialState::Active => Credential::Active(Arc::new(ActiveKey::new(
                self.id,
                company,
                self.environment,
                &self.last_four,
                self.lookup,
            ))),
            CredentialState::Deleted { at, by } => Credential::Deleted(Arc::new(Tombstone {
                key_id: self.id,
                company,
                environment: self.environment,
                last_four: self.last_four.into(),
                deleted_at: at,
                deleted_by: by.into(),
            })),
        }
    }
}

/// What became of a state that was loaded from the database.
#[derive(Debug)]
pub(crate) enum Replacement {
    /// It is the current one now. This is the one before.
    Done(Arc<Snapshot>),
    /// The current one has everything that was loaded.
    Unneeded,
    /// It was read before a change that is already applied here, and changes before that one are not. Load again.
    Outdated,
}

/// The current snapshot, and the only code that replaces it.
#[derive(Debug)]
pub struct Credentials {
    current: ArcSwap<Snapshot>,
    /// The latest change version that was applied before the changes preceding it were loaded. Locked while replacing.
    ahead: Mutex<u64>,
}

impl Credentials {
    pub fn new(snapshot: Snapshot) -> Self {
        Self {
            current: ArcSwap::from_pointee(snapshot),
            ahead: Mutex::new(0),
        }
    }

    /// The state at this moment.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Like [`Self::current`], but without touching a shared counter. For requests.
    pub(crate) fn borrow(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.current.load()
    }

    /// Replaces the state with one loaded from the database, unless the load began before a change that is already
    /// applied here: a key deleted in between would come back.
    pub(crate) fn replace(&self, loaded: Snapshot) -> Replacement {
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.version < self.current.load().version {
            Replacement::Unneeded
        } else if loaded.version < *ahead {
            Replacement::Outdated
        } else {
            Replacement::Done(self.current.swap(Arc::new(loaded)))
        }
    }

    /// Applies the change that this process has just committed as `version`. `change` computes it from the current
    /// state, or returns `None` if that state does not know the company yet. If earlier changes are not loaded, or this
    /// one could not be computed, the snapshot keeps its version, so that the next load brings them in. Returns whether it
    /// could be computed.
    pub(crate) fn apply(
        &self,
        lookup: LookupHash,
        version: u64,
        change: impl FnOnce(&Snapshot) -> Option<Credential>,
    ) -> bool {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        *ahead = version.max(*ahead);
        let current = self.current.load_full();
        let Some(credential) = change(&current) else {
            return false;
        };
        let mut next = current.with(lookup, credential);
        if current.version + 1 == version {
            next.version = version;
        }
        self.current.store(Arc::new(next));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELETED_AT: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    fn company(number: u8, parent: Option<u8>) -> CompanyRow {
        CompanyRow {
            id: CompanyId::from_random([number; 16]),
            client_id: ClientId::from_random([number; 16]),
            name: format!("Company {number}"),
            parent: parent.map(|parent| CompanyId::from_random([parent; 16])),
        }
    }

    fn row(number: u8, company: u8) -> CredentialRow {
        CredentialRow {
            id: KeyId::from_random([number; 16]),
            company: CompanyId::from_random([company; 16]),
            environment: Environment::Sandbox,
            lookup: LookupHash::from_bytes([number; 32]),
            last_four: "00ff".to_owned(),
            state: CredentialState::Active,
        }
    }

    fn snapshot(version: u64, credentials: Vec<CredentialRow>) -> Snapshot {
        Snapshot::build(Loaded {
            version,
            companies: vec![company(1, None), company(2, Some(1)), company(3, None)],
            credentials,
        })
    }

    fn tombstone(number: u8, of: &Snapshot) -> Credential {
        let state = CredentialState::Deleted {
            at: DELETED_AT,
            by: "Ana".to_owned(),
        };
        let row = CredentialRow {
            state,
            ..row(number, 1)
        };
        row.into_credential(
            of.company_by_id(CompanyId::from_random([1; 16]))
                .expect("the company is loaded")
                .clone(),
        )
    }

    fn is_active(credentials: &Credentials, number: u8) -> bool {
        let lookup = LookupHash::from_bytes([number; 32]);
        matches!(
            credentials.current().credential(&lookup),
            Some(Credential::Active(_))
        )
    }

    #[test]
    fn the_ids_of_companies_and_keys_are_ready_as_headers() {
        let snapshot = snapshot(1, vec![row(7, 2)]);
        let Some(Credential::Active(key)) = snapshot.credential(&LookupHash::from_bytes([7; 32])) else {
            panic!("the key is active");
        };
        assert_eq!(key.id_header, key.key_id.to_string());
        assert_eq!(key.company.id_header, key.company.id.to_string());
        assert_eq!(key.company.client_id_header, key.company.client_id.to_string());
    }

    #[test]
    fn a_brand_is_found_under_its_parent_only() {
        let snapshot = snapshot(1, Vec::new());
        let [parent, brand, other] = [1, 2, 3].map(|number| CompanyId::from_random([number; 16]));
        let name = |number: u8| ClientId::from_random([number; 16]).to_string();
        let found = snapshot.brand(parent, &name(2)).expect("company 2 is its brand");
        assert_eq!(
            (found.id, found.root, found.brand_name.as_deref()),
            (brand, parent, Some("Company 2"))
        );
        assert_eq!(snapshot.brand(other, &name(2)), None);
        assert_eq!(snapshot.brand(parent, &name(1)), None);
        assert_eq!(snapshot.brand(brand, &name(2)), None);
        assert_eq!(snapshot.brand(parent, "nonsense"), None);
    }

    #[test]
    fn a_load_that_was_read_before_a_deletion_does_not_bring_the_key_back() {
        let credentials = Credentials::new(snapshot(1, vec![row(7, 1)]));
        let read_before = snapshot(1, vec![row(7, 1)]);
        let deleted = tombstone(7, &read_before);
        credentials.apply(LookupHash::from_bytes([7; 32]), 2, |_| Some(deleted));
        assert!(matches!(credentials.replace(read_before), Replacement::Unneeded));
        assert!(!is_active(&credentials, 7));
    }

    #[test]
    fn a_change_applied_early_leaves_earlier_changes_to_be_loaded() {
        let credentials = Credentials::new(snapshot(1, vec![row(7, 1)]));
        // Another node made version 2; this node has made version 3.
        let deleted = tombstone(7, &credentials.current());
        credentials.apply(LookupHash::from_bytes([7; 32]), 3, |_| Some(deleted));
        assert!(!is_active(&credentials, 7));
        assert_eq!(
            credentials.current().version(),
            1,
            "version 2 is still to be loaded"
        );
        let read_before = snapshot(2, vec![row(7, 1), row(8, 1)]);
        assert!(matches!(credentials.replace(read_before), Replacement::Outdated));
        let read_after = snapshot(3, vec![row(8, 1)]);
        assert!(matches!(credentials.replace(read_after), Replacement::Done(_)));
        assert!(is_active(&credentials, 8) && !is_active(&credentials, 7));
    }

    #[test]
    fn a_key_never_replaces_its_tombstone() {
        let credentials = Credentials::new(snapshot(1, Vec::new()));
        let current = credentials.current();
        let owner = current
            .company_by_id(CompanyId::from_random([1; 16]))
            .expect("the company is loaded")
            .clone();
        let lookup = LookupHash::from_bytes([7; 32]);
        credentials.apply(lookup, 3, |_| Some(tombstone(7, &current)));
        credentials.apply(lookup, 2, |_| Some(row(7, 1).into_credential(owner)));
        assert!(!is_active(&credentials, 7));
    }

    #[test]
    fn a_change_that_could_not_be_applied_is_left_to_the_next_load() {
        let credentials = Credentials::new(snapshot(1, Vec::new()));
        assert!(!credentials.apply(LookupHash::from_bytes([7; 32]), 2, |_| None));
        assert_eq!(credentials.current().version(), 1);
        let may_contain_the_deleted_key = credentials.replace(snapshot(1, vec![row(7, 1)]));
        assert!(matches!(may_contain_the_deleted_key, Replacement::Outdated));
        assert!(matches!(
            credentials.replace(snapshot(2, Vec::new())),
            Replacement::Done(_)
        ));
    }

    #[test]
    fn a_key_without_a_company_is_left_out() {
        let credentials = Credentials::new(snapshot(1, vec![row(7, 9), row(8, 1)]));
        assert!(!is_active(&credentials, 7) && is_active(&credentials, 8));
    }

    #[test]
    fn only_companies_whose_keys_changed_are_returned() {
        let before = snapshot(1, vec![row(7, 1), row(8, 2), row(9, 3)]);
        let after = snapshot(2, vec![row(7, 1), row(10, 3), row(9, 3)]);
        let changed = before.companies_with_other_keys(&after);
        assert_eq!(
            changed,
            [2, 3].map(|number| CompanyId::from_random([number; 16])).into()
        );
        assert!(after.companies_with_other_keys(&after).is_empty());
    }
}
