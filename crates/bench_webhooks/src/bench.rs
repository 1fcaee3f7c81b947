//! What all parts share: the options, the folder, PostgreSQL, fresh servers, and the report.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::gatehouse::Gatehouse;
use crate::postgres::Postgres;
use crate::process::{Cpu, Machine, own_cpu};
use crate::report::Report;
use crate::{Database, Options};

pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) folder: PathBuf,
    pub(crate) report: Report,
    pub(crate) postgres: Option<Postgres>,
    /// Events delivered a second on PostgreSQL, if part a has measured it.
    pub(crate) capacity: Option<f64>,
}

/// CPU time that a part of the measurement has used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) server: Cpu,
    pub(crate) postgres: Cpu,
    /// Publishers and receivers.
    pub(crate) own: Cpu,
    /// What other programs took of the machine, in percent.
    pub(crate) others: f64,
}

/// The beginning of a measurement of [`Spent`].
pub(crate) struct Clock {
    machine: Machine,
    parts: [Cpu; 3],
}

impl Bench {
    pub(crate) fn new(mut options: Options) -> Result<Self> {
        let maximum = getrlimit(Resource::Nofile).maximum;
        let all = Rlimit {
            current: maximum,
            maximum,
        };
        setrlimit(Resource::Nofile, all)?;
        fs::create_dir_all(&options.folder)?;
        let folder = options.folder.canonicalize()?;
        options.binary = options.binary.canonicalize()?;
        let postgres = match options.databases.contains(&Database::Postgresql) {
            true => Some(Postgres::start(&folder)?),
            false => None,
        };
        Ok(Self {
            options,
            folder,
            report: Report::default(),
            postgres,
            capacity: None,
        })
    }

    /// A server with an empty database. One server runs at a time.
    pub(crate) fn gatehouse(&mut self, database: Database) -> Result<Gatehouse> {
        let folder = self.folder.join("server");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let url = match database {
            Database::Sqlite => None,
            Database::Postgresql => {
                let postgres = self.postgres.as_mut();
                Some(postgres.context("PostgreSQL does not run")?.empty()?)
            }
        };
        Gatehouse::new(&self.options.binary, &folder, url)
    }

    fn cpu(&self, gatehouse: &Gatehouse) -> Result<[Cpu; 3]> {
        let postgres = match &self.postgres {
            Some(postgres) if gatehouse.database_url.is_some() => postgres.cpu()?,
            _ => Cpu::ZERO,
        };
        Ok([gatehouse.running()?.cpu()?, postgres, own_cpu()?])
    }

    pub(crate) fn clock(&self, gatehouse: &Gatehouse) -> Result<Clock> {
        let parts = self.cpu(gatehouse)?;
        Ok(Clock {
            machine: Machine::now(parts.iter().sum())?,
            parts,
        })
    }

    pub(crate) fn spent(&mut self, gatehouse: &Gatehouse, clock: &Clock) -> Result<Spent> {
        let now = self.cpu(gatehouse)?;
        let since = |at: usize| now[at].saturating_sub(clock.parts[at]);
        let others = clock.machine.others(now.iter().sum())?;
        self.report.others(others);
        Ok(Spent {
            server: since(0),
            postgres: since(1),
            own: since(2),
            others,
        })
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        self.report.finish(&self.folder)?;
        // It may have grown to gigabytes.
        let left = self.folder.join("server");
        if left.exists() {
            fs::remove_dir_all(left)?;
        }
        Ok(())
    }
}
