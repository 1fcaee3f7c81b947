//! Checks that secrets sent through the control socket, in either direction, do not stay in the server's memory. We
//! control that whole path. On other paths the HTTP library keeps its own copies.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::{Installation, text};

/// Made of words that occur nowhere else.
const PASSWORD: &str = "wq7-zebra-xylophone-quartz-jigsaw";

fn admin(data: &Path, arguments: &[&str], input: &str) -> serde_json::Value {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gatehouse"))
        .arg("admin")
        .args(arguments)
        .args(["--json", "--data-dir"])
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    // A command that does not read its input may exit before we have written it.
    let _ = writeln!(child.stdin.take().expect("piped"), "{input}");
    let output = child.wait_with_output().expect("ends");
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Counts the occurrences of the text in the writable memory of the process. Only pages that have ever been written are read:
/// the allocator reserves gigabytes, of which the process uses little.
fn found(process: u32, text: &str) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("its maps");
    let open = |name| File::open(format!("/proc/{process}/{name}")).expect("a child's memory may be read");
    let (memory, pages) = (open("mem"), open("pagemap"));
    let ranges = maps.lines().filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (begin, end) = range.split_once('-')?;
        let parse = |text| u64::from_str_radix(text, 16).ok();
        rest.starts_with("rw").then_some((parse(begin)?, parse(end)?))
    });
    ranges
        .flat_map(|(begin, end)| used(&pages, begin, end))
        .map(|range| {
            let mut bytes = vec![0; usize::try_from(range.end - range.start).expect("an address space")];
            // The range may be unmapped by now, or not readable.
            let read = memory.read_at(&mut bytes, range.start).unwrap_or(0);
            bytes[..read]
                .windows(text.len())
                .filter(|window| *window == text.as_bytes())
                .count()
        })
        .sum()
}

/// The parts of a range that are in memory or in swap. Each entry of the page map is of 8 bytes, with these two facts in its
/// highest bits.
fn used(pages: &File, begin: u64, end: u64) -> Vec<Range<u64>> {
    const PAGE: u64 = 4096;
    const PRESENT_OR_SWAPPED: u64 = 0b11 << 62;
    let mut entries = vec![0; usize::try_from((end - begin) / PAGE * 8).expect("an address space")];
    let read = pages.read_at(&mut entries, begin / PAGE * 8).unwrap_or(0);
    let mut found: Vec<Range<u64>> = Vec::new();
    let (entries, _) = entries[..read].as_chunks::<8>();
    for (page, entry) in (begin / PAGE..).zip(entries) {
        if u64::from_le_bytes(*entry) & PRESENT_OR_SWAPPED == 0 {
            continue;
        }
        let address = page * PAGE;
        match found.last_mut() {
            Some(last) if last.end == address => last.end += PAGE,
            _ => found.push(address..address + PAGE),
        }
    }
    found
}

#[cfg(target_os = "linux")]
#[test]
fn passwords_and_tokens_of_commands_are_wiped_from_the_servers_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let installation = Installation::create(folder.path());
    let server = installation.start(&[], Stdio::null());
    let data = folder.path().join("data");
    let id = installation.client_id.as_str();
    let member = [
        "create-member",
        "--client-id",
        id,
        "--role",
        "owner",
        "--email",
        "ana@example.com",
    ];
    admin(&data, &member, PASSWORD);
    let token = admin(&data, &["create-operator-token", "--name", "new"], "");
    let made = admin(
        &data,
        &[
            "set-password",
            "--email",
            "ana@example.com",
            "--generate-password",
        ],
        "",
    );
    let process = server.id();
    let searched = found(process, id);
    let left =
        [PASSWORD, &text(&token, "token"), &text(&made, "password")].map(|secret| found(process, secret));
    let mut server = server;
    server.kill().expect("ends");
    server.wait().expect("ended");
    assert!(searched > 0, "the search finds text that is in memory");
    assert_eq!(
        left,
        [0, 0, 0],
        "the given password, the token, the generated password"
    );
}
