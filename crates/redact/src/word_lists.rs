//! The word lists that [`crate::names`] uses.

/// Sequences of words that look secret but are not.
pub(crate) const KEPT: [&[&str]; 32] = [
    &["token", "id"],
    &["email", "template"],
    &["page", "token"],
    &["next", "token"],
    &["previous", "token"],
    &["prev", "token"],
    &["continuation", "token"],
    &["pagination", "token"],
    &["cursor", "token"],
    &["prompt", "tokens"],
    &["completion", "tokens"],
    &["input", "tokens"],
    &["output", "tokens"],
    &["total", "tokens"],
    &["max", "tokens"],
    &["cached", "tokens"],
    &["reasoning", "tokens"],
    &["token", "endpoint"],
    &["authorization", "endpoint"],
    &["allow", "credentials"],
    &["with", "credentials"],
    &["publickey", "credentials"],
    &["idempotency", "key"],
    &["public", "key"],
    &["websocket", "key"],
    &["surrogate", "key"],
    &["cache", "key"],
    &["sort", "key"],
    &["partition", "key"],
    &["primary", "key"],
    &["proxy", "authenticate"],
    &["www", "authenticate"],
];

pub(crate) fn is_secret_word(word: &str) -> bool {
    matches!(
        word,
        "password"
            | "passwords"
            | "passwd"
            | "passphrase"
            | "passcode"
            | "pwd"
            | "pw"
            | "pass"
            | "secret"
            | "secrets"
            | "token"
            | "tokens"
            | "credential"
            | "credentials"
            | "creds"
            | "cred"
            | "authorization"
            | "authorisation"
            | "authentication"
            | "authenticate"
            | "auth"
            | "bearer"
            | "jwt"
            | "cookie"
            | "cookies"
            | "setcookie"
            | "apikey"
            | "apikeys"
            | "privatekey"
            | "accesskey"
            | "secretkey"
            | "sessionid"
            | "sessid"
            | "phpsessid"
            | "jsessionid"
            | "sid"
            | "csrf"
            | "xsrf"
            | "dpop"
            | "ssn"
            | "ssns"
            | "pan"
            | "ein"
            | "ccnum"
            | "ccnumber"
            | "pswd"
            | "psw"
            | "itin"
            | "tin"
            | "dob"
            | "birthdate"
            | "birthday"
            | "birthdate_"
            | "dateofbirth"
            | "email"
            | "emails"
            | "phone"
            | "phones"
            | "telephone"
            | "cellphone"
            | "phonenumber"
            | "cvc"
            | "cvv"
            | "csc"
            | "pin"
            | "otp"
            | "totp"
            | "hotp"
            | "signature"
            | "signatures"
            | "sig"
            | "hmac"
            | "iban"
            | "passport"
            | "mnemonic"
            | "accountnumber"
            | "cardnumber"
            | "routingnumber"
            | "socialsecuritynumber"
            | "taxid"
            | "emailaddress"
            | "creditcard"
    )
}

/// Two words written as one: `userpassword`, `clientsecret`, `passwordconfirmation`.
pub(crate) fn is_glued(word: &str) -> bool {
    const ENDS: [&str; 22] = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "accesskey",
        "privatekey",
        "secretkey",
        "authkey",
        "sessionid",
        "accountnumber",
        "cardnumber",
        "routingnumber",
        "phonenumber",
        "emailaddress",
        "email",
        "ssn",
        "taxid",
        "credentials",
        "cookie",
        "authorization",
    ];
    const BEGINNINGS: [&str; 8] = [
        "password",
        "passwd",
        "passphrase",
        "ssn",
        "otp",
        "apikey",
        "secretkey",
        "cvv",
    ];
    word.len() > 4
        && (ENDS.iter().any(|end| word.ends_with(end))
            || BEGINNINGS.iter().any(|beginning| word.starts_with(beginning)))
}

