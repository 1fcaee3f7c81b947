//! Splits the WASM into a part that is loaded at once, and a part for each page that is loaded when someone opens that
//! page. `wasm_split`'s library splits it at the functions that `app/src/chunks.rs` marks. It makes one module for each
//! page alone, and another for each set of pages that share code, so a page would load dozens of small files. We
//! therefore concatenate all modules of a page into one *pack*, and change the loading script so that it takes each
//! module from the pack.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};

use crate::cache::write_whole;

/// Smaller modules are not worth the start of `wasm-opt`: all of them together are 2 % of a page, and would double the
/// time.
const WORTH_OPTIMISING: u64 = 48 * 1024;

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

/// Writes the modules, the script, and the list of what each page needs. Returns the main part.
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
        let module = without_names(&module).with_context(|| format!("{} is not WASM", file.display()))?;
        write_whole(&file, &module)?;
    }
    let needed: BTreeMap<_, _> = made.prefetch_map.into_iter().collect();
    write_whole(&directory.join(NEEDED), &serde_json::to_vec_pretty(&needed)?)?;
    std::fs::read(&main).context("reading the main part")
}

/// The modules that are worth running through `wasm-opt`.
pub(crate) fn worth_optimising(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut worth = modules_in(directory)?;
    worth.retain(|file| {
        file.metadata()
            .is_ok_and(|metadata| metadata.len() >= WORTH_OPTIMISING)
    });
    Ok(worth)
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
        let script =
            std::fs::read_to_string(modules.join(script_of(name))).context("reading the script of chunks")?;
        let module = |stem: &str| -> Result<Vec<u8>> {
            let file = modules.join(format!("{stem}.wasm"));
            std::fs::read(&file).with_context(|| format!("reading {}", file.display()))
        };
        let mut packs = BTreeMap::new();
        let mut places = BTreeMap::new();
        for (page, stems) in &needed {
            let mut pack = Vec::new();
            let mut spans = Vec::new();
            for stem in stems {
                let begin = pack.len();
                pack.extend(module(stem)?);
                spans.push((stem.clone(), begin, pack.len()));
            }
            packs.insert(page.clone(), pack);
            places.insert(page.clone(), spans);
        }
        let js = with_packs(&script, name, &places)?;
        Ok(Self { js, packs })
    }
}

/// Where each module is in each page's pack: stem, start, end.
type Places = BTreeMap<String, Vec<(String, usize, usize)>>;

/// Changes the script to take modules from packs. A page requests all its modules synchronously, before it waits for
/// the first. During that time `from` says which page's pack they come from.
fn with_packs(script: &str, name: &str, places: &Places) -> Result<String> {
    const EXPORT: &str = "export const __wasm_split_load_";
    let mut js = String::new();
    let mut loaders = 0;
    for line in script.lines() {
        let line = match line
            .strip_prefix(EXPORT)
            .and_then(|rest| rest.split_once(" = wrapAsyncCb("))
        {
            Some((page, load)) => {
                loaders += 1;
                format!("{EXPORT}{page} = wrapAsyncCb(from(\"{page}\", {load}")
            }
            None => line.to_owned(),
        };
        // A loader's statement ends with its list of dependencies.
        let line = match line.strip_suffix("]));") {
            Some(begin) => format!("{begin}])));"),
            None => line,
        };
        writeln!(js, "{line}")?;
    }
    ensure!(
        loaders == places.len(),
        "the script of chunks has {loaders} loaders for {} pages",
        places.len()
    );
    for stem in places.values().flatten().map(|(stem, ..)| stem) {
        let fetched = format!("fetch(new URL(\"./{stem}.wasm\", import.meta.url))");
        js = js.replace(&fetched, &format!("part(\"{stem}\")"));
    }
    ensure!(
        !js.contains("fetch("),
        "the script of chunks fetches something that is in no pack"
    );
    js.push_str("const packs = {\n");
    for (page, spans) in places {
        let pack = pack_of(name, page);
        write!(js, "{page}: [\"./{pack}\", {{")?;
        for (stem, begin, end) in spans {
            write!(js, "{stem}: [{begin}, {end}], ")?;
        }
        js.push_str("}],\n");
    }
    js.push_str("};\n");
    js.push_str(LOADING);
    Ok(js)
}

