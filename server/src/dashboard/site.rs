//! The site's files: WASM, JavaScript, style sheet, fonts. From a directory, or with feature `embed` from the binary.
//! Names that carry their hash may be kept for ever; compressed forms lie beside the files.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use app::chunks::Page;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use leptos::config::LeptosOptions;
use serde::Deserialize;

#[cfg(feature = "embed")]
mod embedded {
    include!(concat!(env!("OUT_DIR"), "/site.rs"));
}

/// Where the files are, and what they are called.
#[derive(Clone, Debug)]
pub struct Site {
    place: SitePlace,
    /// `gatehouse-<hash>`, or the plain name when nobody hashed it.
    pub output_name: String,
    /// The address of the style sheet; none without a site.
    pub stylesheet: Option<String>,
    /// Whether `output_name` changes with the content.
    is_hashed: bool,
    /// What a page needs beside the main part: addresses by the name of its chunk.
    chunks: HashMap<String, Vec<String>>,
}

#[derive(Clone, Debug)]
enum SitePlace {
    #[cfg(feature = "embed")]
    Embedded,
    Directory(PathBuf),
    Absent,
}

/// `site.json`, written by `cargo xtask`.
#[derive(Deserialize)]
struct Manifest {
    output_name: String,
    /// Paths under the site's root by the name of a page's chunk.
    #[serde(default)]
    chunks: HashMap<String, Vec<String>>,
}

impl Site {
    /// Looks for the site: in the binary, else in `options.site_root`.
    pub fn find(options: &LeptosOptions) -> Self {
        #[cfg(feature = "embed")]
        if let Some(manifest) =
            embedded::file("site.json").and_then(|bytes| serde_json::from_slice(bytes).ok())
        {
            return Self::with_manifest(SitePlace::Embedded, manifest, options);
        }
        let root = PathBuf::from(options.site_root.as_ref());
        let manifest = std::fs::read(root.join("site.json"))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(manifest) = manifest {
            return Self::with_manifest(SitePlace::Directory(root), manifest, options);
        }
        // What `cargo leptos watch` leaves: plain names and no manifest.
        let output_name = options.output_name.to_string();
        let pkg = options.site_pkg_dir.as_ref();
        let is_there = root.join(pkg).join(format!("{output_name}.js")).is_file();
        let stylesheet = is_there.then(|| format!("/{pkg}/{output_name}.css"));
        let place = if is_there {
            SitePlace::Directory(root)
        } else {
            SitePlace::Absent
        };
        Self {
            place,
            output_name,
            stylesheet,
            is_hashed: false,
            chunks: HashMap::new(),
        }
    }

    fn with_manifest(place: SitePlace, manifest: Manifest, options: &LeptosOptions) -> Self {
        let stylesheet = Some(format!("/{}/{}.css", options.site_pkg_dir, manifest.output_name));
        Self {
            place,
            output_name: manifest.output_name,
            stylesheet,
            is_hashed: true,
            chunks: manifest
                .chunks
                .into_iter()
                .map(|(chunk, paths)| (chunk, paths.iter().map(|path| format!("/{path}")).collect()))
                .collect(),
        }
    }

    /// The addresses of the files that this page's chunk consists of.
    pub fn files_of(&self, page: Page) -> Vec<String> {
        self.chunks.get(page.chunk()).cloned().unwrap_or_default()
    }

    pub fn is_absent(&self) -> bool {
        matches!(self.place, SitePlace::Absent)
    }

    /// The file at this path of an address, compressed as the browser likes it; `None` when there is none.
    pub async fn file(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let path = checked(path)?;
        let accepted = headers
            .get(ACCEPT_ENCODING)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let accepts = |name: &str| accepted.split(',').any(|part| accepts_coding(part, name));
        let mut found = None;
        for (coding, extension) in [("br", ".br"), ("gzip", ".gz")] {
            if found.is_none() && accepts(coding) {
                found = self
                    .read(&format!("{path}{extension}"))
                    .await
                    .map(|bytes| (bytes, Some(coding)));
            }
        }
        let (bytes, coding) = match found {
            Some(found) => found,
            None => (self.read(&path).await?, None),
        };
        Some(self.answer(&path, bytes, coding))
    }

    async fn read(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        match &self.place {
            #[cfg(feature = "embed")]
            SitePlace::Embedded => embedded::file(path).map(Cow::Borrowed),
            SitePlace::Directory(root) => tokio::fs::read(root.join(Path::new(path)))
                .await
                .ok()
                .map(Cow::Owned),
            SitePlace::Absent => None,
        }
    }

    fn answer(&self, path: &str, bytes: Cow<'static, [u8]>, coding: Option<&'static str>) -> Response {
        let mut response = (
            StatusCode::OK,
            axum::body::Body::from(match bytes {
                Cow::Borrowed(bytes) => bytes::Bytes::from_static(bytes),
                Cow::Owned(bytes) => bytes.into(),
            }),
        )
            .into_response();
        let headers = response.headers_mut();
        if let Some(kind) = content_type(path) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        if let Some(coding) = coding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        let named_by_content = self.is_hashed && path.contains(&self.output_name);
        let keep = match (named_by_content, path.ends_with(".woff2")) {
            (true, _) => "public, max-age=31536000, immutable",
            (false, true) => "public, max-age=604800",
            (false, false) => "no-cache",
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
        response
    }
}

/// `br;q=0` refuses what its name would ask for.
fn accepts_coding(part: &str, name: &str) -> bool {
    let (coding, weight) = part.split_once(';').unwrap_or((part, ""));
    let refused =
        matches!(weight.trim().strip_prefix("q=").map(str::parse::<f32>), Some(Ok(weight)) if weight == 0.0);
    coding.trim().eq_ignore_ascii_case(name) && !refused
}

/// A relative path made of plain names; the manifest and the compressed forms are not for asking.
fn checked(path: &str) -> Option<String> {
    let path = path.strip_prefix('/')?;
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part
                .bytes()
                .any(|b| b == b'\\' || b == 0 || b == b':' || b == b'%')
    };
    let known = content_type(path).is_some() && path != "site.json";
    (known && path.split('/').all(plain)).then(|| path.to_owned())
}

/// None for a kind of file that a site does not have.
fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        // Several modules of WASM, one behind the other.
        "pack" => "application/octet-stream",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_site() {
        for path in [
            "/../Cargo.toml",
            "/pkg/../../x.js",
            "/.env.js",
            "/pkg//x.js",
            "//x.js",
            "/pkg\\..\\x.js",
            "/%2e%2e/x.js",
            "x.js",
            "/pkg/x.js.br",
            "/site.json",
        ] {
            assert_eq!(checked(path), None, "{path}");
        }
        assert_eq!(
            checked("/pkg/gatehouse-00_bg.wasm").as_deref(),
            Some("pkg/gatehouse-00_bg.wasm")
        );
    }

    #[test]
    fn a_weight_of_zero_refuses() {
        assert!(accepts_coding(" br ", "br") && accepts_coding("br;q=0.5", "br"));
        assert!(!accepts_coding("br;q=0", "br") && !accepts_coding("gzip", "br"));
    }
}
