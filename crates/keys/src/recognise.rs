//! Decides whether a request may pass, by comparing its two credential headers with the snapshot (contract section 1.2,
//! design section 6).
//!
//! The secret is found by its look-up hash and the company by its client id. Both are always looked up before a
//! decision is made, so that an unknown client and an unknown secret take the same work.

mod imported;

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use model::{ClientId, Timestamp, Verdict};
use vault::{AccessSecret, Pepper};

use crate::credentials::Credential;
use crate::{ActiveKey, CompanyRef, CredentialForm, Ended, KeyTrace, Snapshot, Tombstone};

/// Names a brand of the company by the brand's client id.
pub static BRAND_HEADER: HeaderName = HeaderName::from_static("x-brand-id");

/// What a request's credentials amount to.
#[derive(Clone, Debug)]
pub enum Recognition {
    Active(Arc<ActiveKey>),
    Refused {
        verdict: Verdict,
        /// The company whose log gets the refusal: the secret's company, otherwise the company with this client id.
        /// With `None`, only the metrics count it.
        company: Option<CompanyRef>,
        /// The key that was tried, if it exists or did.
        key: Option<KeyTrace>,
        /// One sentence for the company's log. The caller never sees it.
        detail: String,
    },
}

impl Recognition {
    /// The same request on a node whose keys may be out of date. It is refused, and logged for the same company as
    /// otherwise.
    pub(crate) fn not_ready(self) -> Self {
        let (company, key) = match self {
            Self::Active(active) => (Some(active.company.clone()), Some(active.trace())),
            Self::Refused { company, key, .. } => (company, key),
        };
        let detail = "The gateway had lost contact with its database.".to_owned();
        Self::Refused {
            verdict: Verdict::NotReady,
            company,
            key,
            detail,
        }
    }
}

/// A header that should be sent exactly once.
enum Sent<T> {
    Once(T),
    Missing,
    Twice,
    Malformed,
    /// Of another form, but a key that was imported has it.
    Imported,
}

impl<T> Sent<T> {
    fn read(headers: &HeaderMap, name: &HeaderName, parse: impl Fn(&[u8]) -> Option<T>) -> Self {
        let mut values = headers.get_all(name).iter();
        let Some(value) = values.next() else {
            return Self::Missing;
        };
        if values.next().is_some() {
            return Self::Twice;
        }
        parse(value.as_bytes()).map_or(Self::Malformed, Self::Once)
    }

    const fn value(&self) -> Option<&T> {
        match self {
            Self::Once(value) => Some(value),
            Self::Missing | Self::Twice | Self::Malformed | Self::Imported => None,
        }
    }

    /// What is wrong with the header, as the end of a sentence that begins with its name.
    const fn fault(&self) -> Option<(Verdict, &'static str)> {
        match self {
            Self::Once(_) | Self::Imported => None,
            Self::Missing => Some((Verdict::MissingCredentials, "was missing")),
            Self::Twice => Some((Verdict::MalformedCredentials, "was sent more than once")),
            Self::Malformed => Some((
                Verdict::MalformedCredentials,
                "did not have the documented format",
            )),
        }
    }
}

