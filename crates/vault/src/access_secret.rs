//! The access secret of an API key: a prefix that names its environment, then 40 lower-case hex digits. The contract's
//! prefixes are `sandbox-`, `dev-` and `prod-`; an installation may choose its own. The gateway parses a secret on
//! every request, so a secret is a fixed array and needs no allocation.

use std::fmt;
use std::str::FromStr;

use model::Environment;
use zeroize::Zeroizing;

use crate::random;

/// Random bytes in a secret.
const RANDOM: usize = 20;
/// Hex digits after the prefix.
const DIGITS: usize = RANDOM * 2;
/// The longest prefix that an installation may choose, in bytes.
pub const LONGEST_PREFIX: usize = 24;
const LONGEST: usize = LONGEST_PREFIX + DIGITS;
/// The shortest and the longest secret of another form, in bytes. A shorter one could be guessed, and its last four characters
/// would be much of it.
pub const IMPORTED_BYTES: std::ops::RangeInclusive<usize> = 16..=256;

/// The text is not a known prefix followed by 40 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an access secret is the prefix of an environment and 40 lower-case hexadecimal digits")]
pub struct MalformedSecret;

/// Why a prefix is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrefix {
    #[error(
        "a prefix is 2 to 24 letters, digits, dashes or underscores and ends with a dash or an underscore"
    )]
    Form,
    #[error("another environment already uses this prefix")]
    Taken,
}

/// The prefixes of secrets, by environment. The documented prefix and every configured prefix are accepted, so a key
/// generated before the setting changed keeps working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretPrefixes {
    /// In the order of [`Environment::ALL`]. New secrets use the first prefix of each list.
    accepted: [Vec<String>; 3],
}

impl Default for SecretPrefixes {
    fn default() -> Self {
        Self {
            accepted: Environment::ALL.map(|environment| vec![format!("{environment}-")]),
        }
    }
}

impl SecretPrefixes {
    /// Accepts `prefixes` for `environment` in addition to the documented one. New secrets use the first.
    pub fn with(mut self, environment: Environment, prefixes: &[&str]) -> Result<Self, InvalidPrefix> {
        for prefix in prefixes {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            // The last character separates the prefix from the digits.
            if !(2..=LONGEST_PREFIX).contains(&prefix.len())
                || !prefix.bytes().all(allowed)
                || !prefix.ends_with(['-', '_'])
            {
                return Err(InvalidPrefix::Form);
            }
            if self
                .environment_of(prefix.as_bytes())
                .is_some_and(|other| other != environment)
            {
                return Err(InvalidPrefix::Taken);
            }
        }
        let own = &mut self.accepted[environment as usize];
        own.retain(|known| !prefixes.contains(&known.as_str()));
        own.splice(0..0, prefixes.iter().map(|&prefix| prefix.to_owned()));
        Ok(self)
    }

    /// The prefix of new secrets in `environment`.
    pub fn of_new(&self, environment: Environment) -> &str {
        self.accepted[environment as usize]
            .first()
            .map_or("", String::as_str)
    }

    fn environment_of(&self, prefix: &[u8]) -> Option<Environment> {
        Environment::ALL.into_iter().find(|&environment| {
            self.accepted[environment as usize]
                .iter()
                .any(|known| known.as_bytes() == prefix)
        })
    }

    /// A new secret for `environment`, from 20 random bytes.
    pub fn generate(&self, environment: Environment) -> AccessSecret {
        let bytes = Zeroizing::new(random::<RANDOM>());
        let mut text = Zeroizing::new([0; LONGEST]);
        let prefix = self.of_new(environment).as_bytes();
        text[..prefix.len()].copy_from_slice(prefix);
        let digits = text[prefix.len()..].chunks_exact_mut(2);
        for (byte, pair) in bytes.iter().zip(digits) {
            pair[0] = hex_digit(byte >> 4);
            pair[1] = hex_digit(byte & 15);
        }
        AccessSecret {
            text,
            length: prefix.len() + DIGITS,
            environment,
            imported: None,
        }
    }

    /// Parses a secret from a header.
    pub fn parse(&self, given: &[u8]) -> Result<AccessSecret, MalformedSecret> {
        let prefix = prefix_of(given)?;
        let environment = self.environment_of(prefix).ok_or(MalformedSecret)?;
        Ok(AccessSecret::hold(given, environment))
    }
}

