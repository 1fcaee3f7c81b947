//! The headers that tell an upstream, or a proxy, who sent a request.

use http::{HeaderMap, HeaderName, HeaderValue};
use keys::{ActiveKey, CompanyRef};
use model::Environment;

use crate::headers::{NONE, REQUEST_ID};

static COMPANY: HeaderName = HeaderName::from_static("x-gatehouse-company");
static CLIENT_ID: HeaderName = HeaderName::from_static("x-gatehouse-client-id");
static ENVIRONMENT: HeaderName = HeaderName::from_static("x-gatehouse-environment");
static KEY_ID: HeaderName = HeaderName::from_static("x-gatehouse-key-id");
static BRAND: HeaderName = HeaderName::from_static("x-gatehouse-brand");

/// The caller's identity, for the upstream.
#[derive(Debug)]
pub(crate) struct Identity<'a> {
    pub(crate) key: &'a ActiveKey,
    pub(crate) brand: Option<&'a CompanyRef>,
    pub(crate) request_id: &'a HeaderValue,
}

impl Identity<'_> {
    /// Sets the identity headers. All values were issued by Gatehouse itself.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let company = &self.key.company;
        let environment = HeaderValue::from_static(self.key.environment.as_str());
        let brand = self.brand.map(|brand| brand.client_id_header.clone());
        headers.insert(&COMPANY, company.id_header.clone());
        headers.insert(&CLIENT_ID, company.client_id_header.clone());
        headers.insert(&ENVIRONMENT, environment);
        headers.insert(&KEY_ID, self.key.id_header.clone());
        headers.insert(&BRAND, brand.unwrap_or(NONE));
        headers.insert(&REQUEST_ID, self.request_id.clone());
    }
}

/// Sets the identity headers of a request that needs no key. That there is none is stated: a proxy that copies these headers would
/// otherwise leave in place what its caller forged.
pub(crate) fn write_none(environment: Environment, request_id: &HeaderValue, headers: &mut HeaderMap) {
    for name in [&COMPANY, &CLIENT_ID, &KEY_ID, &BRAND] {
        headers.insert(name, NONE);
    }
    headers.insert(&ENVIRONMENT, HeaderValue::from_static(environment.as_str()));
    headers.insert(&REQUEST_ID, request_id.clone());
}
