//! The site: WASM, JavaScript, the style sheet and `public/`, under `target/site`, with `site.json`, which tells the
//! server the file names.
//!
//! One hash over JavaScript, WASM and style sheet names them all (`gatehouse-<hash>.js`, `gatehouse-<hash>_bg.wasm`,
//! `gatehouse-<hash>.css`, `gatehouse-<hash>_keys.pack`, …), because Leptos derives the first three names from one
//! output name. A name never refers to two different contents, so browsers may cache the files forever.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::cache::{Cache, fingerprint, write_whole};
use crate::compress::compress;
use crate::project::Project;
use crate::stages::Clock;
use crate::{chunks, style_sheet, wasm};

/// Lists the site's files. The server reads it at start.
const MANIFEST: &str = "site.json";

/// Builds the site from the output of [`wasm::compile`].
pub(crate) fn make(project: &Project, clock: &Clock) -> Result<()> {
    clock.doing("style sheet");
    let css = style_sheet::bundle(&project.leptos.style_file)?;
    let bundle = wasm::bundle(project, clock)?;
    let assets = files_under(&project.leptos.assets_dir, "")?;
    let site = Site::assemble(
        &project.leptos.output_name,
        &project.leptos.site_pkg_dir,
        bundle,
        css,
        assets,
    );

    let mut cache = Cache::open(project.target.join("site-cache").join("compressed"))?;
    let mut files = BTreeMap::new();
    let mut listed = Vec::new();
    for (path, bytes) in site.files {
        clock.doing(format!("compressing {path}"));
        let compressed = compress(&mut cache, &path, &bytes)?;
        let size = |form: &Option<Vec<u8>>| form.as_ref().map(Vec::len);
        listed.push(json!({
            "path": path, "bytes": bytes.len(), "brotli": size(&compressed.brotli), "gzip": size(&compressed.gzip),
        }));
        files.extend(compressed.brotli.map(|packed| (format!("{path}.br"), packed)));
        files.extend(compressed.gzip.map(|packed| (format!("{path}.gz"), packed)));
        files.insert(path, bytes);
    }
    cache.forget_the_rest()?;

    for line in loads(&listed, &site.chunks) {
        clock.line(line);
    }
    let manifest = json!({
        "output_name": site.output_name, "hash": site.hash, "chunks": site.chunks, "files": listed,
    });
    let manifest = format!("{}\n", serde_json::to_string_pretty(&manifest)?);
    write(&project.leptos.site_root, files, manifest.as_bytes())
}

#[derive(Debug)]
struct Site {
    output_name: String,
    hash: String,
    /// What a page needs besides the main part, loading script first: paths by the name of the page's chunk.
    chunks: BTreeMap<String, Vec<String>>,
    /// By path under the site root.
    files: BTreeMap<String, Vec<u8>>,
}

