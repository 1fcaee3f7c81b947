//! The word lists that [`crate::names`] uses.

/// Sequences of words that look secret but are not.
pub(crate) const KEPT: [&[&[u8]]; 32] = [
    &[b"token", b"id"],
    &[b"email", b"template"],
    &[b"page", b"token"],
    &[b"next", b"token"],
    &[b"previous", b"token"],
    &[b"prev", b"token"],
    &[b"continuation", b"token"],
    &[b"pagination", b"token"],
    &[b"cursor", b"token"],
    &[b"prompt", b"tokens"],
    &[b"completion", b"tokens"],
    &[b"input", b"tokens"],
    &[b"output", b"tokens"],
    &[b"total", b"tokens"],
    &[b"max", b"tokens"],
    &[b"cached", b"tokens"],
    &[b"reasoning", b"tokens"],
    &[b"token", b"endpoint"],
    &[b"authorization", b"endpoint"],
    &[b"allow", b"credentials"],
    &[b"with", b"credentials"],
    &[b"publickey", b"credentials"],
    &[b"idempotency", b"key"],
    &[b"public", b"key"],
    &[b"websocket", b"key"],
    &[b"surrogate", b"key"],
    &[b"cache", b"key"],
    &[b"sort", b"key"],
    &[b"partition", b"key"],
    &[b"primary", b"key"],
    &[b"proxy", b"authenticate"],
    &[b"www", b"authenticate"],
];

pub(crate) fn is_secret_word(word: &[u8]) -> bool {
    matches!(
        word,
        b"password"
            | b"passwords"
            | b"passwd"
            | b"passphrase"
            | b"passcode"
            | b"pwd"
            | b"pw"
            | b"pass"
            | b"secret"
            | b"secrets"
            | b"token"
            | b"tokens"
            | b"credential"
            | b"credentials"
            | b"creds"
            | b"cred"
            | b"authorization"
            | b"authorisation"
            | b"authentication"
            | b"authenticate"
            | b"auth"
            | b"bearer"
            | b"jwt"
            | b"cookie"
            | b"cookies"
            | b"setcookie"
            | b"apikey"
            | b"apikeys"
            | b"privatekey"
            | b"accesskey"
            | b"secretkey"
            | b"sessionid"
            | b"sessid"
            | b"phpsessid"
            | b"jsessionid"
            | b"sid"
            | b"csrf"
            | b"xsrf"
            | b"dpop"
            | b"ssn"
            | b"ssns"
            | b"pan"
            | b"ein"
            | b"ccnum"
            | b"ccnumber"
            | b"pswd"
            | b"psw"
            | b"itin"
            | b"tin"
            | b"dob"
            | b"birthdate"
            | b"birthday"
            | b"birthdate_"
            | b"dateofbirth"
            | b"email"
            | b"emails"
            | b"phone"
            | b"phones"
            | b"telephone"
            | b"cellphone"
            | b"phonenumber"
            | b"cvc"
            | b"cvv"
            | b"csc"
            | b"pin"
            | b"otp"
            | b"totp"
            | b"hotp"
            | b"signature"
            | b"signatures"
            | b"sig"
            | b"hmac"
            | b"iban"
            | b"passport"
            | b"mnemonic"
            | b"accountnumber"
            | b"cardnumber"
            | b"routingnumber"
            | b"socialsecuritynumber"
            | b"taxid"
            | b"emailaddress"
            | b"creditcard"
    )
}

