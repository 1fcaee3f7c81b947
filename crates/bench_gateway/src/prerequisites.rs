//! What the benchmark needs besides Rust. It says what is missing and installs nothing.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Result, bail};

/// Where distributions put nginx's modules.
const MODULES: [&str; 4] = [
    "/usr/lib/nginx/modules",
    "/usr/lib64/nginx/modules",
    "/usr/share/nginx/modules",
    "/usr/local/lib/nginx/modules",
];

const LUA: &str = "ngx_http_lua_module.so";

pub(crate) fn check(binary: &Path) -> Result<()> {
    let mut missing = Vec::new();
    if on_path("wrk").is_none() {
        missing.push("wrk (Debian: apt-get install wrk)".to_owned());
    }
    if nginx().is_none() {
        missing.push("nginx (Debian: apt-get install nginx)".to_owned());
    }
    if modules().is_none() {
        missing.push("nginx's Lua module (Debian: apt-get install libnginx-mod-http-lua)".to_owned());
    }
    if !binary.is_file() {
        missing.push(format!("the released server, {}", binary.display()));
    }
    if !Path::new("/proc/self/stat").exists() {
        missing.push("Linux: CPU time and memory are read from /proc".to_owned());
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!("This benchmark needs:\n- {}", missing.join("\n- "));
}

/// Distributions put it where only root looks.
pub(crate) fn nginx() -> Option<PathBuf> {
    on_path("nginx").or_else(|| {
        ["/usr/sbin/nginx", "/usr/local/sbin/nginx"]
            .map(PathBuf::from)
            .into_iter()
            .find(|file| file.is_file())
    })
}

/// The lines that load what the settings need.
pub(crate) fn modules() -> Option<String> {
    let folder = MODULES
        .map(Path::new)
        .into_iter()
        .find(|folder| folder.join(LUA).is_file())?;
    let files = ["ndk_http_module.so", LUA].map(|file| folder.join(file));
    let present = files.iter().filter(|file| fs::exists(file).unwrap_or(false));
    Some(
        present
            .map(|file| format!("load_module {};\n", file.display()))
            .collect(),
    )
}

pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let paths = env::var_os("PATH")?;
    env::split_paths(&paths)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