impl Site {
    fn assemble(
        name: &str,
        pkg: &str,
        bundle: wasm::Bundle,
        css: String,
        assets: Vec<(String, Vec<u8>)>,
    ) -> Self {
        let mut parts = vec![
            bundle.js.as_bytes(),
            &bundle.wasm,
            css.as_bytes(),
            bundle.chunks.js.as_bytes(),
        ];
        parts.extend(bundle.chunks.packs.values().map(Vec::as_slice));
        let mut hash = fingerprint(&parts);
        hash.truncate(16);
        let output_name = format!("{name}-{hash}");
        // A script that is loaded without the WASM's address must find the WASM under its final name. The import names
        // inside the WASM stay the same, so the name is replaced only in `from` clauses.
        let from = |file: &str| format!("from \"./{file}\"");
        let renamed = |file: &str| file.replacen(name, &output_name, 1);
        let chunks_script = chunks::script_of(name);
        let js = bundle
            .js
            .replace(&format!("{name}_bg.wasm"), &format!("{output_name}_bg.wasm"))
            .replace(&from(&chunks_script), &from(&renamed(&chunks_script)));
        let script = format!("{name}.js");
        let mut chunks_js = bundle.chunks.js.replace(&from(&script), &from(&renamed(&script)));

        let mut files: BTreeMap<_, _> = assets.into_iter().collect();
        let chunks_path = format!("{pkg}/{}", renamed(&chunks_script));
        let mut chunks = BTreeMap::new();
        for (page, pack) in bundle.chunks.packs {
            let (before, after) = (chunks::pack_of(name, &page), chunks::pack_of(&output_name, &page));
            chunks_js = chunks_js.replace(&format!("\"./{before}\""), &format!("\"./{after}\""));
            let path = format!("{pkg}/{after}");
            chunks.insert(page, vec![chunks_path.clone(), path.clone()]);
            files.insert(path, pack);
        }
        files.insert(chunks_path, chunks_js.into_bytes());
        files.insert(format!("{pkg}/{output_name}.js"), js.into_bytes());
        files.insert(format!("{pkg}/{output_name}_bg.wasm"), bundle.wasm);
        files.insert(format!("{pkg}/{output_name}.css"), css.into_bytes());
        files.extend(
            bundle
                .snippets
                .into_iter()
                .map(|(path, bytes)| (format!("{pkg}/{path}"), bytes)),
        );
        Self {
            output_name,
            hash,
            chunks,
            files,
        }
    }
}

/// The size with brotli of each page's first load: main part, scripts, style sheet and chunks, without fonts.
fn loads(listed: &[serde_json::Value], chunks: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let bytes_of = |path: &str| {
        let file = listed.iter().find(|file| file["path"] == path);
        file.and_then(|file| file["brotli"].as_u64().or(file["bytes"].as_u64()))
            .unwrap_or(0)
    };
    let in_chunks: Vec<&String> = chunks.values().flatten().collect();
    let main: u64 = listed
        .iter()
        .filter_map(|file| file["path"].as_str())
        .filter(|path| {
            [".wasm", ".js", ".css"].iter().any(|end| path.ends_with(end))
                && !in_chunks.iter().any(|chunk| *chunk == path)
        })
        .map(bytes_of)
        .sum();
    let kilobytes = |bytes: u64| bytes as f64 / 1000.0;
    let mut lines = vec![format!("The main part: {:.0} kB with Brotli.", kilobytes(main))];
    lines.extend(chunks.iter().map(|(chunk, paths)| {
        let whole = main + paths.iter().map(|path| bytes_of(path)).sum::<u64>();
        format!("First load of {chunk}: {:.0} kB.", kilobytes(whole))
    }));
    lines
}

/// Makes `root` contain exactly these files, without touching those that are already right. The manifest is written
/// last. Until then the old one may name files that are gone, but never one that is half written.
fn write(root: &Path, mut files: BTreeMap<String, Vec<u8>>, manifest: &[u8]) -> Result<()> {
    std::fs::create_dir_all(root).with_context(|| format!("creating {}", root.display()))?;
    let kept = files_under(root, "")?;
    let mut stale = Vec::new();
    for (path, bytes) in kept {
        match files.get(&path) {
            Some(wanted) if *wanted == bytes => {
                files.remove(&path);
            }
            Some(_) => {}
            None if path == MANIFEST && bytes == manifest => {}
            None => stale.push(path),
        }
    }
    for (path, bytes) in &files {
        let path = root.join(path);
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        write_whole(&path, bytes)?;
    }
    write_whole(&root.join(MANIFEST), manifest)?;
    for path in stale.into_iter().filter(|path| path != MANIFEST) {
        std::fs::remove_file(root.join(&path)).with_context(|| format!("removing {path}"))?;
    }
    Ok(())
}

