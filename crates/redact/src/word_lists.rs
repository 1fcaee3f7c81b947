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

const SECRET_WORDS: [&str; 82] = [
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "pw",
    "pass",
    "secret",
    "secrets",
    "token",
    "tokens",
    "credential",
    "credentials",
    "creds",
    "cred",
    "authorization",
    "authorisation",
    "authentication",
    "authenticate",
    "auth",
    "bearer",
    "jwt",
    "cookie",
    "cookies",
    "setcookie",
    "apikey",
    "apikeys",
    "privatekey",
    "accesskey",
    "secretkey",
    "sessionid",
    "sessid",
    "phpsessid",
    "jsessionid",
    "sid",
    "csrf",
    "xsrf",
    "dpop",
    "ssn",
    "ssns",
    "pan",
    "ein",
    "ccnum",
    "ccnumber",
    "pswd",
    "psw",
    "itin",
    "tin",
    "dob",
    "birthdate",
    "birthday",
    "birthdate_",
    "dateofbirth",
    "email",
    "emails",
    "phone",
    "phones",
    "telephone",
    "cellphone",
    "phonenumber",
    "cvc",
    "cvv",
    "csc",
    "pin",
    "otp",
    "totp",
    "hotp",
    "signature",
    "signatures",
    "sig",
    "hmac",
    "iban",
    "passport",
    "mnemonic",
    "accountnumber",
    "cardnumber",
    "routingnumber",
    "socialsecuritynumber",
    "taxid",
    "emailaddress",
    "creditcard",
];

/// Words that end with one of these are two words written as one: `userpassword`, `clientsecret`.
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

/// The same for words that begin with one of these: `passwordconfirmation`.
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

/// Two words that are secret together: one of the first list, followed by one of the second.
const PAIRS: [(&[&str], &[&str]); 15] = [
    (
        &[
            "api",
            "access",
            "secret",
            "private",
            "auth",
            "authentication",
            "encryption",
            "decryption",
            "signing",
            "master",
            "service",
            "account",
            "shared",
            "client",
            "license",
            "licence",
            "app",
            "application",
            "session",
            "admin",
            "root",
            "ssh",
            "pgp",
            "gpg",
            "subscription",
            "function",
            "functions",
            "storage",
            "consumer",
            "sentry",
            "deploy",
            "webhook",
            "security",
            "user",
            "host",
            "server",
            "integration",
            "sas",
            "recovery",
        ],
        &["key", "keys"],
    ),
    (
        &[
            "account",
            "acct",
            "cc",
            "card",
            "routing",
            "bank",
            "license",
            "licence",
            "security",
            "insurance",
            "national",
            "tax",
            "mobile",
            "contact",
            "cell",
            "fax",
            "id",
            "identity",
        ],
        &["number", "numbers", "no", "num", "nr", "digits"],
    ),
    (&["session", "tax", "taxpayer", "national", "government"], &["id"]),
    (
        &[
            "verification",
            "security",
            "access",
            "reset",
            "confirmation",
            "sms",
            "backup",
            "recovery",
            "mfa",
            "fa",
            "time",
            "login",
            "sort",
            "activation",
            "unlock",
        ],
        &["code", "codes"],
    ),
    (&["pass", "recovery", "seed"], &["word", "phrase"]),
    (&["e"], &["mail"]),
    (&["social"], &["security", "insurance"]),
    (&["of"], &["birth"]),
    (&["birth"], &["date"]),
    (&["driver", "drivers", "driving"], &["license", "licence"]),
    (&["credit", "debit", "payment", "bank"], &["card"]),
    (&["code", "oauth"], &["verifier"]),
    (&["security"], &["answer"]),
    (&["reset", "magic", "login"], &["link"]),
    // In responses of Gatehouse's own API: the body of an event, which is stored only in sealed form.
    (&["webhook"], &["payload"]),
];

const TRIPLES: [[&str; 3]; 3] = [["s", "s", "n"], ["p", "i", "n"], ["o", "t", "p"]];

/// What a word can be, as bits at a place that a few of its letters determine. This rules out nearly all words.
const LOOKS: [u8; PLACES] = {
    let mut looks = with_words([0; PLACES], &SECRET_WORDS, SECRET);
    let mut at = 0;
    while at < PAIRS.len() {
        looks = with_words(looks, PAIRS[at].0, FIRST);
        looks = with_words(looks, PAIRS[at].1, SECOND);
        at += 1;
    }
    at = 0;
    while at < TRIPLES.len() {
        looks = with_words(looks, &[TRIPLES[at][0]], THREE);
        at += 1;
    }
    looks
};

