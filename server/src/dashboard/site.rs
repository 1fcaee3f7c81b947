//! The site's files: WASM, JavaScript, style sheet and fonts. They come from a directory or, with the feature `embed`,
//! from the binary. Files with a hash in their names may be cached for ever. Compressed versions are stored beside the
//! originals.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use app::chunks::Page;
use app::ui::SPRITE;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use leptos::config::LeptosOptions;
use serde::Deserialize;

#[cfg(feature = "embed")]
mod embedded {
    include!(concat!(env!("OUT_DIR"), "/site.rs"));
}

/// Where the files are and what they are called.
#[derive(Clone, Debug)]
pub struct Site {
    place: SitePlace,
    /// `gatehouse-<hash>`, or the plain name if the build did not add a hash.
    pub output_name: String,
    /// The URL of the style sheet. `None` without a site.
    pub stylesheet: Option<String>,
    /// Whether `output_name` changes with the content.
    is_hashed: bool,
    /// The extra files each page needs: URLs by the name of the page's chunk.
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
    /// Paths under the site's root, by the name of the page's chunk.
    #[serde(default)]
    chunks: HashMap<String, Vec<String>>,
}

impl Site {
    /// Looks for the site in the binary first, then in `options.site_root`.
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
        // `cargo leptos watch` leaves plain names and no manifest.
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

    /// The URLs of the files in this page's chunk.
    pub fn files_of(&self, page: Page) -> Vec<String> {
        self.chunks.get(page.chunk()).cloned().unwrap_or_default()
    }

    pub fn is_absent(&self) -> bool {
        matches!(self.place, SitePlace::Absent)
    }

    /// The file at this URL path, compressed in a way the browser accepts. `None` if there is no such file.
    pub async fn file(&self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let (path, keep) = self.named(&checked(path)?);
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
        let tag = entity_tag(&bytes, coding);
        let has_it = headers
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|known| known.trim().trim_start_matches("W/") == tag);
        let mut response = if has_it {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            answer(&path, bytes, coding)
        };
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(ETAG, tag);
        }
        Some(response)
    }

    /// The file this path refers to, and how long a browser may cache it. If the name contains a hash of the content,
    /// the browser may keep the file for ever. Any other file may change under the same name, so the browser has to ask
    /// again after a while.
    fn named(&self, path: &str) -> (String, &'static str) {
        const FOR_EVER: &str = "public, max-age=31536000, immutable";
        if is_a_sprite(path) {
            // A page from another build asks for its own sprite and gets the current one.
            let is_current = SPRITE.strip_prefix('/') == Some(path);
            return (
                "icons.svg".to_owned(),
                if is_current { FOR_EVER } else { "no-cache" },
            );
        }
        let keep = match (path.starts_with("pkg/"), path.ends_with(".woff2")) {
            (true, _) if self.is_hashed && path.contains(&self.output_name) => FOR_EVER,
            (true, _) => "no-cache",
            (false, true) => "public, max-age=604800",
            (false, false) => "public, max-age=600",
        };
        (path.to_owned(), keep)
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
}

fn answer(path: &str, bytes: Cow<'static, [u8]>, coding: Option<&'static str>) -> Response {
    let bytes = match bytes {
        Cow::Borrowed(bytes) => bytes::Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    let mut response = (StatusCode::OK, axum::body::Body::from(bytes)).into_response();
    let headers = response.headers_mut();
    if let Some(kind) = content_type(path) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if let Some(coding) = coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// The ETag of these bytes in this coding.
fn entity_tag(bytes: &[u8], coding: Option<&str>) -> String {
    // This hasher has fixed keys, so every process that serves these files computes the same tag.
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("\"{:016x}-{}\"", hasher.finish(), coding.unwrap_or("plain"))
}

/// Whether this is `icons-<hash>.svg`.
fn is_a_sprite(path: &str) -> bool {
    let hash = path
        .strip_prefix("icons-")
        .and_then(|rest| rest.strip_suffix(".svg"));
    hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether this entry of `Accept-Encoding` accepts the coding. `br;q=0` names a coding to refuse it.
fn accepts_coding(part: &str, name: &str) -> bool {
    let (coding, weight) = part.split_once(';').unwrap_or((part, ""));
    let refused =
        matches!(weight.trim().strip_prefix("q=").map(str::parse::<f32>), Some(Ok(weight)) if weight == 0.0);
    coding.trim().eq_ignore_ascii_case(name) && !refused
}

/// Accepts a relative path of plain names. The manifest and the compressed versions cannot be requested.
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

/// `None` for a kind of file that a site does not contain.
fn content_type(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        // Several WASM modules, concatenated.
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
    fn no_path_escapes_the_site() {
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

    /// Requests a path from a site that has one file of each kind.
    async fn asked(path: &str, known: Option<&str>) -> Option<(StatusCode, String, String)> {
        let dir = tempfile::tempdir().expect("a directory");
        for file in ["icons.svg", "favicon.svg", "fonts/a.woff2", "pkg/gatehouse-00.js"] {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, file).expect("written");
        }
        let manifest = Manifest {
            output_name: "gatehouse-00".to_owned(),
            chunks: HashMap::new(),
        };
        let options = LeptosOptions::builder().output_name("gatehouse").build();
        let site = Site::with_manifest(SitePlace::Directory(dir.path().to_owned()), manifest, &options);
        let mut headers = HeaderMap::new();
        if let Some(known) = known {
            headers.insert(IF_NONE_MATCH, known.parse().expect("a tag"));
        }
        let response = site.file(path, &headers).await?;
        let header = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Some((
            response.status(),
            header(CACHE_CONTROL).unwrap_or_default(),
            header(ETAG).unwrap_or_default(),
        ))
    }

    #[tokio::test]
    async fn files_named_by_their_content_are_cached_for_ever_and_others_are_revalidated() {
        for (path, keep) in [
            (SPRITE, "public, max-age=31536000, immutable"),
            ("/pkg/gatehouse-00.js", "public, max-age=31536000, immutable"),
            // The sprite of another build. The response holds our sprite, so a browser must not cache it under this
            // name.
            ("/icons-0123456789abcdef.svg", "no-cache"),
            ("/icons.svg", "public, max-age=600"),
            ("/favicon.svg", "public, max-age=600"),
            ("/fonts/a.woff2", "public, max-age=604800"),
        ] {
            let (status, kept, tag) = asked(path, None).await.expect(path);
            assert_eq!((status, kept.as_str()), (StatusCode::OK, keep), "{path}");
            let again = asked(path, Some(&format!("\"other\", W/{tag}")))
                .await
                .expect(path);
            assert_eq!(again, (StatusCode::NOT_MODIFIED, kept, tag), "{path}");
            let changed = asked(path, Some("\"other\"")).await.expect(path);
            assert_eq!(changed.0, StatusCode::OK, "{path}");
        }
        for nothing in [
            "/icons-.svg",
            "/icons-0123456789abcdeg.svg",
            "/pkg/gatehouse-01.js",
        ] {
            assert!(asked(nothing, None).await.is_none(), "{nothing}");
        }
    }

    #[test]
    fn a_coding_with_a_weight_of_zero_is_refused() {
        assert!(accepts_coding(" br ", "br") && accepts_coding("br;q=0.5", "br"));
        assert!(!accepts_coding("br;q=0", "br") && !accepts_coding("gzip", "br"));
    }
}