/// All files under a directory, by their relative path with `/`, below `prefix`. Skips hidden files.
pub(crate) fn files_under(directory: &Path, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}/{name}")
        };
        if entry.file_type()?.is_dir() {
            files.extend(files_under(&entry.path(), &path)?);
        } else {
            let bytes = std::fs::read(entry.path()).with_context(|| format!("reading {path}"))?;
            files.push((path, bytes));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(css: &str) -> Site {
        let bundle = wasm::Bundle {
            js: "import * as a from \"./gatehouse_chunks.js\"; new URL('gatehouse_bg.wasm', import.meta.url); \
                 ({ \"./gatehouse_chunks.js\": a })"
                .to_owned(),
            wasm: b"\0asm".to_vec(),
            chunks: chunks::Chunks {
                js: "import { initSync } from \"./gatehouse.js\"; keys: [\"./gatehouse_keys.pack\"]".to_owned(),
                packs: BTreeMap::from([("keys".to_owned(), b"\0asm".to_vec())]),
            },
            snippets: vec![("snippets/a/inline0.js".to_owned(), b"export {}".to_vec())],
        };
        Site::assemble(
            "gatehouse",
            "pkg",
            bundle,
            css.to_owned(),
            vec![("icons.svg".to_owned(), b"<svg/>".to_vec())],
        )
    }

    #[test]
    fn one_hash_names_scripts_wasm_and_style_sheet() {
        let site = site("a{}");
        assert_eq!(site.output_name, format!("gatehouse-{}", site.hash));
        let paths: Vec<_> = site.files.keys().cloned().collect();
        let name = &site.output_name;
        assert_eq!(
            paths,
            [
                "icons.svg".to_owned(),
                format!("pkg/{name}.css"),
                format!("pkg/{name}.js"),
                format!("pkg/{name}_bg.wasm"),
                format!("pkg/{name}_chunks.js"),
                format!("pkg/{name}_keys.pack"),
                "pkg/snippets/a/inline0.js".to_owned(),
            ]
        );
        let text = |path: String| String::from_utf8(site.files[&path].clone()).unwrap();
        assert_eq!(
            text(format!("pkg/{name}.js")),
            format!(
                "import * as a from \"./{name}_chunks.js\"; new URL('{name}_bg.wasm', import.meta.url); \
                 ({{ \"./gatehouse_chunks.js\": a }})"
            ),
            "the names of the WASM's imports stay the same"
        );
        assert_eq!(
            text(format!("pkg/{name}_chunks.js")),
            format!("import {{ initSync }} from \"./{name}.js\"; keys: [\"./{name}_keys.pack\"]")
        );
        assert_eq!(
            site.chunks["keys"],
            [format!("pkg/{name}_chunks.js"), format!("pkg/{name}_keys.pack")]
        );
    }

    #[test]
    fn a_change_to_the_style_sheet_alone_changes_the_name() {
        assert_ne!(site("a{}").output_name, site("b{}").output_name);
        assert_eq!(site("a{}").output_name, site("a{}").output_name);
    }

    #[test]
    fn writing_leaves_exactly_the_sites_files_and_does_not_touch_correct_ones() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let files = |entries: &[(&str, &str)]| -> BTreeMap<String, Vec<u8>> {
            entries
                .iter()
                .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
                .collect()
        };
        write(root, files(&[("pkg/old.js", "1"), ("icons.svg", "same")]), b"{}").unwrap();
        let before = std::fs::metadata(root.join("icons.svg"))
            .unwrap()
            .modified()
            .unwrap();

        write(root, files(&[("pkg/new.js", "2"), ("icons.svg", "same")]), b"{ }").unwrap();
        let mut now: Vec<_> = files_under(root, "")
            .unwrap()
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        now.sort();
        assert_eq!(now, ["icons.svg", "pkg/new.js", "site.json"]);
        assert_eq!(
            std::fs::metadata(root.join("icons.svg"))
                .unwrap()
                .modified()
                .unwrap(),
            before
        );
        assert_eq!(std::fs::read(root.join("site.json")).unwrap(), b"{ }");
    }
}
