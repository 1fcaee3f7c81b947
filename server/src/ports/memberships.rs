//! The memberships that one request has looked up. A page asks for its company once for each of its server functions,
//! all at the same time. The first one looks it up, and the others wait for the result.

use std::collections::HashMap;
use std::sync::Arc;

use accounts::{AccountsError, Membership};
use model::ClientId;
use tokio::sync::Mutex;

/// Must not outlive its request. Otherwise a removed member could still get in.
#[derive(Debug, Default)]
pub(super) struct Memberships(Mutex<HashMap<ClientId, Option<Arc<Membership>>>>);

impl Memberships {
    /// The result of `look_up`, from now or from before. An error is not kept.
    pub(super) async fn of<Looking>(
        &self,
        company: ClientId,
        look_up: impl FnOnce() -> Looking,
    ) -> Result<Option<Arc<Membership>>, AccountsError>
    where
        Looking: Future<Output = Result<Option<Membership>, AccountsError>>,
    {
        let mut found = self.0.lock().await;
        if let Some(membership) = found.get(&company) {
            return Ok(membership.clone());
        }
        let membership = look_up().await?.map(Arc::new);
        found.insert(company, membership.clone());
        Ok(membership)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use accounts::{Company, StorageFailure};
    use model::{CompanyId, Role, Timestamp};

    use super::*;

    fn membership(client_id: ClientId) -> Membership {
        Membership {
            company: Company {
                id: CompanyId::from_random([1; 16]),
                client_id,
                name: "Acme".to_owned(),
                parent: None,
                created_at: Timestamp::from_millis(0),
                log_days: None,
            },
            brands: Vec::new(),
            role: Role::Viewer,
        }
    }

    #[tokio::test]
    async fn those_who_ask_at_the_same_time_share_one_look_up() {
        let memberships = Memberships::default();
        let looked = Cell::new(0);
        let company: ClientId = "00000000000000000000000000000001".parse().unwrap();
        let ask = || {
            memberships.of(company, || async {
                looked.set(looked.get() + 1);
                tokio::task::yield_now().await;
                Ok(Some(membership(company)))
            })
        };
        let (one, two, three) = tokio::join!(ask(), ask(), ask());
        for found in [one, two, three] {
            assert_eq!(found.unwrap().map(|found| found.role), Some(Role::Viewer));
        }
        assert_eq!(looked.get(), 1);
    }

    #[tokio::test]
    async fn companies_are_kept_apart_and_failures_are_not_kept() {
        let memberships = Memberships::default();
        let [one, other]: [ClientId; 2] = ["01", "02"].map(|end| format!("{end:0>32}").parse().unwrap());
        let failing = || async { Err(AccountsError::Storage(StorageFailure::from("gone".to_owned()))) };
        assert!(memberships.of(one, failing).await.is_err());
        let found = memberships.of(one, || async { Ok(Some(membership(one))) }).await;
        assert!(found.unwrap().is_some(), "after a failure it is looked up again");
        let none = memberships.of(other, || async { Ok(None) }).await;
        assert!(
            none.unwrap().is_none(),
            "membership of one company opens no other"
        );
        let still_none = memberships.of(other, failing).await;
        assert!(still_none.unwrap().is_none(), "not looked up twice");
    }
}
