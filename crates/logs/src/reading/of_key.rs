//! What the page of a key asks: how much it is used, from where, and who still sends it after its deletion.

use model::{KeyAddresses, KeyId, KeyRefusals, KeyUse, LogRow, Timestamp, Verdict};

use super::{A_DAY, Reading, counting, not_before, seen_by};
use crate::{Conditions, Found, Groups, LogStoreError, Question, Scope};

/// Into how many parts the last 24 hours are divided: half an hour each.
const PARTS: u32 = 48;

/// For how many days addresses are looked for.
const DAYS: i64 = 7;

impl Reading {
    /// How much a key is used. For a company with brands, this includes requests that named a brand in `X-Brand-Id`. Each
    /// question finds the key's rows by their index.
    pub async fn key_use(&self, scope: Scope, key: KeyId, now: Timestamp) -> Result<KeyUse, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        let day = Question {
            histogram: Some(PARTS),
            ..self.newest(key, now.minus_seconds(A_DAY), now)
        };
        let found = self.reader.find(scope, &day).await?;
        let requests = found.count.at_least();
        let parts = found.histogram.iter().map(|classes| classes.iter().sum());
        let parts = parts.collect();
        let latest = match newest_of(found, scope) {
            Some(latest) => Some(latest),
            None => {
                let ever = Question {
                    count: false,
                    ..self.newest(key, Timestamp::default(), now)
                };
                newest_of(self.reader.find(scope, &ever).await?, scope)
            }
        };
        Ok(KeyUse {
            requests,
            parts,
            latest,
            addresses: self.addresses(scope, key, now).await?,
        })
    }

    /// Where requests with this key came from in the last 7 days.
    pub async fn key_addresses(
        &self,
        scope: Scope,
        key: KeyId,
        now: Timestamp,
    ) -> Result<KeyAddresses, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        self.addresses(scope, key, now).await
    }

    /// What was refused of a key since its deletion.
    pub async fn refused_since(
        &self,
        scope: Scope,
        key: KeyId,
        deleted_at: Timestamp,
        now: Timestamp,
    ) -> Result<KeyRefusals, LogStoreError> {
        let _place = self.reads.take(scope.company()).await;
        let mut question = self.newest(key, deleted_at, now);
        question.conditions.verdict.set(false, Verdict::DeletedKey);
        let found = self.reader.find(scope, &question).await?;
        Ok(KeyRefusals {
            requests: found.count.at_least(),
            latest: newest_of(found, scope),
        })
    }

    async fn addresses(
        &self,
        scope: Scope,
        key: KeyId,
        now: Timestamp,
    ) -> Result<KeyAddresses, LogStoreError> {
        let question = Question {
            groups: Some(Groups::Addresses),
            rows: 0,
            count: false,
            ..self.newest(key, now.minus_seconds(DAYS * A_DAY), now)
        };
        let found = self.reader.find(scope, &question).await?;
        Ok(KeyAddresses {
            seen: found.addresses,
            more: found.beyond.groups,
            looked_back_to: found.looked_back_to.map(|back| back.at),
        })
    }

    /// Asks for the newest request of a key, and for how many there are.
    fn newest(&self, key: KeyId, from: Timestamp, now: Timestamp) -> Question {
        let from = not_before(from, self.kept(now));
        // Requests of this very second are part of it.
        let to = now.plus_seconds(1).max(from);
        Question {
            rows: 1,
            callers: true,
            ..counting(from, to, Conditions::of_key(key))
        }
    }
}

fn newest_of(found: Found, scope: Scope) -> Option<LogRow> {
    found.rows.into_iter().next().map(|row| seen_by(row, scope))
}
