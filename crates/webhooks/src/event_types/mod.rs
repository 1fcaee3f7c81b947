//! The installation's event types. Pages, both APIs and publishing ask [`EventTypes`], which has them in memory; the
//! operator changes them through it.

mod file;
mod growth;
mod payload;
mod schema;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use clock::Clock;
use live::Bus;
use model::{Actor, AuditAction, AuditEntry, AuditId, Catalogue, EventEntry, EventType, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::StorageFailure;
use crate::storage::{CatalogueChanges, EventTypeStore, Rewritten};

pub use file::{
    Draft, InvalidEntry, LONGEST_FILE, LONGEST_PART, MOST_EVENT_TYPES, check, documented, names, read_file,
};

pub(crate) use payload::Payloads;
pub use payload::{PayloadCheck, PayloadCounts};
pub use schema::PayloadFault;

use schema::Compiled;

/// How often a node looks whether another has changed the catalogue, if it hears no news of it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The event types of one installation. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct EventTypes(Arc<Inner>);

struct Inner {
    store: Arc<dyn EventTypeStore>,
    bus: Bus,
    clock: Clock,
    known: RwLock<Arc<KnownTypes>>,
}

/// The catalogue at one moment.
pub struct KnownTypes {
    /// Higher after each change.
    version: i64,
    catalogue: Catalogue,
    /// Where each type is in it.
    places: HashMap<EventType, usize>,
    /// Their schemas, compiled when a payload is checked with one for the first time.
    schemas: Vec<OnceLock<Option<Compiled>>>,
}

/// What becomes of the types that a file does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    Stay,
    AreRemoved,
}

/// Why the catalogue was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EventTypesError {
    #[error("there is no such event type")]
    Unknown,
    #[error("a catalogue has at most {} event types", MOST_EVENT_TYPES)]
    TooMany,
    #[error("the database failed")]
    Storage(#[from] StorageFailure),
}

impl std::fmt::Debug for EventTypes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventTypes")
            .field("version", &self.known().version)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for KnownTypes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownTypes")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl EventTypes {
    /// Reads them. A new installation gets the documented ones first.
    pub async fn open(
        store: Arc<dyn EventTypeStore>,
        bus: Bus,
        clock: Clock,
    ) -> Result<Self, StorageFailure> {
        store.fill(documented(), clock.now()).await?;
        let (version, entries) = store.read().await?;
        Ok(Self(Arc::new(Inner {
            store,
            bus,
            clock,
            known: RwLock::new(Arc::new(KnownTypes::new(version, entries))),
        })))
    }

    pub fn known(&self) -> Arc<KnownTypes> {
        Arc::clone(&self.0.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds types and changes those that there are. One that was removed is offered again, unless `entries` says
    /// otherwise. Each change leaves an audit row.
    pub async fn put(
        &self,
        entries: Vec<EventEntry>,
        others: Others,
        actor: &Actor,
    ) -> Result<CatalogueChanges, EventTypesError> {
        let (actor, at) = (actor.clone(), self.0.clock.now());
        let decide = move |before: &[EventEntry]| rewritten(before, entries, others, &actor, at);
        let changes = self.0.store.rewrite(Box::new(decide)).await?;
        if changes.too_many {
            return Err(EventTypesError::TooMany);
        }
        self.changed().await?;
        Ok(changes)
    }

    /// Webhooks that subscribe to it keep it; nothing new can use it. Returns the type as it is now.
    pub async fn remove(&self, event_type: &EventType, actor: &Actor) -> Result<EventEntry, EventTypesError> {
        let (wanted, actor, at) = (event_type.clone(), actor.clone(), self.0.clock.now());
        let decide = move |before: &[EventEntry]| {
            let found = before.iter().filter(|entry| entry.event_type == wanted);
            let removed = found.map(|entry| EventEntry {
                removed: true,
                ..entry.clone()
            });
            rewritten(before, removed.collect(), Others::Stay, &actor, at)
        };
        self.0.store.rewrite(Box::new(decide)).await?;
        self.changed().await?;
        self.known()
            .get(event_type)
            .cloned()
            .ok_or(EventTypesError::Unknown)
    }

    /// Reads them again if they have changed.
    pub async fn refresh(&self) -> Result<(), StorageFailure> {
        if self.0.store.version().await? == self.known().version {
            return Ok(());
        }
        let (version, entries) = self.0.store.read().await?;
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        // Two that read at once may end in either order.
        if known.version < version {
            *known = Arc::new(KnownTypes::new(version, entries));
        }
        Ok(())
    }

    /// For several nodes on one database: follows what the others change, until `stop`.
    pub async fn follow(self, stop: CancellationToken) {
        let mut looks = self.0.clock.every(LOOK_EVERY);
        let mut elsewhere = self.0.bus.event_types_elsewhere();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = looks.tick() => {}
                Ok(()) = elsewhere.changed() => {}
            }
            // The next look asks again.
            if let Err(error) = self.refresh().await {
                tracing::debug!(%error, "could not read the event types");
            }
        }
    }

    async fn changed(&self) -> Result<(), StorageFailure> {
        self.refresh().await?;
        self.0.bus.event_types_changed();
        Ok(())
    }
}

