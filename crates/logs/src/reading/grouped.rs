//! What requests have in common: their facets, and their groups: errors by what failed, and endpoints. Addresses are in `sources.rs`.

use model::{EndpointOrder, LogEndpoints, LogErrors, LogFacets, StatusFilter};

use super::{Asked, Reading};
use crate::{Damaged, Groups, Known, LogStoreError, Question, Scope, facets, groups};

impl Reading {
    pub(super) async fn facets(
        &self,
        scope: Scope,
        asked: &Asked,
        known: &Known,
    ) -> Result<LogFacets, LogStoreError> {
        let question = Question {
            facets: true,
            ..asked.question()
        };
        let found = self.reader.find(scope, &question).await?;
        Ok(facets::named(found, scope, known))
    }

    pub(super) async fn errors(
        &self,
        scope: Scope,
        asked: &Asked,
        known: &Known,
    ) -> Result<(LogErrors, Vec<Damaged>), LogStoreError> {
        let (from, to) = (self.axis(scope, asked).await?, asked.to);
        let question = Question {
            from,
            groups: Some(Groups::Errors { parts: groups::PARTS }),
            ..asked.question()
        };
        let mut found = self.reader.find(scope, &question).await?;
        let damaged = std::mem::take(&mut found.damaged);
        Ok((groups::errors(found, from, to, scope, known), damaged))
    }

    /// Requests of which no status is known are left out where the filter does not ask for them: they are neither failures nor
    /// successes, and only the check of their key was timed.
    pub(super) async fn endpoints(
        &self,
        scope: Scope,
        asked: &Asked,
        order: EndpointOrder,
    ) -> Result<(LogEndpoints, Vec<Damaged>), LogStoreError> {
        let mut question = asked.question();
        let status = &question.conditions.status;
        let unknown = match status.any_of.is_empty() && !status.none_of.contains(&StatusFilter::Unknown) {
            true => self.without_status(scope, asked).await?,
            false => 0,
        };
        if unknown > 0 {
            question.conditions.status.set(true, StatusFilter::Unknown);
        }
        question.groups = Some(Groups::Endpoints(order));
        let mut found = self.reader.find(scope, &question).await?;
        let damaged = std::mem::take(&mut found.damaged);
        let endpoints = LogEndpoints {
            unknown,
            ..groups::endpoints(found)
        };
        Ok((endpoints, damaged))
    }

    async fn without_status(&self, scope: Scope, asked: &Asked) -> Result<u64, LogStoreError> {
        let mut question = Question {
            count: true,
            ..asked.question()
        };
        question.conditions.status.set(false, StatusFilter::Unknown);
        Ok(self.reader.find(scope, &question).await?.count.at_least())
    }
}
