//! What carries a caller's bytes: TCP, or TLS over it.

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::stream::CallerStream;
use crate::upgrade::Switched;

pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + Sized + 'static {
    /// Whether the caller may begin with HTTP/2 without having negotiated it.
    fn allows_prior_knowledge(&self) -> bool;

    /// The connection for what follows a 101.
    fn switched(read: Bytes, stream: CallerStream<Self>) -> Switched;
}

impl Transport for TcpStream {
    /// Only a program on this machine, such as a proxy before us. Others negotiate it within TLS.
    fn allows_prior_knowledge(&self) -> bool {
        self.peer_addr()
            .is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
    }

    fn switched(read: Bytes, stream: CallerStream<Self>) -> Switched {
        Switched::plain(read, stream)
    }
}

impl Transport for TlsStream<TcpStream> {
    fn allows_prior_knowledge(&self) -> bool {
        false
    }

    fn switched(read: Bytes, stream: CallerStream<Self>) -> Switched {
        Switched::tls(read, stream)
    }
}