/// The rows to write, and what each change is.
fn rewritten(
    before: &[EventEntry],
    entries: Vec<EventEntry>,
    others: Others,
    actor: &Actor,
    at: Timestamp,
) -> Rewritten {
    let mut new = Rewritten::default();
    let audit = |action: AuditAction, entry: &EventEntry, detail: &str| AuditEntry {
        id: AuditId::time_ordered(at, vault::random()),
        at,
        company: None,
        actor: actor.clone(),
        action,
        subject: entry.event_type.to_string(),
        detail: format!("{detail} in {}", entry.group),
    };
    let mut removed = Vec::new();
    if others == Others::AreRemoved {
        let stays = |entry: &EventEntry| entries.iter().any(|one| one.event_type == entry.event_type);
        let gone = before.iter().filter(|entry| !entry.removed && !stays(entry));
        removed.extend(gone.map(|entry| EventEntry {
            removed: true,
            ..entry.clone()
        }));
    }
    for entry in entries.into_iter().chain(removed) {
        let (action, detail, count) = match before.iter().find(|one| one.event_type == entry.event_type) {
            Some(same) if alike(same, &entry) => {
                new.changes.unchanged += 1;
                continue;
            }
            Some(earlier) if entry.removed && !earlier.removed => {
                (AuditAction::EventTypeRemoved, "Removed", &mut new.changes.removed)
            }
            Some(_) => (AuditAction::EventTypeChanged, "Changed", &mut new.changes.changed),
            None => (AuditAction::EventTypeChanged, "Added", &mut new.changes.added),
        };
        *count += 1;
        new.audit.push(audit(action, &entry, detail));
        new.write.push(entry);
    }
    if before.len() + new.changes.added > MOST_EVENT_TYPES {
        return Rewritten {
            changes: CatalogueChanges {
                too_many: true,
                ..CatalogueChanges::default()
            },
            ..Rewritten::default()
        };
    }
    new
}

/// Whether both say the same. The order of members in a sample or a schema says nothing: a program that read the catalogue
/// may send it back with another.
fn alike(one: &EventEntry, other: &EventEntry) -> bool {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    let EventEntry {
        event_type,
        group,
        description,
        sample,
        schema,
        fields: _,
        removed,
    } = one;
    (event_type, group, description, removed)
        == (
            &other.event_type,
            &other.group,
            &other.description,
            &other.removed,
        )
        && json(sample) == json(&other.sample)
        && schema.as_deref().map(json) == other.schema.as_deref().map(json)
}

impl KnownTypes {
    /// In their order.
    pub fn new(version: i64, entries: Vec<EventEntry>) -> Self {
        let catalogue = Catalogue::new(entries);
        let places = catalogue.entries().iter().enumerate();
        Self {
            version,
            places: places
                .map(|(place, entry)| (entry.event_type.clone(), place))
                .collect(),
            schemas: catalogue.entries().iter().map(|_| OnceLock::new()).collect(),
            catalogue,
        }
    }

