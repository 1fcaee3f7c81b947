//! What accounts guarantee on both databases: one account per address, one membership per company, sessions that end,
//! and an audit row for each change.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use accounts::{Accounts, AccountsError, Browser, Email, Password, Passwords, Scope, Scopes, SessionLimits};
use clock::{Clock, ManualClock};
use live::{Bus, EndedSessions};
use model::{Actor, ClientId, Role, Timestamp};
use store::Columns;

use crate::test_db::TestDb;

contract!(
    store::MAIN_MIGRATIONS,
    [
        the_installation_row_is_written_once,
        a_brand_belongs_to_its_parent_and_has_no_brands,
        a_person_is_one_account_in_several_companies,
        no_one_is_a_member_twice,
        another_companys_id_is_not_found,
        signing_in_opens_a_session_and_signing_out_ends_it,
        a_session_ends_when_it_is_idle,
        a_wrong_password_and_an_unknown_account_look_alike,
        dead_sessions_are_removed_and_live_ones_stay,
        an_operator_token_is_found_only_by_its_hash,
        every_change_leaves_an_audit_row,
        signing_in_again_ends_the_browsers_previous_session,
    ]
);

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const START: i64 = 1_767_614_400_000;

/// Accounts, with a clock that the test moves.
struct World {
    accounts: Accounts,
    clock: ManualClock,
    bus: Bus,
}

impl World {
    fn on(db: &TestDb) -> Self {
        let clock = ManualClock::at(Timestamp::from_millis(START));
        let rows = Arc::new(store::accounts::Accounts::new(db.db.clone()));
        let bus = Bus::default();
        Self {
            accounts: Accounts::new(
                rows,
                Passwords::cheap(),
                Clock::from(&clock),
                SessionLimits::default(),
                bus.clone(),
            ),
            clock,
            bus,
        }
    }

    fn advance(&self, seconds: i64) {
        self.clock.advance_seconds(seconds);
    }

    async fn company(&self, name: &str) -> ClientId {
        let created = self
            .accounts
            .create_company(name, None, &Actor::command_line())
            .await;
        created.expect("a company").client_id
    }

    async fn member(&self, company: ClientId, address: &str, role: Role) {
        let created = self
            .accounts
            .create_member(company, email(address), role, password(), &Actor::command_line())
            .await;
        created.expect("a member");
    }
}

fn email(text: &str) -> Email {
    text.parse().expect("an address")
}

fn password() -> Password {
    Password::new("correct horse".to_owned()).expect("long enough")
}

async fn the_installation_row_is_written_once(db: &TestDb) {
    let world = World::on(db);
    assert_eq!(world.accounts.install().await.expect("reads"), None);
    let first = world
        .accounts
        .create_install(&[1; 32], &[2; 32])
        .await
        .expect("writes");
    let second = world
        .accounts
        .create_install(&[3; 32], &[4; 32])
        .await
        .expect("reads the first");
    assert_eq!(first, second);
    assert!(first.verify(&[1; 32], &[2; 32]).is_ok());
    assert!(first.verify(&[3; 32], &[2; 32]).is_err() && first.verify(&[1; 32], &[4; 32]).is_err());
}

async fn a_brand_belongs_to_its_parent_and_has_no_brands(db: &TestDb) {
    let world = World::on(db);
    let parent = world.company("Acme").await;
    let actor = Actor::command_line();
    let brand = world
        .accounts
        .create_company("Acme Kids", Some(parent), &actor)
        .await
        .expect("a brand");
    world.member(parent, "ana@example.com", Role::Owner).await;
    let token = world
        .accounts
        .sign_in("ana@example.com", password(), HERE)
        .await
        .expect("signs in");
    let visit = world
        .accounts
        .visit(&token)
        .await
        .expect("reads")
        .expect("a session");
    let membership = world
        .accounts
        .membership(visit.person, parent)
        .await
        .expect("reads")
        .expect("a member");
    assert_eq!(
        membership
            .brands
            .iter()
            .map(|brand| brand.name.as_str())
            .collect::<Vec<_>>(),
        ["Acme Kids"]
    );
    let under_a_brand = world
        .accounts
        .create_company("Too deep", Some(brand.client_id), &actor)
        .await;
    assert!(
        matches!(under_a_brand, Err(AccountsError::ParentIsABrand)),
        "{under_a_brand:?}"
    );
    let nowhere = ClientId::from_random([9; 16]);
    let orphan = world
        .accounts
        .create_company("Orphan", Some(nowhere), &actor)
        .await;
    assert!(matches!(orphan, Err(AccountsError::UnknownCompany)), "{orphan:?}");
}

