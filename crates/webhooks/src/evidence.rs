//! What is kept of an attempt for people to look at. The receiver's response is redacted with the same list as the
//! request log. A receiver may repeat the event it was sent, and events are stored only sealed. So its response is
//! sealed too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{BodyAbsence, HeaderField, HopRecord};
use redact::{Names, Needles, Search};
use serde::{Deserialize, Serialize};
use vault::{MasterKey, SealPlace, Sealed};

/// Marks a sealed response in the field that would hold its body.
const SEALED: &str = "sealed:";

/// Redacts everything a receiver could have written: its headers, its body and the URL it redirected to. Removes
/// `secrets`, the values of secret names, and anything that looks like an access secret.
pub(crate) fn redact(hops: &mut [HopRecord], secrets: &Needles, names: &Names) {
    for hop in hops {
        *hop = redact::message(names, secrets.clone(), |search| redacted(hop, search)).kept;
    }
}

fn redacted(hop: &HopRecord, search: &Search<'_>) -> HopRecord {
    let mut kept = hop.clone();
    kept.url = search.address(&hop.url, false);
    // Our own headers stay, because people compare the signatures in them.
    for field in &mut kept.request_headers {
        let (value, found) = search.text(&field.value, false);
        (field.value, field.redacted) = (value, field.redacted || found > 0);
    }
    if !hop.response_body.is_empty() {
        kept.response_body = body(hop, search);
    }
    for field in &mut kept.response_headers {
        let clean = search.header(&field.name, &field.value);
        let redacted = field.redacted || clean.redacted;
        *field = HeaderField { redacted, ..clean };
    }
    kept
}

fn body(hop: &HopRecord, search: &Search<'_>) -> String {
    let header = |name: &str| {
        let mut found = hop.response_headers.iter().filter(|field| field.name == name);
        found.next().map(|field| field.value.to_ascii_lowercase())
    };
    if header("content-encoding").is_some_and(|encoding| encoding.trim() != "identity") {
        return not_kept(BodyAbsence::Encoded);
    }
    let text = &hop.response_body;
    let claims_json = header("content-type").is_some_and(|kind| {
        let essence = kind.split(';').next().unwrap_or_default().trim();
        essence.ends_with("/json") || essence.ends_with("+json")
    });
    if claims_json || text.trim_start().starts_with(['{', '[']) {
        match search.json(text, hop.response_truncated) {
            Some(json) => return json,
            None if claims_json => return not_kept(BodyAbsence::Malformed),
            None => {}
        }
    }
    search.text(text, hop.response_truncated).0
}

fn not_kept(why: BodyAbsence) -> String {
    format!("[{}]", why.sentence())
}

/// What a receiver wrote.
#[derive(Serialize, Deserialize)]
struct Answer {
    /// Where it redirected to. The first hop has none, because it uses the webhook's URL.
    url: Option<String>,
    headers: Vec<HeaderField>,
    body: String,
}

/// Seals in place what receivers wrote.
pub(crate) fn seal(hops: &mut [HopRecord], master_key: &MasterKey, place: &SealPlace) {
    for (number, hop) in hops.iter_mut().enumerate() {
        let answer = Answer {
            url: (number > 0).then(|| std::mem::take(&mut hop.url)),
            headers: std::mem::take(&mut hop.response_headers),
            body: std::mem::take(&mut hop.response_body),
        };
        // The value consists of strings, so serialising it cannot fail. If it did, nothing would be kept.
        let plain = serde_json::to_vec(&answer).unwrap_or_default();
        let sealed = master_key.seal(place, &plain);
        hop.response_body = format!("{SEALED}{}", STANDARD.encode(sealed.as_bytes()));
    }
}

/// What [`seal`] sealed, hop by hop. `None` for a response whose sealed bytes are not even base64.
pub fn sealed_responses(hops: &[HopRecord]) -> Vec<Option<Sealed>> {
    hops.iter()
        .filter_map(|hop| hop.response_body.strip_prefix(SEALED))
        .map(|text| STANDARD.decode(text).ok().map(Sealed::from_bytes))
        .collect()
}

