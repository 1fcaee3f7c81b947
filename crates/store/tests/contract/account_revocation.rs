//! What an operator revokes is gone with the commit, on every node. Each time the audit row is written in the same
//! transaction.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use accounts::{Accounts, AccountsError, Email, Password, Passwords, Scopes, SessionLimits, Whose};
use clock::Clock;
use live::{Bus, EndedSessions};
use model::{Actor, ClientId, MemberId, Role, SessionId};
use store::{Columns, Db};

use crate::test_db::TestDb;

contract!(
    store::MAIN_MIGRATIONS,
    [
        a_revoked_operator_token_is_refused_at_once_on_every_node,
        a_removed_member_is_signed_out_at_once_on_every_node,
        a_person_who_is_in_no_company_has_no_account,
        setting_a_password_ends_all_sessions_and_the_old_password,
        no_session_survives_a_password_change_during_sign_in,
        revoking_one_session_leaves_the_others,
        lists_show_everything_there_is,
        revoking_something_missing_is_reported_and_leaves_no_row,
        every_revocation_leaves_an_audit_row,
    ]
);

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ANA: &str = "ana@example.com";

fn node(db: Db, bus: &Bus) -> Accounts {
    let rows = Arc::new(store::accounts::Accounts::new(db));
    Accounts::new(
        rows,
        Passwords::cheap(),
        Clock::machine(),
        SessionLimits::default(),
        bus.clone(),
    )
}

/// Two nodes on one database.
async fn nodes(db: &TestDb) -> (Accounts, Accounts) {
    (
        node(db.db.clone(), &Bus::default()),
        node(db.open_again().await, &Bus::default()),
    )
}

fn email(text: &str) -> Email {
    text.parse().expect("an address")
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned()).expect("long enough")
}

async fn company(accounts: &Accounts, name: &str) -> ClientId {
    let created = accounts.create_company(name, None, &Actor::command_line()).await;
    created.expect("a company").client_id
}

async fn member(accounts: &Accounts, company: ClientId, address: &str) -> MemberId {
    let new = password("correct horse");
    accounts
        .create_member(company, email(address), Role::Owner, new, &Actor::command_line())
        .await
        .expect("a member")
}

async fn sign_in(accounts: &Accounts, address: &str) -> vault::Token {
    accounts
        .sign_in(address, password("correct horse"), HERE)
        .await
        .expect("signs in")
}

async fn is_alive(accounts: &Accounts, token: &vault::Token) -> bool {
    accounts.visit(token).await.expect("reads").is_some()
}

async fn a_revoked_operator_token_is_refused_at_once_on_every_node(db: &TestDb) {
    let (one, other) = nodes(db).await;
    let actor = Actor::command_line();
    let mut tokens = Vec::new();
    for name in ["leaked", "kept"] {
        let token = one.create_operator_token(name, Scopes::default(), &actor).await;
        tokens.push(token.expect("a token"));
    }
    let listed = one.operator_tokens().await.expect("lists");
    assert_eq!(
        listed.iter().map(|token| token.name.as_str()).collect::<Vec<_>>(),
        ["leaked", "kept"]
    );
    assert!(other.operator(&tokens[0]).await.expect("reads").is_some());
    let revoked = one
        .revoke_operator_token(listed[0].id, &actor)
        .await
        .expect("revokes");
    assert_eq!(revoked, listed[0]);
    for node in [&one, &other] {
        assert_eq!(node.operator(&tokens[0]).await.expect("reads"), None);
        assert!(node.operator(&tokens[1]).await.expect("reads").is_some());
        assert_eq!(node.operator_tokens().await.expect("lists"), listed[1..]);
    }
    let again = other.revoke_operator_token(listed[0].id, &actor).await;
    assert!(matches!(again, Err(AccountsError::UnknownToken)), "{again:?}");
}

