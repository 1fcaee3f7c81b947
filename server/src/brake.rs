//! Which deliveries an operator's hold, resume or cancellation means, for both the command line and the operator API.

use accounts::AccountsError;
use model::{ClientId, EventType, Timestamp, WebhookId};
use serde::{Deserialize, Serialize};
use webhooks::{BrakeWanted, StorageFailure};

use crate::core::Core;

/// The deliveries that fit everything that is named.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) client_id: Option<ClientId>,
    pub(crate) webhook: Option<WebhookId>,
    pub(crate) event_type: Option<EventType>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    /// All deliveries of the installation, which has to be said.
    pub(crate) all: bool,
}

/// Why a selection cannot be used.
#[derive(Debug)]
pub(crate) enum Unusable {
    NothingNamed,
    AllAndMore,
    UnknownCompany,
    UnknownWebhook,
    UnknownEventType,
    Ends,
    Accounts(AccountsError),
    Storage(StorageFailure),
}

impl Asked {
    fn names_something(&self) -> bool {
        self.client_id.is_some()
            || self.webhook.is_some()
            || self.event_type.is_some()
            || self.from.is_some()
            || self.until.is_some()
    }

    /// Looks up what is named. A company, webhook or event type that does not exist would otherwise select nothing, without a word.
    pub(crate) async fn look_up(&self, core: &Core) -> Result<BrakeWanted, Unusable> {
        match (self.names_something(), self.all) {
            (false, false) => return Err(Unusable::NothingNamed),
            (true, true) => return Err(Unusable::AllAndMore),
            (true, false) | (false, true) => {}
        }
        if self
            .from
            .zip(self.until)
            .is_some_and(|(from, until)| until < from)
        {
            return Err(Unusable::Ends);
        }
        let named = match self.client_id {
            None => None,
            Some(client_id) => {
                let company = core
                    .accounts
                    .company(client_id)
                    .await
                    .map_err(Unusable::Accounts)?;
                Some(company.ok_or(Unusable::UnknownCompany)?.id)
            }
        };
        let company = match self.webhook {
            None => named,
            Some(webhook) => {
                let found = core
                    .brake()
                    .company_of(webhook)
                    .await
                    .map_err(Unusable::Storage)?;
                let its_company = found.ok_or(Unusable::UnknownWebhook)?;
                if named.is_some_and(|named| named != its_company) {
                    return Err(Unusable::UnknownWebhook);
                }
                Some(its_company)
            }
        };
        if let Some(event_type) = &self.event_type
            && core.event_types.known().get(event_type).is_none()
        {
            return Err(Unusable::UnknownEventType);
        }
        Ok(BrakeWanted {
            company,
            webhook: self.webhook,
            event_type: self.event_type.clone(),
            from: self.from,
            until: self.until,
        })
    }
}