    /// Those that a new installation has.
    pub fn documented() -> Self {
        Self::new(0, documented())
    }

    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// A type, which may have been removed.
    pub fn get(&self, event_type: &EventType) -> Option<&EventEntry> {
        let place = self.places.get(event_type)?;
        self.catalogue.entries().get(*place)
    }

    /// A type that something new can use.
    pub fn offered(&self, event_type: &EventType) -> Option<&EventEntry> {
        self.get(event_type).filter(|entry| !entry.removed)
    }
}

impl KnownTypes {
    /// What payloads of this type are checked with. `None` if it has no schema.
    fn schema(&self, event_type: &EventType) -> Option<&Compiled> {
        let place = *self.places.get(event_type)?;
        let compiled = self.schemas.get(place)?.get_or_init(|| {
            let schema = self.catalogue.entries().get(place)?.schema.as_deref()?;
            let compiled = serde_json::from_str(schema)
                .map_err(|error| error.to_string())
                .and_then(|schema| Compiled::new(&schema));
            // It was checked before it was stored, by this version or an earlier one.
            compiled
                .inspect_err(
                    |error| tracing::error!(%event_type, error, "the schema of an event type cannot be used"),
                )
                .ok()
        });
        compiled.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_has_its_audit_row_and_what_is_the_same_has_none() {
        let before = documented();
        let (at, actor) = (Timestamp::from_millis(7), Actor::command_line());
        let same = rewritten(&before, before.clone(), Others::AreRemoved, &actor, at);
        assert!(same.write.is_empty() && same.audit.is_empty());
        assert_eq!(same.changes.unchanged, before.len());
        // The same members in another order.
        let turned = before.iter().map(|entry| {
            let sample: std::collections::BTreeMap<String, serde_json::Value> =
                serde_json::from_str(&entry.sample).expect("JSON");
            let members: Vec<String> = sample
                .iter()
                .rev()
                .map(|(name, value)| format!("\"{name}\":{value}"))
                .collect();
            EventEntry {
                sample: format!("{{{}}}", members.join(",")),
                ..entry.clone()
            }
        });
        let same = rewritten(&before, turned.collect(), Others::AreRemoved, &actor, at);
        assert_eq!(same.changes.unchanged, before.len());

        let mut entries = vec![before[0].clone(), before[1].clone(), before[2].clone()];
        entries[0].description = "Another.".to_owned();
        entries[1].event_type = EventType::from_static("invoice.paid");
        let new = rewritten(&before, entries, Others::AreRemoved, &actor, at);
        assert_eq!(
            new.changes,
            CatalogueChanges {
                added: 1,
                changed: 1,
                removed: before.len() - 2,
                unchanged: 1,
                too_many: false,
            }
        );
        assert_eq!((new.audit.len(), new.write.len()), (before.len(), before.len()));
        let removed = new.write.iter().filter(|entry| entry.removed).count();
        assert_eq!(removed, before.len() - 2);
        let actions: Vec<_> = new.audit[..3].iter().map(|row| row.action.as_str()).collect();
        assert_eq!(
            actions,
            ["event_type.changed", "event_type.changed", "event_type.removed"]
        );
    }

    #[test]
    fn a_catalogue_has_at_most_so_many_types() {
        let entry = |number: usize| EventEntry {
            event_type: format!("type-{number}").parse().expect("an event type"),
            ..documented().remove(0)
        };
        let before: Vec<_> = (0..MOST_EVENT_TYPES).map(entry).collect();
        let (at, actor) = (Timestamp::from_millis(7), Actor::command_line());
        let more = rewritten(&before, vec![entry(MOST_EVENT_TYPES)], Others::Stay, &actor, at);
        assert!(more.changes.too_many && more.write.is_empty());
    }
}