/// The part before the 40 digits at the end of `given`.
fn prefix_of(given: &[u8]) -> Result<&[u8], MalformedSecret> {
    if given.len() > LONGEST {
        return Err(MalformedSecret);
    }
    let (prefix, digits) = given
        .len()
        .checked_sub(DIGITS)
        .and_then(|at| given.split_at_checked(at))
        .ok_or(MalformedSecret)?;
    if digits
        .iter()
        .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    {
        Ok(prefix)
    } else {
        Err(MalformedSecret)
    }
}

/// A plain-text secret whose format has been checked. It is wiped from memory when dropped, and `Debug` prints
/// `[redacted]`. It cannot be compared: compare look-up hashes instead.
#[derive(Clone)]
pub struct AccessSecret {
    text: Zeroizing<[u8; LONGEST]>,
    length: usize,
    environment: Environment,
    /// A secret of another form, which was imported. Requests never make one: the gateway finds it by its hash.
    imported: Option<Box<Zeroizing<String>>>,
}

impl AccessSecret {
    /// A secret that another system made: text of [`IMPORTED_BYTES`] without control characters, and without spaces at its
    /// ends, which a header loses.
    pub fn imported(text: &str, environment: Environment) -> Result<Self, MalformedSecret> {
        let fits = IMPORTED_BYTES.contains(&text.len());
        if !fits || text.trim() != text || text.chars().any(char::is_control) {
            return Err(MalformedSecret);
        }
        let mut secret = Self::hold(&[], environment);
        secret.imported = Some(Box::new(Zeroizing::new(text.to_owned())));
        Ok(secret)
    }

    /// A new secret with the documented prefix of `environment`.
    pub fn generate(environment: Environment) -> Self {
        SecretPrefixes::default().generate(environment)
    }

    /// Parses a secret that was just unsealed. Its prefix was checked when it was generated and is not checked again,
    /// because the installation may have changed its prefixes since.
    pub fn unsealed(given: &[u8], environment: Environment) -> Result<Self, MalformedSecret> {
        match prefix_of(given) {
            Ok(prefix) if prefix.is_ascii() => Ok(Self::hold(given, environment)),
            _ => {
                let text = std::str::from_utf8(given).map_err(|_| MalformedSecret)?;
                Self::imported(text, environment)
            }
        }
    }

    /// `given` is ASCII and at most `LONGEST` bytes.
    fn hold(given: &[u8], environment: Environment) -> Self {
        let mut text = Zeroizing::new([0; LONGEST]);
        text[..given.len()].copy_from_slice(given);
        Self {
            text,
            length: given.len(),
            environment,
            imported: None,
        }
    }

    /// The environment the prefix names.
    pub const fn environment(&self) -> Environment {
        self.environment
    }

    /// The last four characters, which pages show.
    pub fn last_four(&self) -> &str {
        let text = self.expose();
        let at = text.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
        &text[at..]
    }

