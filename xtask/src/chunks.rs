//! Splits the WASM into a part that is loaded at once, and a part for each page that is loaded when someone opens that
//! page. `wasm_split`'s library splits it at the functions that `app/src/chunks.rs` marks. It makes one module for each
//! page alone, and another for each set of pages that share code, so a page would load dozens of small files, with a
//! script that describes each of them. We therefore concatenate all modules of a page into one *pack* that begins with
//! its own table of contents, and write the loading script ourselves (`chunks.js`).
//!
//! A pack is a sequence of little-endian `u32`s, followed by the modules: how many modules there are, then the number
//! and the length of each. A module has the same number in every pack, so that it is started once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use serde_json::json;

use crate::binary;
use crate::cache::write_whole;

const MODULES: &str = "chunks";
/// Says which modules each page needs.
const NEEDED: &str = "needed.json";

/// What a browser loads after the main part, before file names get a hash.
#[derive(Debug)]
pub(crate) struct Chunks {
    /// The script that loads the packs. It names each one as `"./<name>_<page>.pack"`.
    pub(crate) js: String,
    /// By the name that the app gave the page's chunk.
    pub(crate) packs: BTreeMap<String, Vec<u8>>,
}

/// The script's file name. It is next to the one that wasm-bindgen writes.
pub(crate) fn script_of(name: &str) -> String {
    format!("{name}_chunks.js")
}

pub(crate) fn pack_of(name: &str, page: &str) -> String {
    format!("{name}_{page}.pack")
}

/// Writes the modules and the list of what each page needs. Returns the main part.
pub(crate) fn split(raw: &[u8], name: &str, directory: &Path) -> Result<Vec<u8>> {
    let modules = directory.join(MODULES);
    std::fs::create_dir_all(&modules)?;
    let main = directory.join("main.wasm");
    let (link_name, main_module) = (format!("./{}", script_of(name)), format!("./{name}.js"));
    let mut options = wasm_split_cli_support::Options::new(raw);
    options.output_dir = &modules;
    options.main_out_path = &main;
    options.link_name = &link_name;
    options.main_module = &main_module;
    let made =
        wasm_split_cli_support::transform(options).map_err(|error| anyhow!("wasm-split: {error:#}"))?;
    for file in modules_in(directory)? {
        let module = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let module =
            binary::without_names(&module).with_context(|| format!("{} is not WASM", file.display()))?;
        write_whole(&file, &module)?;
    }
    let needed: BTreeMap<_, _> = made.prefetch_map.into_iter().collect();
    write_whole(&directory.join(NEEDED), &serde_json::to_vec_pretty(&needed)?)?;
    std::fs::read(&main).context("reading the main part")
}

fn modules_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut modules = Vec::new();
    for entry in std::fs::read_dir(directory.join(MODULES))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            modules.push(path);
        }
    }
    Ok(modules)
}

impl Chunks {
    /// Packs what [`split`] wrote.
    pub(crate) fn read(directory: &Path, name: &str) -> Result<Self> {
        let modules = directory.join(MODULES);
        let needed =
            std::fs::read(directory.join(NEEDED)).context("reading which page needs which module")?;
        let needed: BTreeMap<String, Vec<String>> = serde_json::from_slice(&needed)?;
        let mut numbers = BTreeMap::new();
        for stem in needed.values().flatten() {
            let next = u32::try_from(numbers.len())?;
            numbers.entry(stem).or_insert(next);
        }
        let mut packs = BTreeMap::new();
        for (page, stems) in &needed {
            let numbered = stems.iter().map(|stem| -> Result<_> {
                let file = modules.join(format!("{stem}.wasm"));
                let module = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
                Ok((numbers[stem], module))
            });
            packs.insert(page.clone(), pack(&numbered.collect::<Result<Vec<_>>>()?)?);
        }
        Ok(Self {
            js: script(name, needed.keys()),
            packs,
        })
    }
}

fn pack(modules: &[(u32, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut words = vec![u32::try_from(modules.len())?];
    for (number, module) in modules {
        words.extend([*number, u32::try_from(module.len())?]);
    }
    let mut pack: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    for (_, module) in modules {
        pack.extend(module);
    }
    Ok(pack)
}

/// The loading script, with what the main part imports from it: a loader for each page, under the name that
/// `wasm_split` gives it.
fn script<'a>(name: &str, pages: impl Iterator<Item = &'a String>) -> String {
    let mut js = format!("import {{ initSync }} from \"./{name}.js\";\n");
    let lines = include_str!("chunks.js").lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with("//")) {
        js.extend([line, "\n"]);
    }
    for page in pages {
        let pack = json!(format!("./{}", pack_of(name, page)));
        js.push_str(&format!(
            "export const __wasm_split_load_{page} = loader({pack});\n"
        ));
    }
    js
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_begins_with_the_number_and_the_length_of_each_module() {
        let packed = pack(&[(7, b"seven".to_vec()), (300, b"all".to_vec())]).unwrap();
        let (contents, modules) = packed.split_at(5 * 4);
        assert_eq!(contents, b"\x02\0\0\0\x07\0\0\0\x05\0\0\0\x2c\x01\0\0\x03\0\0\0");
        assert_eq!(modules, b"sevenall");
    }

    #[test]
    fn a_module_has_the_same_number_in_every_pack() {
        let directory = tempfile::tempdir().unwrap();
        let modules = directory.path().join(MODULES);
        std::fs::create_dir(&modules).unwrap();
        for stem in ["chunk_1", "split_keys", "split_logs"] {
            std::fs::write(modules.join(format!("{stem}.wasm")), stem).unwrap();
        }
        let needed = r#"{"keys": ["chunk_1", "split_keys"], "logs": ["chunk_1", "split_logs"]}"#;
        std::fs::write(directory.path().join(NEEDED), needed).unwrap();

        let chunks = Chunks::read(directory.path(), "gatehouse").unwrap();
        let numbers = |page: &str| {
            let word = |at: usize| u32::from_le_bytes(chunks.packs[page][at..at + 4].try_into().unwrap());
            [word(0), word(4), word(12)]
        };
        assert_eq!(numbers("keys"), [2, 0, 1]);
        assert_eq!(numbers("logs"), [2, 0, 2]);
        assert!(chunks.packs["keys"].ends_with(b"chunk_1split_keys"));
    }

    #[test]
    fn the_script_exports_a_loader_for_each_page() {
        let js = script("gatehouse", ["keys".to_owned(), "logs".to_owned()].iter());
        assert!(
            js.starts_with("import { initSync } from \"./gatehouse.js\";\n"),
            "{js}"
        );
        assert!(
            js.ends_with(
                "export const __wasm_split_load_keys = loader(\"./gatehouse_keys.pack\");\n\
                 export const __wasm_split_load_logs = loader(\"./gatehouse_logs.pack\");\n"
            ),
            "{js}"
        );
    }
}
