//! Decides which names have secret or personal values: names of headers, JSON members, form fields and query
//! parameters.
//!
//! A name is read as words, so `applicant_ssn`, `ssnLast4`, `contact-email` and `user[password]` are all found. Names
//! that only describe a secret (`email_count`, `token_expires_at`) stay readable, and so do a few pairs of words with
//! another meaning (`page_token`). The operator can add names and exempt names.

use std::fmt;

use thiserror::Error;

use crate::word_lists::{
    KEPT, is_credential_header, is_description, is_glued, is_ordinary_header, is_secret_pair,
    is_secret_triple, is_secret_word,
};

/// Only the end of a longer name is read, in bytes.
const LONGEST_NAME: usize = 160;

/// The built-in words, and the operator's additions and exemptions.
#[derive(Clone, Debug, Default)]
pub struct Names {
    added: Vec<Vec<String>>,
    kept: Vec<Vec<String>>,
}

/// Why the operator's lists cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidNames {
    #[error("{0:?} has neither letters nor digits")]
    NoWords(String),
    #[error("{0:?} is in both lists")]
    InBoth(String),
}

impl Names {
    /// The built-in list, plus names whose values are also redacted and names whose values are kept.
    pub fn new<S: AsRef<str>>(added: &[S], kept: &[S]) -> Result<Self, InvalidNames> {
        let read = |names: &[S]| {
            names
                .iter()
                .map(|name| {
                    let words = words(name.as_ref());
                    if words.is_empty() {
                        Err(InvalidNames::NoWords(name.as_ref().to_owned()))
                    } else {
                        Ok(words)
                    }
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let (added, kept) = (read(added)?, read(kept)?);
        match added.iter().find(|words| kept.contains(words)) {
            Some(words) => Err(InvalidNames::InBoth(words.join("-"))),
            None => Ok(Self { added, kept }),
        }
    }

    /// Whether the value of this field must never be stored. `name` must already be decoded.
    pub fn is_secret(&self, name: &str) -> bool {
        self.hides(&words(name))
    }

    /// Whether the value of this header must never be stored. HTTP's own credential headers cannot be exempted.
    pub fn is_secret_header(&self, name: &str) -> bool {
        if is_ordinary_header(name) && self.added.is_empty() {
            return false;
        }
        let words = words(name);
        let spelt = words.join("-");
        if is_credential_header(&spelt) || self.hides(&words) {
            return true;
        }
        // `X-Auth-Key`, `Ocp-Apim-Subscription-Key`, `X-Functions-Key`: nearly every header that ends with `key` is a
        // credential.
        words.last().is_some_and(|last| last == "key") && !self.is_kept(&words, words.len() - 1)
    }

    /// Whether the text ends with a secret name, such as `Social Security number`. The words before it may be prose.
    pub(crate) fn ends_secret(&self, text: &str) -> bool {
        let mut words = words(text);
        while words
            .last()
            .is_some_and(|word| matches!(word.as_str(), "is" | "was" | "are"))
        {
            words.pop();
        }
        let count = words.len();
        (0..count).any(|begin| self.match_at(&words, begin, &|at| self.is_kept(&words, at)) == Some(count))
    }

    fn hides(&self, words: &[String]) -> bool {
        let mut added = self.added.iter();
        if added.any(|run| words.windows(run.len()).any(|part| part == run.as_slice())) {
            return true;
        }
        let kept = |at| self.is_kept(words, at);
        let mut begins = 0..words.len();
        if begins.any(|begin| {
            self.match_at(words, begin, &kept)
                .is_some_and(|end| !is_description(&words[end..]))
        }) {
            return true;
        }
        // `p.a.s.s.w.o.r.d`, `Sec-Ret`.
        words.len() > 1 && words.iter().all(|word| word.len() <= 4) && is_secret_word(&words.concat())
    }

    /// Whether this word is part of an exempt sequence of words.
    fn is_kept(&self, words: &[String], at: usize) -> bool {
        let covers = |run: &[&str]| {
            let first = (at + 1).saturating_sub(run.len());
            (first..=at).any(|begin| {
                words
                    .get(begin..begin + run.len())
                    .is_some_and(|part| part.iter().zip(run).all(|(a, b)| a == b))
            })
        };
        KEPT.iter().any(|run| covers(run))
            || self
                .kept
                .iter()
                .any(|run| covers(&run.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    /// The end of a secret name that begins with this word.
    fn match_at(&self, words: &[String], begin: usize, kept: &dyn Fn(usize) -> bool) -> Option<usize> {
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        let (one, two, three) = (word(begin), word(begin + 1), word(begin + 2));
        let length = if is_secret_word(one) || is_glued(one) {
            1
        } else if is_secret_pair(one, two) {
            2
        } else if is_secret_triple(one, two, three) {
            3
        } else {
            return self.added.iter().find_map(|run| {
                let end = begin + run.len();
                words
                    .get(begin..end)
                    .is_some_and(|part| part == run.as_slice())
                    .then_some(end)
            });
        };
        let end = begin + length;
        (!(begin..end).all(kept)).then_some(end)
    }
}

/// Whether the value is redacted because it is content that is stored elsewhere (the body of an event) and not
/// because it is secret. The rest of the message is not searched for such a value, because it consists of ordinary
/// words.
pub(crate) fn is_content(name: &str) -> bool {
    let words = words(name);
    words
        .windows(2)
        .any(|pair| pair[0] == "webhook" && pair[1] == "payload")
}

/// The words of a name in lower case. Splits at anything that is not a letter or digit, between letters and digits,
/// and where camel case starts a word.
pub(crate) fn words(name: &str) -> Vec<String> {
    let name = &name[name.ceil_char_boundary(name.len().saturating_sub(LONGEST_NAME))..];
    let mut words = Vec::with_capacity(4);
    let mut word = String::new();
    let mut before = Kind::Other;
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        let kind = Kind::of(c);
        let begins_word = match (before, kind) {
            (Kind::Lower, Kind::Upper) => true,
            // In `SSNLast`, the last capital belongs to the next word.
            (Kind::Upper, Kind::Upper) => chars.peek().is_some_and(|next| Kind::of(*next) == Kind::Lower),
            (Kind::Digit, Kind::Lower | Kind::Upper) | (Kind::Lower | Kind::Upper, Kind::Digit) => true,
            _ => false,
        };
        if (begins_word || kind == Kind::Other) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        match kind {
            Kind::Other => {}
            Kind::Upper => word.extend(c.to_lowercase()),
            Kind::Lower | Kind::Digit => word.push(c),
        }
        before = kind;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lower,
    Upper,
    Digit,
    Other,
}

impl Kind {
    fn of(c: char) -> Self {
        if c.is_ascii_lowercase() {
            Self::Lower
        } else if c.is_ascii_uppercase() {
            Self::Upper
        } else if c.is_ascii_digit() {
            Self::Digit
        } else if c.is_ascii() || !c.is_alphanumeric() {
            Self::Other
        } else if c.is_uppercase() {
            Self::Upper
        } else {
            Self::Lower
        }
    }
}

/// Only the counts, for the list of settings that are in use.
impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} names added, {} kept", self.added.len(), self.kept.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_words() {
        for (name, expected) in [
            ("applicant_ssn", "applicant ssn"),
            ("SSNLast4", "ssn last 4"),
            ("userPassword", "user password"),
            ("X-Auth-Key", "x auth key"),
            ("user[password]", "user password"),
            ("/data/attributes/email", "data attributes email"),
            ("OTPCode", "otp code"),
            ("größe2", "größe 2"),
            ("", ""),
            ("--", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn a_name_is_secret_by_any_of_its_words() {
        let names = Names::default();
        for name in [
            "password",
            "newPassword",
            "user[password]",
            "ACCESS-SECRET",
            "x_access_secret",
            "bridge_token",
            "SSN",
            "ssns",
            "card_pan",
            "cc_number",
            "employer_ein",
            "applicant_ssn",
            "ssn_last4",
            "ssnLast4",
            "ssnlast4",
            "contact_email",
            "contact.email",
            "password_confirmation",
            "passwordConfirmation",
            "passwordconfirmation",
            "bank_account_number",
            "bankAccountNumber",
            "otp_code",
            "otpcode",
            "OTPCode",
            "clientsecret",
            "api_key",
            "apiKeys",
            "pass-word",
            "passWord",
            "p.a.s.s.w.o.r.d",
            "e-mail",
            "date_of_birth",
            "birthDate",
            "social_security_number",
            "cvv2",
            "card_number",
            "cc_card_no",
            "routing_number",
            "session_id",
            "password2",
            "password_hash",
            "email_address",
            "home_phone",
            "private_key",
            "signature",
            "2fa_code",
            "creds",
            "oauth_verifier",
            "page_token_secret",
            "webhook_payload",
            "token",
        ] {
            assert!(names.is_secret(name), "{name}");
        }
    }

    #[test]
    fn ordinary_names_stay_readable() {
        let names = Names::default();
        for name in [
            "page_token",
            "nextPageToken",
            "idempotency_key",
            "token_id",
            "email_template",
            "email_count",
            "emailCount",
            "email_verified",
            "tokens_left",
            "total_tokens",
            "token_type",
            "token_expires_at",
            "password_changed_at",
            "secretary",
            "keyboard",
            "order_id",
            "status",
            "author",
            "authority",
            "key",
            "key_id",
            "sort_key",
            "order_number",
            "classname",
            "business_name",
            "spinner",
            "opinion",
            "signed_at",
            "pinned",
            "birthplace",
            "company",
            "passenger",
            "compass",
            "sidebar",
            "design",
            "description",
            "number",
            "phonetic",
        ] {
            assert!(!names.is_secret(name), "{name}");
        }
    }

    #[test]
    fn headers_that_hold_credentials_are_secret_whatever_a_proxy_calls_them() {
        let names = Names::default();
        for name in [
            "authorization",
            "x_access_secret",
            "x-csrf-token",
            "set-cookie",
            "apikey",
            "token",
            "x-session-id",
            "x-signature",
            "x-original-authorization",
            "x-original-cookie",
            "x-auth-key",
            "x-forwarded-access-token",
            "proxy-authorization",
            "ocp-apim-subscription-key",
            "x-auth",
            "authentication",
            "x-functions-key",
            "x-amz-security-token",
            "x-vault-token",
            "x-forwarded-email",
            "from",
        ] {
            assert!(names.is_secret_header(name), "{name}");
        }
        for name in [
            "x-access-client-id",
            "x-request-id",
            "content-type",
            "x-webhook-sign",
            "idempotency-key",
            "x-idempotency-key",
            "sec-websocket-key",
            "www-authenticate",
            "access-control-allow-credentials",
            "surrogate-key",
            "x-gatehouse-key-id",
            "x-brand-id",
            "sec-ch-ua-mobile",
            "x-ratelimit-remaining",
        ] {
            assert!(!names.is_secret_header(name), "{name}");
        }
    }

    #[test]
    fn the_operator_adds_and_exempts_names() {
        let names = Names::new(
            &["Salary", "employer.name"],
            &["contact_email", "cookie", "x-cache-token"],
        )
        .expect("lists");
        for name in [
            "salary",
            "annualSalary",
            "employer_name",
            "salary_count",
            "email",
            "backup_email",
            "contact_email_token",
        ] {
            assert!(names.is_secret(name), "{name}");
        }
        for name in ["contact_email", "contactEmail", "primary_contact_email", "cookie"] {
            assert!(!names.is_secret(name), "{name}");
        }
        assert!(names.is_secret_header("x-salary"));
        assert!(!names.is_secret_header("x-cache-token"));
        assert!(
            names.is_secret_header("cookie"),
            "credentials of HTTP cannot be exempted"
        );
    }

    #[test]
    fn lists_that_contradict_each_other_are_refused() {
        assert_eq!(
            Names::new(&["e_mail"], &["E-Mail"]).err(),
            Some(InvalidNames::InBoth("e-mail".to_owned()))
        );
        assert_eq!(
            Names::new(&["-"], &[]).err(),
            Some(InvalidNames::NoWords("-".to_owned()))
        );
    }

    #[test]
    fn prose_before_a_name_does_not_hide_it() {
        let names = Names::default();
        for text in [
            "Your password is",
            "the Social Security number",
            "Date of birth",
            "bank account number",
        ] {
            assert!(names.ends_secret(text), "{text}");
        }
        for text in ["Email sent at 10", "the password has", "Order number"] {
            assert!(!names.ends_secret(text), "{text}");
        }
    }
}
