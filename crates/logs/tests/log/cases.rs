//! Entries designed to be slow, for the benchmark and the test that redaction takes linear time.

use logs::{Entry, Message};
use model::SecretText;

use crate::entries::{self, SECRET, message};

fn entry(path: String, presented: String, request: Message, response: Message) -> Entry {
    Entry {
        path,
        user_agent: Some("python-httpx/0.28.1".to_owned()),
        presented: vec![SecretText::new(presented)],
        request,
        response,
        ..entries::entry()
    }
}

/// Entries of about `size` bytes that are designed to be slow, each with its name.
pub(crate) fn hostile(size: usize) -> Vec<(&'static str, Entry)> {
    let repeat = |text: &str| text.repeat(size / text.len() + 1)[..size].to_owned();
    let mut base64 = "c2FuZGJveC0x".repeat(64);
    while base64.len() < size {
        base64 = encode(base64.as_bytes());
    }
    base64.truncate(size);
    let texts = [
        ("letters of the secret", repeat("a")),
        ("pieces of the secret", repeat(&SECRET[8..24])),
        ("percent signs of percent signs", format!("%{}", repeat("25"))),
        ("backslashes", repeat("\\\\")),
        ("open entities", repeat("&#12345")),
        ("names and signs", repeat("a=")),
        ("long names", repeat("aB1-aB1_aB1.aB1[aB1]aB1 aB1:")),
        ("labels", repeat("name:email ")),
        ("spaces before signs", repeat("          =")),
        ("base64 in base64", base64),
        ("hex in hex", repeat("33333333373333363337333633373336")),
        ("dashes", repeat("prod-e82c4f19d3a7b6e5f0c8d2a1b4e7f3a6d9c2b5e")),
        ("URLs in URLs", repeat("https://a@b?c=https%3A%2F%2F")),
        ("GraphQL", repeat("password:[String!]!,")),
        ("bearers", repeat("bearer a bearer-a ")),
        ("schemes and spaces", repeat("bearer\t \u{a0}")),
        ("secret values", repeat("a=1&password=hunter2a&")),
        ("secret words", repeat("password:password:")),
        ("secret quotes", repeat("password:\"a password:'a ")),
        ("open tags", repeat("<password <key>email")),
        ("closed tags", repeat("<name>a</name><a id='b'>")),
        ("lists of columns", repeat("a,b)=,c)=")),
        ("lists of values", repeat("(email) values (a)")),
        ("a sentence again and again", sentences(size)),
    ];
    texts
        .into_iter()
        .map(|(name, text)| (name, hostile_entry(&text)))
        .collect()
}

/// Several secret sentences with the same ending, followed by the beginning of such a sentence, repeated.
fn sentences(size: usize) -> String {
    let like = |number: usize| format!("{number:>02} {}", "a ".repeat(120));
    let secret: String = (0..24)
        .map(|number| format!("password=\"{}\" ", like(number)))
        .collect();
    let mut text = format!("{}{}", &secret[..secret.len().min(size / 2)], "a ".repeat(size));
    text.truncate(size);
    text
}

/// An entry with the text as its presented secret, path, headers and both bodies.
fn hostile_entry(text: &str) -> Entry {
    let plain: String = text.replace(['\\', '"'], "/");
    let in_json = text.replace('\\', "\\\\").replace('"', "\\\"");
    let piece = &plain[..plain.floor_char_boundary(4096)];
    let request = message(
        &[
            ("x-access-secret", &plain),
            ("content-type", "application/json"),
            ("cookie", piece),
            ("authorization", piece),
            ("x-a", piece),
            ("x-b", piece),
            ("x-c", piece),
            ("x-d", piece),
        ],
        format!("{{\"a\":\"{in_json}\"}}").as_bytes(),
    );
    let response = message(
        &[
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-a", piece),
        ],
        plain.as_bytes(),
    );
    entry(format!("/{plain}?{plain}"), plain.clone(), request, response)
}

fn encode(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let number = group
            .iter()
            .fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for shift in [18, 12, 6, 0] {
            out.push(char::from(LETTERS[(number >> shift) as usize & 63]));
        }
    }
    out
}

/// Number of bytes that redaction has to examine.
pub(crate) fn size(entry: &Entry) -> usize {
    let message = |message: &Message| {
        let headers: usize = message
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        headers
            + match &message.body {
                logs::CapturedBody::Bytes { first, .. } => first.len(),
                logs::CapturedBody::Absent { .. } => 0,
            }
    };
    entry.path.len() + message(&entry.request) + message(&entry.response)
}
