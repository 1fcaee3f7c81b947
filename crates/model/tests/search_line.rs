//! The search line, by example and with lines that no one chose.

use model::search_line::{
    self, Completion, KeyWord, LONGEST_LINE, LineError, LineFault, Vocabulary, complete, read, write,
};
use model::{Brand, ClientId, FacetValue, FilterField, LogFacet, LogFacets, LogFilter, MOST_VALUES};
use test_logs::Dice;

fn brand(number: u8, name: &str) -> Brand {
    Brand {
        client_id: ClientId::from_random([number; 16]),
        name: name.to_owned(),
    }
}

fn vocabulary() -> Vocabulary {
    Vocabulary {
        brands: vec![
            brand(1, "Acme East"),
            brand(2, "Twin"),
            brand(3, "twin"),
            brand(4, "own"),
            brand(5, "A \"quoted\", <b>name</b> \u{202e}"),
        ],
        keys: vec![KeyWord {
            last_four: "ab6d".parse().expect("four"),
            words: "Production, deleted".to_owned(),
        }],
        methods: vec!["GET".to_owned(), "POST".to_owned()],
    }
}

fn read_all(line: &str) -> LogFilter {
    let (filter, errors) = read(line, None);
    assert_eq!(errors, [], "{line}");
    filter
}

#[test]
fn a_line_is_the_filter_that_an_address_has() {
    for (line, address) in [
        ("", ""),
        ("   ", ""),
        ("status:>=500", "status=%3E%3D500"),
        ("status:5xx,404 method:post", "status=5xx&status=404&method=POST"),
        (
            "-status:200 -env:sandbox,dev",
            "-status=200&-environment=sandbox&-environment=dev",
        ),
        ("environment:Production", "environment=prod"),
        ("STATUS:5xx", "status=5xx"),
        ("/v1/orders", "path=/v1/orders"),
        ("path:/v1/orders", "path=/v1/orders"),
        ("-orders \"a b\"", "path=a%20b&-path=orders"),
        ("\"users:1\"", "path=users%3A1".replace("%3A", ":").as_str()),
        ("-", "path=-"),
        ("a,b path:a,b", "path=a%2Cb&path=a&path=b"),
        ("brand:\"Acme East\"", "brand=Acme%20East"),
        ("brand:own", "brand=own"),
        ("key:ab6d ip:2001:DB8::7", "key=ab6d&ip=2001:db8::7"),
        (
            "id:0123456789abcdef0123456789abcdef",
            "id=0123456789abcdef0123456789abcdef",
        ),
        (
            "verdict:deleted_key recorded:verify",
            "verdict=deleted_key&recorded=verify",
        ),
        ("duration:>500ms duration:<=2s", "duration=500001us..2000001us"),
        ("status:4xx,", "status=4xx"),
        (
            r#"path:"say \"hi\" \\ there""#,
            "path=say%20%22hi%22%20%5C%20there",
        ),
        (r"a\b", "path=a%5Cb"),
    ] {
        assert_eq!(read_all(line).to_string(), address, "{line}");
    }
}

#[test]
fn a_filter_becomes_a_line_in_canonical_order() {
    let filter: LogFilter = "path=a%20b&-status=200&key=ab6d&status=5xx&status=404&range=7d&before=4"
        .parse()
        .expect("a filter");
    assert_eq!(
        write(&filter, None),
        "status:5xx,404 -status:200 key:ab6d path:\"a b\""
    );
}

#[test]
fn each_error_names_its_word_and_what_it_wants() {
    let line = "status:9xx,404 foo:bar duration:500ms env: method:GET \"open";
    let (filter, errors) = read(line, None);
    let told: Vec<_> = errors
        .iter()
        .map(|error| (&line[error.span.clone()], error.fault.sentence()))
        .collect();
    let expected = [
        (
            "9xx",
            "status wants a class such as 5xx, a code, >=500 or unknown.",
        ),
        (
            "foo:",
            "There is no filter with this name. To look for it in paths, put it in quotes.",
        ),
        ("500ms", "duration wants >500ms, <2s, or 500ms..2s."),
        ("env:", "env wants one of sandbox, dev, prod."),
        ("\"open", "The closing quote is missing."),
    ];
    assert_eq!(told, expected.map(|(part, sentence)| (part, sentence.to_owned())));
    assert_eq!(filter.to_string(), "status=404&method=GET", "the rest is read");
}

