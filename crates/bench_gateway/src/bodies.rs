//! Large bodies, in both directions, through the gateway and through nginx with Lua. Both stream them.

use std::fs;

use anyhow::Result;

use crate::bench::Bench;
use crate::gatehouse::Credentials;
use crate::nginx::Logging;
use crate::report::{Runs, at_least};
use crate::samples::figure;
use crate::wrk::Load;

const TARGET: f64 = 0.9;
const KIB: usize = 1024;

/// A kind of request.
#[derive(Clone, Copy, Debug)]
struct Kind {
    name: &'static str,
    length: usize,
    /// What is downloaded, in the folder `files`. `None` for uploads.
    file: Option<&'static str>,
    content_type: &'static str,
    /// With the largest bodies, fewer connections keep both cores busy and the memory small.
    at_most: usize,
}

const fn kind(
    name: &'static str,
    length: usize,
    file: Option<&'static str>,
    content_type: &'static str,
    at_most: usize,
) -> Kind {
    Kind {
        name,
        length,
        file,
        content_type,
        at_most,
    }
}

const BYTES: &str = "application/octet-stream";
const JSON: &str = "application/json";

const KINDS: [Kind; 6] = [
    kind("64 KiB down", 64 * KIB, Some("64k.bin"), BYTES, usize::MAX),
    kind("64 KiB up", 64 * KIB, None, BYTES, usize::MAX),
    kind(
        "64 KiB of JSON down",
        64 * KIB,
        Some("64k.json"),
        JSON,
        usize::MAX,
    ),
    kind("64 KiB of JSON up", 64 * KIB, None, JSON, usize::MAX),
    kind("10 MiB down", 10 * KIB * KIB, Some("10m.bin"), BYTES, 8),
    kind("10 MiB up", 10 * KIB * KIB, None, BYTES, 8),
];

impl Kind {
    fn load(self, bench: &Bench, credentials: &Credentials) -> Load {
        let mut load = bench.load(Some(credentials));
        load.connections = load.connections.min(self.at_most);
        match self.file {
            Some(file) => load.target = format!("/files/{file}"),
            None => {
                load.target = "/upload".to_owned();
                load.arguments = vec![self.length.to_string(), self.content_type.to_owned()];
            }
        }
        load
    }

    /// Mebibytes a second.
    fn volume(self, rate: f64) -> String {
        figure(rate * self.length as f64 / (KIB * KIB) as f64)
    }
}

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    write_files(bench)?;
    let mut all = KINDS.map(|kind| (kind, Runs::default(), Runs::default()));
    for _ in 0..bench.options.rounds {
        for (kind, ours, peers) in &mut all {
            let (gatehouse, credentials) = bench.gatehouse()?;
            let load = kind.load(bench, &credentials);
            load.warm(&gatehouse.gateway())?;
            ours.add(
                &format!("{}, Gatehouse", kind.name),
                load.run(&gatehouse.gateway())?,
            );
            bench.count_rows(kind.name, &gatehouse)?;
            drop(gatehouse);
            let (peer, credentials) = bench.peer(Logging::Ordinary)?;
            let load = kind.load(bench, &credentials);
            load.warm(&peer)?;
            peers.add(&format!("{}, nginx + Lua", kind.name), load.run(&peer)?);
        }
    }
    let mut rows = Vec::new();
    for (kind, ours, peers) in &all {
        bench.report.runs("d", &format!("{}, Gatehouse", kind.name), ours);
        bench
            .report
            .runs("d", &format!("{}, nginx + Lua", kind.name), peers);
        let quotient = ours.rate.per(&peers.rate).median();
        let cpu = |runs: &Runs| {
            format!(
                "{} + {}",
                figure(runs.user.median()),
                figure(runs.system.median())
            )
        };
        rows.push(vec![
            kind.name.to_owned(),
            kind.volume(ours.rate.median()),
            kind.volume(peers.rate.median()),
            cpu(ours),
            cpu(peers),
            format!("{} (≥ {TARGET})", at_least(quotient, TARGET)),
        ]);
    }
    bench.report.heading("Large bodies")?;
    bench.report.table(
        &[
            "body",
            "Gatehouse, MiB a second",
            "nginx + Lua",
            "Gatehouse, CPU µs a request",
            "nginx + Lua",
            "Gatehouse ÷ nginx",
        ],
        &rows,
    )
}

fn write_files(bench: &Bench) -> Result<()> {
    for kind in KINDS {
        let Some(file) = kind.file else { continue };
        let bytes = if kind.content_type == JSON {
            orders(kind.length)
        } else {
            vec![b'x'; kind.length]
        };
        fs::write(bench.folder.join("files").join(file), bytes)?;
    }
    Ok(())
}

/// A page of orders of exactly this length.
fn orders(length: usize) -> Vec<u8> {
    let mut text = String::from("[");
    for number in 0.. {
        let order = format!(
            r#"{{"id":"order-{number:06}","status":"active","customer":"Northwind Traders","amount":{},"currency":"USD"}},"#,
            number * 37 % 10_000
        );
        if text.len() + order.len() + 2 > length {
            break;
        }
        text.push_str(&order);
    }
    // A string that fills up what is left.
    text.push('"');
    text.push_str(&"x".repeat(length - text.len() - 2));
    text.push_str("\"]");
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_orders_is_json_of_the_given_length() {
        for length in [1_000, 64 * KIB] {
            let page = orders(length);
            assert_eq!(page.len(), length);
            let parsed: serde_json::Value = serde_json::from_slice(&page).unwrap();
            assert!(parsed.as_array().unwrap().len() > 1);
        }
    }
}
