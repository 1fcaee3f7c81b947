//! Memory with many callers, most of whom keep a connection and send nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::bench::{Bench, TARGET, open_files};
use crate::http;
use crate::nginx::Logging;
use crate::samples::{figure, judged, thousands};
use crate::wrk::Server;

/// In MiB.
const MEMORY: f64 = 150.0;

/// How many callers come from one address, so that the bound for an address is not what is measured.
const PER_ADDRESS: usize = 200;

/// How many connect at once. More would fill the queue of the listener.
const AT_ONCE: usize = 64;

/// How long a caller waits for a response.
const PATIENCE: Duration = Duration::from_secs(20);

/// What became of the callers.
#[derive(Clone, Copy, Debug, Default)]
struct Crowd {
    idle_open: usize,
    active_open: usize,
    /// Requests a second of those who are active.
    rate: f64,
    /// In MiB, the most that was seen.
    memory: f64,
}

pub(crate) fn run(bench: &mut Bench) -> Result<()> {
    let (idle, active) = (bench.options.idle, bench.options.active);
    bench.report.heading(&format!(
        "Memory with {} idle callers and {} active ones",
        thousands(idle as u64),
        thousands(active as u64)
    ))?;
    if open_files() < (idle + active + 200) as u64 {
        return bench.report.line(&format!(
            "Not measured: this process may open {} files only (`ulimit -Hn`).",
            open_files()
        ));
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let (gatehouse, credentials) = bench.gatehouse()?;
    let ours = runtime.block_on(gather(bench, &gatehouse.gateway(), &credentials.headers()))?;
    bench.count_rows("many callers", &gatehouse)?;
    drop(gatehouse);
    let (peer, credentials) = bench.peer(Logging::Headers)?;
    let peers = runtime.block_on(gather(bench, &peer, &credentials.headers()))?;
    let mut rows = Vec::new();
    for (name, crowd, memory) in [
        (
            "Gatehouse",
            ours,
            format!(
                "{} (< {MEMORY})",
                judged(figure(ours.memory), ours.memory < MEMORY)
            ),
        ),
        ("nginx + Lua", peers, figure(peers.memory)),
    ] {
        let figures = json!({
            "idle_open": crowd.idle_open,
            "active_open": crowd.active_open,
            "requests_a_second": crowd.rate,
            "memory_mib": crowd.memory,
        });
        bench.report.raw("d", name, figures);
        let open = |count: usize, of: usize| judged(thousands(count as u64), count == of);
        rows.push(vec![
            name.to_owned(),
            open(crowd.idle_open, idle),
            open(crowd.active_open, active),
            figure(crowd.rate),
            memory,
        ]);
    }
    bench.report.table(
        &[
            "contender",
            "idle connections open at the end",
            "active ones",
            "requests a second",
            "memory, MiB",
        ],
        &rows,
    )
}

/// Lets all callers come, and the active ones send requests for a while.
async fn gather(bench: &Bench, server: &impl Server, headers: &[String]) -> Result<Crowd> {
    let (idle, active) = (bench.options.idle, bench.options.active);
    let request: Arc<[u8]> = http::get(server.address(), TARGET, headers).into();
    let idle_callers = arrive(server.address(), 0..idle, &request).await?;
    let active_callers = arrive(server.address(), idle..idle + active, &request).await?;
    eprintln!(
        "{} idle callers and {} active ones were let in",
        thousands(idle_callers.len() as u64),
        thousands(active_callers.len() as u64)
    );
    let answered = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let until = begun + Duration::from_secs(bench.options.seconds);
    let mut callers = JoinSet::new();
    for caller in active_callers {
        callers.spawn(ask_on(caller, Arc::clone(&request), until, Arc::clone(&answered)));
    }
    let mut memory = 0;
    while Instant::now() < until {
        memory = memory.max(server.process().memory()?);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let rate = answered.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
    let mut active_open = 0;
    while let Some(survived) = callers.join_next().await {
        active_open += usize::from(survived?);
    }
    let is_open = |caller: &TcpStream| matches!(caller.try_read(&mut [0; 1]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
    Ok(Crowd {
        idle_open: idle_callers.iter().filter(|caller| is_open(caller)).count(),
        active_open,
        rate,
        memory: memory.max(server.process().memory()?) as f64 / 1024.0,
    })
}

/// Callers that have had one response. Those who were turned away are missing.
async fn arrive(
    server: SocketAddr,
    numbers: std::ops::Range<usize>,
    request: &Arc<[u8]>,
) -> Result<Vec<TcpStream>> {
    let mut arriving = JoinSet::new();
    let mut arrived = Vec::new();
    for number in numbers {
        if arriving.len() >= AT_ONCE
            && let Some(caller) = arriving.join_next().await
        {
            arrived.extend(caller?);
        }
        let request = Arc::clone(request);
        arriving.spawn(async move {
            let mut caller = connect(server, number).await.ok()?;
            ask(&mut caller, &request).await.ok()?;
            Some(caller)
        });
    }
    while let Some(caller) = arriving.join_next().await {
        arrived.extend(caller?);
    }
    Ok(arrived)
}

/// From one of the addresses of loopback.
async fn connect(server: SocketAddr, number: usize) -> Result<TcpStream> {
    let host = u8::try_from(2 + number / PER_ADDRESS).context("too many callers")?;
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 1, host), 0).into())?;
    Ok(socket.connect(server).await?)
}

/// Whether the caller was still served at the end.
async fn ask_on(mut caller: TcpStream, request: Arc<[u8]>, until: Instant, answered: Arc<AtomicU64>) -> bool {
    while Instant::now() < until {
        if ask(&mut caller, &request).await.is_err() {
            return false;
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
    true
}

/// One request, whose response has a length and fits into a buffer.
async fn ask(caller: &mut TcpStream, request: &[u8]) -> Result<()> {
    tokio::time::timeout(PATIENCE, async {
        caller.write_all(request).await?;
        let mut buffer = [0; 4096];
        let mut filled = 0;
        loop {
            let count = caller.read(&mut buffer[filled..]).await?;
            ensure!(count > 0, "the connection was closed");
            filled += count;
            if is_whole(&buffer[..filled])? {
                return Ok(());
            }
        }
    })
    .await?
}

/// Whether this is a whole response, which must be a 200.
fn is_whole(response: &[u8]) -> Result<bool> {
    let Some(end) = response.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(false);
    };
    let head = std::str::from_utf8(&response[..end])?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "a request was refused: {head}");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    let length = length.context("a response without a length")?;
    Ok(response.len() >= end + 4 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_whole_once_its_body_is_there() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        for cut in 0..response.len() {
            assert!(!is_whole(&response[..cut]).unwrap());
        }
        assert!(is_whole(response).unwrap());
        assert!(is_whole(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").is_err());
    }
}