#[test]
fn a_brand_is_named_as_pages_name_it() {
    let known = vocabulary();
    let id = |number: u8| ClientId::from_random([number; 16]).to_string();
    for (line, address) in [
        ("brand:\"acme east\"", format!("brand={}", id(1))),
        ("brand:own", "brand=own".to_owned()),
        // Two brands have this name, so both are meant.
        ("brand:TWIN", "brand=TWIN".to_owned()),
        (&format!("-brand:{}", id(9)), format!("-brand={}", id(9))),
    ] {
        let (filter, errors) = read(line, Some(&known));
        assert_eq!((filter.to_string(), errors), (address, Vec::new()), "{line}");
    }
    let (filter, errors) = read("brand:Acme,\"Acme East\"", Some(&known));
    assert_eq!(
        errors,
        [LineError {
            span: 6..10,
            fault: LineFault::UnknownBrand
        }]
    );
    assert_eq!(write(&filter, Some(&known)), "brand:\"Acme East\"");
    for brand in &known.brands {
        let filter: LogFilter = format!("brand={}", brand.client_id).parse().expect("a filter");
        let line = write(&filter, Some(&known));
        assert_eq!(read(&line, Some(&known)), (filter, Vec::new()), "{line}");
    }
}

#[test]
fn a_vocabulary_has_the_keys_and_methods_of_the_facets() {
    let value = |text: &str, label: &str, note: &str| FacetValue {
        text: text.to_owned(),
        label: label.to_owned(),
        note: note.to_owned(),
        requests: 1,
    };
    let facet = |field, values| LogFacet {
        field,
        values,
        more: 0,
    };
    let id = "0123456789abcdef0123456789abcdef";
    let facets = LogFacets {
        all: vec![
            facet(FilterField::Method, vec![value("PATCH", "", "")]),
            facet(
                FilterField::Key,
                vec![
                    value(id, "…ab6d", "Production, deleted"),
                    value(id, "…ab6d", "Sandbox"),
                    value(id, "", "deleted"),
                ],
            ),
        ],
        looked_back_to: None,
    };
    let known = Vocabulary::of(&[brand(1, "Acme East")], &facets);
    assert_eq!(known.methods, ["PATCH"]);
    assert_eq!(known.keys, vocabulary().keys);
    assert_eq!(known.brands.len(), 1);
}

/// The line with a suggestion in place.
fn completed(line: &str, completion: &Completion, at: usize) -> String {
    let mut line = line.to_owned();
    line.replace_range(completion.span.clone(), &completion.suggestions[at].text);
    line
}

