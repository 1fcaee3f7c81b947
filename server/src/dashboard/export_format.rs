//! The two forms of a file of requests, CSV and JSON Lines. Both end with a line that says how many requests there are, so
//! that a file which was cut off on its way cannot be taken for a whole one: browsers keep what has arrived.

use std::borrow::Cow;

use model::{DamagedPart, LogEntry, LogRow, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::request_json;

/// What is written of each request, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Csv,
    /// The same as JSON Lines.
    Jsonl,
    /// JSON Lines with headers and bodies, as they were stored. A cell of a table is no place for them.
    Full,
}

/// The columns of CSV. They are the words of the operator API.
const COLUMNS: [&str; 15] = [
    "at",
    "request_id",
    "method",
    "path",
    "status",
    "verdict",
    "error_code",
    "env_type",
    "client_id",
    "brand",
    "key_id",
    "key_last_four",
    "duration_us",
    "address",
    "user_agent",
];

/// What the last line says.
#[derive(Debug)]
pub struct Summary {
    pub requests: u64,
    pub range: (Timestamp, Timestamp),
    /// Where requests may be missing.
    pub damaged: Vec<DamagedPart>,
    /// Requests from before an update were still being moved, and may be missing.
    pub moving: bool,
}

impl Format {
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl | Self::Full => "jsonl",
        }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Jsonl | Self::Full => "application/x-ndjson",
        }
    }

    /// For the audit trail.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Jsonl => "JSON Lines",
            Self::Full => "JSON Lines with headers and bodies",
        }
    }

    /// Before the first request.
    pub fn head(self) -> String {
        match self {
            Self::Csv => record(COLUMNS.map(Cow::Borrowed)),
            Self::Jsonl | Self::Full => String::new(),
        }
    }

    /// Requests without headers and bodies.
    pub fn rows(self, rows: &[LogRow]) -> String {
        match self {
            Self::Csv => rows.iter().map(csv_row).collect(),
            Self::Jsonl | Self::Full => rows.iter().map(|row| line(&request_json::row(row))).collect(),
        }
    }

    /// After the last request.
    pub fn end(self, summary: &Summary) -> String {
        match self {
            Self::Csv => {
                let mut cells = COLUMNS.map(|_| Cow::Borrowed(""));
                cells[0] = Cow::Owned(end_in_words(summary));
                record(cells)
            }
            Self::Jsonl | Self::Full => {
                let (from, to) = summary.range;
                let damaged = summary.damaged.iter();
                let damaged =
                    damaged.map(|part| json!({ "from": part.from.to_rfc3339(), "to": part.to.to_rfc3339() }));
                line(&json!({
                    "end_of_export": true,
                    "requests": summary.requests,
                    "from": from.to_rfc3339(),
                    "to": to.to_rfc3339(),
                    "damaged": damaged.collect::<Vec<_>>(),
                    "moving": summary.moving,
                }))
            }
        }
    }
}

/// Requests with headers and bodies.
pub fn entries(entries: &[LogEntry]) -> String {
    let lines = entries.iter().map(|entry| line(&request_json::entry(entry)));
    lines.collect()
}

fn line(value: &serde_json::Value) -> String {
    format!("{value}\n")
}

fn end_in_words(summary: &Summary) -> String {
    let missing = summary.damaged.iter().map(|part| {
        let (from, to) = (part.from.to_rfc3339(), part.to.to_rfc3339());
        format!(". Part of the log is damaged: requests between {from} and {to} may be missing")
    });
    let moving = if summary.moving {
        ". Requests from before the last update were still being moved and may be missing"
    } else {
        ""
    };
    format!(
        "End of export: {} {}{}{moving}",
        summary.requests,
        if summary.requests == 1 {
            "request"
        } else {
            "requests"
        },
        missing.collect::<String>()
    )
}

fn csv_row(row: &LogRow) -> String {
    // Names every field, so that a new one does not compile until it is handled here.
    let LogRow {
        seq: _,
        request_id,
        at,
        method,
        path,
        status,
        verdict,
        error_code,
        environment,
        client_id,
        brand,
        key_id,
        key_last_four,
        duration_us,
        caller,
    } = row;
    let user_agent = caller.as_ref().and_then(|caller| caller.user_agent.as_deref());
    let or_empty = |text: Option<String>| Cow::Owned(text.unwrap_or_default());
    record([
        Cow::Owned(at.to_rfc3339()),
        Cow::Owned(request_id.to_string()),
        Cow::Borrowed(method),
        Cow::Borrowed(path),
        or_empty(status.map(|status| status.to_string())),
        Cow::Borrowed(verdict.as_str()),
        Cow::Borrowed(error_code.as_ref().map_or("", |code| code.as_str())),
        Cow::Borrowed(environment.map_or("", |environment| environment.as_str())),
        Cow::Owned(client_id.to_string()),
        Cow::Borrowed(brand.as_deref().unwrap_or_default()),
        or_empty(key_id.map(|key| key.to_string())),
        Cow::Borrowed(key_last_four.as_deref().unwrap_or_default()),
        Cow::Owned(duration_us.to_string()),
        Cow::Borrowed(caller.as_ref().map_or("", |caller| &caller.address)),
        Cow::Borrowed(user_agent.unwrap_or_default()),
    ])
}

