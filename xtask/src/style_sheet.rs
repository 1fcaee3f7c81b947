//! Bundles `style/main.css` and everything it imports into one minified file. Called by [`crate::site`].
//!
//! Lightning CSS's own bundler would bring in a thread pool and source maps. What we need of it fits in this file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use lightningcss::printer::PrinterOptions;
use lightningcss::rules::import::ImportRule;
use lightningcss::rules::layer::LayerBlockRule;
use lightningcss::rules::media::MediaRule;
use lightningcss::rules::supports::SupportsRule;
use lightningcss::rules::{CssRule, CssRuleList};
use lightningcss::stylesheet::{MinifyOptions, ParserOptions, StyleSheet};
use lightningcss::targets::{Browsers, Targets};

/// The browsers of the last two years, as of the end of 2026. `browserquery` says the same to `cargo leptos`.
const TARGETS: Targets = Targets {
    browsers: Some(Browsers {
        android: Some(131 << 16),
        chrome: Some(131 << 16),
        edge: Some(131 << 16),
        firefox: Some(132 << 16),
        ie: None,
        ios_saf: Some(18 << 16 | 1 << 8),
        opera: Some(115 << 16),
        safari: Some(18 << 16 | 1 << 8),
        samsung: Some(27 << 16),
    }),
    include: lightningcss::targets::Features::empty(),
    exclude: lightningcss::targets::Features::empty(),
};

/// Bundles and minifies.
///
/// # Errors A syntax error, with file, line and column. An import of a missing file, a circular import, or an import
/// from another host, with the importing file. (The content-security policy would refuse another host anyway.)
pub(crate) fn bundle(main: &Path) -> Result<String> {
    let mut sources = Sources::default();
    sources.gather(main, &mut Vec::new())?;
    let rules = sources.inlined(main)?;
    let names = sources
        .texts
        .keys()
        .map(|path| path.display().to_string())
        .collect();
    let mut sheet = StyleSheet::new(names, rules, ParserOptions::default());
    sheet
        .minify(MinifyOptions {
            targets: TARGETS,
            ..MinifyOptions::default()
        })
        .map_err(|error| anyhow!("{}: {error}", main.display()))?;
    let printed = sheet
        .to_css(PrinterOptions {
            minify: true,
            targets: TARGETS,
            ..PrinterOptions::default()
        })
        .map_err(|error| anyhow!("{}: {error}", main.display()))?;
    Ok(printed.code)
}

/// All files of the style sheet. They are read first, because the parsed rules borrow their text.
#[derive(Debug, Default)]
struct Sources {
    texts: BTreeMap<PathBuf, String>,
}

impl Sources {
    /// Reads this file and, depth first, everything it imports. `chain` is the path of imports that led here.
    fn gather(&mut self, path: &Path, chain: &mut Vec<PathBuf>) -> Result<()> {
        if chain.iter().any(|earlier| earlier == path) {
            bail!(
                "{} imports itself through {}",
                path.display(),
                chain[chain.len() - 1].display()
            );
        }
        let text = std::fs::read_to_string(path).with_context(|| match chain.last() {
            Some(importer) => format!("{} imports {}", importer.display(), path.display()),
            None => format!("the style sheet {}", path.display()),
        })?;
        let imports = parsed(path, &text)?
            .rules
            .0
            .iter()
            .filter_map(as_import)
            .map(|rule| imported(path, rule))
            .collect::<Result<Vec<_>>>()?;
        self.texts.insert(path.to_owned(), text);
        chain.push(path.to_owned());
        for import in imports {
            self.gather(&import, chain)?;
        }
        chain.pop();
        Ok(())
    }

    /// The rules of a file, with each import replaced by the imported rules, in its layer and under its conditions.
    fn inlined(&self, path: &Path) -> Result<CssRuleList<'_>> {
        let text = self
            .texts
            .get(path)
            .with_context(|| format!("{} has not been read", path.display()))?;
        let mut rules = Vec::new();
        for rule in parsed(path, text)?.rules.0 {
            match rule {
                CssRule::Import(import) => {
                    let inner = self.inlined(&imported(path, &import)?)?;
                    rules.extend(under_conditions(import, inner).0);
                }
                other => rules.push(other),
            }
        }
        Ok(CssRuleList(rules))
    }
}

