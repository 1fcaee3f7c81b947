//! The two signatures on a delivery: the contract's `X-WEBHOOK-SIGN`, and the headers of Standard Webhooks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac;

use crate::install_key::{hmac, to_hex};

/// The value of `X-WEBHOOK-SIGN`: `v1=` and the lower-case hex of HMAC-SHA-256 over the raw body. The key is the access
/// secret as text, including its environment's prefix (contract section 4.6).
pub fn sign_v1(secret: &str, body: &[u8]) -> String {
    let mut mac = hmac(secret.as_bytes());
    mac.update(body);
    format!("v1={}", to_hex(&mac.finalize().into_bytes()).as_str())
}

/// The value of `webhook-signature`: `v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`. `secret` is the
/// decoded secret, without `whsec_` (Standard Webhooks specification 1.0).
pub fn sign_standard_webhook(secret: &[u8], id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
    let mut mac = hmac(secret);
    mac.update(format!("{id}.{timestamp_seconds}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SANDBOX: &str = "sandbox-a57b3109f1f4a8b3f2ebbc1c526950f1795464af";
    const PROD: &str = "prod-e82c4f19d3a7b6e5f0c8d2a1b4e7f3a6d9c2b5e8";

    #[test]
    fn all_six_examples_of_the_contract_match() {
        let compact = concat!(
            r#"{"webhook_id":"488f424096d3461aa0e4cf11a985f6df","event_type":"task-status-updated","#,
            r#""status":"done","user_id":"88fef4cea64c40b5ad6727cc9b0b9fdc"}"#
        );
        let spaced = concat!(
            r#"{"webhook_id": "488f424096d3461aa0e4cf11a985f6df", "event_type": "task-status-updated", "#,
            r#""status": "done", "user_id": "88fef4cea64c40b5ad6727cc9b0b9fdc"}"#
        );
        let utf8 = concat!(
            r#"{"webhook_id":"0aac461e7b774a38a72fd9c7c0eef8ee","event_type":"order-created","#,
            r#""tracking_info":"café ✓"}"#
        );
        assert_eq!((compact.len(), spaced.len(), utf8.len()), (145, 152, 106));
        for (secret, body, sign) in [
            (
                "test-webhook-secret-key",
                r#"{"event_type":"task-status-updated","status":"completed"}"#,
                "v1=a90aa6bde1b38af715c5d32375c0c6938cf5dfdb168530f4e8b9c6fac3d4f3fc",
            ),
            (
                "my-secret",
                r#"{"test":true}"#,
                "v1=9d8e125c6b7c45fe2f469f489a19934ebd0d3e9c7514134a7bceddf18dfd6e8d",
            ),
            (
                SANDBOX,
                compact,
                "v1=47ca001bea963314d4c7c39943a67b2ebb14bff7703a213f71dc87fb96119c6f",
            ),
            (
                SANDBOX,
                spaced,
                "v1=4f4d4352ce604d7973d2648007ebdc030f228d3195578a9776f7924bf309a97a",
            ),
            (
                PROD,
                utf8,
                "v1=4ce9a2c4988e5e9c7a31b8cde5b9861a03fe6faf35da2cb6cb28821560ab6004",
            ),
            (
                SANDBOX,
                "",
                "v1=cb37f30f76ffc94234b447bca5a71e5142c055ff0fba187f5030c82e6def6281",
            ),
        ] {
            assert_eq!(sign_v1(secret, body.as_bytes()), sign, "{body}");
        }
    }

    #[test]
    fn the_example_of_standard_webhooks_matches() {
        let secret = STANDARD
            .decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .expect("base64");
        let sign = sign_standard_webhook(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(sign, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