async fn a_person_is_one_account_in_several_companies(db: &TestDb) {
    let world = World::on(db);
    let (zebra, acme) = (world.company("Zebra").await, world.company("Acme").await);
    world.member(zebra, "ana@example.com", Role::Viewer).await;
    world.member(acme, "ANA@example.com", Role::Owner).await;
    let token = world
        .accounts
        .sign_in("Ana@Example.com", password(), HERE)
        .await
        .expect("signs in");
    let visit = world
        .accounts
        .visit(&token)
        .await
        .expect("reads")
        .expect("a session");
    let companies = world.accounts.memberships(visit.person).await.expect("reads");
    let seen: Vec<_> = companies
        .iter()
        .map(|(company, role)| (company.name.as_str(), *role))
        .collect();
    assert_eq!(seen, [("Acme", Role::Owner), ("Zebra", Role::Viewer)]);
}

async fn no_one_is_a_member_twice(db: &TestDb) {
    let world = World::on(db);
    let acme = world.company("Acme").await;
    world.member(acme, "ana@example.com", Role::Viewer).await;
    let actor = Actor::command_line();
    let again = world
        .accounts
        .create_member(acme, email("ana@example.com"), Role::Owner, password(), &actor)
        .await;
    assert!(matches!(again, Err(AccountsError::AlreadyMember)), "{again:?}");
}

async fn another_companys_id_is_not_found(db: &TestDb) {
    let world = World::on(db);
    let (acme, other) = (world.company("Acme").await, world.company("Other").await);
    world.member(acme, "ana@example.com", Role::Owner).await;
    let token = world
        .accounts
        .sign_in("ana@example.com", password(), HERE)
        .await
        .expect("signs in");
    let person = world
        .accounts
        .visit(&token)
        .await
        .expect("reads")
        .expect("a session")
        .person;
    assert!(
        world
            .accounts
            .membership(person, acme)
            .await
            .expect("reads")
            .is_some()
    );
    assert_eq!(
        world.accounts.membership(person, other).await.expect("reads"),
        None
    );
    assert_eq!(
        world
            .accounts
            .membership(person, ClientId::from_random([9; 16]))
            .await
            .expect("reads"),
        None
    );
}

async fn signing_in_opens_a_session_and_signing_out_ends_it(db: &TestDb) {
    let world = World::on(db);
    let acme = world.company("Acme").await;
    world.member(acme, "ana@example.com", Role::Owner).await;
    let first = world
        .accounts
        .sign_in("ana@example.com", password(), HERE)
        .await
        .expect("signs in");
    let second = world
        .accounts
        .sign_in("ana@example.com", password(), HERE)
        .await
        .expect("signs in");
    let mut ended = world.bus.ended_sessions();
    let visit = world
        .accounts
        .visit(&first)
        .await
        .expect("reads")
        .expect("a session");
    world.accounts.sign_out(&visit, HERE).await.expect("signs out");
    assert_eq!(ended.try_recv(), Ok(EndedSessions::One(first.hash())));
    assert_eq!(world.accounts.visit(&first).await.expect("reads"), None);
    assert!(
        !world
            .accounts
            .session_is_alive(visit.session)
            .await
            .expect("reads")
    );
    assert!(
        world.accounts.visit(&second).await.expect("reads").is_some(),
        "the other session stays"
    );
}

async fn a_session_ends_when_it_is_idle(db: &TestDb) {
    let world = World::on(db);
    let acme = world.company("Acme").await;
    world.member(acme, "ana@example.com", Role::Owner).await;
    let token = world
        .accounts
        .sign_in("ana@example.com", password(), HERE)
        .await
        .expect("signs in");
    let idle = SessionLimits::default().idle_seconds;
    world.advance(idle - 1);
    assert!(world.accounts.visit(&token).await.expect("reads").is_some());
    world.advance(idle + 1);
    assert_eq!(world.accounts.visit(&token).await.expect("reads"), None);
}

async fn a_wrong_password_and_an_unknown_account_look_alike(db: &TestDb) {
    let world = World::on(db);
    let acme = world.company("Acme").await;
    world.member(acme, "ana@example.com", Role::Owner).await;
    for address in ["ana@example.com", "nobody@example.com", "not an address"] {
        let wrong = Password::typed("wrong".to_owned());
        let refused = world.accounts.sign_in(address, wrong, HERE).await;
        assert!(
            matches!(refused, Err(AccountsError::WrongPassword)),
            "{address}: {refused:?}"
        );
    }
}

