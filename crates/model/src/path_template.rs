//! The template of a path: what all requests of one endpoint have in common. `/v1/users/42/?page=2` has the template
//! `/v1/users/{id}/`. The store groups requests by it and the filter `endpoint` names it, so both ask here.

/// What stands for an id.
const ID: &str = "{id}";

/// Bytes of a template at most. A longer path has a template of its first parts that ends with [`REST`].
pub const LONGEST_TEMPLATE: usize = 256;

/// What stands for the rest of a long path.
const REST: &str = "/…";

/// No word of a path is longer than this, in bytes.
const LONGEST_WORD: usize = 64;

/// The template of a path. The template of a template is that template.
pub fn path_template(path: &str) -> String {
    let mut template = String::new();
    write_path_template(path, &mut template);
    template
}

/// Writes the template of a path in place of what `template` has, for callers with many paths.
pub fn write_path_template(path: &str, template: &mut String) {
    template.clear();
    let end = path.find(['?', '#']).unwrap_or(path.len());
    let mut parts = path[..end].split('/').peekable();
    let mut first = true;
    while let Some(part) = parts.next() {
        let part = if is_id(part) { ID } else { part };
        let separator = if std::mem::take(&mut first) { "" } else { "/" };
        let length = template.len() + separator.len() + part.len();
        // Only what is the last part may fill it up.
        let room = if parts.peek().is_some() {
            LONGEST_TEMPLATE - REST.len()
        } else {
            LONGEST_TEMPLATE
        };
        if length > room {
            template.push_str(REST);
            return;
        }
        template.push_str(separator);
        template.push_str(part);
    }
}