async fn a_removed_member_is_signed_out_at_once_on_every_node(db: &TestDb) {
    let bus = Bus::default();
    let one = node(db.db.clone(), &bus);
    let other = node(db.open_again().await, &Bus::default());
    one.create_install(&[1; 32], &[2; 32]).await.expect("writes");
    let (acme, zebra) = (company(&one, "Acme").await, company(&one, "Zebra").await);
    let ana = member(&one, acme, ANA).await;
    member(&one, zebra, ANA).await;
    member(&one, acme, "bo@example.com").await;
    let (here, there) = (sign_in(&one, ANA).await, sign_in(&other, ANA).await);
    let bo = sign_in(&one, "bo@example.com").await;
    let person = one.visit(&here).await.expect("reads").expect("a session").person;
    let version = other.sessions_version().await.expect("reads");
    let mut ended = bus.ended_sessions();

    let removed = one
        .remove_member(ana, &Actor::command_line())
        .await
        .expect("removes");
    assert_eq!((removed.email, removed.sessions_ended), (email(ANA), 2));
    for node in [&one, &other] {
        assert!(!is_alive(node, &here).await && !is_alive(node, &there).await);
        assert!(is_alive(node, &bo).await, "others stay");
        assert_eq!(node.membership(person, acme).await.expect("reads"), None);
        assert!(node.membership(person, zebra).await.expect("reads").is_some());
    }
    let mut told = vec![ended.try_recv(), ended.try_recv()];
    told.retain(|told| {
        [&here, &there]
            .iter()
            .any(|token| *told == Ok(EndedSessions::One(token.hash())))
    });
    assert_eq!(told.len(), 2, "open streams are notified");
    assert_ne!(
        other.sessions_version().await.expect("reads"),
        version,
        "streams on other nodes check again"
    );
    sign_in(&other, ANA).await;
}

async fn a_person_who_is_in_no_company_has_no_account(db: &TestDb) {
    let (one, other) = nodes(db).await;
    let acme = company(&one, "Acme").await;
    let ana = member(&one, acme, ANA).await;
    sign_in(&one, ANA).await;
    one.remove_member(ana, &Actor::command_line())
        .await
        .expect("removes");
    let gone = other.sign_in(ANA, password("correct horse"), HERE).await;
    assert!(matches!(gone, Err(AccountsError::WrongPassword)), "{gone:?}");
    assert!(!other.person_exists(&email(ANA)).await.expect("reads"));
    member(&other, acme, ANA).await;
    sign_in(&one, ANA).await;
}

async fn setting_a_password_ends_all_sessions_and_the_old_password(db: &TestDb) {
    let (one, other) = nodes(db).await;
    let acme = company(&one, "Acme").await;
    member(&one, acme, ANA).await;
    let sessions = [sign_in(&one, ANA).await, sign_in(&other, ANA).await];
    let set = one
        .set_password(&email(ANA), password("another horse"), &Actor::command_line())
        .await
        .expect("sets");
    assert_eq!(set.sessions_ended, 2);
    for node in [&one, &other] {
        for session in &sessions {
            assert!(!is_alive(node, session).await);
        }
        let former = node.sign_in(ANA, password("correct horse"), HERE).await;
        assert!(matches!(former, Err(AccountsError::WrongPassword)), "{former:?}");
        node.sign_in(ANA, password("another horse"), HERE)
            .await
            .expect("signs in");
    }
}

/// Does both at once, many times. In any order, no session that began with the old password may survive.
async fn no_session_survives_a_password_change_during_sign_in(db: &TestDb) {
    let (one, other) = nodes(db).await;
    let acme = company(&one, "Acme").await;
    member(&one, acme, ANA).await;
    let (mut current, actor) = ("correct horse".to_owned(), Actor::command_line());
    for round in 0..20 {
        let next = format!("horse number {round}");
        let ana = email(ANA);
        let (begun, set) = tokio::join!(
            other.sign_in(ANA, password(&current), HERE),
            one.set_password(&ana, password(&next), &actor),
        );
        set.expect("sets");
        if let Ok(token) = begun {
            assert!(!is_alive(&other, &token).await, "round {round}");
        }
        current = next;
    }
}

async fn revoking_one_session_leaves_the_others(db: &TestDb) {
    let (one, other) = nodes(db).await;
    let acme = company(&one, "Acme").await;
    member(&one, acme, ANA).await;
    let (stolen, own) = (sign_in(&one, ANA).await, sign_in(&one, ANA).await);
    let of_ana = Whose::Person(email(ANA));
    let listed = one.sessions(&of_ana).await.expect("lists");
    assert_eq!(listed.len(), 2);
    let found = listed.iter().find(|one| one.session.token_hash == stolen.hash());
    let found = found.expect("listed");
    assert_eq!(found.session.address, Some(HERE));
    let actor = Actor::command_line();
    assert_eq!(
        other.revoke_session(found.id, &actor).await.expect("revokes"),
        email(ANA)
    );
    for node in [&one, &other] {
        assert!(!is_alive(node, &stolen).await && is_alive(node, &own).await);
    }
    let rest = other
        .revoke_sessions_of(&email(ANA), &actor)
        .await
        .expect("revokes");
    assert_eq!(rest.sessions_ended, 1);
    assert!(one.sessions(&of_ana).await.expect("lists").is_empty());
}

