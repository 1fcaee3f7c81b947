//! Erased rows: an erasure hides them at once, and segments have them until they are rewritten.

use std::collections::HashMap;

use logs::Scope;
use model::{ClientId, CompanyId, Timestamp};

use crate::{Column, Field, Head, Located, Open, ValueKey};

/// Until when the requests of which Client IDs are erased.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    clients: HashMap<ClientId, Until>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Until {
    root: CompanyId,
    at: Timestamp,
}

impl Erased {
    /// Erases the requests of a company that arrived until this moment (included). `root` is a brand's parent, or the
    /// company itself.
    pub fn add(&mut self, client_id: ClientId, root: CompanyId, until: Timestamp) {
        let erased = self.clients.entry(client_id).or_insert(Until { root, at: until });
        erased.at = erased.at.max(until);
    }

    /// Whether a request of this company that arrived then is erased.
    pub fn covers(&self, client_id: ClientId, at: Timestamp) -> bool {
        self.clients.get(&client_id).is_some_and(|until| at <= until.at)
    }

    /// Until when the requests of this company are erased.
    pub fn until(&self, client_id: ClientId) -> Option<Timestamp> {
        self.clients.get(&client_id).map(|until| until.at)
    }

    /// Whether this segment may have erased rows. It has none if this says no.
    pub fn may_be_in(&self, head: &Head) -> bool {
        let min_at = head.meta().min_at;
        self.clients.iter().any(|(client_id, until)| {
            min_at <= until.at
                && head.locate(Field::Client, &ValueKey::client(*client_id)) != Located::Nothing
        })
    }

    /// Whether this segment has erased rows.
    pub fn is_in_open(&self, open: &Open) -> bool {
        let until: Vec<Option<Timestamp>> = open
            .places()
            .iter()
            .map(|place| self.until(place.client_id))
            .collect();
        let rows = open.numbers(Column::Place).iter().zip(open.times());
        rows.into_iter().any(|(place, at)| {
            until
                .get(usize::from(*place))
                .copied()
                .flatten()
                .is_some_and(|until| *at <= until.as_millis())
        })
    }

    /// What a reader of this scope must not see: Client IDs, and until when, in milliseconds.
    pub(crate) fn hidden_from(&self, scope: Scope) -> Vec<(ValueKey, i64)> {
        let hidden = |client_id: &ClientId, until: &Until| match scope {
            Scope::WithBrands { company, .. } => until.root == company,
            Scope::Brand { client_id: own, .. } => *client_id == own,
        };
        self.clients
            .iter()
            .filter(|(client_id, until)| hidden(client_id, until))
            .map(|(client_id, until)| (ValueKey::client(*client_id), until.at.as_millis()))
            .collect()
    }
}
