//! Saved views on both databases: each person's own in each company, replaced by name, and gone with the membership.

use std::sync::Arc;

use accounts::{Accounts, AccountsError, MOST_VIEWS, Password, Passwords, SessionLimits, ViewsOf};
use clock::Clock;
use live::Bus;
use model::{Actor, ClientId, MemberId, Role, ViewQuery};
use store::Columns;

use crate::test_db::TestDb;

contract!(
    store::MAIN_MIGRATIONS,
    [
        a_view_is_its_owners_in_one_company_and_no_others,
        a_view_of_the_same_name_is_replaced,
        a_view_gets_another_name_that_no_other_has,
        a_name_fits_and_there_are_fifty_views_at_most,
        views_go_with_the_membership,
    ]
);

struct World<'a> {
    db: &'a TestDb,
    accounts: Accounts,
    actor: Actor,
}

impl<'a> World<'a> {
    fn on(db: &'a TestDb) -> Self {
        let rows = Arc::new(store::accounts::Accounts::new(db.db.clone()));
        let limits = SessionLimits::default();
        Self {
            db,
            accounts: Accounts::new(rows, Passwords::cheap(), Clock::machine(), limits, Bus::default()),
            actor: Actor::command_line(),
        }
    }

    async fn company(&self, name: &str) -> ClientId {
        let created = self.accounts.create_company(name, None, &self.actor).await;
        created.expect("a company").client_id
    }

    async fn member(&self, company: ClientId, email: &str) -> (MemberId, ViewsOf) {
        let password = Password::new("correct horse".to_owned()).expect("long enough");
        let email = email.parse().expect("an address");
        let role = Role::Viewer;
        let created = self
            .accounts
            .create_member(company, email, role, password, &self.actor);
        let id = created.await.expect("a member");
        let row = sqlx::query("SELECT company_id, person_id FROM members WHERE id = $1")
            .bind(id.to_string())
            .fetch_one(self.db.db.reader())
            .await
            .expect("a row");
        let of = ViewsOf {
            company: row.parsed("company_id").expect("an id"),
            person: row.parsed("person_id").expect("an id"),
        };
        (id, of)
    }

    async fn save(&self, of: ViewsOf, name: &str, query: &str) -> Result<(), AccountsError> {
        self.accounts
            .save_view(of, name, ViewQuery::of(query), &self.actor)
            .await
    }

    async fn names(&self, of: ViewsOf) -> Vec<(String, String)> {
        let views = self.accounts.views(of).await.expect("views");
        views
            .into_iter()
            .map(|view| (view.name, view.query.to_string()))
            .collect()
    }
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, query): &(&str, &str)| ((*name).to_owned(), (*query).to_owned());
    all.iter().map(owned).collect()
}

async fn a_view_is_its_owners_in_one_company_and_no_others(db: &TestDb) {
    let world = World::on(db);
    let (acme, other) = (world.company("Acme").await, world.company("Other").await);
    let (_, ana) = world.member(acme, "ana@example.com").await;
    let (_, ana_elsewhere) = world.member(other, "ana@example.com").await;
    let (_, bo) = world.member(acme, "bo@example.com").await;
    world.save(ana, "slow", "duration=%3E1s").await.expect("saved");
    world
        .save(ana, " Errors ", "status=5xx&range=7d&before=3&view=errors")
        .await
        .expect("saved");
    let errors = ("Errors", "range=7d&status=5xx&view=errors");
    assert_eq!(
        world.names(ana).await,
        pairs(&[errors, ("slow", "duration=%3E1s")])
    );
    for someone_else in [ana_elsewhere, bo] {
        assert_eq!(world.names(someone_else).await, pairs(&[]));
    }
    let view = world.accounts.views(ana).await.expect("views")[0].id;
    for someone_else in [ana_elsewhere, bo] {
        let refused = world.accounts.delete_view(someone_else, view, &world.actor).await;
        assert!(matches!(refused, Err(AccountsError::UnknownView)), "{refused:?}");
    }
    world
        .accounts
        .delete_view(ana, view, &world.actor)
        .await
        .expect("deleted");
    assert_eq!(world.names(ana).await.len(), 1);

    let sql = "SELECT action, detail FROM audit WHERE action LIKE 'view.%' ORDER BY id";
    let rows = sqlx::query(sql).fetch_all(db.db.reader()).await.expect("reads");
    let read = |row| {
        (
            Columns::text(row, "action").expect("text"),
            Columns::text(row, "detail").expect("text"),
        )
    };
    let mut written: Vec<_> = rows.iter().map(read).collect();
    written.sort();
    assert_eq!(
        written,
        pairs(&[
            ("view.deleted", "Errors"),
            ("view.saved", "Errors"),
            ("view.saved", "slow")
        ])
    );
}

