//! The two 32-byte keys of an installation. The server reads them from files, credentials or variables and passes them
//! to the parts that need them.

use std::fmt;
use std::hash::{Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{AccessSecret, random};

/// The text is not a 32-byte key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is 32 bytes, written as 64 hexadecimal digits or in base64")]
pub struct InvalidKeyText;

/// Turns access secrets into look-up hashes. Without it, someone who steals the database cannot even test a guess.
pub struct Pepper {
    bytes: Zeroizing<[u8; 32]>,
    /// The HMAC with the key already processed, which saves two compressions on each request.
    keyed: Hmac<Sha256>,
}

/// Seals data that must be readable again: access secrets, event bodies, webhook secrets. See [`crate::SealPlace`].
pub struct MasterKey {
    pub(crate) bytes: Zeroizing<[u8; 32]>,
}

/// HMAC-SHA-256 of an access secret under the pepper; used to find a presented secret. Useless without the pepper, but
/// still not to be printed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LookupHash([u8; 32]);

impl Pepper {
    pub fn generate() -> Self {
        Self::from_bytes(Zeroizing::new(random()))
    }

    /// Parses 64 hex digits, or base64 of 32 bytes, ignoring surrounding white space.
    pub fn from_hex_or_base64(text: &str) -> Result<Self, InvalidKeyText> {
        parse_key(text).map(Self::from_bytes)
    }

    fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        let keyed = hmac(&bytes[..]);
        Self { bytes, keyed }
    }

    /// The hash by which a secret is found in memory and in the database.
    pub fn lookup(&self, secret: &AccessSecret) -> LookupHash {
        let mut mac = self.keyed.clone();
        mac.update(secret.expose().as_bytes());
        LookupHash(mac.finalize().into_bytes().into())
    }

    /// The hash by which a secret of another system is found. It is made of the secret's SHA-256, so that a system which
    /// kept only that can hand its keys over. Without the pepper it says nothing about either.
    pub fn lookup_imported(&self, secret: &[u8]) -> LookupHash {
        self.lookup_digest(&Sha256::digest(secret).into())
    }

    /// Like [`Self::lookup_imported`], of the SHA-256 of a secret. Never equal to what [`Self::lookup`] has of a secret: that is
    /// text, and a zero byte is in none.
    pub fn lookup_digest(&self, sha256: &[u8; 32]) -> LookupHash {
        let mut mac = self.keyed.clone();
        mac.update(b"sha-256\0");
        mac.update(sha256);
        LookupHash(mac.finalize().into_bytes().into())
    }

    /// What the database stores to recognise this pepper.
    pub fn check_value(&self) -> [u8; 32] {
        derive(&self.bytes, b"gatehouse pepper check v1")
    }

    /// 64 hex digits, for the pepper's file.
    pub fn to_hex(&self) -> Zeroizing<String> {
        to_hex(&self.bytes[..])
    }
}

impl MasterKey {
    pub fn generate() -> Self {
        Self {
            bytes: Zeroizing::new(random()),
        }
    }

    /// Parses 64 hex digits, or base64 of 32 bytes, ignoring surrounding white space.
    pub fn from_hex_or_base64(text: &str) -> Result<Self, InvalidKeyText> {
        parse_key(text).map(|bytes| Self { bytes })
    }

    /// What the database stores to recognise this key.
    pub fn check_value(&self) -> [u8; 32] {
        derive(&self.bytes, b"gatehouse master key check v1")
    }

    /// Goes into everything this key seals, so that data sealed with another key is recognised. Reveals nothing about
    /// the key.
    pub(crate) fn id(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = derive(&self.bytes, b"gatehouse master key id v1");
        [a, b, c, d]
    }

    /// 64 hex digits, for the key's file.
    pub fn to_hex(&self) -> Zeroizing<String> {
        to_hex(&self.bytes[..])
    }
}

impl LookupHash {
    /// A hash read from the database.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Hash for LookupHash {
    /// Eight bytes are enough: they are as good as random, and no outsider can choose them.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_ne_bytes([a, b, c, d, e, f, g, h]));
    }
}

macro_rules! redacted {
    ($($name:ty),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[redacted]")
            }
        }
    )+};
}

