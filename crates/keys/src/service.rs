//! Keys as the rest of the server uses them: judging requests, and generating, showing and deleting keys.

mod deletion;
mod importing;
mod keeping_up;
mod rotation;
mod terms;

pub use self::importing::{ImportedSecret, Importing};
pub use self::terms::NotAdmitted;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use clock::Clock;
use http::HeaderMap;
use live::{Bus, Topic};
use model::{
    Actor, AuditAction, AuditEntry, AuditId, CompanyId, DeletedKey, Environment, GeneratedKey, KeyGroup,
    KeyId, KeySummary, KeyTerms, RotationState, SecretText, Timestamp,
};
use tokio::sync::{Mutex, RwLock, watch};
use vault::{AccessSecret, InstallId, MasterKey, Pepper, SealPlace, SealPurpose};

use crate::credentials::Credential;
use crate::current::Current;
use crate::last_used::LastUsedNotes;
use crate::lease::{LEASE, Lease, MARGIN};
use crate::signing::SealedKeys;
use crate::{
    ActiveKey, CredentialForm, KeyChange, KeyStore, KeysError, NewKey, NodeId, RateLimit, Recognition,
    SealedKey, SigningSecret, Snapshot,
};

/// What [`Keys`] is built from.
#[derive(Debug)]
pub struct KeysParts {
    pub store: Arc<dyn KeyStore>,
    pub pepper: Arc<Pepper>,
    pub master_key: Arc<MasterKey>,
    pub install: InstallId,
    pub bus: Bus,
    pub clock: Clock,
    pub options: KeysOptions,
}

/// What an operator or a test may set.
#[derive(Debug)]
pub struct KeysOptions {
    pub rate_limit: RateLimit,
    /// How long a node may serve without hearing from the database, if there are several.
    pub lease: Duration,
    /// How often the change version is read.
    pub poll: Duration,
    /// How often *last used* is written.
    pub flush: Duration,
    /// How requests carry credentials, and the prefixes of new secrets.
    pub form: CredentialForm,
}

impl KeysOptions {
    /// With `shared`, several nodes serve from one database. A deletion waits until the slowest of them polls, so they
    /// poll twenty times a second. Each poll reads one row by its primary key.
    pub fn new(rate_limit: RateLimit, shared: bool) -> Self {
        let poll = if shared {
            Duration::from_millis(50)
        } else {
            Duration::from_secs(1)
        };
        Self {
            rate_limit,
            lease: LEASE,
            poll,
            flush: Duration::from_secs(1),
            form: CredentialForm::default(),
        }
    }
}

/// A key that was not deleted, and how many others of its environment are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    pub key: KeySummary,
    pub has_expired: bool,
    pub remaining: usize,
    /// When a key of its environment that is not deleted was last used.
    pub environment_last_used: Option<Timestamp>,
}

/// The keys of all companies. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Keys {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn KeyStore>,
    pepper: Arc<Pepper>,
    master_key: Arc<MasterKey>,
    install: InstallId,
    pub(crate) bus: Bus,
    pub(crate) clock: Clock,
    pub(crate) options: KeysOptions,
    current: Current,
    /// Held while the snapshot is brought up to date, so that callers who wait for the same changes read them once.
    following: Mutex<()>,
    /// Held for reading from before the commit of a change of this process until it is applied.
    changing: RwLock<()>,
    notes: LastUsedNotes,
    sealed: SealedKeys,
    changes: watch::Sender<u64>,
    pub(crate) node: NodeId,
    pub(crate) lease: Lease,
    /// The version that the other nodes know this node has applied.
    told: AtomicU64,
    /// Something was deleted since the last scrub.
    to_scrub: AtomicBool,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys")
            .field("node", &self.inner.node)
            .finish_non_exhaustive()
    }
}

