//! With feature `embed`: writes a table of the site's files for the binary to include. Without it, nothing; a plain
//! `cargo build` needs no site.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=GATEHOUSE_SITE");
    if env::var_os("CARGO_FEATURE_EMBED").is_none() {
        return Ok(());
    }
    let Some(site) = env::var_os("GATEHOUSE_SITE").map(PathBuf::from) else {
        return Err(io::Error::other(
            "feature `embed` needs GATEHOUSE_SITE, the directory of the site to include",
        ));
    };
    let site = site.canonicalize()?;
    println!("cargo::rerun-if-changed={}", site.display());
    let mut arms = String::new();
    for file in files_under(&site)? {
        let name = file
            .strip_prefix(&site)
            .map_err(io::Error::other)?
            .to_string_lossy()
            .replace('\\', "/");
        writeln!(
            arms,
            "        {name:?} => include_bytes!({:?}),",
            file.display().to_string()
        )
        .map_err(io::Error::other)?;
    }
    let code = format!(
        "/// The file at this path under the site's root.\n\
         pub(super) fn file(path: &str) -> Option<&'static [u8]> {{\n    Some(match path {{\n{arms}        _ => return None,\n    }})\n}}\n"
    );
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("Cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("site.rs"), code)
}

fn files_under(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(files_under(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}
