//! Sealing: XChaCha20-Poly1305 under the master key, bound to the place where the sealed bytes are stored. A row that
//! is moved to another company, environment or id does not open there.
//!
//! The stored bytes say how to read them: one byte of version, four that name the master key, a nonce of 24, then the
//! cipher text with its tag.

use std::fmt;
use std::str::FromStr;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use model::{CompanyId, Environment};
use zeroize::Zeroizing;

use crate::install_key::{from_hex, to_hex};
use crate::{MasterKey, random};

/// XChaCha20-Poly1305, with the associated data of [`SealPlace::bind`].
const VERSION: u8 = 1;
const NONCE_AT: usize = 1 + 4;
const TEXT_AT: usize = NONCE_AT + 24;

/// The installation that sealed bytes are bound to. A backup of one installation does not open in another's database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InstallId([u8; 16]);

/// The text is not 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an installation's id is 32 hexadecimal digits")]
pub struct InvalidInstallId;

/// What is sealed. Bytes sealed for one purpose do not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealPurpose {
    /// The access secret of an API key.
    AccessSecret,
    /// The body of an event.
    Event,
    /// A webhook's own secret, for the Standard Webhooks headers.
    WebhookSecret,
    /// A receiver's response to an attempt.
    Evidence,
    /// A header that a webhook's deliveries carry.
    WebhookHeader,
}

/// Where sealed bytes belong. They only open with exactly the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealPlace {
    pub purpose: SealPurpose,
    pub install: InstallId,
    pub company: CompanyId,
    pub environment: Environment,
    /// The id of the row: `KeyId::to_bytes()` and its like.
    pub id: [u8; 16],
}

/// Sealed bytes, as the database keeps them.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

/// Why sealed bytes do not open. Nothing more specific is ever reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsealable {
    #[error("the sealed bytes are cut short or of an unknown version")]
    UnknownForm,
    #[error("they were sealed with another master key")]
    OtherKey,
    #[error("they were changed, or sealed for another place")]
    OtherPlace,
}

impl MasterKey {
    /// Seals `plain` for `place`.
    pub fn seal(&self, place: &SealPlace, plain: &[u8]) -> Sealed {
        let nonce: [u8; 24] = random();
        let mut sealed = Vec::with_capacity(TEXT_AT + plain.len() + 16);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.id());
        sealed.extend_from_slice(&nonce);
        let aad = place.bind(&sealed[..NONCE_AT]);
        // Encryption fails only beyond 256 GiB, which does not fit into memory.
        match self.cipher().encrypt(
            &XNonce::from(nonce),
            Payload {
                msg: plain,
                aad: &aad,
            },
        ) {
            Ok(text) => sealed.extend_from_slice(&text),
            Err(_) => unreachable!("the text is far shorter than the cipher's bound"),
        }
        Sealed(sealed)
    }

    /// Opens what was sealed for this place. The plain text is wiped when dropped.
    pub fn open(&self, place: &SealPlace, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let bytes = &sealed.0;
        if bytes.len() < TEXT_AT || bytes[0] != VERSION {
            return Err(Unsealable::UnknownForm);
        }
        if bytes[1..NONCE_AT] != self.id() {
            return Err(Unsealable::OtherKey);
        }
        let mut nonce = [0; 24];
        nonce.copy_from_slice(&bytes[NONCE_AT..TEXT_AT]);
        let aad = place.bind(&bytes[..NONCE_AT]);
        self.cipher()
            .decrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: &bytes[TEXT_AT..],
                    aad: &aad,
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| Unsealable::OtherPlace)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.bytes))
    }
}

