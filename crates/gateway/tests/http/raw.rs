//! Both ends of a call as bare sockets, for what an HTTP library would hide.

use std::net::SocketAddr;

use keys::RateLimit;
use model::Environment;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::World;

/// A world whose upstream is this address.
pub(crate) async fn world_with(
    upstream: SocketAddr,
    change: impl FnOnce(&mut gateway::GatewayOptions),
) -> World {
    let change = |options: &mut gateway::GatewayOptions| {
        let url = format!("http://{upstream}").parse().expect("an address");
        options.upstreams.insert(Environment::Sandbox, url);
        change(options);
    };
    World::with(change, RateLimit::off()).await
}

/// An upstream that serves each connection like this.
pub(crate) async fn upstream<S>(serve: impl Fn(TcpStream) -> S + Send + 'static) -> SocketAddr
where
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(serve(tcp));
        }
    });
    address
}

/// A caller that has sent the head of a request with the world's key.
pub(crate) async fn caller(world: &World, head: &str) -> TcpStream {
    let mut tcp = TcpStream::connect(world.address).await.expect("a connection");
    send(&mut tcp, &head_of(world, head)).await;
    tcp
}

pub(crate) fn head_of(world: &World, head: &str) -> String {
    format!(
        "{head}\r\nhost: gateway.test\r\nx-access-client-id: {}\r\nx-access-secret: {}\r\n\r\n",
        world.company.client_id, world.key.secret
    )
}

pub(crate) async fn send(tcp: &mut TcpStream, text: &str) {
    tcp.write_all(text.as_bytes()).await.expect("it is read");
}

/// Reads until the text ends like this. Empty if the other side closed before.
pub(crate) async fn until(tcp: &mut TcpStream, ending: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        while !read.ends_with(ending.as_bytes()) {
            if !tcp.read_buf(&mut read).await.is_ok_and(|read| read > 0) {
                read.clear();
                break;
            }
        }
    };
    test_wait::in_time("the other side sends something", reading).await;
    String::from_utf8(read).expect("text")
}

/// Returns when the other side has closed.
pub(crate) async fn closed(tcp: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset says the same.
    let _ = test_wait::in_time("the other side closes", tcp.read_to_end(&mut rest)).await;
}
