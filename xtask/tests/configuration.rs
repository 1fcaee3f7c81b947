//! Checks that the repository's configuration files agree.

use std::path::Path;

use toml::{Table, Value};

/// The keys that leptos_config reads from `Leptos.toml`. It silently ignores others.
const RUNTIME_KEYS: [&str; 14] = [
    "output-name",
    "site-root",
    "site-pkg-dir",
    "site-pkg-url",
    "env",
    "site-addr",
    "reload-port",
    "reload-external-port",
    "reload-ws-protocol",
    "not-found-path",
    "hash-file",
    "hash-files",
    "server-fn-prefix",
    "disable-server-fn-hash",
];

fn text(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is in the workspace");
    std::fs::read_to_string(root.join(name)).expect(name)
}

fn parsed(name: &str) -> Table {
    text(name).parse().expect(name)
}

/// The first `[[workspace.metadata.leptos]]` of a file.
fn leptos_table(file: &Table) -> &Table {
    file["workspace"]["metadata"]["leptos"][0]
        .as_table()
        .expect("a [[workspace.metadata.leptos]] table")
}

#[test]
fn leptos_toml_and_cargo_toml_agree() {
    let (runtime, build) = (parsed("Leptos.toml"), parsed("Cargo.toml"));
    let (runtime, build) = (leptos_table(&runtime), leptos_table(&build));
    assert!(runtime.len() >= 4, "Leptos.toml has almost no keys: {runtime:?}");
    for (key, value) in runtime {
        assert!(
            RUNTIME_KEYS.contains(&key.as_str()),
            "leptos_config does not read `{key}`"
        );
        assert_eq!(
            Some(value),
            build.get(key),
            "`{key}` differs between Leptos.toml and Cargo.toml"
        );
    }
    for key in RUNTIME_KEYS.iter().filter(|key| build.contains_key(**key)) {
        assert!(runtime.contains_key(*key), "only Cargo.toml has `{key}`");
    }
}

#[test]
fn leptos_toml_begins_with_the_line_that_leptos_config_looks_for() {
    assert!(text("Leptos.toml").starts_with("[[workspace.metadata.leptos]]\n"));
}

#[test]
fn the_bindings_and_the_macro_have_the_same_version() {
    let lock = parsed("Cargo.lock");
    let versions_of = |name: &str| -> Vec<&str> {
        let packages = lock["package"].as_array().unwrap();
        let named = packages
            .iter()
            .filter(|package| package["name"].as_str() == Some(name));
        named
            .map(|package| package["version"].as_str().unwrap())
            .collect()
    };
    let macro_versions = versions_of("wasm-bindgen");
    assert_eq!(macro_versions.len(), 1, "{macro_versions:?}");
    assert_eq!(macro_versions, versions_of("wasm-bindgen-cli-support"));
}

#[test]
fn every_build_has_the_same_flags() {
    let settings = parsed(".cargo/config.toml");
    let flags = settings["build"]["rustflags"].as_array().unwrap();
    assert_eq!(flags, &[Value::from("--cfg"), Value::from("erase_components")]);
    assert_eq!(settings.get("target"), None);
}

#[test]
fn the_front_end_is_only_a_cdylib_and_not_a_default_member() {
    let frontend = parsed("frontend/Cargo.toml");
    let kinds = frontend["lib"]["crate-type"].as_array().unwrap();
    assert_eq!(
        kinds,
        &[Value::from("cdylib")],
        "with another crate type, Cargo skips link-time optimisation"
    );
    let workspace = parsed("Cargo.toml");
    let members = workspace["workspace"]["default-members"].as_array().unwrap();
    assert!(members.contains(&Value::from("server")));
    assert!(!members.contains(&Value::from("frontend")));
}

#[test]
fn the_browser_tests_pin_every_package_exactly() {
    let package: serde_json::Value = serde_json::from_str(&text("end2end/package.json")).unwrap();
    let packages = package["devDependencies"].as_object().unwrap();
    assert!(!packages.is_empty());
    for (name, version) in packages {
        let version = version.as_str().unwrap();
        assert!(
            version.starts_with(|first: char| first.is_ascii_digit()),
            "{name} is not pinned: {version}"
        );
    }
}

#[test]
fn the_locked_npm_packages_name_no_registry() {
    assert!(!text("end2end/package-lock.json").contains("\"resolved\""));
}
