//! A server on the data directory of a version that kept log rows in other tables.

use model::Timestamp;
use sqlx::{AnyConnection, Connection};
use store::logs::LOG_MIGRATIONS;
use store::{Db, DbOptions, Durability};

use crate::world::{Acme, World};

async fn page(world: &World, acme: &Acme) -> String {
    let path = format!("/c/{}/development/logs", acme.client_id);
    world.get(&path).cookie(&acme.owner).send().await.body
}

async fn statement(file: &std::path::Path, sql: &'static str, values: &[String]) {
    let url = format!("sqlite://{}?mode=rw", file.display());
    let mut connection = AnyConnection::connect(&url).await.expect("opens");
    let mut query = sqlx::query(sql);
    for value in values {
        query = query.bind(value.clone());
    }
    query.execute(&mut connection).await.expect("it runs");
    connection.close().await.expect("closes");
}

#[tokio::test]
async fn requests_of_a_version_before_are_listed_after_an_update_and_the_page_says_how_far_it_is() {
    let mut world = World::start().await;
    let acme = world.acme("Acme").await;
    let dir = world.data_dir().to_owned();
    world.stop().await;
    // As the version before left it.
    let file = dir.join("logs/logs.db");
    for name in ["logs.db", "logs.db-wal", "logs.db-shm"] {
        let _ = std::fs::remove_file(dir.join("logs").join(name));
    }
    let options = DbOptions::Sqlite {
        file: file.clone(),
        durability: Durability::Full,
    };
    let db = Db::open(&options, &LOG_MIGRATIONS[..1]).await.expect("opens");
    db.close().await;
    let (id, client_id) = (acme.id.to_string(), acme.client_id.to_string());
    let now = world_time().as_millis().to_string();
    let row = "INSERT INTO log_entries (request_id, root_id, company_id, client_id, at, recorded, method, path, status, verdict, \
               verdict_detail, duration_us, address) VALUES ($1, $2, $2, $3, CAST($4 AS INTEGER), 'gateway', 'GET', \
               '/v1/from-before', 401, 'unknown_secret', '', 100, '192.0.2.7')";
    statement(&file, row, &["01".repeat(16), id, client_id, now]).await;

    let mut world = World::start_with(|config| config.place.data_dir.clone_from(&dir)).await;
    let acme = Acme {
        owner: world
            .sign_in(&format!("owner-{}@example.com", acme.client_id))
            .await,
        ..acme
    };
    test_wait::until("the old request is listed", async || {
        page(&world, &acme).await.contains("/v1/from-before")
    })
    .await;
    test_wait::until("nothing waits to be moved", async || {
        !page(&world, &acme).await.contains("being moved")
    })
    .await;
    world.stop().await;

    // Without the table that these rows would come from, the move cannot end. The server serves all the same. The server may
    // have been stopped before it removed the table.
    statement(&file, "DROP TABLE IF EXISTS log_entries", &[]).await;
    let unfinished = "UPDATE log_move SET state = 0, moved = 65536, total = 1000000, below = below + 1000";
    statement(&file, unfinished, &[]).await;
    let world = World::start_with(|config| config.place.data_dir.clone_from(&dir)).await;
    let acme = Acme {
        owner: world
            .sign_in(&format!("owner-{}@example.com", acme.client_id))
            .await,
        ..acme
    };
    let page = page(&world, &acme).await;
    assert!(page.contains("65,536 of 1,000,000 moved, newest first"), "{page}");
    assert!(page.contains("/v1/from-before"));
}

fn world_time() -> Timestamp {
    clock::Clock::machine().now()
}