/// Unseals what [`seal`] sealed. Attempts from before sealing existed stay as they are.
pub(crate) fn open(hops: &mut [HopRecord], master_key: &MasterKey, place: &SealPlace) {
    for hop in hops {
        let Some(sealed) = hop
            .response_body
            .strip_prefix(SEALED)
            .and_then(|text| STANDARD.decode(text).ok())
        else {
            continue;
        };
        let answer = master_key
            .open(place, &Sealed::from_bytes(sealed))
            .ok()
            .and_then(|plain| serde_json::from_slice::<Answer>(&plain).ok());
        match answer {
            Some(answer) => {
                hop.url = answer.url.unwrap_or_else(|| std::mem::take(&mut hop.url));
                hop.response_headers = answer.headers;
                hop.response_body = answer.body;
            }
            None => {
                tracing::error!("could not unseal a receiver's response");
                "[Cannot be read: it was encrypted with another master key.]"
                    .clone_into(&mut hop.response_body);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{CompanyId, Environment, TimingRecord};
    use vault::{InstallId, SealPurpose};

    use super::*;

    const SECRET: &str = "sandbox-a57b3109f1f4a8b3f2ebbc1c526950f1795464af";

    fn field(name: &str, value: &str) -> HeaderField {
        HeaderField {
            name: name.to_owned(),
            value: value.to_owned(),
            redacted: false,
        }
    }

    fn hop(content_type: &str, body: String, truncated: bool) -> HopRecord {
        HopRecord {
            url: format!("https://a.example/?key={SECRET}"),
            address: None,
            request_headers: vec![field("webhook-signature", "v1=00")],
            status: Some(500),
            response_headers: vec![
                field("content-type", content_type),
                field("x-echo", SECRET),
                field("x-auth-token", "abc"),
                field("link", "<https://a.example/?token=abc>; rel=next"),
            ],
            response_body: body,
            response_truncated: truncated,
            timing: TimingRecord::default(),
        }
    }

    #[test]
    fn a_receivers_response_is_redacted_like_the_log() {
        let escaped: String = SECRET
            .chars()
            .map(|c| format!("\\u{:04x}", u32::from(c)))
            .collect();
        let (json, text) = ("application/json; charset=utf-8", "text/plain");
        let cases = [
            (
                text,
                format!("expected {SECRET}, sorry"),
                false,
                "expected [redacted], sorry",
            ),
            (
                text,
                format!("expected {}", &SECRET[..30]),
                true,
                "expected [redacted]",
            ),
            (
                json,
                format!("{{\"expected\":\"{escaped}\"}}"),
                false,
                "{\"expected\":\"[redacted]\"}",
            ),
            (
                json,
                r#"{"a":1,"applicant_ssn":"123"}"#.to_owned(),
                false,
                r#"{"a":1,"applicant_ssn":"[redacted]"}"#,
            ),
            (
                text,
                r#"{"a":1,"applicant_ssn":"123"}"#.to_owned(),
                false,
                r#"{"a":1,"applicant_ssn":"[redacted]"}"#,
            ),
            (text, "password=x".to_owned(), false, "password=[redacted]"),
            (
                json,
                r#"{"note":"hunter2hunter2","password":["hunter2hunter2"]}"#.to_owned(),
                false,
                r#"{"note":"[redacted]","password":"[redacted]"}"#,
            ),
            (
                json,
                "{\"password\":".to_owned(),
                false,
                "[Not stored: it does not match its content type, so it could not be searched for secrets.]",
            ),
        ];
        for (content_type, body, truncated, expected) in cases {
            let mut hops = [hop(content_type, body, truncated)];
            let mut needles = Needles::default();
            needles.add(SECRET.as_bytes());
            redact(&mut hops, &needles, &Names::default());
            let [hop] = hops;
            assert_eq!(hop.response_body, expected);
            assert_eq!(hop.url, "https://a.example/?key=[redacted]");
            let values: Vec<_> = hop.response_headers[1..]
                .iter()
                .map(|field| (field.value.as_str(), field.redacted))
                .collect();
            assert_eq!(
                values,
                [
                    ("[redacted]", true),
                    ("[redacted]", true),
                    ("<https://a.example/?token=[redacted]", true)
                ]
            );
            assert_eq!(hop.request_headers[0].value, "v1=00");
        }
    }

    #[test]
    fn nothing_a_receiver_wrote_is_stored_unsealed() {
        let key = MasterKey::generate();
        let place = SealPlace {
            purpose: SealPurpose::Evidence,
            install: InstallId::generate(),
            company: CompanyId::from_random([1; 16]),
            environment: Environment::Sandbox,
            id: [7; 16],
        };
        let mut second = hop("text/plain", "an echo of the event".to_owned(), false);
        second
            .response_headers
            .push(field("x-body", "an echo of the event"));
        second.url = "https://a.example/an%20echo%20of%20the%20event".to_owned();
        let hops = [hop("text/plain", String::new(), false), second];
        let mut stored = hops.clone();
        seal(&mut stored, &key, &place);
        let text = serde_json::to_string(&stored).expect("JSON");
        assert!(!text.contains("echo") && text.contains("v1=00"), "{text}");
        open(&mut stored, &key, &place);
        assert_eq!(stored, hops);
        seal(&mut stored, &key, &place);
        open(&mut stored, &key, &SealPlace { id: [8; 16], ..place });
        assert_eq!(
            stored[0].response_body,
            "[Cannot be read: it was encrypted with another master key.]"
        );
    }
}
