//! Where requests came from.

use std::collections::HashMap;

use model::{Beyond, Caller, KeyAddress, LogAddresses, LogRow, RequestSource, Timestamp};

use super::{Asked, Reading};
use crate::{Damaged, Groups, LogStoreError, Question, Scope};

/// How many requests are looked at for what an address asked last.
const LOOKED_AT: usize = 1000;

/// What was found, the most frequent address first.
pub(super) struct Sources {
    pub(super) requests: u64,
    pub(super) sources: Vec<RequestSource>,
    pub(super) beyond: Beyond,
    pub(super) looked_back_to: Option<Timestamp>,
    pub(super) damaged: Vec<Damaged>,
}

impl Reading {
    pub(super) async fn addresses_of(
        &self,
        scope: Scope,
        asked: &Asked,
    ) -> Result<(LogAddresses, Vec<Damaged>), LogStoreError> {
        let found = self.sources(scope, asked.question()).await?;
        let addresses = LogAddresses {
            groups: found.sources,
            beyond: found.beyond,
            looked_back_to: found.looked_back_to,
        };
        Ok((addresses, found.damaged))
    }

    /// The addresses of the requests that this question counts.
    pub(super) async fn sources(&self, scope: Scope, question: Question) -> Result<Sources, LogStoreError> {
        let latest = Question {
            rows: LOOKED_AT,
            callers: true,
            count: false,
            ..question.clone()
        };
        let grouped = Question {
            groups: Some(Groups::Addresses),
            ..question
        };
        let found = self.reader.find(scope, &grouped).await?;
        let latest = self.reader.find(scope, &latest).await?;
        Ok(Sources {
            requests: found.count.at_least(),
            sources: with_latest(found.addresses, latest.rows),
            beyond: found.beyond,
            looked_back_to: found.looked_back_to.map(|looked| looked.at),
            damaged: found.damaged,
        })
    }
}

/// The addresses with what each asked last. `rows` has the newest first.
fn with_latest(addresses: Vec<KeyAddress>, rows: Vec<LogRow>) -> Vec<RequestSource> {
    let mut latest: HashMap<String, (String, Option<String>)> = HashMap::new();
    for row in rows {
        let Caller { address, user_agent } = row.caller.unwrap_or_default();
        latest.entry(address).or_insert((row.path, user_agent));
    }
    let source = |one: KeyAddress| {
        let (path, user_agent) = latest.remove(&one.address).unzip();
        RequestSource {
            address: one.address,
            requests: one.requests,
            last_at: one.last,
            path,
            user_agent: user_agent.flatten(),
        }
    };
    addresses.into_iter().map(source).collect()
}
