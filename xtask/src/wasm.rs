//! Turns Cargo's WASM into what a browser loads. `wasm_split`'s library splits it at the functions that
//! `app/src/chunks.rs` marks. `wasm-bindgen`'s library makes the bindings; `Cargo.lock` gives it the same version as
//! the macro, so the two cannot differ. `wasm-opt` optimises the result if it is installed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::binary;
use crate::cache::{fingerprint, write_whole};
use crate::chunks::{self, Chunks};
use crate::commands::{answer, cargo, on_path, run};
use crate::project::Project;
use crate::stages::Clock;

/// What a browser loads, before file names get a hash.
#[derive(Debug)]
pub(crate) struct Bundle {
    pub(crate) js: String,
    pub(crate) wasm: Vec<u8>,
    pub(crate) chunks: Chunks,
    /// JavaScript from dependencies, by path under the package directory.
    pub(crate) snippets: Vec<(String, Vec<u8>)>,
}

/// Compiles the front end with Cargo, which decides what is out of date. Splitting needs the linker's relocations. They
/// are requested for the last crate only, so that its dependencies are compiled as in every other build.
pub(crate) fn compile(project: &Project, clock: &Clock) -> Result<()> {
    clock.run(cargo(&project.root).args([
        "rustc",
        "--package",
        &project.leptos.lib_package,
        "--lib",
        "--features",
        "split",
        "--target",
        "wasm32-unknown-unknown",
        "--profile",
        &project.leptos.lib_profile,
        "--",
        "-Clink-args=--emit-relocs",
    ]))
}

/// Builds the bundle, or reuses the last one if the WASM, the tools and their flags are unchanged.
pub(crate) fn bundle(project: &Project, clock: &Clock) -> Result<Bundle> {
    let path = project.raw_wasm();
    let raw = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let optimiser = Optimiser::find(project);
    let flags = project.leptos.wasm_opt_features.join(" ");
    let optimiser_version = optimiser.as_ref().map_or("none", |found| &found.version);
    let key = fingerprint(&[&raw, optimiser_version.as_bytes(), flags.as_bytes(), b"packs 6"]);

    let directory = project.target.join("site-cache").join("bundle");
    let key_file = directory.join("made-from");
    if std::fs::read_to_string(&key_file).is_ok_and(|made_from| made_from == key) {
        return read_bundle(&directory, &project.leptos.output_name);
    }

    if directory.exists() {
        std::fs::remove_dir_all(&directory)?;
    }
    std::fs::create_dir_all(&directory)?;
    let name = &project.leptos.output_name;
    clock.doing("chunks");
    let main = chunks::split(&raw, name, &directory)?;
    clock.doing("bindings");
    bind(main, name, &directory)?;
    match optimiser {
        Some(optimiser) => {
            // The main part alone. Chunks get a fifth smaller by it, but no longer compress as well: with Brotli, the first load
            // of Logs is 3 kB larger then.
            clock.doing("wasm-opt");
            optimiser.run(&project.leptos.wasm_opt_features, &wasm_file(&directory, name))?;
        }
        None => clock
            .line("wasm-opt (npm package `binaryen`) is not installed: the WASM will be slightly larger."),
    }
    write_whole(&key_file, key.as_bytes())?;
    read_bundle(&directory, &project.leptos.output_name)
}

fn bind(raw: Vec<u8>, name: &str, directory: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_bytes(name, raw)
        .web(true)?
        .typescript(false)
        // The chunks import what the linker exported from the main part.
        .keep_lld_exports(true)
        .demangle(false)
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen.generate(directory).context("wasm-bindgen")?;

    let (js, wasm) = (directory.join(format!("{name}.js")), wasm_file(directory, name));
    let module = format!("./{name}_bg.js");
    let (shortened, names) = binary::shorten_imports(&std::fs::read(&wasm)?, &module)?;
    let script = smaller_script(&std::fs::read_to_string(&js)?, &names)?;
    write_whole(&wasm, &shortened)?;
    write_whole(&js, script.as_bytes())
}