/// Two words written as one: `userpassword`, `clientsecret`, `passwordconfirmation`.
pub(crate) fn is_glued(word: &[u8]) -> bool {
    const ENDS: [&[u8]; 22] = [
        b"password",
        b"passwd",
        b"passphrase",
        b"secret",
        b"token",
        b"apikey",
        b"accesskey",
        b"privatekey",
        b"secretkey",
        b"authkey",
        b"sessionid",
        b"accountnumber",
        b"cardnumber",
        b"routingnumber",
        b"phonenumber",
        b"emailaddress",
        b"email",
        b"ssn",
        b"taxid",
        b"credentials",
        b"cookie",
        b"authorization",
    ];
    const BEGINNINGS: [&[u8]; 8] = [
        b"password",
        b"passwd",
        b"passphrase",
        b"ssn",
        b"otp",
        b"apikey",
        b"secretkey",
        b"cvv",
    ];
    // Two letters rule out nearly all words.
    const BY_END: [[u32; 256]; 2] = with_letter(&ENDS, true);
    const BY_BEGINNING: [[u32; 256]; 2] = with_letter(&BEGINNINGS, false);
    if word.len() <= 4 {
        return false;
    }
    let (last, third_last) = (word[word.len() - 1], word[word.len() - 3]);
    let (first, third) = (word[0], word[2]);
    let ends = BY_END[0][usize::from(last)] & BY_END[1][usize::from(third_last)];
    let beginnings = BY_BEGINNING[0][usize::from(first)] & BY_BEGINNING[1][usize::from(third)];
    bits(ends).any(|at| word.ends_with(ENDS[at]))
        || bits(beginnings).any(|at| word.starts_with(BEGINNINGS[at]))
}

/// For each letter, which of the words have it as their first or last letter, and as their third or third last, as
/// bits.
const fn with_letter(words: &[&[u8]], from_end: bool) -> [[u32; 256]; 2] {
    let mut table = [[0; 256]; 2];
    let mut at = 0;
    while at < words.len() {
        let word = words[at];
        let (one, three) = if from_end {
            (word[word.len() - 1], word[word.len() - 3])
        } else {
            (word[0], word[2])
        };
        table[0][one as usize] |= 1 << at;
        table[1][three as usize] |= 1 << at;
        at += 1;
    }
    table
}

/// The positions of the bits that are set.
fn bits(mut set: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (at < 32).then_some(at as usize)
    })
}

pub(crate) fn is_secret_pair(one: &[u8], two: &[u8]) -> bool {
    match two {
        b"key" | b"keys" => matches!(
            one,
            b"api"
                | b"access"
                | b"secret"
                | b"private"
                | b"auth"
                | b"authentication"
                | b"encryption"
                | b"decryption"
                | b"signing"
                | b"master"
                | b"service"
                | b"account"
                | b"shared"
                | b"client"
                | b"license"
                | b"licence"
                | b"app"
                | b"application"
                | b"session"
                | b"admin"
                | b"root"
                | b"ssh"
                | b"pgp"
                | b"gpg"
                | b"subscription"
                | b"function"
                | b"functions"
                | b"storage"
                | b"consumer"
                | b"sentry"
                | b"deploy"
                | b"webhook"
                | b"security"
                | b"user"
                | b"host"
                | b"server"
                | b"integration"
                | b"sas"
                | b"recovery"
        ),
        b"number" | b"numbers" | b"no" | b"num" | b"nr" | b"digits" => matches!(
            one,
            b"account"
                | b"acct"
                | b"cc"
                | b"card"
                | b"routing"
                | b"bank"
                | b"license"
                | b"licence"
                | b"security"
                | b"insurance"
                | b"national"
                | b"tax"
                | b"mobile"
                | b"contact"
                | b"cell"
                | b"fax"
                | b"id"
                | b"identity"
        ),
        b"id" => matches!(
            one,
            b"session" | b"tax" | b"taxpayer" | b"national" | b"government"
        ),
        b"code" | b"codes" => matches!(
            one,
            b"verification"
                | b"security"
                | b"access"
                | b"reset"
                | b"confirmation"
                | b"sms"
                | b"backup"
                | b"recovery"
                | b"mfa"
                | b"fa"
                | b"time"
                | b"login"
                | b"sort"
                | b"activation"
                | b"unlock"
        ),
        b"word" | b"phrase" => matches!(one, b"pass" | b"recovery" | b"seed"),
        b"mail" => one == b"e",
        b"security" | b"insurance" => one == b"social",
        b"birth" => one == b"of",
        b"date" => one == b"birth",
        b"license" | b"licence" => matches!(one, b"driver" | b"drivers" | b"driving"),
        b"card" => matches!(one, b"credit" | b"debit" | b"payment" | b"bank"),
        b"verifier" => matches!(one, b"code" | b"oauth"),
        b"answer" => one == b"security",
        b"link" => matches!(one, b"reset" | b"magic" | b"login"),
        // In responses of Gatehouse's own API: the body of an event, which is stored only in sealed form.
        b"payload" => one == b"webhook",
        _ => false,
    }
}

