//! Decides which names have secret or personal values: names of headers, JSON members, form fields and query
//! parameters.
//!
//! A name is read as words, so `applicant_ssn`, `ssnLast4`, `contact-email` and `user[password]` are all found. Names
//! that only describe a secret (`email_count`, `token_expires_at`) stay readable, and so do a few pairs of words with
//! another meaning (`page_token`). The operator can add names and exempt names.

use std::fmt;

use thiserror::Error;

use crate::memory::Memory;
use crate::pairs::{is_label_name, is_value_name};
use crate::seen::{Seen, Tables};
use crate::word_lists::{
    CREDENTIAL_HEADERS, KEPT, is_description, is_ordinary_header, is_secret_word, secret_words,
};
use crate::words::Words;

/// The built-in words, and the operator's additions and exemptions.
#[derive(Clone, Debug, Default)]
pub struct Names {
    added: Vec<Vec<String>>,
    kept: Vec<Vec<String>>,
    tables: Tables,
}

/// What a name says about its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Whether the value must never be stored.
    pub(crate) is_secret: bool,
    /// The same if it is the name of a header.
    pub(crate) is_secret_header: bool,
    /// Whether the value is redacted because it is content that is stored elsewhere (the body of an event) and not
    /// because it is secret. The rest of the message is not searched for such a value, because it consists of
    /// ordinary words.
    pub(crate) is_content: bool,
    /// Whether the value is the name of a field: `{"name":"password","value":"x"}`.
    pub(crate) is_label: bool,
    /// Whether the value is that of a field that has its name elsewhere.
    pub(crate) is_value: bool,
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
                    let words = Words::of(name.as_ref());
                    if words.len() == 0 {
                        Err(InvalidNames::NoWords(name.as_ref().to_owned()))
                    } else {
                        let words = words.starting_at(0).map(String::from_utf8_lossy);
                        Ok(words.map(std::borrow::Cow::into_owned).collect::<Vec<_>>())
                    }
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let (added, kept) = (read(added)?, read(kept)?);
        match added.iter().find(|words| kept.contains(words)) {
            Some(words) => Err(InvalidNames::InBoth(words.join("-"))),
            None => Ok(Self {
                added,
                kept,
                tables: Tables::default(),
            }),
        }
    }

    /// These names, and `names`, whose values are redacted too. A name without letters and digits is left out.
    #[must_use]
    pub fn and<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let words = |name: &str| {
            let words = Words::of(name);
            let words = words.starting_at(0).map(String::from_utf8_lossy);
            words.map(std::borrow::Cow::into_owned).collect::<Vec<_>>()
        };
        let more = names.into_iter().map(words).filter(|words| !words.is_empty());
        Self {
            added: self.added.iter().cloned().chain(more).collect(),
            kept: self.kept.clone(),
            tables: Tables::default(),
        }
    }

    /// Whether the value of this field must never be stored. `name` must already be decoded.
    pub fn is_secret(&self, name: &str) -> bool {
        self.hides(&Words::of(name))
    }

    /// Whether the value of this header must never be stored. HTTP's own credential headers cannot be exempted.
    pub fn is_secret_header(&self, name: &str) -> bool {
        let words = Words::of(name);
        self.is_secret_header_of(name, &words, self.hides(&words))
    }

    /// Everything that the name says. It must already be decoded.
    pub(crate) fn verdict(&self, name: &str) -> Verdict {
        let words = Words::of(name);
        let is_secret = self.hides(&words);
        Verdict {
            is_secret,
            is_secret_header: self.is_secret_header_of(name, &words, is_secret),
            is_content: (0..words.len()).any(|at| words.has(at, &["webhook", "payload"])),
            is_label: words.last().is_some_and(is_label_name),
            is_value: words.last().is_some_and(is_value_name),
        }
    }

    /// What the messages of a batch remember for each other.
    pub fn memory(&self) -> Memory {
        Memory::of_batch(self.seen())
    }

    /// A table of the verdicts on names that were read before.
    pub(crate) fn seen(&self) -> Seen {
        self.tables.take()
    }

    /// Whether the text ends with a secret name, such as `Social Security number`. The words before it may be prose.
    pub(crate) fn ends_secret(&self, text: &str) -> bool {
        let mut words = Words::of(text);
        while matches!(words.last(), Some(b"is" | b"was" | b"are")) {
            words.pop();
        }
        let count = words.len();
        (0..count).any(|begin| self.match_at(&words, begin) == Some(count))
    }

    fn is_secret_header_of(&self, name: &str, words: &Words, hides: bool) -> bool {
        if is_ordinary_header(name) && self.added.is_empty() {
            return false;
        }
        if hides
            || CREDENTIAL_HEADERS
                .iter()
                .any(|header| words.are_spelt(header.as_bytes()))
        {
            return true;
        }
        // `X-Auth-Key`, `Ocp-Apim-Subscription-Key`, `X-Functions-Key`: nearly every header that ends with `key` is a
        // credential.
        words.last() == Some(b"key") && !self.is_kept(words, words.len() - 1)
    }

    /// Whether the value of the field that is named by these words must never be stored.
    pub(crate) fn hides(&self, words: &Words) -> bool {
        let mut added = self.added.iter();
        if added.any(|run| (0..words.len()).any(|at| words.has(at, run))) {
            return true;
        }
        let mut begins = 0..words.len();
        if begins.any(|begin| {
            self.match_at(words, begin)
                .is_some_and(|end| !is_description(words.starting_at(end)))
        }) {
            return true;
        }
        // `p.a.s.s.w.o.r.d`, `Sec-Ret`.
        words.len() > 1 && words.starting_at(0).all(|word| word.len() <= 4) && is_secret_word(words.joined())
    }

    /// Whether this word is part of an exempt sequence of words.
    fn is_kept(&self, words: &Words, at: usize) -> bool {
        let first = |count: usize| (at + 1).saturating_sub(count);
        KEPT.iter()
            .any(|run| (first(run.len())..=at).any(|begin| words.has(begin, run)))
            || self
                .kept
                .iter()
                .any(|run| (first(run.len())..=at).any(|begin| words.has(begin, run)))
    }

    /// The end of a secret name that begins with this word.
    fn match_at(&self, words: &Words, begin: usize) -> Option<usize> {
        let length = secret_words(|at| words.word(at), begin);
        if length == 0 {
            let mut added = self.added.iter();
            return added
                .find(|run| words.has(begin, run))
                .map(|run| begin + run.len());
        }
        let end = begin + length;
        (!(begin..end).all(|at| self.is_kept(words, at))).then_some(end)
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
