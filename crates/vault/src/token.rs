//! Gatehouse's own bearer tokens: session cookies and operator tokens. A token is 32 random bytes; only its hash is
//! stored.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::random;

/// The text is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is 43 characters of unpadded base64url")]
pub struct MalformedToken;

/// A plain-text token, wiped when dropped. `Debug` prints `[redacted]`.
#[derive(Clone)]
pub struct Token(Zeroizing<[u8; 32]>);

impl Token {
    pub fn generate() -> Self {
        Self(Zeroizing::new(random()))
    }

    /// What the bearer receives and sends: 43 characters of base64url.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(*self.0))
    }

    /// What is stored: SHA-256 of the bytes. A slow hash would add nothing for 256 random bits.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(*self.0).into()
    }
}

impl FromStr for Token {
    type Err = MalformedToken;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).map_err(|_| MalformedToken)?);
        let mut token = Zeroizing::new([0; 32]);
        if bytes.len() != token.len() {
            return Err(MalformedToken);
        }
        token.copy_from_slice(&bytes);
        Ok(Self(token))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_recognised_by_its_text() {
        let token = Token::generate();
        assert_eq!(token.text().len(), 43);
        let again: Token = token.text().parse().expect("the token's own text");
        assert_eq!(again.hash(), token.hash());
        assert_ne!(Token::generate().hash(), token.hash());
    }

    #[test]
    fn other_text_is_not_a_token() {
        for text in ["", "abc", "not base64!", &"A".repeat(44), &"A".repeat(86)] {
            assert_eq!(text.parse::<Token>().err(), Some(MalformedToken), "{text:?}");
        }
    }

    #[test]
    fn debug_reveals_nothing_of_a_token() {
        assert_eq!(format!("{:?}", Token::generate()), "[redacted]");
    }
}
