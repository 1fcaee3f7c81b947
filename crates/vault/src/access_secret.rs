//! The access secret of an API key: `<env>-` and 40 lower-case hex digits, as the public contract has it. The gateway
//! parses one on every request, so it lives in a fixed array and costs no allocation.

use std::fmt;
use std::str::FromStr;

use model::Environment;
use zeroize::Zeroizing;

use crate::random;

/// Bytes of randomness in a secret.
const RANDOM: usize = 20;
/// Hex digits after the prefix.
const DIGITS: usize = RANDOM * 2;
/// The longest prefix is `sandbox-`.
const LONGEST: usize = 8 + DIGITS;

/// The text is not an environment, a dash and 40 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an access secret is an environment, a dash and 40 lower-case hexadecimal digits")]
pub struct MalformedSecret;

/// A secret in plain text, known to have the documented form. Wiped from memory when dropped; `Debug` shows
/// `[redacted]`. It is not comparable: secrets are compared by their look-up hashes.
#[derive(Clone)]
pub struct AccessSecret {
    text: Zeroizing<[u8; LONGEST]>,
    length: usize,
    environment: Environment,
}

impl AccessSecret {
    /// A new secret of `environment`, from 20 random bytes.
    pub fn generate(environment: Environment) -> Self {
        let bytes = Zeroizing::new(random::<RANDOM>());
        let mut text = Zeroizing::new([0; LONGEST]);
        let prefix = environment.as_str().len();
        text[..prefix].copy_from_slice(environment.as_str().as_bytes());
        text[prefix] = b'-';
        let digits = text[prefix + 1..].chunks_exact_mut(2);
        for (byte, pair) in bytes.iter().zip(digits) {
            pair[0] = hex_digit(byte >> 4);
            pair[1] = hex_digit(byte & 15);
        }
        Self {
            text,
            length: prefix + 1 + DIGITS,
            environment,
        }
    }

    /// Reads a secret as it came in a header or out of its seal.
    pub fn parse(given: &[u8]) -> Result<Self, MalformedSecret> {
        let dash = given
            .iter()
            .position(|&byte| byte == b'-')
            .ok_or(MalformedSecret)?;
        let (prefix, digits) = (&given[..dash], &given[dash + 1..]);
        let environment = Environment::ALL
            .into_iter()
            .find(|environment| environment.as_str().as_bytes() == prefix)
            .ok_or(MalformedSecret)?;
        if digits.len() != DIGITS
            || !digits
                .iter()
                .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(MalformedSecret);
        }
        let mut text = Zeroizing::new([0; LONGEST]);
        text[..given.len()].copy_from_slice(given);
        Ok(Self {
            text,
            length: given.len(),
            environment,
        })
    }

    /// The environment the prefix names. The secret alone decides it.
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// What pages show of it.
    pub fn last_four(&self) -> &str {
        let text = self.expose();
        &text[text.len() - 4..]
    }

    /// The text. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        // Only ASCII is ever stored here.
        std::str::from_utf8(&self.text[..self.length]).unwrap_or("----")
    }
}

const fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    }
}

impl FromStr for AccessSecret {
    type Err = MalformedSecret;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Debug for AccessSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_secret_has_the_documented_form_and_survives_text() {
        for environment in Environment::ALL {
            let secret = AccessSecret::generate(environment);
            let text = secret.expose();
            assert_eq!(text.len(), environment.as_str().len() + 1 + 40);
            assert!(text.starts_with(environment.as_str()), "{environment}");
            let again: AccessSecret = text.parse().expect("the form is right");
            assert_eq!(again.expose(), text);
            assert_eq!(again.environment(), environment);
            assert!(text.ends_with(again.last_four()));
            assert_eq!(again.last_four().len(), 4);
        }
    }

    #[test]
    fn the_examples_of_the_contract_are_read() {
        for (text, environment) in [
            (
                "sandbox-a57b3109f1f4a8b3f2ebbc1c526950f1795464af",
                Environment::Sandbox,
            ),
            ("prod-e82c4f19d3a7b6e5f0c8d2a1b4e7f3a6d9c2b5e8", Environment::Prod),
        ] {
            let secret: AccessSecret = text.parse().expect("the form is right");
            assert_eq!(secret.environment(), environment);
            assert_eq!(secret.expose(), text);
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let digits = "a57b3109f1f4a8b3f2ebbc1c526950f1795464af";
        let wrong = [
            String::new(),
            "-".to_owned(),
            digits.to_owned(),
            format!("-{digits}"),
            format!("Sandbox-{digits}"),
            format!("staging-{digits}"),
            format!("sandbox_{digits}"),
            format!("sandbox-{}", digits.to_uppercase()),
            format!("sandbox-{digits}0"),
            format!("sandbox-{}", &digits[1..]),
            format!("sandbox-{} ", &digits[1..]),
            format!("sandbox-{digits}").repeat(40),
        ];
        for text in wrong {
            assert_eq!(
                text.parse::<AccessSecret>().err(),
                Some(MalformedSecret),
                "{text:?}"
            );
        }
        assert!(AccessSecret::parse(&[0xff; 48]).is_err());
    }

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        let secret = AccessSecret::generate(Environment::Dev);
        assert_eq!(format!("{:?}", Some(&secret)), "Some([redacted])");
    }
}
