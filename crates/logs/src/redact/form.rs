//! Names and values joined by `&` and `=`: form bodies, query strings, and the addresses they stand in.

use percent_encoding::percent_decode_str;

use super::REDACTED;
use super::names::is_secret_field;
use vault::Presented;

/// A path with query, or a whole URL, without secret parameters and without the presented secret, however it is
/// percent-encoded.
pub(super) fn redact_address(address: &str, presented: &Presented) -> String {
    let (rest, fragment) = match address.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (address, None),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let mut out = presented.cut_out(path).0;
    for (sign, part) in [('?', query), ('#', fragment)] {
        if let Some(part) = part {
            out.push(sign);
            out.push_str(&redact_pairs(part, presented).0);
        }
    }
    out
}

/// A form body or query string, and how many values were taken out.
pub(super) fn redact_pairs(text: &str, presented: &Presented) -> (String, u32) {
    let mut redactions = 0;
    let pairs = text.split('&').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !value.is_empty() && is_secret_field(&decode(name)) {
            redactions += 1;
            return format!("{}={REDACTED}", presented.cut_out(name).0);
        }
        let (clean, found) = presented.cut_out(pair);
        redactions += found;
        clean
    });
    let text = pairs.collect::<Vec<_>>().join("&");
    (text, redactions)
}

/// Percent-decoded until nothing changes (three times at most: encoders wrap each other), `+` as a space.
fn decode(text: &str) -> String {
    let mut text = text.replace('+', " ");
    for _ in 0..3 {
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if decoded == text {
            break;
        }
        text = decoded;
    }
    text
}

#[cfg(test)]
mod tests {
    use model::SecretText;

    use super::*;

    const SECRET: &str = "prod-e82c4f19d3a7b6e5f0c8d2a1b4e7f3a6d9c2b5e8";

    fn presented() -> Presented {
        Presented::new(&[SecretText::new(SECRET)])
    }

    #[test]
    fn secret_parameters_go_and_the_rest_stays() {
        let address = "/v1/orders/?page=2&access_token=abc&pass%77ord=x&q=a+b&empty=";
        let expected = "/v1/orders/?page=2&access_token=[redacted]&pass%77ord=[redacted]&q=a+b&empty=";
        assert_eq!(redact_address(address, &presented()), expected);
    }

    #[test]
    fn the_presented_secret_goes_from_the_path_plain_or_encoded() {
        let digits = &SECRET[5..];
        let once: String = digits.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let twice = once.replace('%', "%25");
        assert_eq!(
            redact_address(&format!("/a/{SECRET}/b"), &presented()),
            "/a/[redacted]/b"
        );
        assert_eq!(
            redact_address(&format!("/a/x{digits}y/b"), &presented()),
            "/a/x[redacted]y/b"
        );
        assert_eq!(
            redact_address(&format!("/a/{once}/b"), &presented()),
            "/a/[redacted]/b"
        );
        assert_eq!(
            redact_address(&format!("/a/?n={twice}"), &presented()),
            "/a/?n=[redacted]"
        );
        assert_eq!(
            redact_address(&format!("/a/?{once}=1"), &presented()),
            "/a/?[redacted]=1"
        );
        assert_eq!(
            redact_address(&format!("https://u.example/#{SECRET}"), &presented()),
            "https://u.example/#[redacted]"
        );
    }

    #[test]
    fn a_form_keeps_its_order_and_says_how_much_was_taken() {
        let (text, redactions) = redact_pairs("name=Ana&password=hunter2&note=x&ssn=123", &presented());
        assert_eq!(
            (text.as_str(), redactions),
            ("name=Ana&password=[redacted]&note=x&ssn=[redacted]", 2)
        );
    }
}