#[test]
fn names_and_values_are_completed_where_the_cursor_is() {
    let known = vocabulary();
    for (line, result) in [
        ("|", "status:"),
        ("st|", "status:"),
        ("-st|", "-status:"),
        ("status:5xx |", "status:5xx status:"),
        ("ver|dict:accepted", "verdict:accepted"),
        ("envi|", "env:"),
        ("status:|", "status:5xx"),
        ("status:4xx,>|", "status:4xx,>=400"),
        ("status:4|,404 /v1", "status:4xx,404 /v1"),
        ("verdict:del|", "verdict:deleted_key"),
        ("verdict:timed|", "verdict:upstream_timeout"),
        ("env:pro|", "env:prod"),
        ("env:devel|", "env:dev"),
        ("brand:ac|", "brand:\"Acme East\""),
        ("brand:\"acme e|", "brand:\"Acme East\""),
        ("key:|", "key:ab6d"),
        ("key:deleted|", "key:ab6d"),
        ("method:p|", "method:POST"),
    ] {
        let cursor = line.find('|').expect("a cursor");
        let line = line.replace('|', "");
        let completion = complete(&line, cursor, &known);
        assert!(!completion.suggestions.is_empty(), "{line}");
        assert_eq!(completed(&line, &completion, 0), result);
    }
    // A word without a name may be meant as a value; else it is a part of the path, which the last suggestion says.
    for (line, texts) in [
        (
            "deleted",
            &["verdict:deleted_key", "key:ab6d", "path:deleted"][..],
        ),
        ("-timed", &["verdict:upstream_timeout", "path:timed"]),
        ("acme", &["brand:\"Acme East\"", "path:acme"]),
    ] {
        let found = complete(line, line.len(), &known);
        let found: Vec<&str> = found.suggestions.iter().map(|one| one.text.as_str()).collect();
        for text in texts {
            assert!(
                found.contains(text),
                "{text} is not offered for {line}: {found:?}"
            );
        }
        assert_eq!(found.first(), texts.first(), "{line}");
        assert_eq!(found.last(), texts.last(), "{line}");
    }
    assert_eq!(complete("", 0, &known).suggestions.len(), FilterField::ALL.len());
    assert_eq!(complete("status:", 7, &known).suggestions.len(), 14);
    for line in ["/v1/ord", "path:/v", "foo:b", "status:zzz", "ip:1"] {
        assert_eq!(complete(line, line.len(), &known).suggestions, [], "{line}");
    }
}

#[test]
fn every_suggestion_is_read_without_an_error() {
    let known = vocabulary();
    for field in FilterField::ALL {
        let line = format!("{}:", field.name());
        let completion = complete(&line, line.len(), &known);
        for at in 0..completion.suggestions.len() {
            let line = completed(&line, &completion, at);
            let (filter, errors) = read(&line, Some(&known));
            assert_eq!(errors, [], "{line}");
            assert_eq!(filter.texts(field, false).len(), 1, "{line}");
        }
    }
}

/// Pieces that lines are made of: words, parts of words, and what someone may paste.
const PIECES: [&str; 44] = [
    "status",
    "brand",
    "env",
    "key",
    "method",
    "verdict",
    "recorded",
    "path",
    "ip",
    "duration",
    "id",
    "foo",
    ":",
    ":",
    ":",
    ",",
    ",",
    "-",
    "\"",
    "\"",
    "\\",
    " ",
    " ",
    "\t",
    "5xx",
    ">=500",
    "<2s",
    "400..404",
    ">500ms",
    "prod",
    "POST",
    "own",
    "deleted_key",
    "ab6d",
    "/v1/orders",
    "<script>alert(1)</script>",
    "\u{202e}evil\u{200f}",
    "\0",
    "\u{1b}[31m",
    "é✓𝄞",
    "\r\n",
    "=cmd|' /C calc'!A0",
    "\u{feff}",
    "'; DROP TABLE log; --",
];

fn junk(dice: &mut Dice) -> String {
    let pieces = dice.one_of(&[0, 1, 3, 8, 30, 300]);
    let mut line: String = (0..pieces).map(|_| dice.one_of(&PIECES)).collect();
    if dice.once_in(40) {
        line.push_str(&dice.one_of(&["x", "é", "\"", "a:", "status:", ","]).repeat(8192));
    }
    line
}

fn assert_spans(line: &str, errors: &[LineError]) {
    for error in errors {
        assert!(line.get(error.span.clone()).is_some(), "{error:?} in {line:?}");
        assert!(!error.span.is_empty(), "{error:?} in {line:?}");
        assert!(!error.fault.sentence().is_empty());
    }
}

