//! What a row of a program names: companies, brands and keys, as they are known now, and how far back a log goes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use keys::{CompanyRef, KeyTrace, Snapshot};
use logs::{Entry, Message, Retention};
use model::{
    BodyAbsence, ClientId, CompanyId, Environment, InvalidWebhook, Kept, KeyId, Recorded, Timestamp,
};
use webhooks::fault;

use super::Faults;
use super::row::{NamedKey, Row};
use crate::api_error::ApiError;
use crate::services::Services;

/// How far the clock of the sender may be ahead, in seconds.
const AHEAD: i64 = 60;

/// How old a request may be, in hours: enough for a weekend. What is stored is removed by the day of storing, so without a
/// bound old requests would stay on the disk much longer than the log is kept.
const HOURS: i64 = 72;

/// A log is kept for a day at least.
const SURELY_KEPT: i64 = 24 * 3_600;

pub(super) struct Knowledge {
    snapshot: Arc<Snapshot>,
    form: keys::CredentialForm,
    now: Timestamp,
    retention: Retention,
    /// For how many days companies keep their own log, if that was asked for.
    own_days: HashMap<ClientId, Option<u16>>,
    by_id: HashMap<KeyId, (CompanyId, KeyTrace)>,
    by_last_four: HashMap<(CompanyId, Arc<str>), Vec<KeyTrace>>,
}

impl Knowledge {
    /// Looks up what these rows name.
    pub(super) async fn of(services: &Services, rows: &[Result<Row, Faults>]) -> Result<Self, ApiError> {
        let core = &services.core;
        let mut knowledge = Self {
            snapshot: core.keys.snapshot(),
            form: core.keys.form().clone(),
            now: services.clock().now(),
            retention: core.retention,
            own_days: HashMap::new(),
            by_id: HashMap::new(),
            by_last_four: HashMap::new(),
        };
        let rows: Vec<&Row> = rows.iter().flatten().collect();
        knowledge.note_keys(&rows);
        for client_id in knowledge.with_old_rows(&rows) {
            let company = core
                .accounts
                .company(client_id)
                .await
                .map_err(|error| ApiError::failed("a company could not be looked up", &error))?;
            let days = company.and_then(|company| company.log_days);
            knowledge.own_days.insert(client_id, days);
        }
        Ok(knowledge)
    }

    /// One look at all keys, whatever the number of rows.
    fn note_keys(&mut self, rows: &[&Row]) {
        let named: HashSet<&NamedKey> = rows.iter().filter_map(|row| row.key.as_ref()).collect();
        if named.is_empty() {
            return;
        }
        let endings: HashSet<&str> = named
            .iter()
            .filter_map(|key| match key {
                NamedKey::LastFour(last_four) => Some(last_four.as_str()),
                NamedKey::Id(_) => None,
            })
            .collect();
        let snapshot = Arc::clone(&self.snapshot);
        for (company, trace) in snapshot.traces() {
            if named.contains(&NamedKey::Id(trace.key_id)) {
                self.by_id.insert(trace.key_id, (company, trace.clone()));
            }
            if endings.contains(&*trace.last_four) {
                let ending = (company, Arc::clone(&trace.last_four));
                self.by_last_four.entry(ending).or_default().push(trace);
            }
        }
    }

    /// Companies of which rows may be older than their own log, with their parents.
    fn with_old_rows(&self, rows: &[&Row]) -> HashSet<ClientId> {
        let surely = self.now.minus_seconds(SURELY_KEPT);
        let old = rows.iter().filter(|row| row.started_at < surely);
        old.filter_map(|row| self.company(row).ok())
            .flat_map(|company| [Some(company.client_id), self.parent_of(&company)])
            .flatten()
            .collect()
    }

    fn parent_of(&self, company: &CompanyRef) -> Option<ClientId> {
        self.snapshot
            .company_by_id(company.root)
            .map(|parent| parent.client_id)
    }

    /// The company whose row it is: the brand, if one is named.
    fn company(&self, row: &Row) -> Result<CompanyRef, InvalidWebhook> {
        let company = self
            .snapshot
            .company_named(&row.client_id)
            .ok_or_else(|| fault("client_id", "There is no company with this Client ID."))?;
        let Some(brand) = &row.brand else {
            return Ok(company.clone());
        };
        self.snapshot
            .brand(company.id, brand)
            .ok_or_else(|| fault("brand", "The company has no brand with this Client ID."))
    }

