//! An empty axum route, which `/verify` is compared with.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::Result;
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::process::{Process, free_address};
use crate::wrk::Server;

/// What the process of [`EmptyRoute`] does.
pub(crate) fn serve(listen: SocketAddr) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind(listen).await?;
        let routes = Router::new().route("/verify", get(async || {}));
        axum::serve(listener, routes).await?;
        Ok(())
    })
}

pub(crate) struct EmptyRoute {
    address: SocketAddr,
    process: Process,
}

impl EmptyRoute {
    pub(crate) fn start() -> Result<Self> {
        let address = free_address()?;
        let mut process = Process::start(Command::new(std::env::current_exe()?).args([
            "empty-route",
            "--listen",
            &address.to_string(),
        ]))?;
        process.wait_for(address)?;
        Ok(Self { address, process })
    }
}

impl Server for EmptyRoute {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn process(&self) -> &Process {
        &self.process
    }
}
