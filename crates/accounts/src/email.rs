//! E-mail addresses as account names, normalised so that each account has one spelling.

use std::fmt;
use std::str::FromStr;

use crate::AccountsError;

/// A lower-case address in a plausible format. It may not receive mail.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Email(String);

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = AccountsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().to_lowercase();
        let plausible = text.len() <= 254
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
            && matches!(text.rsplit_once('@'), Some((local, domain)) if !local.is_empty() && !domain.is_empty());
        if plausible {
            Ok(Self(text))
        } else {
            Err(AccountsError::InvalidEmail)
        }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_name_the_same_account() {
        let one: Email = " Ana@Example.com ".parse().expect("an address");
        assert_eq!(one, "ana@example.com".parse().expect("an address"));
    }

    #[test]
    fn text_that_is_not_an_address_is_refused() {
        for text in [
            "",
            "ana",
            "@example.com",
            "ana@",
            "a na@example.com",
            "ana@example.com\n@x y",
        ] {
            assert!(text.parse::<Email>().is_err(), "{text:?}");
        }
    }
}