/// One record of RFC 4180.
fn record<const N: usize>(cells: [Cow<'_, str>; N]) -> String {
    let cells = cells.map(|cell| quoted(&without_formulas(&cell)));
    format!("{}\r\n", cells.join(","))
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n', ';', '\t']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// Puts an apostrophe before what a spreadsheet would take for a formula: it then shows the text as it is. That is a cell
/// that begins with `=`, `+`, `-`, `@`, a tab or a line break, also in full width or after spaces and quotes. In many
/// countries spreadsheets divide a line at semicolons, whatever is quoted, so what follows one begins a cell too.
fn without_formulas(cell: &str) -> Cow<'_, str> {
    const ENDS_A_CELL: [char; 4] = [';', '\t', '\r', '\n'];
    let mut begins = vec![0];
    begins.extend(cell.match_indices(ENDS_A_CELL).map(|(at, end)| at + end.len()));
    begins.retain(|begin| is_formula(&cell[*begin..]));
    if cell.starts_with(['\t', '\r', '\n']) && begins.first() != Some(&0) {
        begins.insert(0, 0);
    }
    if begins.is_empty() {
        return Cow::Borrowed(cell);
    }
    let mut safe = String::with_capacity(cell.len() + begins.len());
    let mut written = 0;
    for begin in begins {
        safe.push_str(&cell[written..begin]);
        safe.push('\'');
        written = begin;
    }
    safe.push_str(&cell[written..]);
    Cow::Owned(safe)
}

fn is_formula(text: &str) -> bool {
    const SIGNS: [char; 13] = [
        '=', '+', '-', '@', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫', '−',
    ];
    const INVISIBLE: [char; 5] = ['\u{200B}', '\u{200C}', '\u{200D}', '\u{2060}', '\u{FEFF}'];
    let is_passed_over = |c: char| c.is_whitespace() || c.is_control() || c == '"' || INVISIBLE.contains(&c);
    text.trim_start_matches(is_passed_over).starts_with(SIGNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_a_spreadsheet_would_calculate_gets_an_apostrophe() {
        for (cell, safe) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\"'\t'=1\""),
            ("\rx", "\"'\rx\""),
            ("  =1", "'  =1"),
            ("\u{a0}=1", "'\u{a0}=1"),
            ("\u{FEFF}=1", "'\u{FEFF}=1"),
            ("＝1", "'＝1"),
            ("＋1", "'＋1"),
            ("－1", "'－1"),
            ("＠x", "'＠x"),
            ("\"=1\"", "\"'\"\"=1\"\"\""),
            (
                "/a;=HYPERLINK(\"http://x\",1)",
                "\"/a;'=HYPERLINK(\"\"http://x\"\",1)\"",
            ),
            ("/a;\"=1", "\"/a;'\"\"=1\""),
            ("/a\n=1", "\"/a\n'=1\""),
            ("/v1/orders?a=b&c=-1", "/v1/orders?a=b&c=-1"),
            ("/a;b=1", "\"/a;b=1\""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("", ""),
        ] {
            assert_eq!(quoted(&without_formulas(cell)), safe, "{cell:?}");
        }
    }

    #[test]
    fn the_last_line_says_how_many_requests_there_are_and_what_may_be_missing() {
        let at = |text: &str| text.parse().expect("a time");
        let range = (at("2026-11-26T10:00:00Z"), at("2026-11-27T10:00:00Z"));
        let whole = Summary {
            requests: 2,
            range,
            damaged: Vec::new(),
            moving: false,
        };
        assert_eq!(
            Format::Csv.end(&whole),
            "End of export: 2 requests,,,,,,,,,,,,,,\r\n"
        );
        assert!(Format::Jsonl.end(&whole).contains("\"end_of_export\":true"));
        let damaged = vec![DamagedPart {
            from: range.0,
            to: range.1,
        }];
        let partly = Summary {
            damaged,
            moving: true,
            ..whole
        };
        assert!(Format::Csv.end(&partly).contains("were still being moved"));
        assert!(Format::Csv.end(&partly).contains("may be missing"));
        assert!(
            Format::Full
                .end(&partly)
                .contains("\"damaged\":[{\"from\":\"2026-11-26T10:00:00.000Z\"")
        );
    }
}
