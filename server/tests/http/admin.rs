//! `gatehouse admin` as a program: with a server running, and without one.

use std::io::Write;
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
    // A command that does not read its input may have ended before it was written.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("ends")
}

async fn admin(data_dir: &Path, arguments: &[&str], input: &str) -> serde_json::Value {
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

fn text(value: &serde_json::Value, name: &str) -> String {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {value}"))
        .to_owned()
}

/// Every command once, and what each answers.
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
    (client_id, secret)
}

#[tokio::test]
async fn every_command_works_without_a_server_and_the_server_finds_what_it_made() {
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
    // The server knows at once: a new key passes (and finds no upstream), the deleted one is refused.
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
async fn a_refusal_is_one_sentence_and_a_wrong_flag_is_exit_code_2() {
    let world = World::start().await;
    let (_, client_id) = world.company("Acme").await;
    let client_id = client_id.to_string();
    let nobody = "0".repeat(32);
    let wrong: [(&[&str], i32, &str); 5] = [
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
