//! What is kept of an attempt for people to look at, without the secrets it was signed with: a receiver knows them, and
//! what it answers is its own affair.

use model::HopRecord;
use vault::{Presented, REDACTED};

/// Takes `secrets`, and whatever has the form of an access secret, out of everything a receiver can have written: its
/// headers, its answer, and the address it redirected to.
pub(crate) fn redact(hops: &mut [HopRecord], secrets: &Presented) {
    for hop in hops {
        cut_out(&mut hop.url, secrets);
        let fields = hop.request_headers.iter_mut().chain(&mut hop.response_headers);
        for field in fields {
            cut_out(&mut field.name, secrets);
            if secrets.stands_in(&field.value) {
                field.value.clear();
                field.redacted = true;
            }
        }
        if hop.response_truncated {
            hop.response_body = secrets.cut_out_truncated(&hop.response_body).0;
        } else {
            cut_out(&mut hop.response_body, secrets);
        }
        // Escapes of JSON hide a secret from a search byte by byte; then nothing of the answer is kept.
        if hop.response_body.contains('\\') && secrets.stands_in(&vault::unescape(&hop.response_body)) {
            REDACTED.clone_into(&mut hop.response_body);
        }
    }
}

fn cut_out(text: &mut String, secrets: &Presented) {
    if secrets.stands_in(text) {
        *text = secrets.cut_out(text).0;
    }
}

#[cfg(test)]
mod tests {
    use model::{HeaderField, SecretText, TimingRecord};

    use super::*;

    const SECRET: &str = "sandbox-a57b3109f1f4a8b3f2ebbc1c526950f1795464af";

    #[test]
    fn what_a_receiver_says_back_is_kept_without_the_secret() {
        let escaped: String = SECRET
            .chars()
            .map(|c| format!("\\u{:04x}", u32::from(c)))
            .collect();
        let field = |value: &str| HeaderField {
            name: "x-echo".to_owned(),
            value: value.to_owned(),
            redacted: false,
        };
        let hop = |body: String, truncated| HopRecord {
            url: format!("https://a.example/?key={SECRET}"),
            address: None,
            request_headers: vec![field("v1=00")],
            status: Some(500),
            response_headers: vec![field(SECRET)],
            response_body: body,
            response_truncated: truncated,
            timing: TimingRecord::default(),
        };
        let mut hops = [
            hop(format!("expected {SECRET}, sorry"), false),
            hop(format!("expected {}", &SECRET[..30]), true),
            hop(format!("{{\"expected\":\"{escaped}\"}}"), false),
        ];
        redact(&mut hops, &Presented::new(&[SecretText::new(SECRET)]));
        assert_eq!(hops[0].response_body, "expected [redacted], sorry");
        assert_eq!(hops[1].response_body, "expected [redacted]");
        assert_eq!(hops[2].response_body, "[redacted]");
        for hop in hops {
            assert_eq!(hop.url, "https://a.example/?key=[redacted]");
            assert_eq!(
                (
                    hop.response_headers[0].value.as_str(),
                    hop.response_headers[0].redacted
                ),
                ("", true)
            );
            assert_eq!(hop.request_headers[0].value, "v1=00");
        }
    }
}
