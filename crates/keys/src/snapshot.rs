//! Everything needed to judge requests, in memory: companies, active keys and tombstones. Each state is an immutable
//! snapshot, so readers take no lock. The next one shares what has not changed, so a change costs the same however many
//! companies there are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use model::{ClientId, CompanyId, KeyId, Timestamp};
use vault::LookupHash;

use crate::credentials::Credential;
use crate::parts::PartedMap;
use crate::{ActiveKey, CompanyRef, CompanyRow, KeyTrace, Loaded};

/// The state of all keys after a change. It never changes; the next state is another snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    version: u64,
    by_client: PartedMap<ClientId, CompanyRef>,
    by_id: PartedMap<CompanyId, CompanyRef>,
    credentials: PartedMap<LookupHash, Credential>,
    /// Companies by the Client ID that they had in another system.
    by_imported: Arc<HashMap<Arc<str>, CompanyRef>>,
    /// Whether there is or was anything that [`Snapshot::imported`] could find.
    has_imports: bool,
}

impl Snapshot {
    /// Builds the state from all rows of the database. A key whose company is missing is left out, so it is refused.
    pub fn build(loaded: Loaded) -> Self {
        let mut snapshot = Self::default();
        snapshot.take_in(loaded);
        snapshot
    }

    /// This snapshot contains all changes up to this change version.
    pub const fn version(&self) -> u64 {
        self.version
    }

    pub fn company(&self, client_id: ClientId) -> Option<&CompanyRef> {
        self.by_client.get(&client_id)
    }

    /// By the Client ID of this installation, or the one that the company had in another system.
    pub fn company_named(&self, client_id: &str) -> Option<&CompanyRef> {
        let own = client_id.parse().ok().and_then(|id| self.company(id));
        own.or_else(|| self.by_imported.get(client_id))
    }

    pub(crate) const fn has_imports(&self) -> bool {
        self.has_imports
    }

    pub fn company_by_id(&self, id: CompanyId) -> Option<&CompanyRef> {
        self.by_id.get(&id)
    }

    /// The brand of `parent` that `X-Brand-Id` names. `None` for another company's brand, for the parent itself, and
    /// for text that is not a client id.
    pub fn brand(&self, parent: CompanyId, client_id: &str) -> Option<CompanyRef> {
        let brand = self.company_named(client_id)?;
        (brand.root == parent && brand.id != parent).then(|| brand.clone())
    }

    /// An active key by its id. Searches all keys, so it is for the demo and for tests.
    pub fn active_key(&self, key: KeyId) -> Option<&Arc<ActiveKey>> {
        self.active().find(|active| active.key_id == key)
    }

    /// Every key that is active, or was deleted not long ago, with its company. A look at all keys, so it is for many
    /// questions at once.
    pub fn traces(&self) -> impl Iterator<Item = (CompanyId, KeyTrace)> {
        self.credentials.iter().map(|(_, credential)| match credential {
            Credential::Active(key) => (key.company.id, key.trace()),
            Credential::Deleted(tombstone) => (tombstone.company.id, tombstone.trace()),
        })
    }

    /// This key as it is now, or `None` if it was deleted.
    pub fn current(&self, key: &ActiveKey) -> Option<&Arc<ActiveKey>> {
        match self.credential(&key.lookup)? {
            Credential::Active(key) => Some(key),
            Credential::Deleted(_) => None,
        }
    }

    pub(crate) fn credential(&self, lookup: &LookupHash) -> Option<&Credential> {
        self.credentials.get(lookup)
    }

    fn active(&self) -> impl Iterator<Item = &Arc<ActiveKey>> {
        self.credentials
            .iter()
            .filter_map(|(_, credential)| match credential {
                Credential::Active(key) => Some(key),
                Credential::Deleted(_) => None,
            })
    }

    /// Tombstones of keys that were deleted before this moment.
    pub(crate) fn deleted_before(&self, moment: Timestamp) -> Vec<LookupHash> {
        let is_old = |credential: &Credential| match credential {
            Credential::Active(_) => false,
            Credential::Deleted(tombstone) => tombstone.deleted_at < moment,
        };
        self.credentials
            .iter()
            .filter(|(_, credential)| is_old(credential))
            .map(|(lookup, _)| *lookup)
            .collect()
    }