/// Judging requests. Except for [`Keys::open`], nothing here waits or touches the database.
impl Keys {
    /// Loads all keys. If other nodes may share the database, requests are refused as `not_ready` until [`Keys::start`]
    /// or [`Keys::follow`] has obtained a lease.
    pub async fn open(parts: KeysParts) -> Result<Self, KeysError> {
        let KeysParts {
            store,
            pepper,
            master_key,
            install,
            bus,
            clock,
            options,
        } = parts;
        let current = Current::new(Snapshot::build(store.load().await?));
        let lease = if store.is_shared() {
            Lease::none()
        } else {
            Lease::not_needed()
        };
        let inner = Inner {
            store,
            pepper,
            master_key,
            install,
            bus,
            clock,
            options,
            current,
            following: Mutex::default(),
            changing: RwLock::default(),
            notes: LastUsedNotes::default(),
            sealed: SealedKeys::default(),
            changes: watch::Sender::new(0),
            node: NodeId::generate(),
            lease,
            told: AtomicU64::new(0),
            // For what an earlier process deleted just before it ended.
            to_scrub: AtomicBool::new(true),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Whether a request with these headers may pass. The lease is checked last: if it ends during the look-up, the
    /// result may depend on keys that have been deleted.
    pub fn recognise(&self, headers: &HeaderMap) -> Recognition {
        let inner = &self.inner;
        let recognition =
            inner
                .current
                .borrow()
                .recognise(&inner.pepper, &inner.options.form, headers, inner.clock.now());
        if self.is_ready() {
            recognition
        } else {
            recognition.not_ready()
        }
    }

    /// How requests carry credentials here.
    pub fn form(&self) -> &CredentialForm {
        &self.inner.options.form
    }

    /// Whether this node may serve, which means that its keys are up to date.
    pub fn is_ready(&self) -> bool {
        self.inner.lease.holds(&self.inner.clock)
    }

    /// Records that a request which arrived at `at` matched this key, whatever the verdict. Written later; see
    /// [`Keys::flush_last_used`].
    pub fn touched(&self, key: &ActiveKey, at: Timestamp, address: IpAddr) {
        self.inner.notes.note(key, at, address);
    }

    /// All companies and credentials at this moment: brands, companies by client id, keys by id.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.current.get()
    }

    /// Changes whenever a key is generated or deleted, here or on another node.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }
}

/// What pages and the command line do. Generating and deleting always run to the end, even if the caller has
/// disconnected: a committed deletion must also be applied.
impl Keys {
    /// All three environments in order, each with its keys, oldest first. A key that has expired is among them: it can be
    /// given another date.
    pub async fn list(&self, company: CompanyId) -> Result<Vec<KeyGroup>, KeysError> {
        let mut keys = self.inner.store.list(company).await?;
        let now = self.inner.clock.now();
        keys.retain(|key| !key.terms.is_deleted(now));
        for key in &mut keys {
            key.last_used = self.inner.notes.latest(key.id, key.last_used.take());
        }
        let group = |environment| {
            let keys: Vec<KeySummary> = keys
                .iter()
                .filter(|key| key.environment == environment)
                .cloned()
                .collect();
            let (expired, active): (Vec<_>, Vec<_>) = keys.iter().partition(|key| key.terms.has_expired(now));
            KeyGroup {
                environment,
                rotation: rotation(&active),
                expired: expired.into_iter().map(|key| key.id).collect(),
                ending: Vec::new(),
                keys,
            }
        };
        let mut groups: Vec<KeyGroup> = Environment::ALL.into_iter().map(group).collect();
        for rotation in groups.iter_mut().filter_map(|group| group.rotation.as_mut()) {
            let found = self.inner.store.rotation_of(company, rotation.older).await?;
            rotation.is_watched = found.is_some_and(|found| found.rotation.is_open());
        }
        Ok(groups)
    }

    /// One key of the company, which may have expired.
    pub async fn facts(&self, company: CompanyId, key: KeyId) -> Result<KeyFacts, KeysError> {
        for group in self.list(company).await? {
            if let Some(found) = group.keys.iter().find(|one| one.id == key) {
                let has_expired = group.has_expired(key);
                let used = group.keys.iter().filter_map(|key| key.last_used.as_ref());
                return Ok(KeyFacts {
                    key: found.clone(),
                    has_expired,
                    remaining: group.active() - usize::from(!has_expired),
                    environment_last_used: used.map(|used| used.at).max(),
                });
            }
        }
        Err(KeysError::NotFound)
    }

    /// Creates a key without a name. Every node that serves accepts it once this returns.
    pub async fn generate(
        &self,
        company: CompanyId,
        environment: Environment,
        actor: &Actor,
    ) -> Result<GeneratedKey, KeysError> {
        self.generate_named(company, environment, "", actor).await
    }