pub(crate) fn is_secret_pair(one: &str, two: &str) -> bool {
    match two {
        "key" | "keys" => matches!(
            one,
            "api"
                | "access"
                | "secret"
                | "private"
                | "auth"
                | "authentication"
                | "encryption"
                | "decryption"
                | "signing"
                | "master"
                | "service"
                | "account"
                | "shared"
                | "client"
                | "license"
                | "licence"
                | "app"
                | "application"
                | "session"
                | "admin"
                | "root"
                | "ssh"
                | "pgp"
                | "gpg"
                | "subscription"
                | "function"
                | "functions"
                | "storage"
                | "consumer"
                | "sentry"
                | "deploy"
                | "webhook"
                | "security"
                | "user"
                | "host"
                | "server"
                | "integration"
                | "sas"
                | "recovery"
        ),
        "number" | "numbers" | "no" | "num" | "nr" | "digits" => matches!(
            one,
            "account"
                | "acct"
                | "cc"
                | "card"
                | "routing"
                | "bank"
                | "license"
                | "licence"
                | "security"
                | "insurance"
                | "national"
                | "tax"
                | "mobile"
                | "contact"
                | "cell"
                | "fax"
                | "id"
                | "identity"
        ),
        "id" => matches!(one, "session" | "tax" | "taxpayer" | "national" | "government"),
        "code" | "codes" => matches!(
            one,
            "verification"
                | "security"
                | "access"
                | "reset"
                | "confirmation"
                | "sms"
                | "backup"
                | "recovery"
                | "mfa"
                | "fa"
                | "time"
                | "login"
                | "sort"
                | "activation"
                | "unlock"
        ),
        "word" | "phrase" => matches!(one, "pass" | "recovery" | "seed"),
        "mail" => one == "e",
        "security" | "insurance" => one == "social",
        "birth" => one == "of",
        "date" => one == "birth",
        "license" | "licence" => matches!(one, "driver" | "drivers" | "driving"),
        "card" => matches!(one, "credit" | "debit" | "payment" | "bank"),
        "verifier" => matches!(one, "code" | "oauth"),
        "answer" => one == "security",
        "link" => matches!(one, "reset" | "magic" | "login"),
        // In responses of Gatehouse's own API: the body of an event, which is stored only in sealed form.
        "payload" => one == "webhook",
        _ => false,
    }
}

pub(crate) fn is_secret_triple(one: &str, two: &str, three: &str) -> bool {
    matches!(
        (one, two, three),
        ("s", "s", "n") | ("p", "i", "n") | ("o", "t", "p")
    )
}

/// Whether the words after a secret name mean that the value only describes the secret: `email_count`,
/// `password_changed_at`.
pub(crate) fn is_description(rest: &[String]) -> bool {
    !rest.is_empty()
        && rest.iter().all(|word| {
            matches!(
                word.as_str(),
                "count"
                    | "counts"
                    | "total"
                    | "totals"
                    | "left"
                    | "remaining"
                    | "used"
                    | "limit"
                    | "limits"
                    | "length"
                    | "size"
                    | "max"
                    | "min"
                    | "maximum"
                    | "minimum"
                    | "enabled"
                    | "disabled"
                    | "required"
                    | "optional"
                    | "verified"
                    | "unverified"
                    | "confirmed"
                    | "validated"
                    | "valid"
                    | "invalid"
                    | "exists"
                    | "present"
                    | "missing"
                    | "changed"
                    | "updated"
                    | "created"
                    | "issued"
                    | "sent"
                    | "expires"
                    | "expired"
                    | "expiry"
                    | "expiration"
                    | "at"
                    | "in"
                    | "on"
                    | "ttl"
                    | "age"
                    | "seconds"
                    | "days"
                    | "type"
                    | "kind"
                    | "status"
                    | "state"
                    | "version"
                    | "method"
                    | "scheme"
                    | "format"
                    | "policy"
                    | "strength"
                    | "attempts"
                    | "retries"
                    | "mode"
                    | "frequency"
                    | "algorithm"
                    | "alg"
                    | "provider"
                    | "rate"
            )
        })
}

/// Header names, of HTTP and of proxies, that hold credentials. `spelt` is in lower case with dashes.
pub(crate) fn is_credential_header(spelt: &str) -> bool {
    matches!(
        spelt,
        "authorization"
            | "proxy-authorization"
            | "cookie"
            | "cookie-2"
            | "set-cookie"
            | "set-cookie-2"
            | "x-access-secret"
            | "x-api-key"
            | "x-amz-security-token"
            | "dpop"
            | "from"
    )
}

/// Headers that nearly every request or response has. Their names are skipped for speed.
pub(crate) fn is_ordinary_header(name: &str) -> bool {
    matches!(
        name,
        "accept"
            | "accept-encoding"
            | "accept-language"
            | "accept-ranges"
            | "age"
            | "allow"
            | "cache-control"
            | "connection"
            | "content-encoding"
            | "content-language"
            | "content-length"
            | "content-type"
            | "date"
            | "etag"
            | "expires"
            | "host"
            | "if-none-match"
            | "last-modified"
            | "location"
            | "origin"
            | "pragma"
            | "referer"
            | "sec-ch-ua-mobile"
            | "server"
            | "strict-transport-security"
            | "te"
            | "transfer-encoding"
            | "upgrade"
            | "user-agent"
            | "vary"
            | "via"
            | "x-access-client-id"
            | "x-content-type-options"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "x-frame-options"
            | "x-powered-by"
            | "x-real-ip"
            | "x-request-id"
    )
}
