//! A proxy's access log over syslog: UDP and TCP on one address.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Completions;
use super::frames::Frames;
use super::line::{LONGEST, Malformed};

/// A log shipper, or a proxy, has one. The server's count of open files includes them.
const CONNECTIONS: usize = 16;

/// What the system may keep of datagrams until they are read. It gives less if `net.core.rmem_max` is less.
const BUFFER: usize = 4 << 20;

/// After this much silence a connection is asked whether there is still someone.
const SILENCE: Duration = Duration::from_secs(60);

/// Datagrams at once before other work gets its turn.
const AT_ONCE: usize = 128;

/// Listens for access logs.
#[derive(Debug)]
pub struct Syslog {
    udp: UdpSocket,
    tcp: TcpListener,
}

impl Syslog {
    /// Listens on the same port with UDP and TCP.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        let udp = UdpSocket::bind(tcp.local_addr()?).await?;
        // Without it, a burst may be lost earlier.
        let _ = SockRef::from(&udp).set_recv_buffer_size(BUFFER);
        Ok(Self { udp, tcp })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Takes what trusted peers tell, until `stop`.
    pub async fn serve(self, completions: Completions, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = datagrams(self.udp, &completions) => {}
            () = connections(self.tcp, &completions) => {}
        }
    }
}

async fn datagrams(socket: UdpSocket, completions: &Completions) {
    let mut buffer = vec![0; LONGEST];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, peer)) => datagram(completions, &buffer[..length], peer),
            Err(error) => pause_after(&error).await,
        }
        for _ in 0..AT_ONCE {
            match socket.try_recv_from(&mut buffer) {
                Ok((length, peer)) => datagram(completions, &buffer[..length], peer),
                Err(_) => break,
            }
        }
        tokio::task::yield_now().await;
    }
}

fn datagram(completions: &Completions, bytes: &[u8], peer: SocketAddr) {
    if completions.trusts(peer.ip()) {
        completions.take(bytes);
    }
}

async fn connections(listener: TcpListener, completions: &Completions) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((_, peer)) if !completions.trusts(peer.ip()) => {}
                Ok((_, peer)) if open.len() >= CONNECTIONS => {
                    tracing::warn!(%peer, "{CONNECTIONS} connections send access logs already; this one is closed");
                }
                Ok((stream, peer)) => {
                    open.spawn(connection(stream, peer, completions.clone()));
                }
                Err(error) => pause_after(&error).await,
            },
            Some(_) = open.join_next() => {}
        }
    }
}

async fn connection(mut stream: TcpStream, peer: SocketAddr, completions: Completions) {
    // A proxy that is gone without a word must not keep its place for ever.
    let _ = SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(SILENCE));
    let (mut frames, mut buffer) = (Frames::default(), vec![0; 16 * 1024]);
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => {
                // The last line may have no end.
                completions.take(frames.rest());
                return;
            }
            Ok(length) => frames.push(&buffer[..length]),
            Err(error) => {
                tracing::debug!(%peer, "an access log broke off: {error}");
                return;
            }
        }
        loop {
            match frames.next() {
                Ok(Some(line)) => {
                    completions.take(line);
                }
                Ok(None) => break,
                // Where the next line begins is not known. The proxy connects again.
                Err(_) => return completions.malformed(Malformed::TooLong),
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Such as having no free descriptor.
async fn pause_after(error: &io::Error) {
    tracing::debug!("the listener for access logs: {error}");
    tokio::time::sleep(Duration::from_millis(50)).await;
}