async fn a_view_of_the_same_name_is_replaced(db: &TestDb) {
    let world = World::on(db);
    let acme = world.company("Acme").await;
    let (_, ana) = world.member(acme, "ana@example.com").await;
    for query in ["status=4xx", "status=5xx"] {
        world.save(ana, "Errors", query).await.expect("saved");
    }
    assert_eq!(world.names(ana).await, pairs(&[("Errors", "status=5xx")]));
}

async fn a_view_gets_another_name_that_no_other_has(db: &TestDb) {
    let world = World::on(db);
    let acme = world.company("Acme").await;
    let (_, ana) = world.member(acme, "ana@example.com").await;
    let (_, bo) = world.member(acme, "bo@example.com").await;
    for (of, name) in [(ana, "Errors"), (ana, "Slow"), (bo, "Outages")] {
        world.save(of, name, "status=5xx").await.expect("saved");
    }
    let errors = world.accounts.views(ana).await.expect("views")[0].id;
    let rename = async |of, name: &str| world.accounts.rename_view(of, errors, name, &world.actor).await;
    let taken = rename(ana, " Slow ").await;
    assert!(matches!(taken, Err(AccountsError::ViewNameTaken)), "{taken:?}");
    let others = rename(bo, "Mine").await;
    assert!(matches!(others, Err(AccountsError::UnknownView)), "{others:?}");
    for name in ["", " ", "a\nb", &"x".repeat(61)] {
        let refused = rename(ana, name).await;
        assert!(matches!(refused, Err(AccountsError::InvalidView)), "{name:?}");
    }
    // Another person's name is no obstacle, and neither is its own.
    for name in [" Outages ", "Outages"] {
        rename(ana, name).await.expect("renamed");
    }
    let now = [("Outages", "status=5xx"), ("Slow", "status=5xx")];
    assert_eq!(world.names(ana).await, pairs(&now));
    // Both may have come in one millisecond, within which ids have no order.
    let sql = "SELECT detail FROM audit WHERE action = 'view.renamed' ORDER BY detail";
    let rows = sqlx::query(sql).fetch_all(db.db.reader()).await.expect("reads");
    let details: Vec<_> = rows
        .iter()
        .map(|row| Columns::text(row, "detail").expect("text"))
        .collect();
    assert_eq!(details, ["Errors, now Outages", "Outages, now Outages"]);
}

async fn a_name_fits_and_there_are_fifty_views_at_most(db: &TestDb) {
    let world = World::on(db);
    let acme = world.company("Acme").await;
    let (_, ana) = world.member(acme, "ana@example.com").await;
    for name in ["", "  ", "a\nb", &"x".repeat(61)] {
        let refused = world.save(ana, name, "").await;
        assert!(matches!(refused, Err(AccountsError::InvalidView)), "{name:?}");
    }
    world
        .save(ana, &"ü".repeat(60), "")
        .await
        .expect("sixty characters");
    let saving = (0..MOST_VIEWS + 5).map(|number| {
        let (world, name) = (&world, format!("view {number}"));
        async move { world.save(ana, &name, "").await }
    });
    let saved = futures_util::future::join_all(saving).await;
    let refused = saved
        .iter()
        .filter(|saved| matches!(saved, Err(AccountsError::TooManyViews)));
    assert_eq!(refused.count(), 6, "also at the same moment");
    assert_eq!(world.names(ana).await.len(), MOST_VIEWS);
    world
        .save(ana, &"ü".repeat(60), "status=4xx")
        .await
        .expect("it replaces one");
}

async fn views_go_with_the_membership(db: &TestDb) {
    let world = World::on(db);
    let (acme, other) = (world.company("Acme").await, world.company("Other").await);
    let (member, ana) = world.member(acme, "ana@example.com").await;
    let (_, ana_elsewhere) = world.member(other, "ana@example.com").await;
    world.save(ana, "Errors", "status=5xx").await.expect("saved");
    world.save(ana_elsewhere, "Mine", "").await.expect("saved");
    world
        .accounts
        .remove_member(member, &world.actor)
        .await
        .expect("removed");
    assert_eq!(world.names(ana).await, pairs(&[]));
    assert_eq!(world.names(ana_elsewhere).await, pairs(&[("Mine", "")]));
    let refused = world.save(ana, "Errors", "").await;
    assert!(
        matches!(refused, Err(AccountsError::UnknownMember)),
        "{refused:?}"
    );
    let (_, again) = world.member(acme, "ana@example.com").await;
    assert_eq!(again, ana, "the same person");
    assert_eq!(world.names(again).await, pairs(&[]));
}