fn parsed<'text>(path: &Path, text: &'text str) -> Result<StyleSheet<'text>> {
    StyleSheet::parse(text, ParserOptions::default()).map_err(|error| {
        let place = error
            .loc
            .as_ref()
            .map_or(String::new(), |at| format!(":{}:{}", at.line + 1, at.column));
        anyhow!("{}{place}: {}", path.display(), error.kind)
    })
}

fn as_import<'rule, 'text>(rule: &'rule CssRule<'text>) -> Option<&'rule ImportRule<'text>> {
    match rule {
        CssRule::Import(import) => Some(import),
        _ => None,
    }
}

fn imported(importer: &Path, rule: &ImportRule<'_>) -> Result<PathBuf> {
    let url: &str = rule.url.as_ref();
    ensure!(
        !url.contains("://") && !url.starts_with('/'),
        "{}:{}: `{url}` must be a relative path to a file",
        importer.display(),
        rule.loc.line + 1
    );
    let directory = importer.parent().unwrap_or(Path::new("."));
    let mut path = directory.to_owned();
    for part in url.split('/') {
        match part {
            "." => {}
            ".." => {
                path.pop();
            }
            name => path.push(name),
        }
    }
    Ok(path)
}

fn under_conditions<'text>(import: ImportRule<'text>, mut rules: CssRuleList<'text>) -> CssRuleList<'text> {
    let loc = import.loc;
    if let Some(name) = import.layer {
        rules = CssRuleList(vec![CssRule::LayerBlock(LayerBlockRule { name, rules, loc })]);
    }
    if let Some(condition) = import.supports {
        rules = CssRuleList(vec![CssRule::Supports(SupportsRule {
            condition,
            rules,
            loc,
        })]);
    }
    if !import.media.media_queries.is_empty() {
        rules = CssRuleList(vec![CssRule::Media(MediaRule {
            query: import.media,
            rules,
            loc,
        })]);
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundled(files: &[(&str, &str)]) -> Result<String> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        bundle(&directory.path().join(files[0].0))
    }

    #[test]
    fn an_import_keeps_its_layer_and_media_query() {
        let css = bundled(&[
            (
                "main.css",
                "@layer base, parts;\n@import \"parts/button.css\" layer(parts) print;\nbody { margin: 0 }",
            ),
            (
                "parts/button.css",
                "@import '../tokens.css';\nbutton { color: var(--ink) }",
            ),
            ("tokens.css", ":root { --ink: #102030 }"),
        ])
        .unwrap();
        assert_eq!(
            css,
            "@layer base,parts;@media print{@layer parts{:root{--ink:#102030}button{color:var(--ink)}}}body{margin:0}"
        );
    }

    #[test]
    fn a_syntax_error_names_the_file_and_the_line() {
        let error = bundled(&[
            ("main.css", "@import 'a.css';"),
            ("a.css", "p { color: red }\n\np:: { }\n"),
        ])
        .unwrap_err();
        assert!(error.to_string().contains("a.css:3:"), "{error}");
    }

    #[test]
    fn a_circular_import_is_refused() {
        let error = bundled(&[("a.css", "@import 'b.css';"), ("b.css", "@import 'a.css';")]).unwrap_err();
        assert!(error.to_string().contains("imports itself"), "{error}");
    }

    #[test]
    fn an_import_from_another_host_is_refused() {
        let error = bundled(&[("a.css", "@import 'https://example.com/b.css';")]).unwrap_err();
        assert!(
            error.to_string().contains("a.css:1: `https://example.com/b.css`"),
            "{error}"
        );
    }

    #[test]
    fn syntax_that_current_browsers_support_is_not_changed() {
        let css = bundled(&[("a.css", "a { color: light-dark(red, blue); inset: 0 }")]).unwrap();
        assert_eq!(css, "a{color:light-dark(red,#00f);inset:0}");
    }

    /// A change of such an attribute, or an element that is inserted, would make the browser look at everything below or after it:
    /// 25 ms on a page with 50 rows.
    #[test]
    fn no_rule_makes_the_browser_look_at_everything_below_or_after_a_change() {
        let main = Path::new(env!("CARGO_MANIFEST_DIR")).join("../style/main.css");
        let css = bundle(&main).unwrap();
        for pattern in ["+*", "~*", "]>*", "] *"] {
            assert_eq!(css.match_indices(pattern).count(), 0, "{pattern}");
        }
    }
}
