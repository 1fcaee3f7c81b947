//! A function that verifies `X-WEBHOOK-SIGN` in four languages, each with its standard library.

pub(super) const PYTHON: &str = r#"import hashlib
import hmac


def is_genuine(secret: str, body: bytes, header: str) -> bool:
    """`body` is the request's raw body, `header` the value of X-WEBHOOK-SIGN."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v1={digest}".encode(), header.encode())"#;

pub(super) const NODE: &str = r#"import { createHmac, timingSafeEqual } from "node:crypto";

// `body` is a Buffer with the request's raw body, `header` the value of X-WEBHOOK-SIGN.
export function isGenuine(secret, body, header) {
  const digest = createHmac("sha256", secret).update(body).digest("hex");
  const expected = Buffer.from(`v1=${digest}`);
  const received = Buffer.from(header ?? "");
  return received.length === expected.length && timingSafeEqual(received, expected);
}"#;

pub(super) const GO: &str = r#"package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// IsGenuine takes the request's raw body and the value of X-WEBHOOK-SIGN.
func IsGenuine(secret string, body []byte, header string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	expected := "v1=" + hex.EncodeToString(mac.Sum(nil))
	return hmac.Equal([]byte(expected), []byte(header))
}"#;

pub(super) const RUBY: &str = r#"require "openssl"

# `body` is the request's raw body, `header` the value of X-WEBHOOK-SIGN.
def genuine?(secret, body, header)
  expected = "v1=" + OpenSSL::HMAC.hexdigest("SHA256", secret, body)
  OpenSSL.secure_compare(expected, header.to_s)
end"#;
