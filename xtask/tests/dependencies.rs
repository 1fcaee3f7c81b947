//! Checks that building the workspace needs only Rust and a C compiler.

use std::collections::BTreeSet;
use std::process::Command;

/// Crates that would need cmake, clang, a system library or OpenSSL, each with what it needs.
const REFUSED: [(&str, &str); 14] = [
    (
        "aws-lc-rs",
        "cmake on some systems, and a second TLS backend beside ring",
    ),
    ("aws-lc-sys", "cmake on some systems"),
    ("aws-lc-fips-sys", "cmake and Go"),
    ("bindgen", "libclang"),
    ("clang-sys", "libclang"),
    ("cmake", "cmake"),
    ("native-tls", "OpenSSL on Linux"),
    ("openssl", "OpenSSL"),
    ("openssl-sys", "OpenSSL"),
    ("libdbus-sys", "libdbus, by pkg-config"),
    ("libsystemd-sys", "libsystemd, by pkg-config"),
    ("libudev-sys", "libudev, by pkg-config"),
    ("mysqlclient-sys", "a MySQL client library"),
    ("pq-sys", "libpq"),
];

/// The names of all crates that are compiled for these packages.
fn crates(selection: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args([
            "tree",
            "--locked",
            "--prefix",
            "none",
            "--format",
            "{lib} {p}",
            "--edges",
            "all",
        ])
        .args(selection)
        .output()
        .expect("cargo starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).expect("UTF-8");
    // "sqlx sqlx v0.9.0 (*)", and " name v1" for a package without a library.
    tree.lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(str::to_owned)
        .collect()
}

fn refuse(crates: &BTreeSet<String>, must_contain: &str) {
    assert!(
        crates.contains(must_contain),
        "cargo tree listed almost nothing: {crates:?}"
    );
    for (name, needs) in REFUSED {
        assert!(!crates.contains(name), "`{name}` needs {needs}");
    }
}

#[test]
fn the_server_needs_no_cmake_no_clang_and_no_openssl() {
    refuse(
        &crates(&[
            "--workspace",
            "--exclude",
            "frontend",
            "--edges",
            "normal,build,dev",
        ]),
        "axum",
    );
}

#[test]
fn the_front_end_needs_no_cmake_no_clang_and_no_openssl() {
    refuse(
        &crates(&[
            "--package",
            "frontend",
            "--target",
            "wasm32-unknown-unknown",
            "--edges",
            "normal,build",
        ]),
        "wasm-bindgen",
    );
}

#[test]
fn no_database_or_server_code_is_in_the_front_end() {
    let crates = crates(&[
        "--package",
        "frontend",
        "--target",
        "wasm32-unknown-unknown",
        "--edges",
        "normal",
    ]);
    assert!(crates.contains("leptos"));
    for name in [
        "axum", "sqlx", "tokio", "hyper", "argon2", "store", "vault", "clap",
    ] {
        assert!(!crates.contains(name), "`{name}` is compiled to WASM");
    }
}