redacted!(Pepper, MasterKey, LookupHash);

/// HMAC-SHA-256 takes a key of any length, so there is no error to return.
pub(crate) fn hmac(key: &[u8]) -> Hmac<Sha256> {
    match Hmac::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => unreachable!("HMAC takes keys of any length"),
    }
}

pub(crate) fn derive(key: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    let mut mac = hmac(key);
    mac.update(purpose);
    mac.finalize().into_bytes().into()
}

fn parse_key(text: &str) -> Result<Zeroizing<[u8; 32]>, InvalidKeyText> {
    let text = text.trim();
    let bytes = Zeroizing::new(if text.len() == 64 {
        from_hex(text).ok_or(InvalidKeyText)?
    } else {
        [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
            .iter()
            .find_map(|engine| engine.decode(text).ok())
            .ok_or(InvalidKeyText)?
    });
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() != key.len() {
        return Err(InvalidKeyText);
    }
    key.copy_from_slice(&bytes);
    Ok(key)
}

pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    let pair = |pair: &[u8]| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok();
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes().chunks_exact(2).map(pair).collect()
}

pub(crate) fn to_hex(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Environment;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn a_key_is_read_from_hex_and_from_base64_alike() {
        let hex = MasterKey::from_hex_or_base64(HEX).expect("64 digits");
        let texts = [
            format!(" {HEX}\n"),
            HEX.to_uppercase(),
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned(),
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n".to_owned(),
        ];
        for text in texts {
            let key = MasterKey::from_hex_or_base64(&text).expect("32 bytes");
            assert_eq!(key.check_value(), hex.check_value(), "{text:?}");
        }
        assert_eq!(hex.to_hex().as_str(), HEX);
    }

    #[test]
    fn text_that_is_not_32_bytes_is_refused() {
        for text in [
            "",
            "abc",
            &HEX[2..],
            &HEX.replace('0', "g"),
            "AAEC",
            &format!("{HEX}00"),
        ] {
            assert_eq!(
                MasterKey::from_hex_or_base64(text).err(),
                Some(InvalidKeyText),
                "{text:?}"
            );
            assert_eq!(
                Pepper::from_hex_or_base64(text).err(),
                Some(InvalidKeyText),
                "{text:?}"
            );
        }
    }

    #[test]
    fn check_values_differ_by_key_and_by_purpose() {
        let pepper = Pepper::from_hex_or_base64(HEX).expect("64 digits");
        let master = MasterKey::from_hex_or_base64(HEX).expect("64 digits");
        assert_ne!(pepper.check_value(), master.check_value());
        assert_ne!(pepper.check_value(), Pepper::generate().check_value());
        assert_ne!(pepper.check_value().as_slice(), pepper.bytes.as_slice());
    }

    #[test]
    fn a_look_up_hash_depends_on_the_whole_secret_and_on_the_pepper() {
        let (pepper, other) = (Pepper::generate(), Pepper::generate());
        let secret = AccessSecret::generate(Environment::Sandbox);
        let again: AccessSecret = secret.expose().parse().expect("the secret's own text");
        assert_eq!(pepper.lookup(&secret), pepper.lookup(&again));
        assert_ne!(pepper.lookup(&secret), other.lookup(&secret));
        let elsewhere: AccessSecret = secret
            .expose()
            .replace("sandbox-", "dev-")
            .parse()
            .expect("another environment");
        assert_ne!(pepper.lookup(&secret), pepper.lookup(&elsewhere));
    }

    #[test]
    fn the_look_up_hash_is_the_published_hmac() {
        // RFC 4231, test case 2.
        let mut mac = hmac(b"Jefe");
        mac.update(b"what do ya want for nothing?");
        let hex = to_hex(&mac.finalize().into_bytes());
        assert_eq!(
            hex.as_str(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn debug_reveals_nothing_of_a_key() {
        let pepper = Pepper::generate();
        let hash = pepper.lookup(&AccessSecret::generate(Environment::Prod));
        assert_eq!(
            format!("{pepper:?} {:?} {hash:?}", MasterKey::generate()),
            "[redacted] [redacted] [redacted]"
        );
    }
}
