//! How long a company's log is kept: a number that the operator sets, and that its brands share.

use std::sync::Arc;

use accounts::{Accounts, AccountsError, Passwords, SessionLimits};
use clock::{Clock, ManualClock};
use live::Bus;
use model::{Actor, ClientId, Timestamp};
use store::Columns;

use crate::test_db::TestDb;

contract!(
    store::MAIN_MIGRATIONS,
    [
        a_brand_keeps_its_log_for_as_long_as_its_parent,
        only_a_number_of_days_that_makes_sense_is_accepted,
        every_change_of_the_days_leaves_an_audit_row,
    ]
);

fn accounts(db: &TestDb) -> Accounts {
    Accounts::new(
        Arc::new(store::accounts::Accounts::new(db.db.clone())),
        Passwords::cheap(),
        Clock::from(&ManualClock::at(Timestamp::from_millis(1_767_614_400_000))),
        SessionLimits::default(),
        Bus::default(),
    )
}

async fn company(accounts: &Accounts, name: &str, parent: Option<ClientId>) -> ClientId {
    let created = accounts
        .create_company(name, parent, &Actor::command_line())
        .await;
    created.expect("a company").client_id
}

async fn days(accounts: &Accounts, company: ClientId) -> Option<u16> {
    let found = accounts.company(company).await.expect("reads");
    found.expect("a company").log_days
}

async fn a_brand_keeps_its_log_for_as_long_as_its_parent(db: &TestDb) {
    let (accounts, actor) = (accounts(db), Actor::command_line());
    let acme = company(&accounts, "Acme", None).await;
    let kids = company(&accounts, "Kids", Some(acme)).await;
    let zebra = company(&accounts, "Zebra", None).await;
    accounts.set_log_days(acme, Some(5), &actor).await.expect("set");
    let later = company(&accounts, "Later", Some(acme)).await;
    for (client_id, expected) in [(acme, Some(5)), (kids, Some(5)), (later, Some(5)), (zebra, None)] {
        assert_eq!(days(&accounts, client_id).await, expected);
    }
    let refused = accounts.set_log_days(kids, Some(3), &actor).await;
    assert!(matches!(refused, Err(AccountsError::BrandFollowsParent)));

    accounts.set_log_days(acme, None, &actor).await.expect("set");
    for company in accounts.companies().await.expect("reads") {
        assert_eq!(company.log_days, None, "{}", company.name);
    }
}

async fn only_a_number_of_days_that_makes_sense_is_accepted(db: &TestDb) {
    let (accounts, actor) = (accounts(db), Actor::command_line());
    let acme = company(&accounts, "Acme", None).await;
    for days in [0, 3651] {
        let refused = accounts.set_log_days(acme, Some(days), &actor).await;
        assert!(matches!(refused, Err(AccountsError::InvalidLogDays)), "{days}");
    }
    let nobody = ClientId::from_random([9; 16]);
    let refused = accounts.set_log_days(nobody, Some(5), &actor).await;
    assert!(matches!(refused, Err(AccountsError::UnknownCompany)));
    assert_eq!(days(&accounts, acme).await, None);
}

async fn every_change_of_the_days_leaves_an_audit_row(db: &TestDb) {
    let (accounts, actor) = (accounts(db), Actor::command_line());
    let acme = company(&accounts, "Acme", None).await;
    accounts.set_log_days(acme, Some(5), &actor).await.expect("set");
    accounts.set_log_days(acme, None, &actor).await.expect("set");
    let rows = sqlx::query("SELECT detail FROM audit WHERE action = 'company.log_days_set' ORDER BY detail")
        .fetch_all(db.db.reader())
        .await
        .expect("reads");
    let details: Vec<_> = rows.iter().map(|row| row.text("detail").expect("text")).collect();
    assert_eq!(details, ["5 (was default)", "default (was 5)"]);
}