async fn dead_sessions_are_removed_and_live_ones_stay(db: &TestDb) {
    let world = World::on(db);
    let acme = world.company("Acme").await;
    world.member(acme, "ana@example.com", Role::Owner).await;
    world
        .accounts
        .sign_in("ana@example.com", password(), HERE)
        .await
        .expect("signs in");
    world.advance(SessionLimits::default().idle_seconds);
    let alive = world
        .accounts
        .sign_in("ana@example.com", password(), HERE)
        .await
        .expect("signs in");
    world.accounts.remove_dead_sessions().await.expect("removes");
    let left = count(db, "SELECT CAST(COUNT(*) AS BIGINT) AS rows FROM sessions").await;
    assert_eq!(left, 1);
    assert!(world.accounts.visit(&alive).await.expect("reads").is_some());
}

async fn an_operator_token_is_found_only_by_its_hash(db: &TestDb) {
    let world = World::on(db);
    let scopes = Scopes::new(vec![Scope::Keys, Scope::Events]);
    let actor = Actor::command_line();
    let token = world
        .accounts
        .create_operator_token("ci", scopes.clone(), &actor)
        .await
        .expect("a token");
    let found = world
        .accounts
        .operator(&token)
        .await
        .expect("reads")
        .expect("found");
    assert_eq!((found.name.as_str(), found.scopes), ("ci", scopes));
    assert!(
        world
            .accounts
            .operator(&vault::Token::generate())
            .await
            .expect("reads")
            .is_none()
    );
}

async fn every_change_leaves_an_audit_row(db: &TestDb) {
    let world = World::on(db);
    let acme = world.company("Acme").await;
    world.member(acme, "ana@example.com", Role::Owner).await;
    let token = world
        .accounts
        .sign_in("ana@example.com", password(), HERE)
        .await
        .expect("signs in");
    let visit = world
        .accounts
        .visit(&token)
        .await
        .expect("reads")
        .expect("a session");
    world.accounts.sign_out(&visit, HERE).await.expect("signs out");
    let actor = Actor::command_line();
    world
        .accounts
        .create_operator_token("ci", Scopes::default(), &actor)
        .await
        .expect("a token");
    let rows = sqlx::query("SELECT action FROM audit ORDER BY id")
        .fetch_all(db.db.reader())
        .await
        .expect("reads");
    let mut actions: Vec<_> = rows.iter().map(|row| row.text("action").expect("text")).collect();
    actions.sort();
    let wanted = [
        "company.created",
        "member.created",
        "member.signed_in",
        "member.signed_out",
        "operator_token.created",
    ];
    assert_eq!(actions, wanted);
}

async fn count(db: &TestDb, sql: &'static str) -> i64 {
    sqlx::query(sql)
        .fetch_one(db.db.reader())
        .await
        .expect("counts")
        .int("rows")
        .expect("a number")
}

async fn signing_in_again_ends_the_browsers_previous_session(db: &TestDb) {
    let world = World::on(db);
    let acme = world.company("Acme").await;
    world.member(acme, "ana@example.com", Role::Owner).await;
    world.member(acme, "bo@example.com", Role::Viewer).await;
    let accounts = &world.accounts;
    let first = accounts
        .sign_in("ana@example.com", password(), HERE)
        .await
        .expect("signs in");
    let elsewhere = accounts
        .sign_in("ana@example.com", password(), HERE)
        .await
        .expect("signs in");
    let mut ended = world.bus.ended_sessions();
    let browser = Browser {
        former: accounts.visit(&first).await.expect("reads"),
        ..HERE.into()
    };
    let second = accounts
        .sign_in("bo@example.com", password(), browser)
        .await
        .expect("signs in");
    assert_eq!(accounts.visit(&first).await.expect("reads"), None);
    assert_eq!(ended.try_recv(), Ok(EndedSessions::One(first.hash())));
    for stays in [&elsewhere, &second] {
        assert!(accounts.visit(stays).await.expect("reads").is_some());
    }
    let signed_out = count(
        db,
        "SELECT CAST(COUNT(*) AS BIGINT) AS rows FROM audit WHERE action = 'member.signed_out'",
    );
    assert_eq!(signed_out.await, 1);
}
