//! `admin backup` and `admin check`, run as programs: a backup of a running server is checked, and then served from.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use http::{Method, StatusCode};
use model::Environment;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::receiver::{Receiver, Reply};
use crate::world::{Acme, To, World};

const SECRETS: [&str; 2] = ["master.key", "pepper.key"];

fn run(arguments: &[&str], data_dir: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatehouse"));
    command.arg("admin").args(arguments).arg("--json").env_clear();
    if let Some(data_dir) = data_dir {
        command.arg("--data-dir").arg(data_dir);
    }
    command.current_dir(std::env::temp_dir());
    tokio::task::block_in_place(|| command.output()).expect("runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn backup(data_dir: &Path, to: &Path) -> Value {
    let output = run(&["backup", text(to)], Some(data_dir));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The lines of a check, its exit code, and what it said.
fn check(dir: &Path) -> (Vec<Value>, Option<i32>, String) {
    let output = run(&["check", text(dir)], None);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines =
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"));
    let lines = lines.as_array().expect("a list").clone();
    (lines, output.status.code(), errors)
}

/// How many were checked of this kind, and the first fault.
fn line(lines: &[Value], what: &str) -> (u64, Option<String>) {
    let of: Vec<&Value> = lines.iter().filter(|line| line["what"] == what).collect();
    assert!(!of.is_empty(), "{what} in {lines:?}");
    let checked = of.iter().find_map(|line| line["checked"].as_str());
    let fault = of.iter().find_map(|line| line["fault"].as_str());
    (
        checked.expect("a number").parse().expect("a number"),
        fault.map(str::to_owned),
    )
}

fn copy_secrets(from: &Path, to: &Path) {
    for name in SECRETS {
        fs::copy(from.join(name), to.join(name)).expect("copied");
    }
}

/// A server with something of each kind: a key, a webhook, an event, a receiver's response and a row of the log.
async fn world() -> (World, Acme) {
    let world =
        World::start_with(|config| config.allow_networks = vec!["127.0.0.0/8".parse().expect("a network")])
            .await;
    let acme = world.acme("Acme").await;
    let key = world.key(acme.id, Environment::Sandbox).await;
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    let draft = json!({ "name": "Orders", "webhook_url": receiver.url("/hook"), "env_type": "sandbox" });
    let created = world
        .ask(Method::POST, "/v1/webhooks/")
        .json(&draft)
        .to(To::Gateway)
        .header("x-access-client-id", &acme.client_id.to_string())
        .header("x-access-secret", key.secret.expose())
        .send()
        .await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    world.publish(acme.id).await;
    receiver.wait_for(1).await;
    test_wait::until("the attempt and the request are shown", async || {
        let deliveries = page(&world, &acme, "webhooks").await;
        deliveries.contains("Orders") && page(&world, &acme, "logs").await.contains("/v1/webhooks/")
    })
    .await;
    (world, acme)
}

async fn page(world: &World, acme: &Acme, tab: &str) -> String {
    let path = format!("/c/{}/development/{tab}", acme.client_id);
    world.get(&path).cookie(&acme.owner).send().await.body
}

/// The first file in the first day.
fn segment_file(logs: &Path) -> PathBuf {
    let first = |folder: &Path, wanted: fn(&Path) -> bool| {
        let mut entries = fs::read_dir(folder).expect("readable");
        let found = entries.find_map(|entry| Some(entry.ok()?.path()).filter(|path| wanted(path)));
        found.expect("it is there")
    };
    first(&first(logs, Path::is_dir), Path::is_file)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_running_server_is_complete_private_and_can_be_served_from() {
    let (mut world, acme) = world().await;
    let folder = TempDir::new().expect("a folder");
    let copy = folder.path().join("copies/today");
    let said = backup(world.data_dir(), &copy);
    assert_eq!(said["directory"], text(&copy));
    for (name, file) in [("master key", "master.key"), ("pepper", "pepper.key")] {
        let said = said[name].as_str().expect("named");
        let file = world.data_dir().join(file);
        assert!(
            said.contains("not copied") && said.contains(text(&file)),
            "{said}"
        );
        assert!(!copy.join(file.file_name().expect("a name")).exists());
    }
    for (name, mode) in [
        ("", 0o700),
        ("logs", 0o700),
        ("gatehouse.db", 0o600),
        ("logs/logs.db", 0o600),
    ] {
        let found = fs::metadata(copy.join(name)).expect("copied");
        assert_eq!(found.mode() & 0o777, mode, "{name:?}");
    }

    let (lines, code, errors) = check(&copy);
    assert_eq!(code, Some(1));
    assert!(errors.contains("1 fault was found in"), "{errors}");
    let fault = line(&lines, "master key, pepper").1.expect("they are missing");
    assert!(fault.contains("master key is missing"), "{fault}");

    copy_secrets(world.data_dir(), &copy);
    world.stop().await;
    let (lines, code, errors) = check(&copy);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{lines:?}");
    assert_eq!(line(&lines, "access secrets"), (1, None));
    assert_eq!(line(&lines, "webhook secrets"), (1, None));
    assert_eq!(line(&lines, "event bodies"), (1, None));
    assert_eq!(
        line(&lines, "log rows in segments").0 + line(&lines, "log rows not in segments").0,
        1
    );
    assert_eq!(line(&lines, "log rows not moved yet"), (0, None));

    let again = World::start_with(|config| config.place.data_dir.clone_from(&copy)).await;
    let cookie = again
        .sign_in(&format!("owner-{}@example.com", acme.client_id))
        .await;
    let owner = Acme {
        owner: cookie,
        ..acme
    };
    assert!(page(&again, &owner, "logs").await.contains("/v1/webhooks/"));
    assert!(page(&again, &owner, "webhooks").await.contains("Orders"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_the_command_copies_the_installation_itself() {
    let (mut world, _) = world().await;
    world.stop().await;
    let folder = TempDir::new().expect("a folder");
    let copy = folder.path().join("copy");
    backup(world.data_dir(), &copy);
    copy_secrets(world.data_dir(), &copy);
    for dir in [&copy, world.data_dir()] {
        let (lines, code, errors) = check(dir);
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{lines:?}");
        assert_eq!(line(&lines, "event bodies"), (1, None));
        assert_eq!(
            line(&lines, "log rows in segments"),
            (1, None),
            "a stop closes the segment"
        );
        // A second name of the same file would be damaged together with it.
        let file = segment_file(&dir.join("logs"));
        assert_eq!(fs::metadata(file).expect("readable").nlink(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_refused_where_there_are_files_and_on_postgres_with_what_to_do() {
    let world = World::start().await;
    let full = TempDir::new().expect("a folder");
    fs::write(full.path().join("notes.txt"), "").expect("written");
    let output = run(&["backup", text(full.path())], Some(world.data_dir()));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("is not empty"), "{errors}");
    assert_eq!(fs::read_dir(full.path()).expect("readable").count(), 1);

    let within = world.data_dir().join("logs/copies/today");
    let output = run(&["backup", text(&within)], Some(world.data_dir()));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("is in the data directory"), "{errors}");
    assert!(!world.data_dir().join("logs/copies").exists());

    let folder = TempDir::new().expect("a folder");
    let target = folder.path().join("copy");
    let arguments = [
        "backup",
        text(&target),
        "--database-url",
        "postgres://nowhere.invalid/x",
    ];
    let output = run(&arguments, Some(folder.path()));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("pg_dump") && errors.trim_end().lines().count() == 1,
        "{errors}"
    );
    assert!(!target.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_names_each_fault_and_no_secret() {
    let (mut world, _) = world().await;
    let dir = world.data_dir().to_owned();
    let (_, code, errors) = {
        let output = run(&["check", text(&dir)], None);
        (
            (),
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    assert_eq!(code, Some(1));
    assert!(errors.contains("A server is using"), "{errors}");
    world.stop().await;

    let folder = TempDir::new().expect("a folder");
    let copy = folder.path().join("copy");
    backup(&dir, &copy);
    copy_secrets(&dir, &copy);
    let other = format!("{}\n", "5a".repeat(32));
    fs::write(copy.join("master.key"), &other).expect("another key");
    let (lines, code, errors) = check(&copy);
    assert_eq!(code, Some(1));
    assert!(errors.contains("faults were found in"), "{errors}");
    let fault = line(&lines, "master key, pepper").1.expect("the wrong one");
    assert!(fault.contains("master key is not the one"), "{fault}");
    for what in ["access secrets", "webhook secrets", "event bodies"] {
        let (checked, fault) = line(&lines, what);
        assert_eq!(checked, 1);
        let fault = fault.unwrap_or_else(|| panic!("{what} opened with another key"));
        assert!(fault.contains("another master key"), "{fault}");
    }
    assert!(!format!("{lines:?}{errors}").contains(other.trim()));

    let database = fs::File::options()
        .write(true)
        .open(copy.join("gatehouse.db"))
        .expect("opens");
    let size = database.metadata().expect("readable").len();
    for page in 2..size / 4096 {
        database.write_all_at(&[0xff; 64], page * 4096).expect("written");
    }
    let (lines, code, _) = check(&copy);
    assert_eq!(code, Some(1));
    assert!(line(&lines, "gatehouse.db").1.is_some());
    assert_eq!(
        line(&lines, "log rows in segments"),
        (1, None),
        "the rest is checked all the same"
    );

    let segment = segment_file(&copy.join("logs"));
    assert_eq!(fs::metadata(&segment).expect("copied").mode() & 0o777, 0o600);
    fs::remove_file(&segment).expect("removed");
    let (lines, code, _) = check(&copy);
    assert_eq!(code, Some(1));
    let (checked, fault) = line(&lines, "log rows in segments");
    assert!(checked == 0 && fault.expect("it is missing").contains("1 rows"));

    let nothing = folder.path().join("nothing");
    let output = run(&["check", text(&nothing)], None);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("There is no installation in"), "{errors}");
    assert!(!nothing.exists());
}
