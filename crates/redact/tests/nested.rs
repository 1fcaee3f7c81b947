//! Hides secrets inside randomly nested encodings, made by a seeded generator, and checks that none survives
//! redaction.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use redact::{Names, Needles, Search};

/// A small generator with a fixed seed, so that a failure can be reproduced.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| char::from_digit((self.next() % 16) as u32, 16).unwrap_or('0'))
            .collect()
    }

    fn words(&mut self) -> String {
        const WORDS: [&str; 10] = [
            "order", "status", "Zoë", "2026", "a-b", "done", "x", "total", "Ulm", "~",
        ];
        (0..self.below(6))
            .map(|_| WORDS[self.below(WORDS.len())])
            .collect::<Vec<_>>()
            .join(" ")
    }
}

const ENCODINGS: usize = 10;

/// Adds one more layer around the text.
fn wrap(text: &str, random: &mut Random) -> (String, &'static str) {
    let (before, after) = (random.words(), random.words());
    match random.below(ENCODINGS) {
        0 => (STANDARD.encode(format!("{before}{text}{after}")), "base64"),
        1 => (
            URL_SAFE_NO_PAD.encode(format!("{before}{text}{after}")),
            "base64url",
        ),
        2 => (
            text.bytes().map(|byte| format!("%{byte:02X}")).collect(),
            "percent",
        ),
        3 => (
            text.replace('%', "%25")
                .replace('"', "%22")
                .replace('=', "%3D")
                .replace('&', "%26"),
            "percent, a little",
        ),
        4 => (
            text.chars()
                .map(|c| {
                    if u32::from(c) < 0x10000 {
                        format!("\\u{:04x}", u32::from(c))
                    } else {
                        c.to_string()
                    }
                })
                .collect(),
            "unicode",
        ),
        5 => (
            format!("{before}{}", text.replace('\\', "\\\\").replace('"', "\\\"")),
            "escaped",
        ),
        6 => (
            text.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
            "entities",
        ),
        7 => (format!("https://a.example/{}?q={text}", random.below(9)), "URL"),
        8 => (
            format!(
                "{{\"note\":\"{}\"}}",
                text.replace('\\', "\\\\").replace('"', "\\\"")
            ),
            "JSON",
        ),
        _ => (text.bytes().map(|byte| format!("{byte:02x}")).collect(), "hex"),
    }
}

/// Fails if the middle half of any of these layers can be read in `out`.
fn assert_gone(out: &str, innermost: &[String], trace: &[&str], seed: u64) {
    for layer in innermost {
        let middle: String = layer
            .chars()
            .skip(layer.chars().count() / 4)
            .take(layer.chars().count() / 2)
            .collect();
        assert!(
            !out.contains(&middle),
            "seed {seed}, {trace:?}: {} characters of the secret remain",
            middle.len()
        );
    }
}

#[test]
fn no_access_secret_survives_random_nesting() {
    let names = Names::default();
    for seed in 1..=3000_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let secret = format!(
            "{}-{}",
            ["sandbox", "dev", "prod"][random.below(3)],
            random.digits(40)
        );
        let mut needles = Needles::default();
        if random.below(2) == 0 {
            needles.add(secret.as_bytes());
        }
        let mut layers = vec![secret];
        let mut trace = Vec::new();
        for _ in 0..random.below(5) {
            let (next, name) = wrap(&layers[layers.len() - 1], &mut random);
            if next.len() > 12_000 {
                break;
            }
            trace.push(name);
            layers.push(next);
        }
        let text = format!(
            "{} {} {}",
            random.words(),
            layers[layers.len() - 1],
            random.words()
        );
        let (out, count) = Search::new(&names, &needles).text(&text, false);
        assert!(count > 0, "seed {seed}, {trace:?}: nothing was found");
        assert_gone(&out, &layers, &trace, seed);
        // The same text as a JSON value, as a form value and as a header.
        let search = Search::new(&names, &needles);
        let json = format!(
            "{{\"a\":1,\"b\":\"{}\"}}",
            text.replace('\\', "\\\\").replace('"', "\\\"")
        );
        assert_gone(
            &search.json(&json, false).expect("it is JSON"),
            &layers,
            &trace,
            seed,
        );
        assert_gone(&search.header("x-debug", &text).value, &layers, &trace, seed);
        assert_gone(
            &search.address(&format!("/a/{text}?b={text}"), false),
            &layers,
            &trace,
            seed,
        );
    }
}

#[test]
fn no_value_of_a_secret_name_survives_random_nesting() {
    const SECRET_NAMES: [&str; 8] = [
        "password",
        "applicant_ssn",
        "contactEmail",
        "otp_code",
        "bank-account-number",
        "api_key",
        "clientSecret",
        "ssn_last4",
    ];
    let names = Names::default();
    for seed in 1..=3000_u64 {
        let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1);
        let name = SECRET_NAMES[random.below(SECRET_NAMES.len())];
        let value = format!("Hunter{}x", random.digits(6));
        let pair = match random.below(5) {
            0 => format!("{{\"a\":1,\"{name}\":\"{value}\"}}"),
            1 => format!("a=1&{name}={value}&b=2"),
            2 => format!("mutation {{ login({name}: \"{value}\") {{ id }} }}"),
            3 => format!("{{\"value\":\"{value}\",\"name\":\"{name}\"}}"),
            _ => format!("a: 1\n{name}: {value}"),
        };
        let mut layers = vec![pair];
        let mut trace = Vec::new();
        for _ in 0..random.below(4) {
            let (next, layer) = wrap(&layers[layers.len() - 1], &mut random);
            if next.len() > 12_000 {
                break;
            }
            trace.push(layer);
            layers.push(next);
        }
        let text = &layers[layers.len() - 1];
        let (out, _) = Search::new(&names, &Needles::default()).text(text, false);
        assert!(!out.contains(&value[..10]), "seed {seed}, {trace:?}: {out}");
        for encoded in [
            STANDARD.encode(&value),
            value.bytes().map(|byte| format!("%{byte:02X}")).collect(),
            value.bytes().map(|byte| format!("{byte:02x}")).collect(),
        ] {
            assert!(
                !out.contains(&encoded),
                "seed {seed}, {trace:?}: {encoded} in {out}"
            );
        }
    }
}

#[test]
fn no_text_makes_the_search_panic() {
    const PIECES: [&str; 24] = [
        "%",
        "\\",
        "\\u",
        "00",
        "&#",
        ";",
        "=",
        ":",
        "\"",
        "{",
        "}",
        "password",
        "Bearer ",
        "://",
        "@",
        "é",
        "✓",
        "-",
        "prod-",
        "abcdefghijklmnop",
        "\n",
        " ",
        "?",
        "&",
    ];
    let names = Names::default();
    let mut needles = Needles::default();
    needles.add("prod-é✓abcdefghijklmnop".as_bytes());
    for seed in 1..=3000_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let text: String = (0..random.below(60))
            .map(|_| PIECES[random.below(PIECES.len())])
            .collect();
        let search = Search::new(&names, &needles);
        let cut_off = random.below(2) == 0;
        search.text(&text, cut_off);
        search.address(&text, cut_off);
        search.json(&text, cut_off);
        search.json(&format!("{{\"a\":\"{text}"), true);
        search.header(&text, &text);
    }
}
