//! Nothing in the workspace needs more than Rust and a C compiler to build.

use std::collections::BTreeSet;
use std::process::Command;

/// Crates that would need cmake, clang, a library of the system, or OpenSSL, each with what it would need.
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

/// The names of all crates that a selection of packages compiles.
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
    let tree = String::from_utf8(output.stdout).expect("names are text");
    // "sqlx sqlx v0.9.0 (*)", and " name v1" for a package without a library.
    tree.lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(str::to_owned)
        .collect()
}

fn refuse(crates: &BTreeSet<String>, must_contain: &str) {
    assert!(
        crates.contains(must_contain),
        "cargo tree told us nothing: {crates:?}"
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
fn the_front_end_needs_none_of_them_either() {
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
fn no_database_and_no_server_reaches_the_front_end() {
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
