//! What a start refuses, and with which message.

use std::path::Path;
use std::process::{Command, Output};

use accounts::Passwords;
use clock::Clock;
use server::StartError;
use server::config::{Demo, RateLimit, master_key_file, pepper_file};
use server::serve;
use store::{Db, DbOptions, Durability, Migration};

use crate::world::{World, config};

fn refusal(started: Result<serve::Running, StartError>) -> String {
    match started {
        Err(StartError::Config(error)) => error.0,
        Err(other) => panic!("not a configuration error: {other}"),
        Ok(_) => panic!("it started"),
    }
}

#[tokio::test]
async fn a_second_server_on_one_data_directory_is_refused() {
    let world = World::start().await;
    let second = serve::start(config(world.data_dir()), Passwords::cheap(), Clock::machine()).await;
    assert!(refusal(second).contains("which another process is using"));
}

#[tokio::test]
async fn a_database_whose_tables_were_made_by_another_text_is_refused() {
    let folder = tempfile::tempdir().expect("a directory");
    let options = DbOptions::Sqlite {
        file: folder.path().join("gatehouse.db"),
        durability: Durability::Full,
    };
    let first = store::MAIN_MIGRATIONS[0];
    let edited = Migration {
        name: first.name,
        sql: "CREATE TABLE audit (id {int}) {strict}",
    };
    let db = Db::open(&options, &[edited]).await.expect("opens");
    db.close().await;
    let sentence =
        refusal(serve::start(config(folder.path()), Passwords::cheap(), clock::Clock::machine()).await);
    assert!(sentence.contains(first.name), "{sentence}");
}

#[tokio::test]
async fn a_lost_or_swapped_secret_is_refused_and_never_generated_again() {
    let mut world = World::start().await;
    world.company("Acme").await;
    world.stop().await;
    for file in [master_key_file(world.data_dir()), pepper_file(world.data_dir())] {
        let right = std::fs::read(&file).expect("a file");
        std::fs::write(&file, format!("{}\n", "ab".repeat(32))).expect("writes");
        let exchanged = serve::start(config(world.data_dir()), Passwords::cheap(), Clock::machine()).await;
        assert!(refusal(exchanged).contains("is not the one this database was written with"));
        std::fs::remove_file(&file).expect("removes");
        let lost = serve::start(config(world.data_dir()), Passwords::cheap(), Clock::machine()).await;
        assert!(refusal(lost).contains("is missing"));
        assert!(!file.exists(), "{} was generated again", file.display());
        write_private(&file, &right);
    }
    serve::start(config(world.data_dir()), Passwords::cheap(), Clock::machine())
        .await
        .expect("it starts with both")
        .stop()
        .await;
}

fn write_private(file: &Path, bytes: &[u8]) {
    std::fs::write(file, bytes).expect("writes");
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("changes");
}

#[tokio::test]
async fn the_demo_never_uses_the_data_of_a_real_installation() {
    let mut world = World::start().await;
    world.company("Acme").await;
    world.stop().await;
    let mut demo = config(world.data_dir());
    demo.demo = Some(Demo::Empty);
    assert!(refusal(serve::start(demo, Passwords::cheap(), Clock::machine()).await).contains("not a demo"));
}

#[tokio::test]
async fn the_empty_demo_has_only_people_and_keeps_them() {
    let mut world = World::start_with(|config| config.demo = Some(Demo::Empty)).await;
    let company = {
        let core = &world.running().services.core;
        let companies = core.accounts.companies().await.expect("reads");
        assert_eq!(companies.len(), 1);
        let keys = core.keys.list(companies[0].id).await.expect("lists");
        assert!(keys.iter().all(|group| group.keys.is_empty()));
        companies[0].client_id
    };
    assert_eq!(world.running().demo_curl, Some(None));
    for role in ["owner", "viewer"] {
        let entered = world
            .ask(http::Method::POST, "/demo/enter")
            .form(&[("role", role)])
            .send()
            .await;
        let page = format!("/c/{company}/development/keys");
        assert_eq!(
            world.get(&page).cookie(&entered.cookie()).send().await.status,
            http::StatusCode::OK,
            "{role}"
        );
    }
    world.stop().await;
    let mut again = config(world.data_dir());
    again.demo = Some(Demo::Empty);
    let running = serve::start(again, Passwords::cheap(), Clock::machine())
        .await
        .expect("starts again");
    let companies = running.services.core.accounts.companies().await.expect("reads");
    assert_eq!(
        companies.iter().map(|one| one.client_id).collect::<Vec<_>>(),
        [company]
    );
    running.stop().await;
}

fn gatehouse(arguments: &[&str]) -> Output {
    let dir = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatehouse"));
    command
        .arg("serve")
        .args(arguments)
        .env_clear()
        .current_dir(dir.path())
        .output()
        .expect("runs")
}

#[test]
fn bad_configuration_gives_one_sentence_with_the_setting_and_exit_code_2() {
    let cases: [(&[&str], &str); 13] = [
        (&["--listen", "here"], "--listen"),
        (&["--public-url", "ftp://x"], "--public-url"),
        (&["--upstream", "sandbox"], "--upstream"),
        (&["--allow-network", "everything"], "--allow-network"),
        (&["--rate-limit", "0"], "--rate-limit"),
        (&["--log-days", "0"], "--log-days"),
        (&["--log-days", "7", "--body-days", "8"], "--body-days"),
        (&["--log-bytes", "20"], "--log-bytes"),
        (&["--connections-per-address", "0"], "--connections-per-address"),
        (&["--database-url", "mysql://db"], "--database-url"),
        (&["--log", "x=loud"], "log"),
        (&["--listen", "0.0.0.0:3000"], "public-url"),
        (
            &["--demo", "--operator-listen", "0.0.0.0:9090"],
            "operator-listen",
        ),
    ];
    for (arguments, setting) in cases {
        let output = gatehouse(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(
            errors.contains(setting) && errors.trim_end().lines().count() == 1,
            "{arguments:?}: {errors}"
        );
    }
}

#[test]
fn the_rate_limit_can_be_turned_off() {
    let args = server::cli::ServeArgs {
        rate_limit: Some("off".to_owned()),
        ..Default::default()
    };
    assert_eq!(
        server::config::Config::read(&args)
            .expect("a configuration")
            .rate_limit,
        RateLimit::Off
    );
}

#[test]
fn a_binary_without_its_site_says_where_it_looked_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let installation = crate::process::Installation::create(folder.path());
    let mut server = installation.start(
        &["--leptos-config", "nowhere/Leptos.toml"],
        std::process::Stdio::piped(),
    );
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(server.stderr.take().expect("piped")));
    let said = lines.find_map(|line| line.ok().filter(|line| line.contains("there is no site in /")));
    server.kill().expect("ends");
    server.wait().expect("ended");
    let said = said.expect("it says so");
    for part in [
        "/target/site",
        "cargo xtask build",
        "LEPTOS_SITE_ROOT",
        "--release",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