impl Snapshot {
    /// Checks the credentials of a request that arrived at `now`. Header names are case-insensitive.
    pub fn recognise(
        &self,
        pepper: &Pepper,
        form: &CredentialForm,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Recognition {
        let mut client: Sent<ClientId> = Sent::read(headers, form.client_id.header(), |value| {
            std::str::from_utf8(value).ok()?.parse().ok()
        });
        let mut secret = Sent::read(headers, form.secret.header(), |value| {
            form.prefixes.parse(value).ok()
        });

        let mut found = secret
            .value()
            .and_then(|secret| self.credential(&pepper.lookup(secret)));
        if self.has_imports() {
            self.name_imported(form, headers, &mut client);
            if found.is_none() {
                found = self.find_imported(pepper, form, headers, &mut secret);
            }
        }
        let named = client.value().and_then(|client| self.company(*client));
        let company = found.map(Credential::company).or(named);

        if let Some((verdict, fault)) = worst_fault(form, &client, &secret) {
            return refused(verdict, company, found.map(trace), fault);
        }
        if let Some(Credential::Active(key)) = found
            && let Some(ended) = key.ended(now)
        {
            return refused(
                ended.verdict(),
                company,
                Some(key.trace()),
                ended_when(key, ended, now),
            );
        }
        match found {
            Some(Credential::Active(key)) if is_its_client(client.value(), &key.company) => {
                Recognition::Active(Arc::clone(key))
            }
            Some(Credential::Active(key)) => {
                let detail = format!(
                    "The key ending in {} was sent with a Client ID that is not this company's.",
                    key.last_four
                );
                refused(Verdict::UnknownClient, company, Some(key.trace()), detail)
            }
            Some(Credential::Deleted(tombstone)) if now < tombstone.forgotten_at() => refused(
                Verdict::DeletedKey,
                company,
                Some(tombstone.trace()),
                deleted_when(tombstone, now),
            ),
            Some(Credential::Deleted(_)) | None if named.is_some() => {
                let detail = match secret.value() {
                    Some(secret) => {
                        format!(
                            "No active or recently deleted {} key has this secret.",
                            secret.environment().label()
                        )
                    }
                    None => String::new(),
                };
                refused(Verdict::UnknownSecret, named, None, detail)
            }
            Some(Credential::Deleted(_)) | None => refused(
                Verdict::UnknownClient,
                None,
                None,
                "No company has this Client ID.",
            ),
        }
    }
}

fn refused(
    verdict: Verdict,
    company: Option<&CompanyRef>,
    key: Option<KeyTrace>,
    detail: impl Into<String>,
) -> Recognition {
    Recognition::Refused {
        verdict,
        company: company.cloned(),
        key,
        detail: detail.into(),
    }
}

fn trace(credential: &Credential) -> KeyTrace {
    match credential {
        Credential::Active(key) => key.trace(),
        Credential::Deleted(tombstone) => tombstone.trace(),
    }
}

/// A repeated or malformed header outranks a missing one, because it is more surprising.
fn worst_fault(
    form: &CredentialForm,
    client: &Sent<ClientId>,
    secret: &Sent<AccessSecret>,
) -> Option<(Verdict, String)> {
    let faults: Vec<(Verdict, String)> = [
        (form.client_id.written(), client.fault()),
        (form.secret.written(), secret.fault()),
    ]
    .into_iter()
    .filter_map(|(name, fault)| fault.map(|(verdict, fault)| (verdict, format!("{name} {fault}."))))
    .collect();
    let verdict = faults
        .iter()
        .map(|(verdict, _)| *verdict)
        .find(|verdict| *verdict == Verdict::MalformedCredentials)
        .or(faults.first().map(|(verdict, _)| *verdict))?;
    let sentences: Vec<String> = faults.into_iter().map(|(_, sentence)| sentence).collect();
    Some((verdict, sentences.join(" ")))
}

fn is_its_client(sent: Option<&ClientId>, company: &CompanyRef) -> bool {
    sent.is_some_and(|sent| vault::same(&sent.to_bytes(), &company.client_id.to_bytes()))
}

fn deleted_when(tombstone: &Tombstone, now: Timestamp) -> String {
    let Tombstone {
        last_four,
        deleted_at,
        deleted_by,
        ..
    } = tombstone;
    let seconds = now.millis_since(*deleted_at).max(0) / 1000;
    format!(
        "The key ending in {last_four} was deleted by {deleted_by} on {}, {} before this request.",
        deleted_at.to_page_text(),
        roughly(seconds)
    )
}

fn ended_when(key: &ActiveKey, ended: Ended, now: Timestamp) -> String {
    let (what, at) = match ended {
        Ended::Deleted(at) => ("was deleted as scheduled", at),
        Ended::Expired(at) => ("expired", at),
    };
    format!(
        "The key ending in {} {what} on {}, {} before this request.",
        key.last_four,
        at.to_page_text(),
        roughly(now.millis_since(at).max(0) / 1000)
    )
}

/// A duration like `3 minutes`, in the largest unit that fits.
fn roughly(seconds: i64) -> String {
    let (count, unit) = match seconds {
        ..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompanyRow, CredentialRow, CredentialState, Loaded, TOMBSTONE_DAYS};
    use http::HeaderValue;
    use model::{CompanyId, Environment, KeyId};

    const NOW: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    /// Two companies. The first has an active key, and one that was deleted three minutes ago.
    struct World {
        pepper: Pepper,
        snapshot: Snapshot,
        active: AccessSecret,
        deleted: AccessSecret,
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

    fn world() -> World {
        let pepper = Pepper::generate();
        let (active, deleted) = (
            AccessSecret::generate(Environment::Sandbox),
            AccessSecret::generate(Environment::Prod),
        );
        let row = |number: u8, secret: &AccessSecret, state| CredentialRow {
            id: KeyId::from_random([number; 16]),
            company: company(1).id,
            environment: secret.environment(),
            lookup: pepper.lookup(secret),
            last_four: secret.last_four().to_owned(),
            state,
            imported: false,
            limits: None,
            changed_in: 0,
        };
        let gone = CredentialState::Deleted {
            at: NOW.minus_seconds(185),
            by: "ana@example.com".to_owned(),
        };
        let credentials = vec![row(1, &active, CredentialState::Active), row(2, &deleted, gone)];
        let snapshot = Snapshot::build(Loaded {
            version: 1,
            companies: vec![company(1), company(2)],
            credentials,
        });
        World {
            pepper,
            snapshot,
            active,
            deleted,
        }
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            headers.append(name, HeaderValue::from_str(value).expect("a header value"));
        }
        headers
    }

    fn client(number: u8) -> String {
        ClientId::from_random([number; 16]).to_string()
    }

    impl World {
        fn judge(&self, pairs: &[(&str, &str)]) -> Recognition {
            self.snapshot
                .recognise(&self.pepper, &CredentialForm::default(), &headers(pairs), NOW)
        }

        /// The verdict, the company it is logged for, the key that was tried, and the sentence.
        fn refusal(&self, pairs: &[(&str, &str)]) -> (Verdict, Option<CompanyId>, Option<KeyId>, String) {
            match self.judge(pairs) {
                Recognition::Active(_) => panic!("{pairs:?} was accepted"),
                Recognition::Refused {
                    verdict,
                    company,
                    key,
                    detail,
                } => (
                    verdict,
                    company.map(|company| company.id),
                    key.map(|key| key.key_id),
                    detail,
                ),
            }
        }
    }

    #[test]
    fn an_active_key_with_its_client_id_passes_whatever_the_case_of_the_names() {
        let world = world();
        for (id, secret) in [
            ("X-Access-Client-Id", "X-Access-Secret"),
            ("x-access-client-id", "x-access-secret"),
            ("X-ACCESS-CLIENT-ID", "X-Access-SECRET"),
        ] {
            let Recognition::Active(key) = world.judge(&[(id, &client(1)), (secret, world.active.expose())])
            else {
                panic!("{id} and {secret} are the documented names");
            };
            assert_eq!(key.key_id, KeyId::from_random([1; 16]));
            assert_eq!(key.environment, Environment::Sandbox);
        }
    }

    #[test]
    fn an_installations_own_header_names_replace_the_documented_ones() {
        let world = world();
        let form = CredentialForm {
            client_id: "Acme-Account".parse().expect("a usable name"),
            secret: "Acme-Secret".parse().expect("a usable name"),
            ..CredentialForm::default()
        };
        let judge = |id: &str, secret: &str| {
            let sent = headers(&[(id, &client(1)), (secret, world.active.expose())]);
            world.snapshot.recognise(&world.pepper, &form, &sent, NOW)
        };
        assert!(matches!(
            judge("Acme-Account", "Acme-Secret"),
            Recognition::Active(_)
        ));
        let Recognition::Refused { detail, .. } = judge("X-Access-Client-Id", "X-Access-Secret") else {
            panic!("the documented names mean nothing here");
        };
        assert_eq!(detail, "Acme-Account was missing. Acme-Secret was missing.");
    }

    #[test]
    fn missing_headers_are_named() {
        let world = world();
        let (ours, key) = (Some(company(1).id), Some(KeyId::from_random([1; 16])));
        let both = world.refusal(&[]);
        assert_eq!(
            (both.0, both.1, both.2),
            (Verdict::MissingCredentials, None, None)
        );
        assert_eq!(
            both.3,
            "X-Access-Client-Id was missing. X-Access-Secret was missing."
        );
        let secret = world.refusal(&[("X-Access-Client-Id", &client(1))]);
        assert_eq!(
            (secret.0, secret.1, secret.2),
            (Verdict::MissingCredentials, ours, None)
        );
        let id = world.refusal(&[("X-Access-Secret", world.active.expose())]);
        assert_eq!((id.0, id.1, id.2), (Verdict::MissingCredentials, ours, key));
        assert_eq!(id.3, "X-Access-Client-Id was missing.");
    }

    #[test]
    fn malformed_and_repeated_headers_are_refused_even_when_one_of_them_is_right() {
        let world = world();
        let (id, secret) = (client(1), world.active.expose().to_owned());
        for pairs in [
            [
                ("X-Access-Client-Id", id.as_str()),
                ("X-Access-Secret", &secret.to_uppercase()),
            ]
            .as_slice(),
            &[
                ("X-Access-Client-Id", &format!("A{}", &id[1..])),
                ("X-Access-Secret", &secret),
            ],
            &[
                ("X-Access-Client-Id", &id),
                ("X-Access-Secret", &secret),
                ("X-Access-Secret", &secret),
            ],
            &[
                ("X-Access-Client-Id", &id),
                ("X-Access-Client-Id", &id),
                ("X-Access-Secret", &secret),
            ],
            &[("X-Access-Client-Id", ""), ("X-Access-Secret", &secret)],
            &[
                ("X-Access-Client-Id", &id),
                ("X-Access-Secret", &format!("Bearer {secret}")),
            ],
        ] {
            let (verdict, company_id, _, detail) = world.refusal(pairs);
            assert_eq!(
                (verdict, company_id),
                (Verdict::MalformedCredentials, Some(company(1).id)),
                "{detail}"
            );
            assert!(
                !detail.contains(&secret[8..]),
                "the sentence must not show the secret"
            );
        }
        let (verdict, _, _, detail) = world.refusal(&[("X-Access-Secret", "nonsense")]);
        assert_eq!(verdict, Verdict::MalformedCredentials);
        assert_eq!(
            detail,
            "X-Access-Client-Id was missing. X-Access-Secret did not have the documented format."
        );
    }

    #[test]
    fn bytes_that_are_not_text_are_malformed() {
        let world = world();
        let mut headers = headers(&[("X-Access-Client-Id", &client(1))]);
        headers.insert(
            CredentialForm::default().secret.header(),
            HeaderValue::from_bytes(&[0xff; 48]).expect("opaque bytes are allowed"),
        );
        let judged = world
            .snapshot
            .recognise(&world.pepper, &CredentialForm::default(), &headers, NOW);
        assert!(
            matches!(
                judged,
                Recognition::Refused {
                    verdict: Verdict::MalformedCredentials,
                    ..
                }
            ),
            "{judged:?}"
        );
    }

    #[test]
    fn a_secret_with_another_companys_client_id_is_logged_for_the_secrets_owner() {
        let world = world();
        for other in [client(2), client(9)] {
            let (verdict, company_id, key, detail) = world.refusal(&[
                ("X-Access-Client-Id", &other),
                ("X-Access-Secret", world.active.expose()),
            ]);
            assert_eq!(
                (verdict, company_id),
                (Verdict::UnknownClient, Some(company(1).id))
            );
            assert_eq!(key, Some(KeyId::from_random([1; 16])));
            assert!(detail.contains(world.active.last_four()), "{detail}");
            assert!(!detail.contains(&other), "{detail}");
        }
    }

    #[test]
    fn an_unknown_secret_is_logged_for_the_named_company_and_an_unknown_client_not_at_all() {
        let world = world();
        let unknown = AccessSecret::generate(Environment::Dev);
        let (verdict, company_id, key, detail) = world.refusal(&[
            ("X-Access-Client-Id", &client(2)),
            ("X-Access-Secret", unknown.expose()),
        ]);
        assert_eq!(
            (verdict, company_id, key),
            (Verdict::UnknownSecret, Some(company(2).id), None)
        );
        assert_eq!(
            detail,
            "No active or recently deleted Development key has this secret."
        );
        let (verdict, company_id, key, _) = world.refusal(&[
            ("X-Access-Client-Id", &client(9)),
            ("X-Access-Secret", unknown.expose()),
        ]);
        assert_eq!((verdict, company_id, key), (Verdict::UnknownClient, None, None));
    }

    #[test]
    fn a_deleted_key_is_named_with_who_deleted_it_and_when() {
        let world = world();
        let (verdict, company_id, key, detail) = world.refusal(&[
            ("X-Access-Client-Id", &client(1)),
            ("X-Access-Secret", world.deleted.expose()),
        ]);
        assert_eq!((verdict, company_id), (Verdict::DeletedKey, Some(company(1).id)));
        assert_eq!(key, Some(KeyId::from_random([2; 16])));
        let four = world.deleted.last_four();
        assert_eq!(
            detail,
            format!(
                "The key ending in {four} was deleted by ana@example.com on 5 Jan 2026 11:56:55 UTC, 3 minutes before this request."
            )
        );
    }

    #[test]
    fn a_tombstone_is_forgotten_after_ninety_days() {
        let world = world();
        let headers = headers(&[
            ("X-Access-Client-Id", &client(1)),
            ("X-Access-Secret", world.deleted.expose()),
        ]);
        let verdict_at = |now: Timestamp| match world.snapshot.recognise(
            &world.pepper,
            &CredentialForm::default(),
            &headers,
            now,
        ) {
            Recognition::Refused { verdict, .. } => verdict,
            Recognition::Active(_) => panic!("a deleted key was accepted"),
        };
        let end = NOW.minus_seconds(185).plus_seconds(TOMBSTONE_DAYS * 86_400);
        assert_eq!(verdict_at(end.plus_millis(-1)), Verdict::DeletedKey);
        assert_eq!(verdict_at(end), Verdict::UnknownSecret);
    }

    #[test]
    fn durations_are_written_in_words() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (185, "3 minutes"),
            (3_600, "1 hour"),
            (200_000, "2 days"),
        ] {
            assert_eq!(roughly(seconds), words);
        }
    }
}