pub(crate) fn is_secret_triple(one: &[u8], two: &[u8], three: &[u8]) -> bool {
    matches!(
        (one, two, three),
        (b"s", b"s", b"n") | (b"p", b"i", b"n") | (b"o", b"t", b"p")
    )
}

/// Whether the words after a secret name mean that the value only describes the secret: `email_count`,
/// `password_changed_at`.
pub(crate) fn is_description<'a>(mut rest: impl ExactSizeIterator<Item = &'a [u8]>) -> bool {
    rest.len() > 0
        && rest.all(|word| {
            matches!(
                word,
                b"count"
                    | b"counts"
                    | b"total"
                    | b"totals"
                    | b"left"
                    | b"remaining"
                    | b"used"
                    | b"limit"
                    | b"limits"
                    | b"length"
                    | b"size"
                    | b"max"
                    | b"min"
                    | b"maximum"
                    | b"minimum"
                    | b"enabled"
                    | b"disabled"
                    | b"required"
                    | b"optional"
                    | b"verified"
                    | b"unverified"
                    | b"confirmed"
                    | b"validated"
                    | b"valid"
                    | b"invalid"
                    | b"exists"
                    | b"present"
                    | b"missing"
                    | b"changed"
                    | b"updated"
                    | b"created"
                    | b"issued"
                    | b"sent"
                    | b"expires"
                    | b"expired"
                    | b"expiry"
                    | b"expiration"
                    | b"at"
                    | b"in"
                    | b"on"
                    | b"ttl"
                    | b"age"
                    | b"seconds"
                    | b"days"
                    | b"type"
                    | b"kind"
                    | b"status"
                    | b"state"
                    | b"version"
                    | b"method"
                    | b"scheme"
                    | b"format"
                    | b"policy"
                    | b"strength"
                    | b"attempts"
                    | b"retries"
                    | b"mode"
                    | b"frequency"
                    | b"algorithm"
                    | b"alg"
                    | b"provider"
                    | b"rate"
            )
        })
}

/// Header names, of HTTP and of proxies, that hold credentials, in lower case with dashes.
pub(crate) const CREDENTIAL_HEADERS: [&[u8]; 11] = [
    b"authorization",
    b"proxy-authorization",
    b"cookie",
    b"cookie-2",
    b"set-cookie",
    b"set-cookie-2",
    b"x-access-secret",
    b"x-api-key",
    b"x-amz-security-token",
    b"dpop",
    b"from",
];

/// Headers that nearly every request or response has. Their names are skipped for speed.
pub(crate) fn is_ordinary_header(name: &[u8]) -> bool {
    matches!(
        name,
        b"accept"
            | b"accept-encoding"
            | b"accept-language"
            | b"accept-ranges"
            | b"age"
            | b"allow"
            | b"cache-control"
            | b"connection"
            | b"content-encoding"
            | b"content-language"
            | b"content-length"
            | b"content-type"
            | b"date"
            | b"etag"
            | b"expires"
            | b"host"
            | b"if-none-match"
            | b"last-modified"
            | b"location"
            | b"origin"
            | b"pragma"
            | b"referer"
            | b"sec-ch-ua-mobile"
            | b"server"
            | b"strict-transport-security"
            | b"te"
            | b"transfer-encoding"
            | b"upgrade"
            | b"user-agent"
            | b"vary"
            | b"via"
            | b"x-access-client-id"
            | b"x-content-type-options"
            | b"x-forwarded-for"
            | b"x-forwarded-host"
            | b"x-forwarded-proto"
            | b"x-frame-options"
            | b"x-powered-by"
            | b"x-real-ip"
            | b"x-request-id"
    )
}
