//! The WASM in parts: what is loaded at once, and for each page what is loaded when somebody goes there. `wasm_split`'s
//! library cuts along the functions that `app/src/chunks.rs` marks. It makes a module of what one page alone needs and
//! one more for each set of pages that share something; a page would load dozens of small files. So all modules of a page
//! are laid one behind the other into one *pack*, and the script that would have fetched each takes it out of there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};

use crate::cache::write_whole;

/// A smaller module gains less than starting `wasm-opt` costs: all of them together 2 % of a page, in twice the time.
const WORTH_OPTIMISING: u64 = 48 * 1024;

const MODULES: &str = "chunks";
/// Which modules a page needs.
const NEEDED: &str = "needed.json";

/// What a browser loads after the main part, before names carry a hash.
#[derive(Debug)]
pub(crate) struct Chunks {
    /// The script that loads them. It names each pack as `"./<name>_<page>.pack"`.
    pub(crate) js: String,
    /// By the name that the app gave the page's chunk.
    pub(crate) packs: BTreeMap<String, Vec<u8>>,
}

/// The script's file, beside the one that wasm-bindgen makes.
pub(crate) fn script_of(name: &str) -> String {
    format!("{name}_chunks.js")
}

pub(crate) fn pack_of(name: &str, page: &str) -> String {
    format!("{name}_{page}.pack")
}

/// Writes modules, script and what each page needs. The main part comes back.
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
        let module = without_names(&module).with_context(|| format!("{} is no WASM", file.display()))?;
        write_whole(&file, &module)?;
    }
    let needed: BTreeMap<_, _> = made.prefetch_map.into_iter().collect();
    write_whole(&directory.join(NEEDED), &serde_json::to_vec_pretty(&needed)?)?;
    std::fs::read(&main).context("reading the main part")
}

/// The modules that `wasm-opt` should see.
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

/// Where each module lies in the pack of a page: stem, begin, end.
type Places = BTreeMap<String, Vec<(String, usize, usize)>>;

/// The script, taking modules out of packs. `from` says whose pack while a page's modules are asked for, which happens
/// all at once, before the first of them is waited for.
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
        // The statement of a loader ends where its list of dependencies does.
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

/// A pack is fetched once; one that did not come is asked for again the next time.
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

/// A module without its custom sections, the names of functions above all. None when it is no module.
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

/// An unsigned number as WASM writes lengths, and how many bytes it takes.
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
    fn each_module_comes_out_of_the_pack_of_the_page_that_asks() {
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
    fn a_script_of_another_form_is_refused() {
        assert!(with_packs(SCRIPT, "gatehouse", &places(&[("split_keys", 0, 20)])).is_err());
        assert!(with_packs(SCRIPT, "gatehouse", &Places::new()).is_err());
    }

    #[test]
    fn names_go_and_everything_else_stays() {
        let head = b"\0asm\x01\0\0\0";
        let types = b"\x01\x04\x01\x60\0\0";
        let names = b"\0\x06\x04name\0";
        let module = [&head[..], types, names].concat();
        assert_eq!(without_names(&module).unwrap(), [&head[..], types].concat());
        assert!(without_names(&module[..module.len() - 1]).is_none());
        assert!(without_names(b"no module").is_none());
    }
}
