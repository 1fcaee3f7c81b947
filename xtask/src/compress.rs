//! Writes `.br` and `.gz` next to each file of the site that gets smaller, so that the server never compresses while
//! serving.

use std::io::Write;

use anyhow::{Context, Result};
use brotli::enc::BrotliEncoderParams;

use crate::cache::{Cache, fingerprint};

/// File types that are not compressed already.
const COMPRESSIBLE: [&str; 11] = [
    "css", "html", "ico", "js", "json", "map", "pack", "svg", "txt", "wasm", "xml",
];

/// A file in the three encodings it is served in.
#[derive(Debug)]
pub(crate) struct Compressed {
    pub(crate) brotli: Option<Vec<u8>>,
    pub(crate) gzip: Option<Vec<u8>>,
}

/// Compresses at the highest level and drops results that are not smaller. Cached by content.
pub(crate) fn compress(cache: &mut Cache, path: &str, bytes: &[u8]) -> Result<Compressed> {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    if !COMPRESSIBLE.contains(&extension) {
        return Ok(Compressed {
            brotli: None,
            gzip: None,
        });
    }
    let name = fingerprint(&[bytes]);
    let brotli = cache.get_or_make(&format!("{name}.br"), || brotli(bytes))?;
    let gzip = cache.get_or_make(&format!("{name}.gz"), || gzip(bytes))?;
    let if_smaller = |packed: Vec<u8>| (packed.len() < bytes.len()).then_some(packed);
    Ok(Compressed {
        brotli: if_smaller(brotli),
        gzip: if_smaller(gzip),
    })
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let parameters = BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: bytes.len(),
        ..BrotliEncoderParams::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &parameters).context("brotli")?;
    Ok(packed)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).context("gzip")?;
    encoder.finish().context("gzip")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn both_compressed_files_unpack_to_the_same_bytes() {
        let text = "let gate = document.querySelector('gate');\n"
            .repeat(40)
            .into_bytes();
        let directory = tempfile::tempdir().unwrap();
        let mut cache = Cache::open(directory.path().to_owned()).unwrap();
        let compressed = compress(&mut cache, "pkg/gate.js", &text).unwrap();

        let mut from_brotli = Vec::new();
        brotli::BrotliDecompress(&mut compressed.brotli.unwrap().as_slice(), &mut from_brotli).unwrap();
        assert_eq!(from_brotli, text);
        let mut from_gzip = Vec::new();
        flate2::read::GzDecoder::new(compressed.gzip.unwrap().as_slice())
            .read_to_end(&mut from_gzip)
            .unwrap();
        assert_eq!(from_gzip, text);
    }

    #[test]
    fn a_file_that_does_not_get_smaller_is_served_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let mut cache = Cache::open(directory.path().to_owned()).unwrap();
        let tiny = compress(&mut cache, "robots.txt", b"-").unwrap();
        assert!(tiny.brotli.is_none() && tiny.gzip.is_none());
        let font = compress(&mut cache, "fonts/text.woff2", &[0; 4096]).unwrap();
        assert!(font.brotli.is_none() && font.gzip.is_none());
    }
}