const PLACES: usize = 2048;
const SECRET: u8 = 1;
/// The first or second word of a pair.
const FIRST: u8 = 2;
const SECOND: u8 = 4;
/// The first word of three.
const THREE: u8 = 8;

const fn with_words(mut looks: [u8; PLACES], words: &[&str], like: u8) -> [u8; PLACES] {
    let mut at = 0;
    while at < words.len() {
        looks[place_of(words[at].as_bytes())] |= like;
        at += 1;
    }
    looks
}

/// The word must not be empty.
const fn place_of(word: &[u8]) -> usize {
    let length = word.len();
    let (first, middle, last) = (word[0], word[length / 2], word[length - 1]);
    (first as usize * 31 + middle as usize * 257 + last as usize * 1031 + length * 149) % PLACES
}

fn looks(word: &[u8]) -> u8 {
    if word.is_empty() { 0 } else { LOOKS[place_of(word)] }
}

/// How many words from this position on are a secret name, or 0. `word` gives the word at a position; words after the
/// last are empty.
pub(crate) fn secret_words<'a>(word: impl Fn(usize) -> &'a [u8], begin: usize) -> usize {
    let one = word(begin);
    let look = looks(one);
    if (look & SECRET != 0 && is_one_of(one, &SECRET_WORDS)) || is_glued(one) {
        1
    } else if look & FIRST != 0 && is_secret_pair(one, word(begin + 1)) {
        2
    } else if look & THREE != 0 && is_secret_triple([one, word(begin + 1), word(begin + 2)]) {
        3
    } else {
        0
    }
}

pub(crate) fn is_secret_word(word: &[u8]) -> bool {
    looks(word) & SECRET != 0 && is_one_of(word, &SECRET_WORDS)
}

fn is_secret_pair(one: &[u8], two: &[u8]) -> bool {
    let mut pairs = PAIRS.iter();
    looks(two) & SECOND != 0 && pairs.any(|(ones, twos)| is_one_of(two, twos) && is_one_of(one, ones))
}

fn is_secret_triple(words: [&[u8]; 3]) -> bool {
    TRIPLES.iter().any(|triple| words == triple.map(str::as_bytes))
}

fn is_one_of(word: &[u8], words: &[&str]) -> bool {
    words.iter().any(|other| word == other.as_bytes())
}

/// Whether these are two words written as one.
fn is_glued(word: &[u8]) -> bool {
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
    bits(ends).any(|at| word.ends_with(ENDS[at].as_bytes()))
        || bits(beginnings).any(|at| word.starts_with(BEGINNINGS[at].as_bytes()))
}

/// For each letter, which of the words have it as their first or last letter, and as their third or third last, as
/// bits.
const fn with_letter(words: &[&str], from_end: bool) -> [[u32; 256]; 2] {
    let mut table = [[0; 256]; 2];
    let mut at = 0;
    while at < words.len() {
        let word = words[at].as_bytes();
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

/// Words after a secret name that mean that the value only describes the secret: `email_count`,
/// `password_changed_at`.
const DESCRIPTIONS: [&str; 62] = [
    "count",
    "counts",
    "total",
    "totals",
    "left",
    "remaining",
    "used",
    "limit",
    "limits",
    "length",
    "size",
    "max",
    "min",
    "maximum",
    "minimum",
    "enabled",
    "disabled",
    "required",
    "optional",
    "verified",
    "unverified",
    "confirmed",
    "validated",
    "valid",
    "invalid",
    "exists",
    "present",
    "missing",
    "changed",
    "updated",
    "created",
    "issued",
    "sent",
    "expires",
    "expired",
    "expiry",
    "expiration",
    "at",
    "in",
    "on",
    "ttl",
    "age",
    "seconds",
    "days",
    "type",
    "kind",
    "status",
    "state",
    "version",
    "method",
    "scheme",
    "format",
    "policy",
    "strength",
    "attempts",
    "retries",
    "mode",
    "frequency",
    "algorithm",
    "alg",
    "provider",
    "rate",
];

/// Whether the words after a secret name say that the value only describes it.
pub(crate) fn is_description<'a>(mut rest: impl ExactSizeIterator<Item = &'a [u8]>) -> bool {
    rest.len() > 0 && rest.all(|word| is_one_of(word, &DESCRIPTIONS))
}

/// Header names, of HTTP and of proxies, that hold credentials, in lower case with dashes.
pub(crate) const CREDENTIAL_HEADERS: [&str; 11] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "cookie-2",
    "set-cookie",
    "set-cookie-2",
    "x-access-secret",
    "x-api-key",
    "x-amz-security-token",
    "dpop",
    "from",
];

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
