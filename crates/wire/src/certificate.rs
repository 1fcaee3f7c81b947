//! A certificate and its key, from two PEM files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use model::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use thiserror::Error as ThisError;

/// Why TLS cannot be offered with these files.
#[derive(Debug, ThisError)]
pub enum TlsFault {
    #[error("{} cannot be read: {source}", file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("{} has no certificate in PEM form", .0.display())]
    NoCertificate(PathBuf),
    #[error("{} has no private key in PEM form", .0.display())]
    NoKey(PathBuf),
    #[error("the key in {} is not that of the certificate in {}", key.display(), certificate.display())]
    NotAPair { certificate: PathBuf, key: PathBuf },
    #[error("the files changed while they were read")]
    Changing,
    #[error("the certificate in {} cannot be used: {source}", file.display())]
    Unusable { file: PathBuf, source: Error },
}

/// Where the two are. The certificate comes first, then those of its issuers.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) key: Arc<CertifiedKey>,
    /// When the certificate ends. `None` if it does not say so in a way that we understand.
    pub(crate) ends: Option<Timestamp>,
}

/// What changes when a file is written or replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp([Option<(SystemTime, u64, u64)>; 2]);

impl Files {
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp([stamp(&self.certificate), stamp(&self.key)])
    }

    /// Reads both. What was written in between is not used.
    pub(crate) fn read(&self, provider: &CryptoProvider) -> Result<(Pair, Stamp), TlsFault> {
        let stamp = self.stamp();
        let (chain, key) = (read(&self.certificate)?, read(&self.key)?);
        if self.stamp() != stamp {
            return Err(TlsFault::Changing);
        }
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain)
            .collect::<Result<_, _>>()
            .map_err(|_| TlsFault::NoCertificate(self.certificate.clone()))?;
        let first = chain
            .first()
            .ok_or_else(|| TlsFault::NoCertificate(self.certificate.clone()))?;
        let ends = ends(first);
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| TlsFault::NoKey(self.key.clone()))?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|source| self.explain(source))?;
        let key = Arc::new(key);
        Ok((Pair { key, ends }, stamp))
    }

    fn explain(&self, source: Error) -> TlsFault {
        match source {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsFault::NotAPair {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
            },
            source => TlsFault::Unusable {
                file: self.certificate.clone(),
                source,
            },
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, TlsFault> {
    fs::read(file).map_err(|source| TlsFault::Unreadable {
        file: file.to_owned(),
        source,
    })
}

fn stamp(file: &Path) -> Option<(SystemTime, u64, u64)> {
    let about = fs::metadata(file).ok()?;
    Some((about.modified().ok()?, about.len(), number(&about)))
}

#[cfg(unix)]
fn number(about: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(about)
}

#[cfg(not(unix))]
const fn number(_: &fs::Metadata) -> u64 {
    0
}

/// When a certificate ends: the second time of its validity (RFC 5280, section 4.1).
fn ends(certificate: &[u8]) -> Option<Timestamp> {
    let (whole, _) = part(certificate)?;
    let (mut signed, _) = part(whole.content)?;
    // The version is optional. Serial number, algorithm and issuer follow.
    let mut fields = std::iter::from_fn(|| {
        let (field, rest) = part(signed.content)?;
        signed.content = rest;
        Some(field)
    });
    let serial = fields.find(|field| field.tag != VERSION)?;
    let validity = (serial.tag == INTEGER).then(|| fields.nth(2))??;
    let (_begins, rest) = part(validity.content)?;
    let (ends, _) = part(rest)?;
    time(&ends)
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;

/// A piece of DER.
struct Part<'a> {
    tag: u8,
    content: &'a [u8],
}

/// The first piece, and what follows it.
fn part(bytes: &[u8]) -> Option<(Part<'_>, &[u8])> {
    let [tag, length, rest @ ..] = bytes else {
        return None;
    };
    let (length, rest) = match *length {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            let length = length
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((Part { tag: *tag, content }, rest))
}

/// `YYMMDDhhmmssZ`, where years up to 49 are in this century, or `YYYYMMDDhhmmssZ`.
fn time(part: &Part<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(part.content).ok()?;
    let text = match part.tag {
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let piece = |from: usize, to: usize| text.get(from..to);
    let (year, month, day) = (piece(0, 4)?, piece(4, 6)?, piece(6, 8)?);
    let (hour, minute, second) = (piece(8, 10)?, piece(10, 12)?, piece(12, 14)?);
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tag: u8, text: &str) -> Option<String> {
        let part = Part {
            tag,
            content: text.as_bytes(),
        };
        time(&part).map(|time| time.to_rfc3339())
    }

    #[test]
    fn both_forms_of_a_time_are_understood() {
        for (tag, text, said) in [
            (UTC_TIME, "261127123000Z", "2026-11-27T12:30:00"),
            (UTC_TIME, "991231235959Z", "1999-12-31T23:59:59"),
            (GENERALIZED_TIME, "20510101000000Z", "2051-01-01T00:00:00"),
        ] {
            let time = of(tag, text).expect(text);
            assert!(time.starts_with(said), "{time}");
        }
        for text in ["", "26", "261327123000Z", "text of a time"] {
            assert_eq!(of(UTC_TIME, text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        for bytes in [
            [].as_slice(),
            &[0x30],
            &[0x30, 0x80],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x04, 0x30, 0x02, 0x02, 0x00],
        ] {
            assert_eq!(ends(bytes), None, "{bytes:?}");
        }
    }
}