    /// Like [`Keys::generate`], with a name.
    pub async fn generate_named(
        &self,
        company: CompanyId,
        environment: Environment,
        name: &str,
        actor: &Actor,
    ) -> Result<GeneratedKey, KeysError> {
        let (inner, actor) = (Arc::clone(&self.inner), actor.clone());
        let name = KeyChange::named(name).map_err(KeysError::InvalidTerms)?;
        to_its_end(async move { inner.generate(company, environment, name, actor).await }).await
    }

    /// Returns the secret, to be shown.
    pub async fn reveal(
        &self,
        company: CompanyId,
        key: KeyId,
        actor: &Actor,
    ) -> Result<SecretText, KeysError> {
        self.inner
            .secret_for(company, key, actor, AuditAction::KeyRevealed)
            .await
    }

    /// Returns the secret, to be put on a clipboard without being shown. The rule is the same as for reveal; the audit
    /// trail distinguishes the two.
    pub async fn copy(&self, company: CompanyId, key: KeyId, actor: &Actor) -> Result<SecretText, KeysError> {
        self.inner
            .secret_for(company, key, actor, AuditAction::KeyCopied)
            .await
    }

    /// Returns the secret, for one request that a person makes with it from the page.
    pub async fn borrow(
        &self,
        company: CompanyId,
        key: KeyId,
        actor: &Actor,
    ) -> Result<SecretText, KeysError> {
        self.inner
            .secret_for(company, key, actor, AuditAction::KeyTested)
            .await
    }

    /// Deletes the key. Once this returns, no node accepts it.
    pub async fn delete(
        &self,
        company: CompanyId,
        key: KeyId,
        actor: &Actor,
    ) -> Result<DeletedKey, KeysError> {
        let (inner, actor) = (Arc::clone(&self.inner), actor.clone());
        to_its_end(async move { inner.delete(company, key, actor).await }).await
    }

    /// The secrets that may sign for this environment, oldest first. Empty if there is no active key. Never contains a
    /// key that was deleted or had expired before the call.
    pub async fn signing_secrets(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<Vec<SigningSecret>, KeysError> {
        let inner = &self.inner;
        let changes = *inner.changes.borrow();
        let sealed = match inner.sealed.get(company, environment, changes) {
            Some(sealed) => sealed,
            None => {
                let sealed: Arc<[SealedKey]> = inner.store.sealed_of(company, environment).await?.into();
                inner.sealed.keep(company, environment, changes, &sealed);
                sealed
            }
        };
        let open = |key: &SealedKey| {
            inner.open_secret(company, key).map(|secret| SigningSecret {
                key_id: key.id,
                last_four: key.last_four.clone(),
                created_at: key.created_at,
                secret,
            })
        };
        let now = inner.clock.now();
        sealed
            .iter()
            .filter(|key| !key.has_ended(now))
            .map(open)
            // A digest signs nothing.
            .filter(|opened| !matches!(opened, Err(KeysError::OnlyDigest)))
            .collect()
    }
}

impl Inner {
    async fn generate(
        &self,
        company: CompanyId,
        environment: Environment,
        name: String,
        actor: Actor,
    ) -> Result<GeneratedKey, KeysError> {
        let now = self.clock.now();
        let id = KeyId::time_ordered(now, vault::random());
        let secret = self.options.form.prefixes.generate(environment);
        let lookup = self.pepper.lookup(&secret);
        let key = NewKey {
            id,
            company,
            environment,
            lookup,
            sealed: self
                .master_key
                .seal(&self.place(company, environment, id), secret.expose().as_bytes()),
            last_four: secret.last_four().to_owned(),
            created_at: now,
            created_by: actor.name.clone(),
            name: name.clone(),
        };
        let summary = KeySummary {
            id,
            environment,
            created_at: now,
            created_by: actor.name.clone(),
            last_four: key.last_four.clone(),
            last_used: None,
            terms: KeyTerms {
                name,
                ..KeyTerms::default()
            },
        };
        let audit = audit(
            now,
            company,
            actor,
            AuditAction::KeyGenerated,
            id,
            environment.label(),
        );
        let changing = self.changing.read().await;
        let inserted = self.store.insert(key, audit).await?;
        let committed = self.clock.monotonic();
        let version = inserted.version;
        if let Some(freed) = &inserted.freed {
            self.apply_deleted(company, freed);
        }
        let applied = self.apply_generated(company, &summary, lookup, version);
        drop(changing);
        if !applied {
            // The company was created a moment ago, perhaps on another node. If this fails, the key still exists and its
            // secret must be shown; the background follows the database soon.
            if let Err(error) = self.catch_up().await {
                tracing::warn!(%error, "could not load a company whose key was generated");
            }
        }
        // A program that gets the secret may use it at once, and a load balancer may send it to any node.
        if self.store.is_shared() {
            self.wait_for_nodes(version, committed + self.options.lease + MARGIN)
                .await;
        }
        Ok(GeneratedKey {
            key: summary,
            secret: SecretText::new(secret.expose()),
        })
    }

