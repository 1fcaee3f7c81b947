//! Measures what one segment costs: time for a row to append, encode and decode, and bytes for a row by section.
//!
//! `cargo run --release -p segments --example bench_segment`

use std::time::Instant;

use logs::{KeyTrace, Place, StoredEntry};
use model::{
    Body, BodyAbsence, ClientId, CompanyId, Environment, HeaderField, KeyId, Recorded, RequestId, Timestamp,
    Verdict,
};
use segments::{Column, Day, Dictionary, Encoded, Field, Head, Open, ROWS, SegmentId, Values, delta};

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.next() % sides
    }

    /// Exponential, with this mean.
    fn waiting(&mut self, mean: f64) -> u64 {
        let uniform = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        (-(1.0 - uniform).ln() * mean) as u64
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}

#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    companies: u64,
    brands: u64,
    keys: u64,
    paths: u64,
    hex_paths: bool,
    /// One in this number of rows has headers and bodies; 0 is none.
    messages: u64,
}

fn id(kind: u8, number: u64) -> [u8; 16] {
    let mut dice = Dice(number << 8 | u64::from(kind));
    dice.bytes()
}

fn entry(dice: &mut Dice, shape: Shape, at: &mut i64) -> StoredEntry {
    *at += dice.waiting(260.0) as i64;
    let company = dice.roll(shape.companies);
    let brand = dice.roll(shape.brands + 1);
    let place = Place {
        root: CompanyId::from_random(id(1, company)),
        company: CompanyId::from_random(id(2, company * 100 + brand)),
        client_id: ClientId::from_random(id(3, company * 100 + brand)),
        brand: (brand > 0).then(|| format!("Brand {brand}")),
    };
    let key = company * 100 + dice.roll(shape.keys);
    let path = dice.roll(shape.paths);
    let status = [200, 200, 200, 200, 200, 200, 201, 204, 400, 404][dice.roll(10) as usize];
    let status = if dice.roll(200) == 0 { 503 } else { status };
    let own = shape.messages > 0 && dice.roll(shape.messages) == 0;
    let duration = dice.waiting(40_000.0);
    StoredEntry {
        request_id: RequestId::time_ordered(Timestamp::from_millis(*at), dice.bytes()),
        at: Timestamp::from_millis(*at),
        place,
        environment: Some(Environment::ALL[[0, 1, 2, 2][dice.roll(4) as usize]]),
        key: Some(KeyTrace {
            id: KeyId::from_random(id(4, key)),
            last_four: format!("{:04x}", key & 0xffff),
        }),
        recorded: Recorded::Gateway,
        method: ["GET", "GET", "GET", "POST", "PUT", "DELETE"][dice.roll(6) as usize].to_owned(),
        path: if shape.hex_paths {
            format!("/v1/payments/{:032x}", u128::from_be_bytes(id(5, path)))
        } else {
            format!("/v1/resources/{}/items/{path}", path % 6)
        },
        status,
        verdict: Verdict::Accepted,
        verdict_detail: String::new(),
        error_code: None,
        duration_us: duration,
        upstream_us: Some(duration - duration / 20),
        address: format!("192.0.2.{}", dice.roll(30)),
        user_agent: Some(format!("client/{}", dice.roll(8))),
        request_headers: if own { headers(dice) } else { Vec::new() },
        request_body: if own { body(dice) } else { absent() },
        response_headers: if own { headers(dice) } else { Vec::new() },
        response_body: if own { body(dice) } else { absent() },
    }
}

fn absent() -> Body {
    Body::Absent {
        why: BodyAbsence::Empty,
        total_bytes: 0,
    }
}

fn headers(dice: &mut Dice) -> Vec<HeaderField> {
    let field = |name: &str, value: String| HeaderField {
        name: name.to_owned(),
        value,
        redacted: false,
    };
    vec![
        field("host", "api.example.com".to_owned()),
        field("content-type", "application/json".to_owned()),
        field("x-trace", format!("{:016x}", dice.next())),
    ]
}

fn body(dice: &mut Dice) -> Body {
    let numbers: Vec<String> = (0..20).map(|_| dice.roll(1_000_000_000).to_string()).collect();
    Body::Text {
        text: format!(r#"{{"currency":"EUR","amounts":[{}]}}"#, numbers.join(",")),
        total_bytes: 400,
        truncated: false,
        redactions: 0,
    }
}

/// Nanoseconds for each of `rows`: the best of several times, because other programs disturb some of them.
fn each(rows: usize, mut work: impl FnMut()) -> f64 {
    let once = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_nanos() as f64 / rows as f64
    };
    (0..5).map(once).fold(f64::INFINITY, f64::min)
}