/// wasm-bindgen's script with the short names of `imports`, and without comments and indentation. It writes each
/// import as a line of its own, `name: function(…) {`, and no text that goes over several lines.
fn smaller_script(js: &str, imports: &BTreeMap<String, String>) -> Result<String> {
    let mut smaller = String::new();
    let mut named = 0;
    let mut in_comment = false;
    for line in js.lines().map(str::trim) {
        in_comment |= line.starts_with("/**");
        if in_comment || line.is_empty() || line.starts_with("//") {
            in_comment &= !line.ends_with("*/");
            continue;
        }
        let import = line
            .split_once(':')
            .and_then(|(name, rest)| Some((imports.get(name)?, rest)));
        match import {
            Some((short, rest)) => {
                named += 1;
                smaller.extend([short, ":", rest]);
            }
            None => smaller.push_str(line),
        }
        smaller.push('\n');
    }
    ensure!(
        named == imports.len(),
        "the script defines {named} of the {} functions that the WASM imports",
        imports.len()
    );
    Ok(smaller)
}

fn wasm_file(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}_bg.wasm"))
}

fn read_bundle(directory: &Path, name: &str) -> Result<Bundle> {
    let js = directory.join(format!("{name}.js"));
    let snippets = directory.join("snippets");
    Ok(Bundle {
        js: std::fs::read_to_string(&js).with_context(|| format!("reading {}", js.display()))?,
        wasm: std::fs::read(wasm_file(directory, name)).context("reading the bound WASM")?,
        chunks: Chunks::read(directory, name)?,
        snippets: if snippets.is_dir() {
            crate::site::files_under(&snippets, "snippets")?
        } else {
            Vec::new()
        },
    })
}

/// `wasm-opt`, from the npm packages of the browser tests or from the path.
#[derive(Debug)]
struct Optimiser {
    program: PathBuf,
    version: String,
}

impl Optimiser {
    fn find(project: &Project) -> Option<Self> {
        let modules = project.leptos.end2end_dir.join("node_modules");
        let from_npm = modules.join(".bin").join("wasm-opt");
        if from_npm.is_file() && on_path("node").is_some() {
            // Starting it to ask takes half a second. Its package has the version at once.
            let package = std::fs::read_to_string(modules.join("binaryen").join("package.json")).ok()?;
            return Some(Self {
                program: from_npm,
                version: fingerprint(&[package.as_bytes()]),
            });
        }
        let program = on_path("wasm-opt")?;
        let version = answer(&program, &["--version"])?;
        Some(Self { program, version })
    }

    fn run(&self, flags: &[String], wasm: &Path) -> Result<()> {
        let optimised = wasm.with_extension("optimised");
        run(Command::new(&self.program)
            .args(flags)
            .arg(wasm)
            .arg("-o")
            .arg(&optimised))?;
        std::fs::rename(&optimised, wasm).with_context(|| format!("writing {}", wasm.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "/**\n * @returns {any}\n */\nfunction a() {\n    // why\n    return `a: ${1} /** b`;\n}\n\
                          const import0 = {\n    __wbg_body_5f: function(arg0) {\n        return arg0.body;\n    },\n};\n";

    #[test]
    fn a_script_loses_comments_and_indentation_and_takes_the_short_names() {
        let imports = BTreeMap::from([("__wbg_body_5f".to_owned(), "f0".to_owned())]);
        assert_eq!(
            smaller_script(SCRIPT, &imports).unwrap(),
            "function a() {\nreturn `a: ${1} /** b`;\n}\nconst import0 = {\nf0: function(arg0) {\nreturn arg0.body;\n\
             },\n};\n"
        );
    }

    #[test]
    fn a_script_without_one_of_the_imports_is_refused() {
        let imports = BTreeMap::from([("__wbg_head_60".to_owned(), "f0".to_owned())]);
        assert!(smaller_script(SCRIPT, &imports).is_err());
    }
}
