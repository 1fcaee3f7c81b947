//! The catalogue of event types.

use async_trait::async_trait;
use model::{EventEntry, Timestamp};
use webhooks::event_types::names;
use webhooks::{CatalogueChanges, EventTypeStore, Rewrite, Rewritten, StorageFailure};

use crate::MemoryWebhooks;

#[async_trait]
impl EventTypeStore for MemoryWebhooks {
    async fn version(&self) -> Result<i64, StorageFailure> {
        Ok(self.lock().event_types.0)
    }

    async fn read(&self) -> Result<(i64, Vec<EventEntry>), StorageFailure> {
        Ok(self.lock().event_types.clone())
    }

    async fn fill(&self, entries: Vec<EventEntry>, _: Timestamp) -> Result<(), StorageFailure> {
        let mut tables = self.lock();
        let (version, types) = &mut tables.event_types;
        if *version == 0 {
            *version = 1;
            write(types, entries);
        }
        Ok(())
    }

    async fn rewrite(&self, decide: Rewrite) -> Result<CatalogueChanges, StorageFailure> {
        let mut tables = self.lock();
        let (version, types) = &mut tables.event_types;
        *version += 1;
        let Rewritten {
            write: entries,
            audit,
            changes,
        } = decide(types);
        write(types, entries);
        tables.audit.extend(audit);
        Ok(changes)
    }
}

/// A new type comes after all others. One that is there keeps its place.
fn write(types: &mut Vec<EventEntry>, entries: Vec<EventEntry>) {
    for entry in entries {
        let entry = EventEntry {
            fields: names(&entry.sample),
            ..entry
        };
        match types.iter_mut().find(|one| one.event_type == entry.event_type) {
            Some(before) => *before = entry,
            None => types.push(entry),
        }
    }
}
