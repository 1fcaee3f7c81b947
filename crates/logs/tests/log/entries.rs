//! Builds entries and their parts, for all tests of the log and for its benchmarks.

use http::{HeaderMap, HeaderName, HeaderValue};
use logs::{Capture, Entry, Message, Place};
use model::{BodyAbsence, ClientId, CompanyId, Environment, Recorded, RequestId, Timestamp, Verdict};

pub(crate) const SECRET: &str = "sandbox-a57b3109f1f4a8b3f2ebbc1c526950f1795464af";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "application/json";
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_767_614_400_000);

pub(crate) fn request(number: u64) -> RequestId {
    RequestId::from_random(u128::from(number).to_be_bytes())
}

/// A company that is not a brand.
pub(crate) fn place(company: u8) -> Place {
    let id = CompanyId::from_random([company; 16]);
    Place {
        root: id,
        company: id,
        client_id: ClientId::from_random([company; 16]),
        brand: None,
    }
}

/// An accepted request of company 1, without headers and bodies.
pub(crate) fn entry() -> Entry {
    Entry {
        request_id: request(1),
        at: NOW,
        place: place(1),
        environment: Some(Environment::Sandbox),
        key: None,
        recorded: Recorded::Gateway,
        method: "POST".to_owned(),
        path: "/v1/orders/".to_owned(),
        status: 200,
        verdict: Verdict::Accepted,
        verdict_detail: String::new(),
        duration_us: 1,
        upstream_us: None,
        address: "192.0.2.1".to_owned(),
        user_agent: None,
        presented: Vec::new(),
        request: Message::absent(BodyAbsence::Empty),
        response: Message::absent(BodyAbsence::Empty),
    }
}

/// A numbered request of this company.
pub(crate) fn entry_of(company: u8, number: u64) -> Entry {
    Entry {
        request_id: request(number),
        place: place(company),
        ..entry()
    }
}

pub(crate) fn message(headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Message {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    let mut capture = Capture::default();
    capture.see(body.as_ref());
    Message {
        headers: map.into(),
        body: capture.take(),
    }
}
