//! When each key was last used and from which address. Requests note it in memory, and batches write it later.

use std::net::IpAddr;

use model::{CompanyId, KeyId, LastUsed, Timestamp};

use crate::sharded::Sharded;
use crate::{ActiveKey, Touch};

/// Notes that no batch has written yet.
#[derive(Debug, Default)]
pub(crate) struct LastUsedNotes(Sharded<Note>);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    pub(crate) company: CompanyId,
    pub(crate) touch: Touch,
}

impl LastUsedNotes {
    /// Notes that a request matched the key. An earlier moment than the noted one changes nothing.
    pub(crate) fn note(&self, key: &ActiveKey, at: Timestamp, address: IpAddr) {
        let note = Note {
            company: key.company.id,
            touch: Touch {
                key: key.key_id,
                at,
                address,
            },
        };
        self.0
            .of(key.key_id)
            .entry(key.key_id)
            .and_modify(|known| {
                if known.touch.at < at {
                    *known = note;
                }
            })
            .or_insert(note);
    }

    /// The notes that need writing, sorted by key. Nodes that write at the same time then lock rows in the same order
    /// and cannot deadlock.
    pub(crate) fn waiting(&self) -> Vec<Note> {
        let mut notes: Vec<Note> = self
            .0
            .parts()
            .flat_map(|part| part.values().copied().collect::<Vec<_>>())
            .collect();
        notes.sort_by_key(|note| note.touch.key);
        notes
    }

    /// Forgets notes that were written. A note that has changed since then stays.
    pub(crate) fn written(&self, notes: &[Note]) {
        for note in notes {
            let mut part = self.0.of(note.touch.key);
            if part
                .get(&note.touch.key)
                .is_some_and(|known| known.touch == note.touch)
            {
                part.remove(&note.touch.key);
            }
        }
    }

    /// The later of what is stored and what is noted here.
    pub(crate) fn latest(&self, key: KeyId, stored: Option<LastUsed>) -> Option<LastUsed> {
        let noted = self.0.of(key).get(&key).map(|note| note.touch);
        match (stored, noted) {
            (Some(stored), Some(noted)) if stored.at >= noted.at => Some(stored),
            (_, Some(noted)) => Some(LastUsed {
                at: noted.at,
                address: noted.address.to_string(),
            }),
            (stored, None) => stored,
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{ClientId, Environment};
    use vault::LookupHash;

    use super::*;
    use crate::{CompanyRef, CompanyRow};

    const START: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    fn key(number: u8) -> ActiveKey {
        let company = CompanyRef::from(&CompanyRow {
            id: CompanyId::from_random([1; 16]),
            client_id: ClientId::from_random([1; 16]),
            name: "Company".to_owned(),
            parent: None,
            imported_client_id: None,
            is_deleted: false,
        });
        let lookup = LookupHash::from_bytes([number; 32]);
        ActiveKey::new(
            KeyId::from_random([number; 16]),
            company,
            Environment::Sandbox,
            "00ff",
            lookup,
        )
    }

    fn moments(notes: &LastUsedNotes) -> Vec<Timestamp> {
        notes.waiting().iter().map(|note| note.touch.at).collect()
    }

    #[test]
    fn each_key_keeps_only_its_latest_note() {
        let (notes, address) = (LastUsedNotes::default(), IpAddr::from([192, 0, 2, 1]));
        for (number, second) in [(2, 5), (1, 7), (2, 9), (2, 8)] {
            notes.note(&key(number), START.plus_seconds(second), address);
        }
        assert_eq!(
            moments(&notes),
            [7, 9].map(|second| START.plus_seconds(second)),
            "sorted by key"
        );
    }

    #[test]
    fn a_request_noted_during_a_write_is_kept_for_the_next() {
        let (notes, address) = (LastUsedNotes::default(), IpAddr::from([192, 0, 2, 1]));
        notes.note(&key(1), START, address);
        notes.note(&key(2), START, address);
        let batch = notes.waiting();
        notes.note(&key(2), START.plus_seconds(1), address);
        notes.written(&batch);
        assert_eq!(moments(&notes), [START.plus_seconds(1)]);
    }
}