    /// Returns whether the key is in memory now.
    fn apply_generated(
        &self,
        company: CompanyId,
        key: &KeySummary,
        lookup: vault::LookupHash,
        version: u64,
    ) -> bool {
        let applied = self.current.apply(lookup, version, |snapshot| {
            let company = snapshot.company_by_id(company)?.clone();
            let active = ActiveKey::new(key.id, company, key.environment, &key.last_four, lookup);
            Some(Credential::Active(Arc::new(active.with(None, version))))
        });
        self.announce(company);
        applied
    }

    /// Opens the secret first and records afterwards, so that the audit row says what really happened. Returns nothing
    /// unless the key was still active when the row was written.
    async fn secret_for(
        &self,
        company: CompanyId,
        key: KeyId,
        actor: &Actor,
        action: AuditAction,
    ) -> Result<SecretText, KeysError> {
        let sealed = self.store.sealed(company, key).await?;
        if sealed.delete_at.is_some_and(|at| at <= self.clock.now()) {
            return Err(KeysError::NotFound);
        }
        let opened = self.open_secret(company, &sealed);
        let detail = match &opened {
            Ok(_) => sealed.environment.label().to_owned(),
            Err(KeysError::OnlyDigest) => format!(
                "{}; refused, only the digest of the secret was imported",
                sealed.environment.label()
            ),
            Err(_) => format!(
                "{}; refused, the sealed secret does not open",
                sealed.environment.label()
            ),
        };
        let audit = audit(self.clock.now(), company, actor.clone(), action, key, detail);
        self.store.record_access(company, key, audit).await?;
        Ok(SecretText::new(opened?.expose()))
    }

    fn open_secret(&self, company: CompanyId, key: &SealedKey) -> Result<AccessSecret, KeysError> {
        let plain = self
            .master_key
            .open(&self.place(company, key.environment, key.id), &key.sealed)
            .map_err(|error| {
                tracing::error!(key = %key.id, %company, %error, "a sealed secret does not open");
                KeysError::SealBroken
            })?;
        if plain.is_empty() {
            return Err(KeysError::OnlyDigest);
        }
        AccessSecret::unsealed(&plain, key.environment).map_err(|_| KeysError::SealBroken)
    }

    /// Announces that a key of this company was generated or deleted, after the snapshot has it.
    fn announce(&self, company: CompanyId) {
        self.changes.send_modify(|count| *count += 1);
        // Other nodes tell their pages when they have followed.
        self.bus.publish_here(company, Topic::Keys);
        self.bus.keys_changed();
    }

    const fn place(&self, company: CompanyId, environment: Environment, key: KeyId) -> SealPlace {
        SealPlace {
            purpose: SealPurpose::AccessSecret,
            install: self.install,
            company,
            environment,
            id: key.to_bytes(),
        }
    }
}

fn rotation(active: &[&KeySummary]) -> Option<RotationState> {
    let [older, newer] = active else { return None };
    Some(RotationState {
        older: older.id,
        is_watched: false,
        older_last_four: older.last_four.clone(),
        older_last_used: older.last_used.clone(),
        newer_last_four: newer.last_four.clone(),
        newer_last_used: newer.last_used.clone(),
    })
}

fn audit(
    at: Timestamp,
    company: CompanyId,
    actor: Actor,
    action: AuditAction,
    key: KeyId,
    detail: impl Into<String>,
) -> AuditEntry {
    AuditEntry {
        id: AuditId::time_ordered(at, vault::random()),
        at,
        company: Some(company),
        actor,
        action,
        subject: key.to_string(),
        detail: detail.into(),
    }
}

/// Runs work in its own task, so that it finishes even if its caller is dropped halfway.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, KeysError>> + Send + 'static,
) -> Result<T, KeysError> {
    tokio::spawn(work).await.unwrap_or(Err(KeysError::Stopping))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