/// Each pack is fetched once. A failed fetch is retried the next time the pack is needed.
const LOADING: &str = r#"const coming = {};
let wanted;
function from(page, load) {
    return () => {
        wanted = page;
        try {
            return load();
        } finally {
            wanted = undefined;
        }
    };
}
function part(stem) {
    const page = wanted;
    const [address, places] = packs[page];
    coming[page] ??= fetch(new URL(address, import.meta.url)).then((answer) => {
        if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`);
        return answer.arrayBuffer();
    }).catch((error) => {
        delete coming[page];
        throw error;
    });
    const [begin, end] = places[stem];
    return coming[page].then((pack) => new Response(new Uint8Array(pack, begin, end - begin), { headers: { "Content-Type": "application/wasm" } }));
}
"#;

/// The module without its custom sections, most of which are function names. `None` if this is not a module.
fn without_names(wasm: &[u8]) -> Option<Vec<u8>> {
    let mut out = wasm.get(..8).filter(|head| head.starts_with(b"\0asm"))?.to_vec();
    let mut rest = &wasm[8..];
    while let Some((&id, after_id)) = rest.split_first() {
        let (length, size_of_length) = leb128(after_id)?;
        let whole = 1 + size_of_length + length;
        let section = rest.get(..whole)?;
        if id != 0 {
            out.extend_from_slice(section);
        }
        rest = &rest[whole..];
    }
    Some(out)
}

/// An unsigned number in WASM's length encoding, and how many bytes it takes.
fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = r#"import { initSync } from "./gatehouse.js";
/* keys, logs */
const __chunk_1 = makeLoad(() => {
    const src = fetch(new URL("./chunk_1.wasm", import.meta.url));
    return async (imports) => (WebAssembly.instantiateStreaming(src, imports));
}
, []);
export const __wasm_split_load_keys = wrapAsyncCb(makeLoad(() => {
    const src = fetch(new URL("./split_keys.wasm", import.meta.url));
    return async (imports) => (WebAssembly.instantiateStreaming(src, imports));
}
, [__chunk_1]));
"#;

    fn places(stems: &[(&str, usize, usize)]) -> Places {
        let spans = stems
            .iter()
            .map(|&(stem, begin, end)| (stem.to_owned(), begin, end))
            .collect();
        BTreeMap::from([("keys".to_owned(), spans)])
    }

    #[test]
    fn each_module_comes_from_the_pack_of_the_page_that_requests_it() {
        let js = with_packs(
            SCRIPT,
            "gatehouse",
            &places(&[("chunk_1", 0, 10), ("split_keys", 10, 30)]),
        )
        .unwrap();
        assert!(js.contains("const src = part(\"chunk_1\");"), "{js}");
        assert!(
            js.contains("wrapAsyncCb(from(\"keys\", makeLoad(() => {\n    const src = part(\"split_keys\");"),
            "{js}"
        );
        assert!(js.contains(", [__chunk_1])));"), "{js}");
        assert!(
            js.contains("keys: [\"./gatehouse_keys.pack\", {chunk_1: [0, 10], split_keys: [10, 30], }],"),
            "{js}"
        );
    }

    #[test]
    fn a_script_in_an_unexpected_format_is_refused() {
        assert!(with_packs(SCRIPT, "gatehouse", &places(&[("split_keys", 0, 20)])).is_err());
        assert!(with_packs(SCRIPT, "gatehouse", &Places::new()).is_err());
    }

    #[test]
    fn names_are_removed_and_everything_else_stays() {
        let head = b"\0asm\x01\0\0\0";
        let types = b"\x01\x04\x01\x60\0\0";
        let names = b"\0\x06\x04name\0";
        let module = [&head[..], types, names].concat();
        assert_eq!(without_names(&module).unwrap(), [&head[..], types].concat());
        assert!(without_names(&module[..module.len() - 1]).is_none());
        assert!(without_names(b"no module").is_none());
    }
}
