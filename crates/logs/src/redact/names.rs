//! The list of names whose values are secret or personal: headers, JSON and form fields, query parameters.

/// Header names, in lower case and with `_` read as `-`.
const HEADERS: [&str; 9] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-access-secret",
    "x-api-key",
    "x-amz-security-token",
    "x-plaid-link-token",
    "api-key",
];

/// Header names that end like this hold credentials too.
const HEADER_ENDS: [&str; 5] = ["-secret", "-token", "-password", "-apikey", "-api-key"];

/// Field names, without anything but letters and digits, in lower case.
const FIELDS: [&str; 26] = [
    "accountnumber",
    "authorization",
    "auth",
    "cardnumber",
    "cookie",
    "credentials",
    "credential",
    "cvc",
    "cvv",
    "dateofbirth",
    "dob",
    "email",
    "emailaddress",
    "passphrase",
    "phone",
    "phonenumber",
    "pin",
    "pwd",
    "routingnumber",
    "setcookie",
    "sig",
    "signature",
    "socialsecuritynumber",
    "ssn",
    "taxid",
    "otp",
];

/// Field names that end like this hold credentials too: `new_password`, `client_secret`, `bridge_token`.
const FIELD_ENDS: [&str; 8] = [
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "accesskey",
    "sessionid",
];

/// Whether the value of this header is never stored.
pub(super) fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    HEADERS.contains(&name.as_str())
        || HEADER_ENDS.iter().any(|end| name.ends_with(end))
        || is_secret_field(name.trim_start_matches("x-"))
}

/// Whether the value of this field is never stored. `name` is decoded; `userPassword`, `user[password]` and
/// `USER-PASSWORD` are the same name.
pub(super) fn is_secret_field(name: &str) -> bool {
    let name: String = name
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    FIELDS.contains(&name.as_str()) || FIELD_ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_hide_a_name() {
        for name in [
            "password",
            "newPassword",
            "user[password]",
            "ACCESS-SECRET",
            "x_access_secret",
            "bridge_token",
            "SSN",
        ] {
            assert!(is_secret_field(name), "{name}");
        }
        for name in ["order_id", "status", "tokens_left", "secretary", "keyboard"] {
            assert!(!is_secret_field(name), "{name}");
        }
        for name in [
            "Authorization",
            "X_Access_Secret",
            "x-csrf-token",
            "Set-Cookie",
            "apikey",
            "token",
            "X-Session-Id",
            "X-Signature",
        ] {
            assert!(is_secret_header(name), "{name}");
        }
        for name in [
            "x-access-client-id",
            "x-request-id",
            "content-type",
            "x-webhook-sign",
        ] {
            assert!(!is_secret_header(name), "{name}");
        }
    }
}
