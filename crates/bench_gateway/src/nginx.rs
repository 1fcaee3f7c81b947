//! nginx: the API behind every contender, and with Lua the gateway that Gatehouse is compared with. Their settings are in
//! `benches/gateway/`.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::gatehouse::Credentials;
use crate::prerequisites;
use crate::process::{Process, free_address};
use crate::wrk::Server;

const UPSTREAM: &str = include_str!("../../../benches/gateway/upstream.conf");
const PEER: &str = include_str!("../../../benches/gateway/peer.conf");
const KEY: &str = include_str!("../../../benches/gateway/key.lua");

/// What the peer writes down about each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logging {
    /// All headers of the request and of the response, as Gatehouse does.
    Headers,
    /// nginx's ordinary line.
    Ordinary,
}

impl Logging {
    fn settings(self, folder: &str) -> String {
        let (gather, format) = match self {
            Self::Headers => ("log_by_lua_block { key.gather_headers() }\n      ", "headers"),
            Self::Ordinary => ("", "combined"),
        };
        format!("{gather}access_log {folder}/peer.log {format} buffer=64k flush=1s;")
    }
}

pub(crate) struct Nginx {
    address: SocketAddr,
    process: Process,
}

impl Nginx {
    pub(crate) fn upstream(folder: &Path) -> Result<Self> {
        Self::start(folder, "upstream", UPSTREAM, &[])
    }

    pub(crate) fn peer(
        folder: &Path,
        upstream: SocketAddr,
        logging: Logging,
        credentials: &Credentials,
    ) -> Result<Self> {
        fs::write(folder.join("key.lua"), KEY)?;
        let Credentials { client_id, secret } = credentials;
        fs::write(
            folder.join("peer-keys"),
            format!("company-1 {client_id} key-1 {secret}\n"),
        )?;
        let logging = logging.settings(&folder.to_string_lossy());
        let port = upstream.port().to_string();
        let peer = Self::start(
            folder,
            "peer",
            PEER,
            &[("{logging}", &logging), ("{upstream}", &port)],
        )?;
        Ok(peer)
    }

    fn start(folder: &Path, name: &str, settings: &str, more: &[(&str, &str)]) -> Result<Self> {
        let address = free_address()?;
        let files = crate::bench::open_files().to_string();
        let user = if rustix::process::geteuid().is_root() {
            "user root;"
        } else {
            ""
        };
        let modules = prerequisites::modules().context("nginx's Lua module")?;
        let port = address.port().to_string();
        let mut text = settings.to_owned();
        for (place, value) in more.iter().copied().chain([
            ("{folder}", &*folder.to_string_lossy()),
            ("{port}", &port),
            ("{files}", &files),
            ("{user}", user),
            ("{modules}", &modules),
        ]) {
            text = text.replace(place, value);
        }
        let file = folder.join(format!("{name}.conf"));
        fs::write(&file, text)?;
        let nginx = prerequisites::nginx().context("nginx")?;
        let mut process = Process::start(
            Command::new(nginx)
                .arg("-p")
                .arg(folder)
                .arg("-c")
                .arg(&file)
                .arg("-e")
                .arg(folder.join(format!("{name}-error.log"))),
        )?;
        process.wait_for(address)?;
        Ok(Self { address, process })
    }
}

impl Server for Nginx {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn process(&self) -> &Process {
        &self.process
    }
}
