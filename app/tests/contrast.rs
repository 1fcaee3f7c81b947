//! Reads `style/tokens.css` and computes the contrast of every pair that stands on a page, in both schemes, as WCAG 2.2
//! defines it. A colour that is changed and no longer readable fails here, by name.

use std::collections::BTreeMap;

const TOKENS: &str = include_str!("../../style/tokens.css");

/// What text needs on its ground (1.4.3), and what the edge of a control needs beside it (1.4.11).
const TEXT: f64 = 4.5;
const EDGE: f64 = 3.0;

/// A token in light and in dark.
#[derive(Clone, Copy, Debug)]
struct Colour {
    light: [u8; 3],
    dark: [u8; 3],
}

/// Every `--name: light-dark(#rrggbb, #rrggbb);`. Shadows, which have an alpha, are not text and are left out.
fn colours() -> BTreeMap<String, Colour> {
    TOKENS
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--")?.split_once(": light-dark("))
        .filter_map(|(name, values)| {
            let (light, dark) = values.strip_suffix(");")?.split_once(", ")?;
            Some((
                name.to_owned(),
                Colour {
                    light: rgb(light)?,
                    dark: rgb(dark)?,
                },
            ))
        })
        .collect()
}

fn rgb(hex: &str) -> Option<[u8; 3]> {
    let digits = hex.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
    Some([part(0)?, part(2)?, part(4)?])
}

fn luminance(colour: [u8; 3]) -> f64 {
    let linear = |part: u8| {
        let value = f64::from(part) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Which colour stands on which, and what it needs.
fn pairs(colours: &BTreeMap<String, Colour>) -> Vec<(String, String, f64)> {
    let mut pairs = Vec::new();
    let mut pair =
        |front: &str, back: &str, least: f64| pairs.push((front.to_owned(), back.to_owned(), least));
    for ground in ["page", "surface", "sunken", "hover"] {
        for text in ["text", "text-soft", "text-faint", "accent", "accent-hover"] {
            pair(text, ground, TEXT);
        }
        pair("line-strong", ground, EDGE);
        pair("focus", ground, EDGE);
    }
    for text in ["text", "text-soft", "text-faint", "accent"] {
        pair(text, "accent-ground", TEXT);
    }
    for class in ["2xx", "3xx", "4xx", "5xx", "other"] {
        pair(&format!("chart-{class}"), "surface", EDGE);
        pair(&format!("chart-{class}"), "page", EDGE);
    }
    pair("on-accent", "accent", TEXT);
    pair("on-accent", "accent-hover", TEXT);
    pair("on-danger", "danger", TEXT);
    pair("on-danger", "danger-hover", TEXT);
    pair("danger", "surface", EDGE);
    for family in colours.keys().filter_map(|name| name.strip_suffix("-text")) {
        let (text, ground) = (format!("{family}-text"), format!("{family}-ground"));
        pair(&text, &ground, TEXT);
        // Notices carry the page's own text on these grounds, and row actions their colour on the page's.
        for other in ["page", "surface", "hover"] {
            pair(&text, other, TEXT);
        }
        pair("text", &ground, TEXT);
        pair("text-soft", &ground, TEXT);
    }
    pair("environment-prod-border", "surface", TEXT);
    pair("environment-prod-border", "environment-prod-ground", TEXT);
    pairs
}

#[test]
fn every_pair_of_colours_is_readable_in_light_and_dark() {
    let colours = colours();
    let mut wrong = Vec::new();
    let pairs = pairs(&colours);
    assert!(pairs.len() > 80, "the token file was not understood");
    for (front, back, least) in pairs {
        let of = |name: &str| *colours.get(name).unwrap_or_else(|| panic!("no token --{name}"));
        let (f, b) = (of(&front), of(&back));
        for (scheme, ratio) in [
            ("light", contrast(f.light, b.light)),
            ("dark", contrast(f.dark, b.dark)),
        ] {
            if ratio < least {
                wrong.push(format!(
                    "--{front} on --{back} in {scheme}: {ratio:.2}, needs {least}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_meaning_and_environment_has_text_ground_and_border() {
    let colours = colours();
    for family in [
        "tone-quiet",
        "tone-good",
        "tone-info",
        "tone-warn",
        "tone-bad",
        "tone-hold",
        "environment-sandbox",
        "environment-dev",
        "environment-prod",
    ] {
        for part in ["text", "ground", "border"] {
            assert!(
                colours.contains_key(&format!("{family}-{part}")),
                "--{family}-{part}"
            );
        }
    }
}

#[test]
fn contrast_agrees_with_the_definition() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
    assert!((contrast([0x77; 3], [255; 3]) - 4.48).abs() < 0.01);
}
