//! Runs `gatehouse admin` as a program, with and without a running server.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use http::StatusCode;
use model::ClientId;

use crate::world::{PASSWORD, To, World};

fn gatehouse(data_dir: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gatehouse"))
        .arg("admin")
        .args(arguments)
        .arg("--data-dir")
        .arg(data_dir)
        .arg("--json")
        .env_clear()
        .current_dir(data_dir.parent().expect("a parent"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    // A command that does not read its input may exit before we have written it.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("ends")
}

pub(crate) async fn admin(data_dir: &Path, arguments: &[&str], input: &str) -> serde_json::Value {
    let (data_dir, input) = (data_dir.to_owned(), input.to_owned());
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let output = tokio::task::spawn_blocking(move || {
        gatehouse(
            &data_dir,
            &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
            &input,
        )
    });
    let output = output.await.expect("ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

/// What a command that is refused says.
pub(crate) async fn gatehouse_fails(data_dir: &Path, arguments: &[&str]) -> String {
    let data_dir = data_dir.to_owned();
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    let output = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        gatehouse(&data_dir, &arguments, "")
    });
    let output = output.await.expect("ends");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(value: &serde_json::Value, name: &str) -> String {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {value}"))
        .to_owned()
}

/// Runs every command once. Returns the Client ID and the secret of a deleted key.
async fn everything_once(data_dir: &Path) -> (String, String) {
    let company = admin(data_dir, &["create-company", "--name", "Acme"], "").await;
    let client_id = text(&company, "client_id");
    assert!(client_id.parse::<ClientId>().is_ok() && text(&company, "company_id").len() == 32);
    let brand = admin(
        data_dir,
        &["create-company", "--name", "Kids", "--parent", &client_id],
        "",
    )
    .await;
    assert_ne!(text(&brand, "client_id"), client_id);
    let fewer = ["set-log-days", "--client-id", &client_id, "--days", "5"];
    assert_eq!(text(&admin(data_dir, &fewer, "").await, "log_days"), "5");

    let given = [
        "create-member",
        "--client-id",
        &client_id,
        "--email",
        "ana@example.com",
        "--role",
        "owner",
    ];
    let member = admin(data_dir, &given, &format!("{PASSWORD}\n")).await;
    assert_eq!(
        member["password"],
        serde_json::Value::Null,
        "a given password is not shown"
    );
    let made = [
        "create-member",
        "--client-id",
        &client_id,
        "--email",
        "vic@example.com",
        "--role",
        "viewer",
    ];
    assert_eq!(text(&admin(data_dir, &made, "").await, "password").len(), 23);

    let key = admin(
        data_dir,
        &[
            "create-key",
            "--client-id",
            &client_id,
            "--environment",
            "sandbox",
        ],
        "",
    )
    .await;
    let secret = text(&key, "secret");
    assert!(secret.starts_with("sandbox-") && secret.len() == 48);
    let deleted = admin(data_dir, &["delete-key", "--key-id", &text(&key, "key_id")], "").await;
    assert!(text(&deleted, "refused_since").ends_with('Z'));
    let token = admin(data_dir, &["create-operator-token", "--name", "backend"], "").await;
    assert_eq!(text(&token, "token").len(), 43);
    everything_taken_back(data_dir, &client_id).await;
    (client_id, secret)
}

/// Lists everything, then revokes the second member, the token and another key. Ana stays.
async fn everything_taken_back(data_dir: &Path, client_id: &str) {
    let list = async |arguments: &[&str]| {
        let list = admin(data_dir, arguments, "").await;
        list.as_array().expect("a list").clone()
    };
    let companies = list(&["list-companies"]).await;
    assert_eq!(companies.len(), 2);
    let kids = companies.iter().find(|company| company["name"] == "Kids");
    let kids = kids.expect("listed");
    assert_eq!(
        (text(kids, "parent").as_str(), text(kids, "log_days").as_str()),
        (client_id, "5")
    );

    let set = ["set-password", "--email", "vic@example.com"];
    let made = admin(data_dir, &set, "").await;
    assert_eq!(text(&made, "password").len(), 23);
    let given = admin(data_dir, &set, "a password for vic\n").await;
    assert_eq!(given["password"], serde_json::Value::Null);

    let members = list(&["list-members", "--client-id", client_id]).await;
    assert_eq!(members.len(), 2);
    let vic = members.iter().find(|member| member["email"] == "vic@example.com");
    let vic = text(vic.expect("listed"), "member_id");
    let removed = admin(data_dir, &["remove-member", "--member-id", &vic], "").await;
    assert_eq!(text(&removed, "email"), "vic@example.com");
    assert_eq!(list(&["list-members", "--client-id", client_id]).await.len(), 1);

    assert!(list(&["list-sessions"]).await.is_empty());
    let ended = admin(data_dir, &["revoke-session", "--email", "ana@example.com"], "").await;
    assert_eq!(text(&ended, "sessions_ended"), "0");

    let create = ["create-key", "--client-id", client_id, "--environment", "prod"];
    let key = text(&admin(data_dir, &create, "").await, "key_id");
    let keys = list(&["list-keys", "--client-id", client_id]).await;
    assert_eq!((keys.len(), text(&keys[0], "key_id")), (1, key.clone()));
    admin(data_dir, &["delete-key", "--key-id", &key], "").await;
    assert!(list(&["list-keys", "--client-id", client_id]).await.is_empty());

    let tokens = list(&["list-operator-tokens"]).await;
    let token = text(&tokens[0], "token_id");
    let revoked = admin(data_dir, &["revoke-operator-token", "--token-id", &token], "").await;
    assert_eq!(text(&revoked, "name"), "backend");
    assert!(list(&["list-operator-tokens"]).await.is_empty());
}

#[tokio::test]
async fn every_command_works_without_a_server_and_the_server_finds_the_results() {
    let dir = tempfile::tempdir().expect("a directory");
    let data_dir = dir.path().join("data");
    let (client_id, secret) = everything_once(&data_dir).await;
    let world = World::start_with(|config| config.place.data_dir = data_dir).await;
    world.sign_in("ana@example.com").await;
    let refused = world
        .get("/v1/users/")
        .to(To::Gateway)
        .header("x-access-client-id", &client_id);
    assert_eq!(
        refused.header("x-access-secret", &secret).send().await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_goes_through_the_running_server() {
    let world = World::start().await;
    let (client_id, deleted) = everything_once(world.data_dir()).await;
    // The server notices at once: the new key is accepted (and finds no upstream), the deleted one is refused.
    let arguments = [
        "create-key",
        "--client-id",
        &client_id,
        "--environment",
        "sandbox",
    ];
    let active = text(&admin(world.data_dir(), &arguments, "").await, "secret");
    for (secret, status) in [
        (active, StatusCode::FORBIDDEN),
        (deleted, StatusCode::UNAUTHORIZED),
    ] {
        let call = world
            .get("/v1/users/")
            .to(To::Gateway)
            .header("x-access-client-id", &client_id);
        assert_eq!(
            call.header("x-access-secret", &secret).send().await.status,
            status
        );
    }
    world.sign_in("ana@example.com").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_admin_command_revokes_is_refused_by_the_running_server_at_once() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let page = format!("/c/{}/development/keys", acme.client_id);
    let is_in = async |cookie: &str| world.get(&page).cookie(cookie).send().await.status == StatusCode::OK;
    let data_dir = world.data_dir();
    let sessions = admin(data_dir, &["list-sessions"], "").await;
    assert_eq!(sessions.as_array().map(Vec::len), Some(2));
    for session in sessions.as_array().expect("a list") {
        let arguments = ["revoke-session", "--session-id", &text(session, "session_id")];
        admin(data_dir, &arguments, "").await;
    }
    assert!(!is_in(&acme.owner).await && !is_in(&acme.viewer).await);

    let owner = format!("owner-{}@example.com", acme.client_id);
    let cookie = world.sign_in(&owner).await;
    assert!(is_in(&cookie).await);
    let set = admin(data_dir, &["set-password", "--email", &owner], "another horse\n").await;
    assert_eq!(text(&set, "sessions_ended"), "1");
    assert!(!is_in(&cookie).await);

    let create = [
        "create-operator-token",
        "--name",
        "leaked",
        "--scope",
        "companies",
    ];
    let token = text(&admin(data_dir, &create, "").await, "token");
    let asked = async || {
        let ask = world.get("/operator/v1/companies").to(To::Operator);
        ask.bearer(&token).send().await.status
    };
    assert_eq!(asked().await, StatusCode::OK);
    let tokens = admin(data_dir, &["list-operator-tokens"], "").await;
    let revoke = [
        "revoke-operator-token",
        "--token-id",
        &text(&tokens[0], "token_id"),
    ];
    admin(data_dir, &revoke, "").await;
    assert_eq!(asked().await, StatusCode::UNAUTHORIZED);
}

/// A service or a script may leave a pipe open that no one ever writes to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_pipe_is_read_to_its_first_line_and_a_silent_one_gets_an_explanation() {
    let world = World::start().await;
    let (_, client_id) = world.company("Acme").await;
    let start = |email: &str| {
        Command::new(env!("CARGO_BIN_EXE_gatehouse"))
            .args([
                "admin",
                "--json",
                "create-member",
                "--role",
                "owner",
                "--email",
                email,
            ])
            .args(["--client-id", &client_id.to_string(), "--data-dir"])
            .arg(world.data_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts")
    };
    tokio::task::block_in_place(|| {
        let mut with_a_line = start("ana@example.com");
        let mut input = with_a_line.stdin.take().expect("piped");
        writeln!(input, "{PASSWORD}").expect("writes");
        let output = with_a_line
            .wait_with_output()
            .expect("ends although its input stays open");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        drop(input);

        let mut silent = start("bo@example.com");
        let input = silent.stdin.take().expect("piped");
        let mut said = String::new();
        BufReader::new(silent.stderr.take().expect("piped"))
            .read_line(&mut said)
            .expect("it says what it is waiting for");
        assert!(said.contains("--generate-password"), "{said}");
        drop(input);
        assert!(silent.wait().expect("ends").success());
    });
    world.sign_in("ana@example.com").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unread_response_is_a_failure_that_says_what_to_do() {
    let world = World::start().await;
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatehouse"));
    command
        .args([
            "admin",
            "--json",
            "create-operator-token",
            "--name",
            "lost",
            "--data-dir",
        ])
        .arg(world.data_dir())
        .stdin(Stdio::null())
        .stdout(writer);
    let output = tokio::task::block_in_place(|| command.output()).expect("runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("shown only once") && errors.contains("revoke"),
        "{errors}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_one_sentence_and_a_wrong_flag_is_exit_code_2() {
    let world = World::start().await;
    let (_, client_id) = world.company("Acme").await;
    let client_id = client_id.to_string();
    let nobody = "0".repeat(32);
    let wrong: [(&[&str], i32, &str); 7] = [
        (
            &["create-key", "--client-id", &nobody, "--environment", "sandbox"],
            1,
            "no company",
        ),
        (
            &["create-key", "--client-id", "x", "--environment", "sandbox"],
            2,
            "--client-id",
        ),
        (
            &["create-key", "--client-id", &client_id, "--environment", "test"],
            2,
            "--environment",
        ),
        (&["delete-key", "--key-id", &nobody], 1, "no active key"),
        (
            &["set-log-days", "--client-id", &client_id, "--days", "3651"],
            1,
            "1 to 3650 days",
        ),
        (
            &["set-log-days", "--client-id", &client_id, "--days", "week"],
            2,
            "--days",
        ),
        (
            &["create-operator-token", "--name", "x", "--scope", "everything"],
            2,
            "--scope",
        ),
    ];
    for (arguments, code, words) in wrong {
        let output = tokio::task::block_in_place(|| gatehouse(world.data_dir(), arguments, ""));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(
            errors.contains(words) && errors.trim_end().lines().count() == 1,
            "{arguments:?}: {errors}"
        );
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn a_command_that_needs_an_installation_makes_none() {
    let parent = tempfile::tempdir().expect("a directory");
    let nowhere = parent.path().join("data");
    let id = "0123456789abcdef0123456789abcdef";
    for arguments in [
        vec!["list-companies"],
        vec!["set-log-days", "--client-id", id, "--days", "5"],
        vec!["list-keys", "--client-id", id],
        vec!["list-sessions"],
        vec!["list-operator-tokens"],
        vec!["create-operator-token", "--name", "backend"],
        vec!["create-key", "--client-id", id, "--environment", "sandbox"],
        vec!["create-company", "--name", "A brand", "--parent", id],
        vec!["revoke-session", "--email", "ana@example.com"],
    ] {
        let output = gatehouse(&nowhere, &arguments, "");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
        assert!(
            errors.contains("There is no installation in"),
            "{arguments:?}: {errors}"
        );
        assert!(!nowhere.exists(), "{arguments:?} made the directory");
    }
    std::fs::create_dir(&nowhere).expect("an empty directory");
    std::fs::write(nowhere.join("gatehouse.lock"), "").expect("left by a server that never began");
    let output = gatehouse(&nowhere, &["list-companies"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(!nowhere.join("gatehouse.db").exists());
    admin(&nowhere, &["create-company", "--name", "Acme"], "").await;
    assert!(nowhere.join("gatehouse.db").exists());
}
