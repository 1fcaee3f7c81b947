//! Runs one test of the calling test program under valgrind's callgrind, which counts instructions. Unlike times, they are
//! the same on a busy machine, so a test can hold them to a budget. Only tests depend on this crate.

use std::env;
use std::path::Path;
use std::process::Command;

/// Runs the ignored test with this name and writes what it counted to `profile`. Returns `false` where there is no valgrind
/// for the system, such as a Mac.
///
/// # Panics
///
/// If valgrind is not installed, or the test failed.
pub fn count(test: &str, profile: &Path, options: &[&str]) -> bool {
    if !cfg!(target_os = "linux") {
        return false;
    }
    assert!(
        is_installed(),
        "valgrind is not installed, and without it no test notices that a request became slower. `cargo xtask test` installs \
         it as root on Debian; elsewhere: apt-get install valgrind libc6-dbg"
    );
    let counted = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .args(options)
        .arg(env::current_exe().expect("this program"))
        .args(["--exact", test, "--ignored", "--test-threads=1"])
        .output()
        .expect("valgrind starts");
    assert!(counted.status.success(), "{counted:?}");
    true
}

fn is_installed() -> bool {
    let Some(paths) = env::var_os("PATH") else {
        return false;
    };
    env::split_paths(&paths).any(|folder| folder.join("valgrind").is_file())
}
