//! Decides whether a request may pass: first its credentials, then the key's own limits, its budget, and the brand that the
//! request names.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use keys::{ActiveKey, BRAND_HEADER, CompanyRef, CredentialForm, Keys, NotAdmitted, Recognition};
use logs::{Headers, KeyTrace, Place};
use model::{Environment, SecretText, Timestamp, Verdict};

use crate::headers::folded;

/// What the log says about the caller.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Whose log the request goes to. `None` if it belongs to no known company.
    pub(crate) place: Option<Place>,
    pub(crate) environment: Option<Environment>,
    pub(crate) key: Option<KeyTrace>,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Passes {
        key: Arc<ActiveKey>,
        brand: Option<CompanyRef>,
    },
    Refused {
        verdict: Verdict,
        detail: String,
        retry_after: Option<Duration>,
    },
}

/// Judges a request that arrived at `at` from `address`. A recognised key counts as *used*, whatever the verdict. It is
/// charged unless its own limits refuse the request: who may not use a key must not use up its budget.
pub(crate) fn judge(
    keys: &Keys,
    method: &str,
    headers: &HeaderMap,
    at: Timestamp,
    address: IpAddr,
) -> (Outcome, Facts) {
    match keys.recognise(headers) {
        Recognition::Active(key) => {
            keys.touched(&key, at, address);
            let outcome = judge_recognised(keys, &key, (method, headers, address));
            let brand = match &outcome {
                Outcome::Passes { brand, .. } => brand.as_ref(),
                Outcome::Refused { .. } => None,
            };
            let facts = Facts::new(Some(place(brand.unwrap_or(&key.company))), Some(key.trace()));
            (outcome, facts)
        }
        Recognition::Refused {
            verdict,
            company,
            key,
            detail,
        } => (
            Outcome::refused(verdict, detail),
            Facts::new(company.as_ref().map(place), key),
        ),
    }
}

/// Checks the key's own limits, then its budget, then the brand.
fn judge_recognised(
    keys: &Keys,
    key: &Arc<ActiveKey>,
    (method, headers, address): (&str, &HeaderMap, IpAddr),
) -> Outcome {
    if let Err(NotAdmitted {
        verdict,
        detail,
        retry_after,
    }) = keys.admit(key, method, headers, address)
    {
        return Outcome::Refused {
            verdict,
            detail,
            retry_after,
        };
    }
    match brand(keys, key, headers) {
        Ok(brand) => Outcome::Passes {
            key: Arc::clone(key),
            brand,
        },
        Err(detail) => Outcome::refused(Verdict::UnknownBrand, detail),
    }
}

impl Outcome {
    fn refused(verdict: Verdict, detail: String) -> Self {
        Self::Refused {
            verdict,
            detail,
            retry_after: None,
        }
    }
}

impl Facts {
    fn new(place: Option<Place>, key: Option<keys::KeyTrace>) -> Self {
        Self {
            place,
            environment: key.as_ref().map(|key| key.environment),
            key: key.map(|key| KeyTrace {
                id: key.key_id,
                last_four: key.last_four.to_string(),
            }),
        }
    }
}

/// The brand that `X-Brand-Id` names, or what is wrong with the header.
fn brand(keys: &Keys, key: &ActiveKey, headers: &HeaderMap) -> Result<Option<CompanyRef>, String> {
    let mut values = headers.get_all(&BRAND_HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err("X-Brand-Id was sent more than once.".to_owned());
    }
    let found = value
        .to_str()
        .ok()
        .and_then(|text| keys.snapshot().brand(key.company.id, text.trim()));
    found
        .map(Some)
        .ok_or_else(|| "X-Brand-Id was not the Client ID of a brand of this company.".to_owned())
}

/// The place of a company's requests in the log.
pub fn place(company: &CompanyRef) -> Place {
    Place {
        root: company.root,
        company: company.id,
        client_id: company.client_id,
        brand: company.brand_name.as_deref().map(str::to_owned),
    }
}

/// All secrets that the caller sent, so that the log can redact them wherever else they appear. Includes headers with a
/// slightly wrong name, because a caller that misspells the header still sends its secret.
pub fn presented(form: &CredentialForm, sent: &Headers) -> Vec<SecretText> {
    const AT_MOST: usize = 4;
    let secret = form.secret.header().as_str();
    let spelt = |name: &[u8]| {
        name.len() == secret.len() && std::str::from_utf8(name).is_ok_and(|name| folded(name) == secret)
    };
    sent.fields()
        .filter(|(name, _)| spelt(name))
        .take(AT_MOST)
        .map(|(_, value)| SecretText::new(String::from_utf8_lossy(value)))
        .collect()
}