    /// The plain text. The caller is responsible for where it goes.
    pub fn expose(&self) -> &str {
        if let Some(imported) = &self.imported {
            return imported;
        }
        // The array only ever holds ASCII.
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

/// With the documented prefixes.
impl FromStr for AccessSecret {
    type Err = MalformedSecret;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        SecretPrefixes::default().parse(text.as_bytes())
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
    fn a_generated_secret_has_the_documented_format_and_parses_again() {
        for environment in Environment::ALL {
            let secret = AccessSecret::generate(environment);
            let text = secret.expose();
            assert_eq!(text.len(), environment.as_str().len() + 1 + 40);
            assert!(text.starts_with(environment.as_str()), "{environment}");
            let again: AccessSecret = text.parse().expect("the format is right");
            assert_eq!(again.expose(), text);
            assert_eq!(again.environment(), environment);
            assert!(text.ends_with(again.last_four()));
            assert_eq!(again.last_four().len(), 4);
        }
    }

    #[test]
    fn the_examples_of_the_contract_are_parsed() {
        for (text, environment) in [
            (
                "sandbox-a57b3109f1f4a8b3f2ebbc1c526950f1795464af",
                Environment::Sandbox,
            ),
            ("prod-e82c4f19d3a7b6e5f0c8d2a1b4e7f3a6d9c2b5e8", Environment::Prod),
        ] {
            let secret: AccessSecret = text.parse().expect("the format is right");
            assert_eq!(secret.environment(), environment);
            assert_eq!(secret.expose(), text);
        }
    }

    #[test]
    fn secrets_in_other_formats_are_refused() {
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
        assert!(SecretPrefixes::default().parse(&[0xff; 48]).is_err());
    }

    #[test]
    fn an_installations_prefixes_are_used_for_new_secrets_and_earlier_ones_stay_valid() {
        let prefixes = SecretPrefixes::default()
            .with(Environment::Sandbox, &["sk_test_", "acme-test-"])
            .and_then(|prefixes| prefixes.with(Environment::Prod, &["sk_live_"]))
            .expect("valid prefixes");
        let made = prefixes.generate(Environment::Sandbox);
        assert!(made.expose().starts_with("sk_test_"), "{}", made.expose());
        assert!(prefixes.generate(Environment::Dev).expose().starts_with("dev-"));
        let digits = "a57b3109f1f4a8b3f2ebbc1c526950f1795464af";
        for (prefix, environment) in [
            ("sk_test_", Environment::Sandbox),
            ("acme-test-", Environment::Sandbox),
            ("sandbox-", Environment::Sandbox),
            ("sk_live_", Environment::Prod),
            ("prod-", Environment::Prod),
        ] {
            let text = format!("{prefix}{digits}");
            let secret = prefixes.parse(text.as_bytes()).expect("an accepted prefix");
            assert_eq!(
                (secret.environment(), secret.expose()),
                (environment, text.as_str())
            );
            assert_eq!(secret.last_four(), "64af");
        }
        assert!(prefixes.parse(format!("sk_demo_{digits}").as_bytes()).is_err());
        // A prefix that was removed from the setting still works when unsealed.
        let old = format!("old_{digits}");
        let opened = AccessSecret::unsealed(old.as_bytes(), Environment::Dev).expect("the format is right");
        assert_eq!(opened.expose(), old);
    }

    #[test]
    fn a_prefix_that_could_be_misread_is_refused() {
        let with = |prefix: &str| SecretPrefixes::default().with(Environment::Dev, &[prefix]);
        for prefix in [
            "",
            "-",
            "sk",
            "sk.test.",
            "sk test-",
            "é-",
            &format!("{}-", "x".repeat(24)),
        ] {
            assert_eq!(with(prefix).err(), Some(InvalidPrefix::Form), "{prefix:?}");
        }
        assert_eq!(with("prod-").err(), Some(InvalidPrefix::Taken));
        assert_eq!(
            with("dev-")
                .expect("the documented prefix")
                .of_new(Environment::Dev),
            "dev-"
        );
    }

    #[test]
    fn a_secret_of_another_form_is_held_as_it_is() {
        let longest = "x".repeat(256);
        for text in [
            "0123456789abcdef",
            "sk_live_51H.abc/def+ghi=",
            "pass phrase with é",
            &longest,
        ] {
            let secret = AccessSecret::imported(text, Environment::Prod).expect("usable");
            assert_eq!(secret.expose(), text);
            assert_eq!(secret.last_four().chars().count(), 4);
            let opened = AccessSecret::unsealed(text.as_bytes(), Environment::Prod).expect("the same");
            assert_eq!(opened.expose(), text);
            assert_eq!(format!("{secret:?}"), "[redacted]");
        }
        let too_long = "x".repeat(257);
        for text in [
            "",
            "0123456789abcde",
            " 0123456789abcdef",
            "0123456789\n0123456789",
            &too_long,
        ] {
            assert!(
                AccessSecret::imported(text, Environment::Prod).is_err(),
                "{text:?}"
            );
        }
        let secret = AccessSecret::imported("pass phrase with é", Environment::Prod).expect("usable");
        assert_eq!(secret.last_four(), "th é");
    }

    #[test]
    fn debug_reveals_nothing_of_a_secret() {
        let secret = AccessSecret::generate(Environment::Dev);
        assert_eq!(format!("{:?}", Some(&secret)), "Some([redacted])");
    }
}
