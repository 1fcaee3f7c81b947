//! Reads and rewrites WASM modules section by section, where no library is needed for it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

const CUSTOM: u8 = 0;
const IMPORT: u8 = 2;

/// The module without its custom sections, most of which are function names. `None` if this is not a module.
pub(crate) fn without_names(wasm: &[u8]) -> Option<Vec<u8>> {
    let mut out = head(wasm)?.to_vec();
    for section in sections(wasm)? {
        if section.id != CUSTOM {
            out.extend_from_slice(section.whole);
        }
    }
    Some(out)
}

/// Gives each function that is imported from `module` a short name, and returns the new names by the old ones.
/// wasm-bindgen's names end in a hash of 16 digits, which compresses badly and is in the script as well as in the WASM.
pub(crate) fn shorten_imports(wasm: &[u8], module: &str) -> Result<(Vec<u8>, BTreeMap<String, String>)> {
    let not_wasm = "the bound WASM is not a module";
    let mut out = head(wasm).context(not_wasm)?.to_vec();
    let mut names = BTreeMap::new();
    for section in sections(wasm).context(not_wasm)? {
        if section.id == IMPORT {
            let imports = renamed(section.content, module, &mut names).context("reading the imports")?;
            out.push(IMPORT);
            push_number(&mut out, imports.len());
            out.extend(imports);
        } else {
            out.extend_from_slice(section.whole);
        }
    }
    Ok((out, names))
}

fn renamed(section: &[u8], module: &str, names: &mut BTreeMap<String, String>) -> Option<Vec<u8>> {
    let mut rest = section;
    let count = number(&mut rest)?;
    let mut out = Vec::new();
    push_number(&mut out, count);
    for _ in 0..count {
        let (from, name) = (text(&mut rest)?, text(&mut rest)?);
        let kind = rest;
        skip_kind(&mut rest)?;
        push_text(&mut out, from);
        if from == module.as_bytes() {
            let short = format!("f{}", names.len());
            push_text(&mut out, short.as_bytes());
            names.insert(String::from_utf8(name.to_vec()).ok()?, short);
        } else {
            push_text(&mut out, name);
        }
        out.extend_from_slice(&kind[..kind.len() - rest.len()]);
    }
    rest.is_empty().then_some(out)
}

/// What is imported: a function, a table, a memory or a global, with its type.
fn skip_kind(rest: &mut &[u8]) -> Option<()> {
    let limits = |rest: &mut &[u8]| {
        let with_maximum = byte(rest)? & 1 == 1;
        number(rest)?;
        if with_maximum {
            number(rest)?;
        }
        Some(())
    };
    match byte(rest)? {
        0 => number(rest).map(|_| ()),
        1 => byte(rest).and_then(|_| limits(rest)),
        2 => limits(rest),
        3 => byte(rest).and_then(|_| byte(rest)).map(|_| ()),
        _ => None,
    }
}

#[derive(Debug)]
struct Section<'a> {
    id: u8,
    content: &'a [u8],
    /// With its id and its length.
    whole: &'a [u8],
}

fn head(wasm: &[u8]) -> Option<&[u8]> {
    wasm.get(..8).filter(|head| head.starts_with(b"\0asm"))
}

fn sections(wasm: &[u8]) -> Option<Vec<Section<'_>>> {
    let mut rest = wasm.get(8..)?;
    let mut sections = Vec::new();
    while !rest.is_empty() {
        let whole = rest;
        let id = byte(&mut rest)?;
        let length = number(&mut rest)?;
        let content = take(&mut rest, length)?;
        sections.push(Section {
            id,
            content,
            whole: &whole[..whole.len() - rest.len()],
        });
    }
    Some(sections)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    take(rest, 1).map(|taken| taken[0])
}

/// An unsigned number in WASM's length encoding (LEB128).
fn number(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for at in 0..5 {
        let byte = byte(rest)?;
        value |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = number(rest)?;
    take(rest, length)
}

fn push_number(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    push_number(out, text.len());
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"\0asm\x01\0\0\0";
    const TYPES: &[u8] = b"\x01\x04\x01\x60\0\0";

    #[test]
    fn names_are_removed_and_everything_else_stays() {
        let names = b"\0\x06\x04name\0";
        let module = [HEAD, TYPES, names].concat();
        assert_eq!(without_names(&module).unwrap(), [HEAD, TYPES].concat());
        assert!(without_names(&module[..module.len() - 1]).is_none());
        assert!(without_names(b"no module").is_none());
    }

    #[test]
    fn only_imports_of_the_module_in_question_get_short_names() {
        let import = |module: &str, name: &str, kind: &[u8]| {
            let mut out = Vec::new();
            push_text(&mut out, module.as_bytes());
            push_text(&mut out, name.as_bytes());
            out.extend_from_slice(kind);
            out
        };
        let module = |imports: [Vec<u8>; 4]| {
            let content = [vec![4], imports.concat()].concat();
            let mut section = vec![IMPORT];
            push_number(&mut section, content.len());
            [HEAD, TYPES, &section, &content].concat()
        };
        let memory = import("./chunks.js", "memory", &[2, 1, 1, 0x80, 2]);
        let table = import("./chunks.js", "table", &[1, 0x70, 0, 9]);
        let before = module([
            import("./bg.js", "__wbg_body_5f971cbc6950ca4f", &[0, 0]),
            memory.clone(),
            table.clone(),
            import("./bg.js", &"long".repeat(40), &[0, 0]),
        ]);
        let after = module([
            import("./bg.js", "f0", &[0, 0]),
            memory,
            table,
            import("./bg.js", "f1", &[0, 0]),
        ]);
        let (shortened, names) = shorten_imports(&before, "./bg.js").unwrap();
        assert_eq!(shortened, after);
        assert_eq!(names["__wbg_body_5f971cbc6950ca4f"], "f0");
        assert_eq!(names.len(), 2);
        assert!(shorten_imports(b"no module", "./bg.js").is_err());
    }
}
