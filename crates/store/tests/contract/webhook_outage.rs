//! What publishing does while PostgreSQL cannot be reached, and afterwards. The connections go through a door that the
//! test closes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use live::Bus;
use store::{Db, DbOptions, RelayPace, start_relay};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::Instant;
use vault::InstallId;
use webhooks::PublishError;

use crate::receiver::{Receiver, Reply};
use crate::test_db::TestDb;
use crate::webhook_tables::Tables;
use crate::webhook_world::World;

contract!(
    postgres only: store::MAIN_MIGRATIONS,
    [a_publication_is_refused_at_once_while_the_database_is_away]
);

/// Forwards connections while it is open. Closing it breaks those that are open and refuses others.
struct Door {
    folder: TempDir,
    open: Arc<watch::Sender<bool>>,
}

/// The name of PostgreSQL's socket in its folder.
const SOCKET: &str = ".s.PGSQL.5432";

impl Door {
    fn to(server: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join(SOCKET)).expect("a socket");
        let server = server.join(SOCKET);
        let open = Arc::new(watch::Sender::new(true));
        let is_open = Arc::clone(&open);
        tokio::spawn(async move {
            while let Ok((mut outside, _)) = listener.accept().await {
                let (mut open, server) = (is_open.subscribe(), server.clone());
                tokio::spawn(async move {
                    let forward = async {
                        let mut inside = UnixStream::connect(server).await.expect("PostgreSQL");
                        let _ = copy_bidirectional(&mut outside, &mut inside).await;
                    };
                    tokio::select! {
                        _ = open.wait_for(|open| !open) => {}
                        () = forward => {}
                    }
                });
            }
        });
        Self { folder, open }
    }
}

async fn a_publication_is_refused_at_once_while_the_database_is_away(db: &TestDb) {
    let (database, server) = db.url().split_once("?host=").expect("a folder");
    let door = Door::to(Path::new(server));
    let url = format!("{database}?host={}", door.folder.path().display());
    let options = DbOptions::Postgres {
        url: url.clone(),
        schema: Some("contract".to_owned()),
        connections: 4,
    };
    let behind_door = Db::open(&options, store::MAIN_MIGRATIONS).await.expect("opens");
    let world = World::create(db).await;
    let node = world.node(&Tables::Database(behind_door.clone()));
    let receiver = Receiver::start(|_| Reply::status(200)).await;
    world.webhook(&receiver.url("/")).await;
    let pace = RelayPace {
        after_loss: Duration::from_millis(50),
        ..RelayPace::default()
    };
    let relay = start_relay(&url, &behind_door, InstallId::generate(), &Bus::default(), pace);
    test_wait::in_time("the node receives notifications", relay.heard()).await;
    let worker = world.start_with(&node, webhooks::WorkerOptions::default());
    let publish = async || world.publish_on(&node, "{}").await;
    publish().await.expect("published");
    receiver.wait_for(1).await;

    door.open.send_replace(false);
    test_wait::eventually("the outage is noticed", async || {
        behind_door.is_away().then_some(())
    })
    .await;
    let started = Instant::now();
    for _ in 0..20 {
        assert!(matches!(publish().await, Err(PublishError::Away(_))));
    }
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );

    door.open.send_replace(true);
    let last = test_wait::eventually("it publishes again", async || publish().await.ok()).await;
    assert_eq!(last.deliveries, 1);
    // The worker tries again after a while.
    test_wait::eventually("the event arrives", async || {
        world.clock.advance_seconds(1);
        (receiver.received().len() == 2).then_some(())
    })
    .await;
    worker.stop().await;
    relay.stop().await;
    behind_door.close().await;
}
