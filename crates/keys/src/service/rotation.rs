//! Replacing a key by a new one: making it, and deleting the old one when its programs have moved over.

use std::sync::Arc;

use model::{
    Actor, AuditId, CompanyId, DeletedKey, GeneratedKey, KeyId, LONGEST_PLAN_MILLIS, RotatedKey,
    RotationPlan, SHORTEST_QUIET_MILLIS, SecretText, Timestamp,
};

use super::{Inner, Keys, millis, to_its_end};
use crate::credentials::Credential;
use crate::lease::MARGIN;
use crate::rotation::{Beginning, ChangingRotation, DueRotation, Rotating, RotationChange, StoredRotation};
use crate::{ActiveKey, KeysError, Limits, NewKey, TermsFault};

impl Keys {
    /// Makes a second key with the name, the note and the limits of `old`, and begins to watch the old one. Every node that
    /// serves accepts the new key once this returns. The caller has checked that a quiet time is long enough for how the
    /// key is used.
    pub async fn rotate(
        &self,
        company: CompanyId,
        old: KeyId,
        plan: RotationPlan,
        actor: &Actor,
    ) -> Result<RotatedKey, KeysError> {
        let environment = self.facts(company, old).await?.key.environment;
        let inner = Arc::clone(&self.inner);
        let now = inner.clock.now();
        check(plan, now)?;
        let id = KeyId::time_ordered(now, vault::random());
        let secret = inner.options.form.prefixes.generate(environment);
        let new = NewKey {
            id,
            company,
            environment,
            lookup: inner.pepper.lookup(&secret),
            sealed: inner
                .master_key
                .seal(&inner.place(company, environment, id), secret.expose().as_bytes()),
            last_four: secret.last_four().to_owned(),
            created_at: now,
            created_by: actor.name.clone(),
            // That of the old one, which the store knows.
            name: String::new(),
        };
        let beginning = Beginning {
            old,
            new,
            plan,
            actor: actor.clone(),
            audit: [(); 2].map(|()| AuditId::time_ordered(now, vault::random())),
        };
        to_its_end(async move { inner.rotate(beginning, SecretText::new(secret.expose())).await }).await
    }

    /// The latest rotation in which this key is or was the old one or the new one.
    pub async fn rotation(&self, company: CompanyId, key: KeyId) -> Result<StoredRotation, KeysError> {
        let found = self.inner.store.rotation_of(company, key).await?;
        let mut stored = found.ok_or(KeysError::NoRotation)?;
        // What this node has noted and not yet written.
        let StoredRotation { rotation, facts } = &mut stored;
        for (key, used) in [
            (rotation.old_key, &mut facts.old_last_used),
            (rotation.new_key, &mut facts.new_last_used),
        ] {
            let noted = self.inner.notes.latest(key, None).map(|used| used.at);
            *used = (*used).max(noted);
        }
        Ok(stored)
    }

    /// Changes the plan of a rotation, cancels it or resumes it. `key` is either of its keys.
    pub async fn change_rotation(
        &self,
        company: CompanyId,
        key: KeyId,
        change: RotationChange,
        actor: &Actor,
    ) -> Result<StoredRotation, KeysError> {
        let at = self.inner.clock.now();
        if let RotationChange::Plan(plan) | RotationChange::Resume(Some(plan)) = change {
            check(plan, at)?;
        }
        let new_key = self.rotation(company, key).await?.rotation.new_key;
        let changing = ChangingRotation {
            company,
            new_key,
            change,
            at,
            actor: actor.clone(),
            audit: AuditId::time_ordered(at, vault::random()),
        };
        let stored = self.inner.store.change_rotation(changing).await?;
        self.inner.bus.publish(company, live::Topic::Keys);
        Ok(stored)
    }

    /// Deletes the old key of a rotation at once, if the new one has been used. Once this returns, no node accepts it.
    pub async fn finish_rotation(
        &self,
        company: CompanyId,
        key: KeyId,
        actor: &Actor,
    ) -> Result<DeletedKey, KeysError> {
        let new_key = self.rotation(company, key).await?.rotation.new_key;
        // The new key may have been used a moment ago.
        self.flush_last_used().await?;
        let (inner, by) = (Arc::clone(&self.inner), Some(actor.clone()));
        let due = DueRotation { company, new_key };
        to_its_end(async move { inner.delete_rotated(due, by).await }).await
    }

