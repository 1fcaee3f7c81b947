//! The forms in which a secret could be written down, and the search for them.

/// The forms in which a secret could appear.
pub(crate) fn needles(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let digits = secret.strip_prefix("sandbox-").expect("a sandbox key");
    let bytes: Vec<u8> = (0..20)
        .map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).expect("hex"))
        .collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    vec![
        ("the whole", secret.as_bytes().to_vec()),
        ("its digits", digits.as_bytes().to_vec()),
        ("its upper half", digits.as_bytes()[..20].to_vec()),
        ("its lower half", digits.as_bytes()[20..].to_vec()),
        ("its digits in capitals", digits.to_uppercase().into_bytes()),
        ("its bytes", bytes.clone()),
        ("half of its bytes", bytes[10..].to_vec()),
        ("hex of the text", hex.into_bytes()),
        ("base64 of the text", base64(secret.as_bytes()).into_bytes()),
        ("base64 of its bytes", base64(&bytes[..18]).into_bytes()),
    ]
}

/// The forms in which a webhook's own secret could appear. Its text is base64 of its bytes.
pub(crate) fn own_needles(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let digits = secret.strip_prefix("whsec_").expect("a webhook's own secret");
    let bytes = from_base64(digits);
    assert_eq!(bytes.len(), 32);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        ("a webhook's own, whole", secret.as_bytes().to_vec()),
        ("a webhook's own, its digits", digits.as_bytes().to_vec()),
        (
            "a webhook's own, its upper half",
            digits.as_bytes()[..20].to_vec(),
        ),
        (
            "a webhook's own, its lower half",
            digits.as_bytes()[20..40].to_vec(),
        ),
        ("a webhook's own, its bytes", bytes[..16].to_vec()),
        ("a webhook's own, half of its bytes", bytes[16..].to_vec()),
        ("a webhook's own, in hex", hex.into_bytes()),
        (
            "a webhook's own, base64 of the text",
            base64(secret.as_bytes()).into_bytes(),
        ),
    ]
}

fn from_base64(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .bytes()
        .filter_map(|byte| BASE64.iter().position(|digit| *digit == byte))
        .map(|at| u32::try_from(at).expect("below 64"))
        .collect();
    let group = |digits: &[u32]| {
        let bits = digits
            .iter()
            .enumerate()
            .fold(0, |bits, (at, digit)| bits | digit << (18 - 6 * at));
        bits.to_be_bytes()[1..digits.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Omits the last group if it is incomplete.
fn base64(bytes: &[u8]) -> String {
    let digits = bytes.chunks_exact(3).flat_map(|group| {
        let group = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        [18, 12, 6, 0].map(|shift| char::from(BASE64[(group >> shift & 63) as usize]))
    });
    digits.collect()
}

pub(crate) fn holds(content: &[u8], needle: &[u8]) -> bool {
    content.windows(needle.len()).any(|window| window == needle)
}