    /// Companies whose active keys differ between the two. Compares all keys, so it is for what was loaded anew.
    pub(crate) fn companies_with_other_keys(&self, other: &Self) -> HashSet<CompanyId> {
        type Ids = HashMap<(KeyId, u64), CompanyId>;
        let ids = |snapshot: &Self| -> Ids {
            snapshot
                .active()
                .map(|key| ((key.key_id, key.changed_in), key.company.id))
                .collect()
        };
        let (ours, theirs) = (ids(self), ids(other));
        let missing = |from: &Ids, to: &Ids| -> Vec<CompanyId> {
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

/// Making the next state.
impl Snapshot {
    /// Takes in all rows, or those that changed after a version that is contained here. Rows may be older than what is
    /// here, if they were read before a change that has been applied since. Returns the companies whose active keys
    /// changed.
    pub(crate) fn take_in(&mut self, rows: Loaded) -> HashSet<CompanyId> {
        rows.companies.iter().for_each(|row| self.put_company(row));
        let mut changed = HashSet::new();
        for row in rows.credentials {
            let Some(company) = self.by_id.get(&row.company).cloned() else {
                tracing::error!(key = %row.id, "a key belongs to no company; refusing it");
                continue;
            };
            self.has_imports |= row.imported;
            let (lookup, id) = (row.lookup, company.id);
            if self.put(lookup, row.into_credential(company)) {
                changed.insert(id);
            }
        }
        self.version = self.version.max(rows.version);
        changed
    }

    /// One more credential, or a later state of one. A tombstone replaces its key and a key its own earlier state, but a
    /// key never replaces its tombstone nor a later state, whatever order changes are applied in. Returns whether the
    /// company's active keys changed.
    pub(crate) fn put(&mut self, lookup: LookupHash, credential: Credential) -> bool {
        let changes_active = match (self.credentials.get(&lookup), &credential) {
            (Some(Credential::Active(before)), Credential::Active(after))
                if after.changed_in > before.changed_in =>
            {
                true
            }
            (Some(_), Credential::Active(_)) | (Some(Credential::Deleted(_)), Credential::Deleted(_)) => {
                return false;
            }
            (None, Credential::Active(_)) | (Some(Credential::Active(_)), Credential::Deleted(_)) => true,
            (None, Credential::Deleted(_)) => false,
        };
        self.credentials.insert(lookup, credential);
        changes_active
    }

    /// One more credential of another system.
    pub(crate) fn put_imported(&mut self, lookup: LookupHash, credential: Credential) {
        self.has_imports = true;
        self.put(lookup, credential);
    }

    pub(crate) fn remove(&mut self, lookup: &LookupHash) {
        self.credentials.remove(lookup);
    }

    pub(crate) const fn set_version(&mut self, version: u64) {
        self.version = version;
    }

    fn put_company(&mut self, row: &CompanyRow) {
        let company = CompanyRef::from(row);
        let known = self.by_id.get(&company.id).cloned();
        if known.as_ref() == Some(&company) {
            return;
        }
        if let Some(before) = known {
            self.by_client.remove(&before.client_id);
            if let Some(imported) = &before.imported_client_id {
                Arc::make_mut(&mut self.by_imported).remove(imported);
            }
            self.replace_in_credentials(&company);
        }
        if let Some(imported) = company
            .imported_client_id
            .as_ref()
            .filter(|_| !company.is_deleted)
        {
            self.has_imports = true;
            Arc::make_mut(&mut self.by_imported).insert(Arc::clone(imported), company.clone());
        }
        if !company.is_deleted {
            self.by_client.insert(company.client_id, company.clone());
        }
        self.by_id.insert(company.id, company);
    }

    /// Credentials have their company at hand, so that a request needs one look-up. A company that changes costs a look
    /// at all of them; nothing changes companies in daily operation.
    fn replace_in_credentials(&mut self, company: &CompanyRef) {
        let theirs: Vec<(LookupHash, Credential)> = self
            .credentials
            .iter()
            .filter(|(_, credential)| credential.company().id == company.id)
            .map(|(lookup, credential)| (*lookup, credential.clone()))
            .collect();
        for (lookup, credential) in theirs {
            self.credentials.insert(lookup, credential.of(company.clone()));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use model::Environment;

    use super::*;
    use crate::{CredentialRow, CredentialState};

    pub(crate) const DELETED_AT: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    pub(crate) fn company(number: u8, parent: Option<u8>) -> CompanyRow {
        CompanyRow {
            id: CompanyId::from_random([number; 16]),
            client_id: ClientId::from_random([number; 16]),
            name: format!("Company {number}"),
            parent: parent.map(|parent| CompanyId::from_random([parent; 16])),
            imported_client_id: None,
            is_deleted: false,
        }
    }

    pub(crate) fn row(number: u8, company: u8) -> CredentialRow {
        CredentialRow {
            id: KeyId::from_random([number; 16]),
            company: CompanyId::from_random([company; 16]),
            environment: Environment::Sandbox,
            lookup: lookup(number),
            last_four: "00ff".to_owned(),
            state: CredentialState::Active,
            imported: false,
            limits: None,
            changed_in: 0,
        }
    }

    pub(crate) fn deleted_row(number: u8, company: u8) -> CredentialRow {
        CredentialRow {
            state: CredentialState::Deleted {
                at: DELETED_AT,
                by: "Ana".to_owned(),
            },
            ..row(number, company)
        }
    }

    pub(crate) const fn lookup(number: u8) -> LookupHash {
        LookupHash::from_bytes([number; 32])
    }

    pub(crate) fn rows(version: u64, credentials: Vec<CredentialRow>) -> Loaded {
        Loaded {
            version,
            companies: vec![company(1, None), company(2, Some(1)), company(3, None)],
            credentials,
        }
    }

    pub(crate) fn snapshot(version: u64, credentials: Vec<CredentialRow>) -> Snapshot {
        Snapshot::build(rows(version, credentials))
    }

    pub(crate) fn is_active(snapshot: &Snapshot, number: u8) -> bool {
        matches!(snapshot.credential(&lookup(number)), Some(Credential::Active(_)))
    }

    #[test]
    fn the_ids_of_companies_and_keys_are_ready_as_headers() {
        let snapshot = snapshot(1, vec![row(7, 2)]);
        let Some(Credential::Active(key)) = snapshot.credential(&lookup(7)) else {
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
    fn a_key_without_a_company_is_left_out() {
        let snapshot = snapshot(1, vec![row(7, 9), row(8, 1)]);
        assert!(!is_active(&snapshot, 7) && is_active(&snapshot, 8));
    }

    #[test]
    fn a_key_never_replaces_its_tombstone() {
        let mut snapshot = snapshot(1, vec![row(7, 1)]);
        let before = rows(1, vec![row(7, 1)]);
        snapshot.take_in(rows(2, vec![deleted_row(7, 1)]));
        assert!(snapshot.take_in(before).is_empty());
        assert!(!is_active(&snapshot, 7));
        assert_eq!(snapshot.version(), 2);
    }

    #[test]
    fn only_companies_whose_active_keys_changed_are_told() {
        let mut snapshot = snapshot(1, vec![row(7, 1), row(8, 2), row(9, 3), deleted_row(11, 1)]);
        let before = snapshot.clone();
        // 7, 9 and 11 are as before; 12 was generated and deleted in between.
        let changes = [
            row(7, 1),
            deleted_row(8, 2),
            row(9, 3),
            row(10, 3),
            deleted_row(11, 1),
        ];
        let changed = snapshot.take_in(rows(2, [changes.as_slice(), &[deleted_row(12, 1)]].concat()));
        assert_eq!(
            changed,
            [2, 3].map(|number| CompanyId::from_random([number; 16])).into()
        );
        assert_eq!(before.companies_with_other_keys(&snapshot), changed);
        assert!(snapshot.companies_with_other_keys(&snapshot).is_empty());
    }

    #[test]
    fn the_client_id_of_a_deleted_company_is_unknown_and_its_tombstones_stay() {
        let mut snapshot = snapshot(1, vec![deleted_row(7, 1)]);
        let row = CompanyRow {
            imported_client_id: Some("acct_1".to_owned()),
            ..company(1, None)
        };
        let client_id = row.client_id.to_string();
        let mut version = 1;
        let mut take_in = |row: &CompanyRow, snapshot: &mut Snapshot| {
            version += 1;
            snapshot.take_in(Loaded {
                version,
                companies: vec![row.clone()],
                credentials: Vec::new(),
            });
        };
        take_in(&row, &mut snapshot);
        assert!(snapshot.company_named("acct_1").is_some() && snapshot.company_named(&client_id).is_some());
        let deleted = CompanyRow {
            is_deleted: true,
            ..row
        };
        take_in(&deleted, &mut snapshot);
        assert_eq!(snapshot.company_named("acct_1"), None);
        assert_eq!(snapshot.company_named(&client_id), None);
        assert!(snapshot.credential(&lookup(7)).is_some());
        assert!(snapshot.company_by_id(deleted.id).is_some());
    }

    #[test]
    fn a_company_that_changed_is_changed_for_its_keys_and_tombstones_too() {
        let credentials = || vec![row(7, 1), deleted_row(8, 1), row(9, 3)];
        let mut snapshot = snapshot(1, credentials());
        let renamed = CompanyRow {
            name: "Renamed".to_owned(),
            client_id: ClientId::from_random([9; 16]),
            ..company(1, None)
        };
        snapshot.take_in(Loaded {
            version: 2,
            companies: vec![renamed.clone()],
            credentials: Vec::new(),
        });
        let loaded = Snapshot::build(Loaded {
            companies: vec![renamed, company(2, Some(1)), company(3, None)],
            ..rows(2, credentials())
        });
        assert_eq!(snapshot, loaded);
    }
}
