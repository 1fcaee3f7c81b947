//! What all parts share: the options, the folder, the API behind the contenders, and the report.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Options;
use crate::gatehouse::{Credentials, Gatehouse, Rows, ordinary_headers};
use crate::http::{self, Connection};
use crate::nginx::{Logging, Nginx};
use crate::report::Report;
use crate::samples::{judged, thousands};
use crate::wrk::{Load, Server};

/// What small requests ask for.
pub(crate) const TARGET: &str = "/v1/users/?page=2";

pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) folder: PathBuf,
    pub(crate) upstream: Nginx,
    pub(crate) report: Report,
    /// What became of the rows, by what was measured.
    rows: Vec<(&'static str, Rows)>,
}

impl Bench {
    pub(crate) fn new(mut options: Options) -> Result<Self> {
        let maximum = getrlimit(Resource::Nofile).maximum;
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: maximum,
                maximum,
            },
        )?;
        fs::create_dir_all(options.folder.join("files"))?;
        let folder = options.folder.canonicalize()?;
        options.binary = options.binary.canonicalize()?;
        fs::write(
            folder.join("load.lua"),
            include_str!("../../../benches/gateway/load.lua"),
        )?;
        fs::write(
            folder.join("keys.lua"),
            include_str!("../../../benches/gateway/keys.lua"),
        )?;
        let upstream = Nginx::upstream(&folder)?;
        Ok(Self {
            options,
            upstream,
            folder,
            report: Report::default(),
            rows: Vec::new(),
        })
    }

    /// A Gatehouse with an empty log and one key.
    pub(crate) fn gatehouse(&self) -> Result<(Gatehouse, Credentials)> {
        Gatehouse::new(
            &self.options.binary,
            &self.folder.join("data"),
            self.upstream.address(),
            &[],
        )
    }

    /// The peer, with a key of the form that Gatehouse generates.
    pub(crate) fn peer(&self, logging: Logging) -> Result<(Nginx, Credentials)> {
        let credentials = Credentials {
            client_id: "3f0c2a4eb7d14c0f9a6be21d8c5f7a30".to_owned(),
            secret: "prod-6b1f0e9d3c5a7b2468ace013579bdf02468ace01".to_owned(),
        };
        let peer = Nginx::peer(&self.folder, self.upstream.address(), logging, &credentials)?;
        Ok((peer, credentials))
    }

    /// A gateway that accepts any key is fast and no gateway.
    pub(crate) fn ensure_it_checks(&self, server: &impl Server, credentials: &Credentials) -> Result<()> {
        let wrong = Credentials {
            secret: credentials.secret.chars().rev().collect(),
            ..credentials.clone()
        };
        for (credentials, expected) in [(credentials, 200), (&wrong, 401)] {
            let request = http::get(server.address(), TARGET, &credentials.headers());
            let (status, _) = Connection::open(server.address())?
                .exchange(&request)
                .map(|(status, body)| (status, body.len()))?;
            ensure!(
                status == expected,
                "a gateway responded {status} instead of {expected}"
            );
        }
        Ok(())
    }

    /// A load of small requests, as the options say.
    pub(crate) fn load(&self, credentials: Option<&Credentials>) -> Load {
        Load {
            target: TARGET.to_owned(),
            headers: credentials.map_or_else(ordinary_headers, Credentials::headers),
            connections: self.options.connections,
            threads: self.options.threads,
            seconds: self.options.seconds,
            script: self.folder.join("load.lua"),
            arguments: Vec::new(),
        }
    }

    /// Takes note of what became of a server's rows, before it ends. A row may be dropped, but not lost.
    pub(crate) fn count_rows(&mut self, what: &'static str, gatehouse: &Gatehouse) -> Result<()> {
        let rows = gatehouse.rows()?;
        ensure!(
            rows.seen == rows.stored + rows.dropped + rows.suppressed,
            "rows are missing: {rows:?}"
        );
        match self.rows.iter_mut().find(|(other, _)| *other == what) {
            Some((_, sum)) => sum.add(rows),
            None => self.rows.push((what, rows)),
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        if !self.rows.is_empty() {
            self.report.heading("Rows of the log")?;
            let rows: Vec<_> = self.rows.iter().map(|(what, rows)| cells(what, *rows)).collect();
            self.report.table(
                &["load", "seen", "stored", "dropped (target: 0)", "suppressed"],
                &rows,
            )?;
        }
        self.report.finish(&self.folder)?;
        // Both may have grown to gigabytes.
        for left in ["data", "peer.log"].map(|name| self.folder.join(name)) {
            if left.is_dir() {
                fs::remove_dir_all(left)?;
            } else if left.exists() {
                fs::remove_file(left)?;
            }
        }
        Ok(())
    }
}

fn cells(what: &str, rows: Rows) -> Vec<String> {
    vec![
        what.to_owned(),
        thousands(rows.seen),
        thousands(rows.stored),
        judged(thousands(rows.dropped), rows.dropped == 0),
        thousands(rows.suppressed),
    ]
}

/// How many files and sockets a process may open.
pub(crate) fn open_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(1_048_576)
}
