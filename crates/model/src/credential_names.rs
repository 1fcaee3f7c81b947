//! The credential headers and key prefixes of this installation, as pages and samples show them. They are checked where they
//! are set; here they are only text.

use std::fmt;
use std::str::FromStr;

use crate::Environment;

/// The defaults are the public contract's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialNames {
    /// Names the company: `X-Access-Client-Id`.
    pub client_id: String,
    /// Carries a key's secret: `X-Access-Secret`.
    pub secret: String,
    /// What new secrets begin with, in the order of [`Environment::ALL`].
    pub prefixes: [String; 3],
}

impl Default for CredentialNames {
    fn default() -> Self {
        Self {
            client_id: "X-Access-Client-Id".to_owned(),
            secret: "X-Access-Secret".to_owned(),
            prefixes: Environment::ALL.map(|environment| format!("{environment}-")),
        }
    }
}

/// All names with a space between two; none contains one.
impl fmt::Display for CredentialNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.client_id, self.secret)?;
        self.prefixes.iter().try_for_each(|prefix| write!(f, " {prefix}"))
    }
}

/// The text is not what [`CredentialNames`] displays as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotCredentialNames;

impl FromStr for CredentialNames {
    type Err = NotCredentialNames;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let [client_id, secret, sandbox, dev, prod] =
            <[String; 5]>::try_from(names).map_err(|_| NotCredentialNames)?;
        Ok(Self {
            client_id,
            secret,
            prefixes: [sandbox, dev, prod],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credential_names_survive_their_text() {
        let names = CredentialNames {
            client_id: "Acme-Account".to_owned(),
            prefixes: ["sk_test_", "dev-", "sk_live_"].map(str::to_owned),
            ..CredentialNames::default()
        };
        assert_eq!(names.to_string().parse(), Ok(names));
        assert_eq!(
            "X-Access-Client-Id".parse::<CredentialNames>(),
            Err(NotCredentialNames)
        );
    }
}
