//! Credentials that another system made: a Client ID or a secret of any form. Installations without any skip this.

use http::HeaderMap;
use model::ClientId;
use vault::{AccessSecret, Pepper};

use super::Sent;
use crate::credentials::Credential;
use crate::{CredentialForm, Snapshot};

impl Snapshot {
    /// Replaces a Client ID of another form by the company's own.
    pub(super) fn name_imported(
        &self,
        form: &CredentialForm,
        headers: &HeaderMap,
        client: &mut Sent<ClientId>,
    ) {
        if !matches!(client, Sent::Malformed) {
            return;
        }
        let sent = headers.get(form.client_id.header());
        let named = sent.and_then(|sent| self.company_named(std::str::from_utf8(sent.as_bytes()).ok()?));
        if let Some(company) = named {
            *client = Sent::Once(company.client_id);
        }
    }

    /// A secret that was sent once, whatever its form, by its SHA-256.
    pub(super) fn find_imported(
        &self,
        pepper: &Pepper,
        form: &CredentialForm,
        headers: &HeaderMap,
        secret: &mut Sent<AccessSecret>,
    ) -> Option<&Credential> {
        if !matches!(secret, Sent::Once(_) | Sent::Malformed) {
            return None;
        }
        let sent = headers.get(form.secret.header())?.as_bytes();
        if !vault::IMPORTED_BYTES.contains(&sent.len()) {
            return None;
        }
        let found = self.credential(&pepper.lookup_imported(sent))?;
        *secret = Sent::Imported;
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use model::{CompanyId, Environment, KeyId, Timestamp, Verdict};

    use super::*;
    use crate::{CompanyRow, CredentialRow, CredentialState, Loaded, Recognition};

    /// Two companies. The first has a key that was made here.
    struct World {
        pepper: Pepper,
        snapshot: Snapshot,
        own: AccessSecret,
    }

    impl World {
        fn judge(&self, pairs: &[(&'static str, &str)]) -> Recognition {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                let value = HeaderValue::from_str(value).expect("a header value");
                headers.append(HeaderName::from_static(name), value);
            }
            let now = Timestamp::from_millis(1_767_614_400_000);
            self.snapshot
                .recognise(&self.pepper, &CredentialForm::default(), &headers, now)
        }
    }

    fn company(number: u8) -> CompanyRow {
        CompanyRow {
            id: CompanyId::from_random([number; 16]),
            client_id: ClientId::from_random([number; 16]),
            name: format!("Company {number}"),
            parent: None,
            imported_client_id: None,
            is_deleted: false,
        }
    }

    fn client(number: u8) -> String {
        ClientId::from_random([number; 16]).to_string()
    }

    /// A company of another system with a key of its form.
    fn imported_world(secret: &str) -> World {
        let pepper = Pepper::generate();
        let own = AccessSecret::generate(Environment::Sandbox);
        let lookup = pepper.lookup_imported(secret.as_bytes());
        let theirs = CompanyRow {
            imported_client_id: Some("acct_Acme/1".to_owned()),
            ..company(3)
        };
        let key = CredentialRow {
            id: KeyId::from_random([3; 16]),
            company: theirs.id,
            environment: Environment::Prod,
            lookup,
            last_four: "last".to_owned(),
            state: CredentialState::Active,
            imported: true,
            limits: None,
            changed_in: 0,
        };
        let made_here = CredentialRow {
            id: KeyId::from_random([1; 16]),
            company: company(1).id,
            environment: Environment::Sandbox,
            lookup: pepper.lookup(&own),
            imported: false,
            ..key.clone()
        };
        let snapshot = Snapshot::build(Loaded {
            version: 2,
            companies: vec![company(1), theirs],
            credentials: vec![key, made_here],
        });
        World {
            pepper,
            snapshot,
            own,
        }
    }

    #[test]
    fn imported_credentials_of_any_form_are_accepted_and_only_together() {
        let own_form = AccessSecret::generate(Environment::Sandbox);
        for secret in ["sk_live_51Habc.def/ghi", own_form.expose(), &"x".repeat(256)] {
            let world = imported_world(secret);
            for sent in ["acct_Acme/1", &client(3)] {
                let judged = world.judge(&[("x-access-client-id", sent), ("x-access-secret", secret)]);
                let Recognition::Active(key) = judged else {
                    panic!("{sent}: {judged:?}");
                };
                assert_eq!(key.environment, Environment::Prod);
                assert_eq!(key.company.client_id, ClientId::from_random([3; 16]));
            }
            let verdict = |client: &str, secret: &str| match world
                .judge(&[("x-access-client-id", client), ("x-access-secret", secret)])
            {
                Recognition::Active(_) => Verdict::Accepted,
                Recognition::Refused { verdict, .. } => verdict,
            };
            assert_eq!(verdict(&client(1), secret), Verdict::UnknownClient);
            assert_eq!(verdict("acct_acme/1", secret), Verdict::MalformedCredentials);
            let other = format!("{secret}x");
            assert_eq!(verdict("acct_Acme/1", &other), Verdict::MalformedCredentials);
            let unknown = AccessSecret::generate(Environment::Sandbox);
            assert_eq!(verdict("acct_Acme/1", unknown.expose()), Verdict::UnknownSecret);
            // What was there before is judged as before.
            assert_eq!(verdict(&client(1), world.own.expose()), Verdict::Accepted);
            assert_eq!(verdict("acct_Acme/1", world.own.expose()), Verdict::UnknownClient);
        }
    }

    #[test]
    fn an_imported_secret_that_is_sent_twice_is_refused() {
        let secret = "sk_live_51Habc.def/ghi";
        let world = imported_world(secret);
        let judged = world.judge(&[
            ("x-access-client-id", "acct_Acme/1"),
            ("x-access-secret", secret),
            ("x-access-secret", secret),
        ]);
        let malformed = matches!(
            judged,
            Recognition::Refused {
                verdict: Verdict::MalformedCredentials,
                ..
            }
        );
        assert!(malformed, "{judged:?}");
    }
}