/// Whether a part of a path names one thing among many, and is no word of the API: a number, a UUID, a date, a long
/// hexadecimal number, a token with digits in it such as `01ARZ3NDEKTSV4RRFFQ69G5FAV`, with or without words before it
/// (`usr_8f3a21`), an e-mail address, or anything very long.
fn is_id(part: &str) -> bool {
    if part == ID {
        return false;
    }
    if part.len() > LONGEST_WORD {
        return true;
    }
    if part.find('@').is_some_and(|at| at > 0) {
        return true;
    }
    let digits = part.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 {
        return part.len() >= 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    if digits == part.len() {
        return true;
    }
    let is_separator = |byte: u8| b"-_.:,~".contains(&byte);
    if digits >= 8
        && part
            .bytes()
            .all(|byte| byte.is_ascii_digit() || is_separator(byte))
    {
        return true;
    }
    let mut pieces = part
        .split(|c: char| c.is_ascii() && is_separator(c as u8))
        .peekable();
    let mut first = true;
    while let Some(piece) = pieces.next() {
        // What follows a word (`usr_`, `order-`) may be shorter.
        let shortest = if pieces.peek().is_none() && !first { 4 } else { 8 };
        first = false;
        if is_token(piece.as_bytes(), shortest) {
            return true;
        }
    }
    false
}

/// Whether letters and digits are mixed as no word mixes them.
fn is_token(piece: &[u8], shortest: usize) -> bool {
    let shape = Shape::of(piece);
    if !shape.is_alphanumeric || shape.digits == 0 || is_version(piece) {
        return false;
    }
    let is_long = piece.len() >= shortest;
    // A word changes between letters and digits, or back to a capital, less often than at every fourth character.
    let is_mixed = shape.changes * 4 > piece.len();
    let is_short_hex =
        piece.len() >= 4 && shape.is_hex && shape.digits < piece.len() && !is_numbered_word(piece);
    is_short_hex
        || is_long
            && (is_mixed
                || shape.longest_number >= 4
                || piece.len() >= 8 && (shape.is_hex || !shape.has_lower_case)
                || piece.len() >= 24)
}

/// `face2`, `ed25519`: a word that happens to have only hexadecimal letters, and its number. Any other hexadecimal text with
/// a digit in it is taken for an id, `069f` as well as `9f06` and `f069`.
fn is_numbered_word(piece: &[u8]) -> bool {
    const WORDS: [&str; 27] = [
        "abc", "ac", "ace", "ad", "add", "bad", "bead", "bed", "beef", "cab", "cafe", "cd", "dad", "db",
        "dead", "dec", "decade", "deed", "ec", "ed", "face", "facade", "fade", "feb", "fed", "fee", "feed",
    ];
    const NAMES: [&str; 2] = ["b2b2c", "e164"];
    let letters = piece.iter().take_while(|byte| !byte.is_ascii_digit()).count();
    let (word, number) = piece.split_at(letters);
    let is_number = number.iter().all(u8::is_ascii_digit);
    let one_of =
        |known: &[&str], text: &[u8]| (known.iter()).any(|known| known.as_bytes().eq_ignore_ascii_case(text));
    one_of(&NAMES, piece) || is_number && one_of(&WORDS, word)
}

/// `v1`, `v2beta1`.
fn is_version(piece: &[u8]) -> bool {
    matches!(piece, [b'v' | b'V', b'0'..=b'9', ..])
        && piece.len() <= 10
        && !Shape::of(&piece[1..]).is_hex_with_letters_between()
}

/// What the characters of a piece are like.
struct Shape {
    is_alphanumeric: bool,
    is_hex: bool,
    has_lower_case: bool,
    digits: usize,
    /// The most digits in a row.
    longest_number: usize,
    /// How often a digit follows a letter, a letter follows a digit, or a capital follows a small letter.
    changes: usize,
}

impl Shape {
    fn of(piece: &[u8]) -> Self {
        let mut shape = Self {
            is_alphanumeric: true,
            is_hex: true,
            has_lower_case: false,
            digits: 0,
            longest_number: 0,
            changes: 0,
        };
        let (mut before, mut number) = (None::<u8>, 0);
        for byte in piece.iter().copied() {
            shape.is_alphanumeric &= byte.is_ascii_alphanumeric();
            shape.is_hex &= byte.is_ascii_hexdigit();
            shape.has_lower_case |= byte.is_ascii_lowercase();
            number = if byte.is_ascii_digit() { number + 1 } else { 0 };
            shape.digits += usize::from(number > 0);
            shape.longest_number = shape.longest_number.max(number);
            if let Some(before) = before {
                let digit_changes = before.is_ascii_digit() != byte.is_ascii_digit();
                let is_capital = before.is_ascii_lowercase() && byte.is_ascii_uppercase();
                shape.changes += usize::from(digit_changes || is_capital);
            }
            before = Some(byte);
        }
        shape
    }

    /// `1a2b3c` is no version, though it may follow a `v`.
    const fn is_hex_with_letters_between(&self) -> bool {
        self.is_hex && self.changes > 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_replaced_and_words_stay() {
        for (path, template) in [
            ("/", "/"),
            ("", ""),
            ("*", "*"),
            ("/v1/users", "/v1/users"),
            ("/v1/users/", "/v1/users/"),
            ("/v1/users/?page=2&id=17", "/v1/users/"),
            ("/v1/users#top", "/v1/users"),
            ("/v1/users/1", "/v1/users/{id}"),
            ("/v1/users/42/orders/7/", "/v1/users/{id}/orders/{id}/"),
            ("/v1/users/0f9c2f4e-11aa-4b0c-9d3e-2b1f0c9d8e7f", "/v1/users/{id}"),
            (
                "/v1/users/0F9C2F4E-11AA-4B0C-9D3E-2B1F0C9D8E7F/x",
                "/v1/users/{id}/x",
            ),
            ("/v1/users/0123456789abcdef0123456789abcdef", "/v1/users/{id}"),
            ("/v1/users/deadbeefdeadbeef", "/v1/users/{id}"),
            ("/v1/links/1f4a/report/", "/v1/links/{id}/report/"),
            ("/v1/users/9c20/", "/v1/users/{id}/"),
            ("/v1/links/069f/report/", "/v1/links/{id}/report/"),
            ("/v1/links/069F/report/", "/v1/links/{id}/report/"),
            ("/v1/links/f069/", "/v1/links/{id}/"),
            ("/v1/links/bcd7/", "/v1/links/{id}/"),
            ("/v1/links/00ab12", "/v1/links/{id}"),
            ("/v1/links/lnk_069f", "/v1/links/{id}"),
            ("/v1/orders/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/v1/orders/{id}"),
            ("/v1/orders/01arz3ndektsv4rrffq69g5fav", "/v1/orders/{id}"),
            ("/v1/orders/aB3dE5fG", "/v1/orders/{id}"),
            ("/v1/orders/abc12345", "/v1/orders/{id}"),
            ("/v1/orders/V1StGXR8_Z5jdHi6B-myT", "/v1/orders/{id}"),
            ("/v1/customers/cus_NffrFeUfNV2Hib", "/v1/customers/{id}"),
            ("/v1/users/usr_8f3a", "/v1/users/{id}"),
            ("/v1/users/usr_8f3a21bc77", "/v1/users/{id}"),
            ("/v1/users/user-1234", "/v1/users/{id}"),
            ("/v1/charges/ch_3MmlLrLkdIwHu7ix0snN0B15", "/v1/charges/{id}"),
            ("/v1/users/ana@example.com", "/v1/users/{id}"),
            ("/v1/reports/2024-01-31", "/v1/reports/{id}"),
            ("/v1/files/app.8f3a9c2d.js", "/v1/files/{id}"),
            // Words with digits, and versions.
            ("/v1/oauth2/token", "/v1/oauth2/token"),
            ("/v1/oauth2callback", "/v1/oauth2callback"),
            ("/v2.1/users", "/v2.1/users"),
            ("/v1beta1/models", "/v1beta1/models"),
            ("/v2alpha1/models", "/v2alpha1/models"),
            ("/api/v10/users", "/api/v10/users"),
            ("/1.1/statuses", "/1.1/statuses"),
            ("/v1/sha256sum", "/v1/sha256sum"),
            ("/v1/sha-256", "/v1/sha-256"),
            ("/v1/utf8tolatin1", "/v1/utf8tolatin1"),
            ("/v1/base64/encode", "/v1/base64/encode"),
            ("/v1/two-factor/2fa", "/v1/two-factor/2fa"),
            ("/v1/models/face2", "/v1/models/face2"),
            ("/v1/models/Face2/cafe12", "/v1/models/Face2/cafe12"),
            ("/v1/keys/ed25519", "/v1/keys/ed25519"),
            ("/v1/lookup/e164", "/v1/lookup/e164"),
            ("/v2/e2e/s3/ec2", "/v2/e2e/s3/ec2"),
            ("/v1/b2b2c/add/", "/v1/b2b2c/add/"),
            ("/twirp/Shop/GetOAuth2Token", "/twirp/Shop/GetOAuth2Token"),
            ("/v1/bridge-tokens/", "/v1/bridge-tokens/"),
            ("/v1/@me/facade", "/v1/@me/facade"),
            ("/v1/Größe/ünïcode-✓/7", "/v1/Größe/ünïcode-✓/{id}"),
            ("/v1/%41_b", "/v1/%41_b"),
            ("/a\n\u{2400}", "/a\n\u{2400}"),
            ("/v1/users/[redacted]/", "/v1/users/[redacted]/"),
            ("/v1/users/{id}", "/v1/users/{id}"),
            ("//a//1", "//a//{id}"),
        ] {
            assert_eq!(path_template(path), template, "{path}");
            assert_eq!(path_template(template), template, "{path}");
        }
    }

    #[test]
    fn a_template_is_short_whatever_the_path_is() {
        let long_word = format!("/v1/{}", "a".repeat(9_000));
        assert_eq!(path_template(&long_word), "/v1/{id}");
        for path in [
            "/a".repeat(4_096),
            "/".repeat(8_192),
            "/é✓".repeat(2_000),
            "/users/17".repeat(1_000),
            format!("{}/x", "/abcdefghi".repeat(25)),
            "é".repeat(4_000),
        ] {
            let template = path_template(&path);
            assert!(template.len() <= LONGEST_TEMPLATE, "{template}");
            assert_eq!(path_template(&template), template);
        }
        assert!(path_template(&"/abcdefg".repeat(100)).ends_with("/abcdefg/…"));
        let full = "/abcdefg".repeat(LONGEST_TEMPLATE / 8);
        assert_eq!(path_template(&full), full);
    }
}