#[expect(clippy::print_stdout, reason = "what it measured is what it is for")]
fn measure(shape: Shape) {
    println!("\n{}", shape.name);
    let mut dice = Dice(1);
    let mut at = 1_795_694_400_000;
    let entries: Vec<StoredEntry> = (0..ROWS).map(|_| entry(&mut dice, shape, &mut at)).collect();
    let batches = || entries.chunks(4096);
    let day = Day::of(Timestamp::from_millis(at));
    let mut open = Open::new(SegmentId(1), day);
    let append = each(ROWS, || {
        open = Open::new(SegmentId(1), day);
        for (index, batch) in batches().enumerate() {
            open.append(index as i64 * 4096, batch);
        }
    });
    let mut encoded = open.encode();
    let encode = each(ROWS, || encoded = open.encode());
    let Some(encoded) = encoded else { return };
    let mut deltas = Vec::new();
    let delta_encode = each(ROWS, || deltas = batches().map(delta::encode).collect());
    let delta_decode = each(ROWS, || {
        deltas.iter().for_each(|one| assert!(delta::decode(one).is_ok()))
    });
    println!(
        "  ns a row: append {append:.0}, encode {encode:.0}, delta encode {delta_encode:.0}, delta decode {delta_decode:.0}"
    );
    let row = |bytes: usize| bytes as f64 / ROWS as f64;
    let delta_bytes: usize = deltas.iter().map(Vec::len).sum();
    println!(
        "  bytes a row: {:.2} rows + {:.2} head + {:.2} bodies; deltas {:.2}",
        row(encoded.rows.len()),
        row(encoded.head.len()),
        row(encoded.bodies.as_ref().map_or(0, Vec::len)),
        row(delta_bytes)
    );
    let Ok(head) = Head::parse(SegmentId(1), &encoded.head) else {
        return;
    };
    print_sections(&head);
    print_decoding(&head, &encoded);
}

#[expect(clippy::print_stdout, reason = "what it measured is what it is for")]
fn print_decoding(head: &Head, encoded: &Encoded) {
    let parse = each(100, || {
        (0..100).for_each(|_| assert!(Head::parse(SegmentId(1), &encoded.head).is_ok()))
    });
    println!(
        "  head: {:.0} µs to parse, {} bytes of memory",
        parse / 1000.0,
        head.weight()
    );
    let whole = 0..head.blocks();
    for column in [Column::Path, Column::Status, Column::Place] {
        let wanted = head.column(column, whole.clone()).range;
        let bytes = &encoded.rows[wanted.start as usize..wanted.end as usize];
        let time = each(1, || assert!(head.numbers(column, whole.clone(), bytes).is_ok()));
        println!("  decode the column {column:?}: {:.0} µs", time / 1000.0);
    }
    if let Values::Listed(listed) = head.values(Field::Client) {
        let sets = || {
            listed
                .iter()
                .filter_map(|one| Some((one, one.located.wanted()?.range.clone())))
        };
        let time = each(listed.len(), || {
            for (one, range) in sets() {
                let bytes = &encoded.rows[range.start as usize..range.end as usize];
                assert!(head.decode_rows(&one.located, &one.key, bytes).is_ok());
            }
        });
        println!(
            "  decode the set of one client of {}: {:.1} µs",
            listed.len(),
            time / 1000.0
        );
    }
    let wanted = head.dictionary(Dictionary::Paths).range;
    let bytes = &encoded.rows[wanted.start as usize..wanted.end as usize];
    let mut texts = None;
    let time = each(1, || texts = head.texts(Dictionary::Paths, bytes).ok());
    let search = each(1, || {
        drop(texts.as_ref().map(|texts| texts.containing("zzz", 1000)))
    });
    println!(
        "  decode all paths: {:.0} µs, search them: {:.0} µs",
        time / 1000.0,
        search / 1000.0
    );
}

fn print_sections(head: &Head) {
    let row = |range: std::ops::Range<u64>| (range.end - range.start) as f64 / ROWS as f64;
    print_line(
        "columns",
        Column::ALL.map(|one| (format!("{one:?}"), row(head.column(one, 0..head.blocks()).range))),
    );
    print_line(
        "dictionaries",
        Dictionary::ALL.map(|one| (format!("{one:?}"), row(head.dictionary(one).range))),
    );
    let fields = Field::ALL.map(|field| {
        let bytes = match head.values(field) {
            Values::Grouped { wanted, .. } => row(wanted.range),
            Values::Listed(listed) => listed
                .iter()
                .filter_map(|one| one.located.wanted())
                .map(|one| row(one.range.clone()))
                .sum(),
        };
        (format!("{field:?}"), bytes)
    });
    print_line("fields", fields);
}

#[expect(clippy::print_stdout, reason = "what it measured is what it is for")]
fn print_line<const N: usize>(name: &str, sizes: [(String, f64); N]) {
    let sizes: Vec<String> = sizes
        .iter()
        .map(|(name, bytes)| format!("{name} {bytes:.2}"))
        .collect();
    println!("  {name}: {}", sizes.join(", "));
}

fn main() {
    let usual = Shape {
        name: "20 brands, 12 keys, 3,006 paths",
        companies: 1,
        brands: 20,
        keys: 12,
        paths: 3006,
        hex_paths: false,
        messages: 0,
    };
    let many = Shape {
        name: "10,000 companies",
        companies: 10_000,
        brands: 0,
        keys: 2,
        ..usual
    };
    let paths = Shape {
        name: "1,000,000 distinct paths",
        paths: 1_000_000,
        hex_paths: true,
        ..usual
    };
    let bodies = Shape {
        name: "headers and bodies on 1 in 10",
        messages: 10,
        ..usual
    };
    for shape in [usual, many, paths, bodies] {
        measure(shape);
    }
}
