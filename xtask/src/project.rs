//! Where things are and how they are built: the workspace root and the `[[workspace.metadata.leptos]]` table, both from
//! `cargo metadata`. `cargo leptos` reads the same table.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::commands::cargo;

#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) root: PathBuf,
    /// `target`, or the value of `CARGO_TARGET_DIR`.
    pub(crate) target: PathBuf,
    pub(crate) leptos: LeptosTable,
    /// Whether the server can embed the site.
    pub(crate) server_embeds: bool,
}

/// The keys of `[[workspace.metadata.leptos]]` that matter here, under the same names.
#[derive(Debug)]
pub(crate) struct LeptosTable {
    pub(crate) output_name: String,
    pub(crate) site_root: PathBuf,
    pub(crate) site_pkg_dir: String,
    pub(crate) style_file: PathBuf,
    pub(crate) assets_dir: PathBuf,
    pub(crate) lib_package: String,
    pub(crate) lib_profile: String,
    pub(crate) bin_package: String,
    pub(crate) bin_target: String,
    pub(crate) wasm_opt_features: Vec<String>,
    pub(crate) end2end_cmd: Vec<String>,
    pub(crate) end2end_dir: PathBuf,
}

impl Project {
    pub(crate) fn find() -> Result<Self> {
        let output = cargo(Path::new("."))
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("`cargo metadata` did not start")?;
        ensure!(
            output.status.success(),
            "`cargo metadata` failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Value = serde_json::from_slice(&output.stdout).context("reading `cargo metadata`")?;
        Self::from_metadata(&metadata)
    }

    fn from_metadata(metadata: &Value) -> Result<Self> {
        let root = PathBuf::from(text(metadata, "workspace_root")?);
        let target = PathBuf::from(text(metadata, "target_directory")?);
        let table = metadata
            .pointer("/metadata/leptos/0")
            .context("Cargo.toml has no [[workspace.metadata.leptos]] table")?;
        let leptos = LeptosTable::from_json(table, &root).context("[[workspace.metadata.leptos]]")?;
        let server_embeds = metadata["packages"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|package| package["name"] == leptos.bin_package.as_str())
            .is_some_and(|package| package["features"]["embed"].is_array());
        Ok(Self {
            root,
            target,
            leptos,
            server_embeds,
        })
    }

    /// The WASM as Cargo built it.
    pub(crate) fn raw_wasm(&self) -> PathBuf {
        self.target
            .join("wasm32-unknown-unknown")
            .join(&self.leptos.lib_profile)
            .join(format!("{}.wasm", self.leptos.lib_package.replace('-', "_")))
    }

    pub(crate) fn server(&self, release: bool) -> PathBuf {
        let profile = if release { "release" } else { "debug" };
        self.target.join(profile).join(format!(
            "{}{}",
            self.leptos.bin_target,
            std::env::consts::EXE_SUFFIX
        ))
    }
}

impl LeptosTable {
    fn from_json(table: &Value, root: &Path) -> Result<Self> {
        let path = |key| text(table, key).map(|value| root.join(value));
        Ok(Self {
            output_name: text(table, "output-name")?,
            site_root: path("site-root")?,
            site_pkg_dir: text(table, "site-pkg-dir")?,
            style_file: path("style-file")?,
            assets_dir: path("assets-dir")?,
            lib_package: text(table, "lib-package")?,
            lib_profile: text(table, "lib-profile-release")?,
            bin_package: text(table, "bin-package")?,
            bin_target: text(table, "bin-target")?,
            wasm_opt_features: table["wasm-opt-features"]
                .as_array()
                .context("`wasm-opt-features` is missing")?
                .iter()
                .filter_map(|flag| flag.as_str().map(str::to_owned))
                .collect(),
            end2end_cmd: text(table, "end2end-cmd")?
                .split_whitespace()
                .map(str::to_owned)
                .collect(),
            end2end_dir: path("end2end-dir")?,
        })
    }
}

fn text(table: &Value, key: &str) -> Result<String> {
    table[key]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("`{key}` is missing"))
}