async fn lists_show_everything_there_is(db: &TestDb) {
    let (one, _) = nodes(db).await;
    let (acme, zebra) = (company(&one, "Acme").await, company(&one, "Zebra").await);
    for address in ["bo@example.com", ANA] {
        member(&one, acme, address).await;
    }
    member(&one, zebra, "zoe@example.com").await;
    let members = one.members(acme).await.expect("lists");
    let addresses: Vec<_> = members.iter().map(|member| member.email.as_str()).collect();
    assert_eq!(addresses, [ANA, "bo@example.com"]);
    for address in [ANA, "zoe@example.com"] {
        sign_in(&one, address).await;
    }
    for (whose, wanted) in [
        (Whose::Everybody, 2),
        (Whose::Company(acme), 1),
        (Whose::Company(zebra), 1),
        (Whose::Person(email(ANA)), 1),
        (Whose::Person(email("bo@example.com")), 0),
    ] {
        assert_eq!(
            one.sessions(&whose).await.expect("lists").len(),
            wanted,
            "{whose:?}"
        );
    }
}

async fn revoking_something_missing_is_reported_and_leaves_no_row(db: &TestDb) {
    let (one, _) = nodes(db).await;
    let actor = Actor::command_line();
    let before = actions(db).await;
    let member = one.remove_member(MemberId::from_random([9; 16]), &actor).await;
    assert!(matches!(member, Err(AccountsError::UnknownMember)), "{member:?}");
    let session = one.revoke_session(SessionId::from_random([9; 16]), &actor).await;
    assert!(
        matches!(session, Err(AccountsError::UnknownSession)),
        "{session:?}"
    );
    let person = one
        .set_password(&email(ANA), password("correct horse"), &actor)
        .await;
    assert!(matches!(person, Err(AccountsError::UnknownPerson)), "{person:?}");
    let nobody = one.members(ClientId::from_random([9; 16])).await;
    assert!(matches!(nobody, Err(AccountsError::UnknownCompany)), "{nobody:?}");
    assert_eq!(actions(db).await, before);
}

async fn every_revocation_leaves_an_audit_row(db: &TestDb) {
    let (one, _) = nodes(db).await;
    let acme = company(&one, "Acme").await;
    let (ana, actor) = (member(&one, acme, ANA).await, Actor::command_line());
    one.create_operator_token("ci", Scopes::default(), &actor)
        .await
        .expect("a token");
    sign_in(&one, ANA).await;
    let before = actions(db).await.len();
    let new = password("correct horse");
    one.set_password(&email(ANA), new, &actor).await.expect("sets");
    let session = sign_in(&one, ANA).await;
    let listed = one.sessions(&Whose::Everybody).await.expect("lists");
    assert_eq!(listed[0].session.token_hash, session.hash());
    one.revoke_session(listed[0].id, &actor).await.expect("revokes");
    sign_in(&one, ANA).await;
    one.revoke_sessions_of(&email(ANA), &actor)
        .await
        .expect("revokes");
    one.remove_member(ana, &actor).await.expect("removes");
    let token = one.operator_tokens().await.expect("lists")[0].id;
    one.revoke_operator_token(token, &actor).await.expect("revokes");
    let mut actions = actions(db).await.split_off(before);
    actions.sort();
    assert_eq!(
        actions,
        [
            "member.password_set",
            "member.removed",
            "member.signed_in",
            "member.signed_in",
            "operator_token.revoked",
            "session.revoked",
            "session.revoked",
            "session.revoked",
        ]
    );
}

async fn actions(db: &TestDb) -> Vec<String> {
    let rows = sqlx::query("SELECT action FROM audit ORDER BY at, id")
        .fetch_all(db.db.reader())
        .await
        .expect("reads");
    rows.iter().map(|row| row.text("action").expect("text")).collect()
}