#[test]
fn any_line_is_read_and_what_was_read_survives_its_line_and_its_address() {
    let mut dice = Dice(7);
    let known = vocabulary();
    for _ in 0..4_000 {
        let line = junk(&mut dice);
        let vocabulary = dice.once_in(2).then_some(&known);
        let (filter, errors) = read(&line, vocabulary);
        assert_spans(&line, &errors);
        let written = write(&filter, vocabulary);
        assert_eq!(
            read(&written, vocabulary),
            (filter.clone(), Vec::new()),
            "{line:?}"
        );
        assert_eq!(write(&read(&written, vocabulary).0, vocabulary), written);
        assert_eq!(filter.to_string().parse(), Ok(filter), "{line:?}");
        let cursor = dice.roll(line.len() as u64 + 3) as usize;
        let completion = complete(&line, cursor, &known);
        assert!(
            line.get(completion.span.clone()).is_some(),
            "{line:?} at {cursor}"
        );
    }
}

/// A text that the field may have, or may not.
fn text(field: FilterField, dice: &mut Dice) -> String {
    match field {
        FilterField::Status => match dice.roll(5) {
            0 => format!("{}xx", dice.roll(7)),
            1 => format!("{}{}", dice.one_of(&[">=", ">", "<", "<="]), 90 + dice.roll(520)),
            2 => format!("{}..{}", 100 + dice.roll(500), 100 + dice.roll(500)),
            _ => (90 + dice.roll(520)).to_string(),
        },
        FilterField::Duration => {
            let duration = |dice: &mut Dice| {
                let unit = dice.one_of(&["us", "ms", "s", "m"]);
                format!("{}{}{unit}", dice.skewed(3000), dice.one_of(&["", ".5", ".125"]))
            };
            match dice.roll(3) {
                0 => format!("{}..{}", duration(dice), duration(dice)),
                _ => format!("{}{}", dice.one_of(&[">=", ">", "<", "<="]), duration(dice)),
            }
        }
        FilterField::Request => format!("{:032x}", dice.roll(1 << 31)),
        FilterField::Key if dice.once_in(2) => format!("{:04x}", dice.roll(1 << 16)),
        FilterField::Key => format!("{:032x}", dice.roll(1 << 31)),
        FilterField::Address => format!("192.0.2.{}", dice.roll(256)),
        _ => dice.one_of(&PIECES).repeat(1 + dice.skewed(3) as usize),
    }
}

#[test]
fn any_filter_survives_its_line_and_its_address() {
    let mut dice = Dice(11);
    for _ in 0..1_000 {
        let mut filter = LogFilter::default();
        for _ in 0..dice.one_of(&[1, 4, 12, 400]) {
            let field = dice.one_of(&FilterField::ALL);
            let text = text(field, &mut dice);
            // Not every text is a value, and there is not always room.
            let _ = filter.add(field, dice.once_in(3), &text);
        }
        for field in FilterField::ALL {
            let values = [false, true].map(|exclude| filter.texts(field, exclude).len());
            assert!(values.iter().sum::<usize>() <= MOST_VALUES);
        }
        let line = write(&filter, None);
        assert_eq!(read(&line, None), (filter.clone(), Vec::new()), "{line:?}");
        assert_eq!(filter.to_string().parse(), Ok(filter.clone()), "{filter}");
        let json = serde_json::to_string(&filter).expect("JSON");
        assert_eq!(
            serde_json::from_str::<LogFilter>(&json).expect("a filter"),
            filter
        );
    }
}

#[test]
fn the_largest_filter_fits_into_a_line() {
    let mut filter = LogFilter::default();
    for number in 0..MOST_VALUES {
        for exclude in [false, true] {
            let path = format!("{number}{exclude}{}", "\"".repeat(1015));
            filter.add(FilterField::Path, exclude, &path).ok();
            let brand = format!("{number}{exclude} {}", "\"".repeat(380));
            filter.add(FilterField::Brand, exclude, &brand).ok();
        }
    }
    let line = write(&filter, None);
    assert!(line.len() < LONGEST_LINE, "{}", line.len());
    assert_eq!(read(&line, None), (filter, Vec::new()));
    let (_, errors) = read(&"é".repeat(LONGEST_LINE), None);
    assert_eq!(errors[0].fault, LineFault::TooLong);
    assert_eq!(errors[0].span.start, LONGEST_LINE);
    assert_eq!(search_line::PARAMETER, "q");
}