    /// Deletes the old keys of rotations whose time has come.
    pub async fn rotate_due(&self) -> Result<(), KeysError> {
        let inner = &self.inner;
        for due in inner.store.due_rotations(inner.clock.now()).await? {
            // A call that is noted and not yet written counts.
            self.flush_last_used().await?;
            match inner.delete_rotated(due, None).await {
                // Another node was faster, the old key was used just now, or the plan was changed.
                Ok(_) | Err(KeysError::NotFound | KeysError::NoRotation | KeysError::RotationWaits(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whose key this is, if it is active.
    pub async fn company_of(&self, key: KeyId) -> Result<CompanyId, KeysError> {
        self.inner.store.company_of(key).await
    }

    /// Whose rotation has this key, which may be deleted.
    pub async fn company_of_rotation(&self, key: KeyId) -> Result<CompanyId, KeysError> {
        let company = self.inner.store.company_of_rotation(key).await?;
        company.ok_or(KeysError::NoRotation)
    }
}

impl Inner {
    async fn rotate(&self, beginning: Beginning, secret: SecretText) -> Result<RotatedKey, KeysError> {
        let (company, lookup) = (beginning.new.company, beginning.new.lookup);
        let changing = self.changing.read().await;
        let begun = self.store.begin_rotation(beginning).await?;
        let committed = self.clock.monotonic();
        let version = begun.inserted.version;
        if let Some(freed) = &begun.inserted.freed {
            self.apply_deleted(company, freed);
        }
        let key = &begun.key;
        let applied = self.current.apply(lookup, version, |snapshot| {
            let company = snapshot.company_by_id(company)?.clone();
            let active = ActiveKey::new(key.id, company, key.environment, &key.last_four, lookup);
            let active = active.with(Limits::of(&key.terms), version);
            Some(Credential::Active(Arc::new(active)))
        });
        drop(changing);
        self.announce(company);
        if !applied && let Err(error) = self.catch_up().await {
            tracing::warn!(%error, "could not load a company whose key is being replaced");
        }
        if self.store.is_shared() {
            self.wait_for_nodes(version, committed + self.options.lease + MARGIN)
                .await;
        }
        Ok(RotatedKey {
            generated: GeneratedKey {
                key: begun.key,
                secret,
            },
            rotation: begun.rotation,
        })
    }

    async fn delete_rotated(&self, due: DueRotation, by: Option<Actor>) -> Result<DeletedKey, KeysError> {
        let started = self.clock.monotonic();
        let at = self.clock.now();
        let rotating = Rotating {
            due,
            at,
            by,
            audit: AuditId::time_ordered(at, vault::random()),
        };
        let changing = self.changing.read().await;
        let deleted = self.store.delete_rotated(rotating).await?;
        let committed = self.clock.monotonic();
        self.apply_deleted(due.company, &deleted);
        drop(changing);
        if self.store.is_shared() {
            self.wait_for_nodes(deleted.version, committed + self.options.lease + MARGIN)
                .await;
        }
        Ok(DeletedKey {
            id: deleted.key,
            environment: deleted.environment,
            last_four: deleted.last_four,
            refused_since: self.clock.now(),
            took_ms: millis(self.clock.monotonic().saturating_sub(started)),
        })
    }
}

fn check(plan: RotationPlan, now: Timestamp) -> Result<(), KeysError> {
    let wrong = |field, message: &str| {
        let message = message.to_owned();
        Err(KeysError::InvalidTerms(vec![TermsFault { field, message }]))
    };
    match plan {
        RotationPlan::At(at) if at <= now => wrong("delete_at", "This moment has passed. Name a later one."),
        RotationPlan::At(at) if at.millis_since(now) > LONGEST_PLAN_MILLIS => {
            wrong("delete_at", "Name a moment within a year.")
        }
        RotationPlan::Quiet(millis) if millis < SHORTEST_QUIET_MILLIS => {
            wrong("delete_after_quiet", "Name ten minutes or more.")
        }
        RotationPlan::Quiet(millis) if millis > LONGEST_PLAN_MILLIS => {
            wrong("delete_after_quiet", "Name a year or less.")
        }
        _ => Ok(()),
    }
}