impl SealPlace {
    /// The associated data: the head of the sealed bytes, then each part, separated by bars. No part can contain a bar,
    /// so no two places give the same text.
    fn bind(&self, head: &[u8]) -> Vec<u8> {
        let Self {
            purpose,
            install,
            company,
            environment,
            id,
        } = self;
        let mut bound = head.to_vec();
        let id = to_hex(id);
        let place = format!(
            "|{}|{install}|{company}|{environment}|{}",
            purpose.as_str(),
            id.as_str()
        );
        bound.extend_from_slice(place.as_bytes());
        bound
    }
}

impl SealPurpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AccessSecret => "access_secret",
            Self::Event => "event",
            Self::WebhookSecret => "webhook_secret",
            Self::Evidence => "evidence",
            Self::WebhookHeader => "webhook_header",
        }
    }
}

impl Sealed {
    /// Bytes read from the database. Only opening them shows whether they are valid.
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl InstallId {
    /// The id of a new installation.
    pub fn generate() -> Self {
        Self(random())
    }
}

impl fmt::Display for InstallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for InstallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for InstallId {
    type Err = InvalidInstallId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = from_hex(text).ok_or(InvalidInstallId)?;
        bytes.try_into().map(Self).map_err(|_| InvalidInstallId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> SealPlace {
        SealPlace {
            purpose: SealPurpose::AccessSecret,
            install: InstallId([1; 16]),
            company: CompanyId::from_random([2; 16]),
            environment: Environment::Sandbox,
            id: [3; 16],
        }
    }

    #[test]
    fn sealed_bytes_open_in_their_place() {
        let key = MasterKey::generate();
        for plain in [b"".as_slice(), b"sandbox-00ff", &[7; 300_000]] {
            let sealed = key.seal(&place(), plain);
            assert_eq!(
                key.open(&place(), &sealed).expect("the same place").as_slice(),
                plain
            );
        }
    }

    #[test]
    fn sealed_bytes_open_in_no_other_place() {
        let key = MasterKey::generate();
        let sealed = key.seal(&place(), b"secret");
        let elsewhere = [
            SealPlace {
                purpose: SealPurpose::Event,
                ..place()
            },
            SealPlace {
                purpose: SealPurpose::WebhookSecret,
                ..place()
            },
            SealPlace {
                install: InstallId([9; 16]),
                ..place()
            },
            SealPlace {
                company: CompanyId::from_random([9; 16]),
                ..place()
            },
            SealPlace {
                environment: Environment::Prod,
                ..place()
            },
            SealPlace {
                id: [9; 16],
                ..place()
            },
        ];
        for other in elsewhere {
            assert_eq!(
                key.open(&other, &sealed),
                Err(Unsealable::OtherPlace),
                "{other:?}"
            );
        }
    }

    #[test]
    fn sealed_bytes_do_not_open_with_another_master_key() {
        let sealed = MasterKey::generate().seal(&place(), b"secret");
        assert_eq!(
            MasterKey::generate().open(&place(), &sealed),
            Err(Unsealable::OtherKey)
        );
    }

    #[test]
    fn a_change_to_any_byte_is_detected() {
        let key = MasterKey::generate();
        let sealed = key.seal(&place(), b"secret").into_bytes();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(
                key.open(&place(), &Sealed::from_bytes(changed)).is_err(),
                "byte {at}"
            );
            assert!(
                key.open(&place(), &Sealed::from_bytes(sealed[..at].to_vec()))
                    .is_err(),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn the_same_text_sealed_twice_looks_different_and_reveals_nothing() {
        let key = MasterKey::generate();
        let (one, two) = (key.seal(&place(), b"secret"), key.seal(&place(), b"secret"));
        assert_ne!(one, two);
        assert!(!one.as_bytes().windows(6).any(|window| window == b"secret"));
        assert_eq!(format!("{one:?}"), "[redacted]");
    }

    #[test]
    fn an_installation_id_survives_formatting_and_parsing() {
        let id = InstallId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("12".parse::<InstallId>(), Err(InvalidInstallId));
        assert_eq!("zz".repeat(16).parse::<InstallId>(), Err(InvalidInstallId));
    }
}