    /// The entry of the log, not yet redacted.
    pub(super) fn entry(&self, row: Row) -> Result<Entry, Faults> {
        let mut faults = Faults::new();
        let company = self.company(&row).map_err(|fault| faults.push(fault)).ok();
        let key = company
            .as_ref()
            .map_or(Ok(None), |company| self.key(company, &row));
        let key = key.unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        faults.extend(self.wrong_time(company.as_ref(), row.started_at));
        let Some(company) = company.filter(|_| faults.is_empty()) else {
            return Err(faults);
        };
        let place = gateway::place(&company);
        let presented = gateway::presented(&self.form, &row.request.headers);
        let bodies_are_kept = self
            .retention
            .bodies_since(self.now)
            .is_none_or(|since| row.started_at >= since);
        let message = |message: Message| {
            if bodies_are_kept {
                message
            } else {
                Message::absent(BodyAbsence::NoLongerKept)
            }
        };
        Ok(Entry {
            request_id: row.request_id.in_log(place.client_id, row.started_at),
            at: row.started_at,
            environment: key.as_ref().map(|key| key.environment).or(row.environment),
            key: key.map(|key| logs::KeyTrace {
                id: key.key_id,
                last_four: key.last_four.to_string(),
            }),
            place,
            recorded: Recorded::Sent,
            method: row.method,
            path: row.path,
            status: row.status,
            verdict: row.verdict,
            verdict_detail: String::new(),
            duration_us: row.duration_us,
            upstream_us: None,
            address: row.address.to_string(),
            user_agent: row.user_agent,
            presented,
            request: message(row.request),
            response: message(row.response),
        })
    }

    /// The key that the row names. A brand's requests may have come with a key of its parent.
    fn key(&self, company: &CompanyRef, row: &Row) -> Result<Option<KeyTrace>, InvalidWebhook> {
        let owners = [company.id, company.root];
        let (field, mut found) = match &row.key {
            None => return Ok(None),
            Some(NamedKey::Id(id)) => {
                let known = self.by_id.get(id).filter(|(owner, _)| owners.contains(owner));
                ("key_id", known.map(|(_, key)| key.clone()).into_iter().collect())
            }
            Some(NamedKey::LastFour(last_four)) => (
                "key_last_four",
                self.keys_ending(&owners, last_four, row.environment),
            ),
        };
        let key = found.pop().ok_or_else(|| {
            fault(
                field,
                "The company has no such key, and none was deleted in the last 90 days.",
            )
        })?;
        if !found.is_empty() {
            return Err(fault(field, "Several keys end in these characters. Send key_id."));
        }
        match row.environment {
            Some(environment) if environment != key.environment => {
                let message = format!("This is a {} key.", key.environment.label());
                Err(fault("env_type", &message))
            }
            _ => Ok(Some(key)),
        }
    }

    fn keys_ending(
        &self,
        owners: &[CompanyId; 2],
        last_four: &str,
        environment: Option<Environment>,
    ) -> Vec<KeyTrace> {
        let owners: HashSet<&CompanyId> = owners.iter().collect();
        let keys = owners
            .into_iter()
            .filter_map(|owner| self.by_last_four.get(&(*owner, Arc::from(last_four))))
            .flatten();
        keys.filter(|key| environment.is_none_or(|environment| key.environment == environment))
            .cloned()
            .collect()
    }

    fn wrong_time(&self, company: Option<&CompanyRef>, at: Timestamp) -> Option<InvalidWebhook> {
        let wrong = |message: String| Some(fault("started_at", &message));
        if at > self.now.plus_seconds(AHEAD) {
            return wrong(format!("This is in the future: it is {} here.", self.now));
        }
        if at < self.now.minus_seconds(HOURS * 3_600) {
            return wrong(format!("A request may be {HOURS} hours old at most."));
        }
        let kept = self.kept(company?)?;
        if at < kept.since {
            return wrong(format!("This log is kept since {}.", kept.since));
        }
        None
    }

    /// How far back the company or its parent can read, whichever sees more.
    fn kept(&self, company: &CompanyRef) -> Option<Kept> {
        let readers = [Some(company.client_id), self.parent_of(company)];
        let days = readers
            .into_iter()
            .flatten()
            .map(|reader| self.own_days.get(&reader).copied().flatten());
        let kept = days.map(|days| self.retention.kept(days, self.now));
        kept.min_by_key(|kept| kept.map(|kept| kept.since)).flatten()
    }
}
