//! Carries news between the nodes of one PostgreSQL database with `NOTIFY` and `LISTEN`, so that a change on one node
//! updates open pages on the others.
//!
//! Each installation has its own channel, because a notification reaches every listener in the database. A node sends
//! its news in short statements after the commit, not inside it, because `NOTIFY` in a transaction makes commits wait
//! for each other. It listens on a dedicated connection. News can be lost, for instance while that connection is
//! re-established, or behind a pooler that runs each statement on a different connection. So a node regularly sends
//! itself a probe. If the probe does not arrive, the node makes open pages refetch every few seconds, and logs a
//! warning.

use std::fmt;
use std::time::Duration;

use live::{Bus, News, Relay, Topic};
use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use vault::InstallId;

use crate::{Db, StoreError};

/// How long to wait before listening again if no notification has ever arrived. Most likely none ever will.
const AFTER_SILENCE: Duration = Duration::from_secs(60);
/// How long a send may take before the news is queued again, when the database does not respond.
const TELL_WITHIN: Duration = Duration::from_secs(5);
/// A database that does not accept a connection in this time counts as out of reach.
const REACHED_WITHIN: Duration = Duration::from_secs(5);
/// How long stopping waits for the last news to be sent.
const LAST_NEWS: Duration = Duration::from_secs(1);
/// PostgreSQL rejects payloads of 8,000 bytes.
const LONGEST: usize = 7_900;
const PROBE: &str = "?";

/// The relay's intervals and time limits. They are in real time, because the database is real.
#[derive(Clone, Copy, Debug)]
pub struct RelayPace {
    /// A topic of a company is sent at most once in this time, because the log publishes with every batch of rows.
    pub gather: Duration,
    /// How often a node sends itself a probe,
    pub probe_every: Duration,
    /// and how soon the probe must arrive.
    pub probe_within: Duration,
    /// How often open pages refetch while the node receives no notifications.
    pub look_every: Duration,
    /// How long to wait before reconnecting.
    pub after_loss: Duration,
}

impl Default for RelayPace {
    fn default() -> Self {
        Self {
            gather: Duration::from_millis(200),
            probe_every: Duration::from_secs(15),
            probe_within: Duration::from_secs(5),
            look_every: Duration::from_secs(5),
            after_loss: Duration::from_secs(1),
        }
    }
}

/// A running relay. Dropping it stops it without sending the last news.
#[derive(Debug)]
pub struct RunningRelay {
    hears: watch::Receiver<bool>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl RunningRelay {
    /// Returns once this node receives notifications.
    pub async fn heard(&self) {
        // An error means that the relay has stopped.
        let _ = self.hears.clone().wait_for(|hears| *hears).await;
    }

    /// Sends the news that is waiting, within a second, and stops.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the news relay crashed");
        }
    }
}

/// Joins this node to the others on the database at `url`, which `db` is opened on.
pub fn start_relay(url: &str, db: &Db, install: InstallId, bus: &Bus, pace: RelayPace) -> RunningRelay {
    let wire = Wire {
        url: url.to_owned(),
        db: db.clone(),
        channel: format!("gatehouse_{install}"),
        node: vault::random::<8>().map(|byte| format!("{byte:02x}")).concat(),
        relay: bus.relay(),
        pace,
        hears: watch::Sender::new(false),
        echo: watch::Sender::new(()),
    };
    let hears = wire.hears.subscribe();
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(async move {
        let hearing = async {
            tokio::select! {
                () = stopping(stopped.clone()) => {}
                ((), ()) = async { tokio::join!(wire.hear_always(), wire.look_while_deaf()) } => {}
            }
        };
        tokio::join!(wire.tell_until(stopped.clone()), hearing);
    });
    RunningRelay {
        hears,
        stop,
        task: Some(task),
    }
}

struct Wire {
    url: String,
    db: Db,
    channel: String,
    /// Identifies this node's own news.
    node: String,
    relay: Relay,
    pace: RelayPace,
    hears: watch::Sender<bool>,
    /// Changes whenever one of this node's own messages arrives.
    echo: watch::Sender<()>,
}

/// Why a node receives no notifications.
enum Deaf {
    Lost(sqlx::Error),
    Untold(StoreError),
    /// Connected, but nothing arrives: there is a pooler, or the connection broke silently.
    Silence,
}

impl fmt::Display for Deaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(error) => write!(f, "lost the listening connection: {error}"),
            Self::Untold(error) => write!(f, "cannot send notifications: {error}"),
            Self::Silence => f.write_str(
                "notifications do not arrive, which happens behind a connection pooler that shares connections",
            ),
        }
    }
}

/// The news could not be sent and was queued again.
struct NotTold;

/// Returns when the relay should stop. An error means that its handle was dropped.
async fn stopping(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

impl Wire {
    /// Sends urgent news at once, other news collected over a moment, and what is left at the end. Stopping does not
    /// interrupt a send, because that would lose its news.
    async fn tell_until(&self, stopped: watch::Receiver<bool>) {
        let mut next = Instant::now();
        loop {
            let news = tokio::select! {
                biased;
                () = stopping(stopped.clone()) => break,
                news = self.relay.urgent() => news,
                news = async { sleep_until(next).await; self.relay.patient().await } => {
                    next = Instant::now() + self.pace.gather;
                    news
                }
            };
            if self.tell(news, TELL_WITHIN).await.is_err() {
                tokio::select! {
                    () = stopping(stopped.clone()) => {}
                    () = sleep(self.pace.after_loss) => {}
                }
            }
        }
        let _ = self.tell(self.relay.rest(), LAST_NEWS).await;
    }

    /// Queues the news again if it cannot be sent.
    async fn tell(&self, news: Vec<News>, within: Duration) -> Result<(), NotTold> {
        let telling = async {
            for payload in payloads(&self.node, news.iter().copied().map(written)) {
                self.notify(&payload).await?;
            }
            Ok::<_, StoreError>(())
        };
        let error = match timeout(within, telling).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        tracing::debug!(?error, "could not send news to other nodes");
        self.relay.put_back(news);
        Err(NotTold)
    }

    async fn notify(&self, payload: &str) -> Result<(), StoreError> {
        // Each notification is a commit, but it does not have to survive a crash, so it does not wait for the disk.
        let sql = "WITH told AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)) \
                   SELECT COUNT(*) FROM told";
        sqlx::query(sql)
            .bind(&self.channel)
            .bind(payload)
            .execute(self.db.reader())
            .await?;
        Ok(())
    }

    async fn hear_always(&self) {
        let mut said = false;
        loop {
            let deaf = self.hear(&mut said).await;
            let heard = self.hears.send_replace(false);
            if !std::mem::replace(&mut said, true) {
                tracing::warn!(
                    reason = %deaf,
                    "this node does not receive changes from other nodes; until it does, open pages refetch every {} s",
                    self.pace.look_every.as_secs()
                );
            }
            sleep(match deaf {
                Deaf::Silence if !heard => AFTER_SILENCE,
                // Find out at once whether the database is still there.
                Deaf::Lost(_) if heard => Duration::ZERO,
                _ => self.pace.after_loss,
            })
            .await;
        }
    }

    /// Returns when notifications no longer arrive.
    async fn hear(&self, said: &mut bool) -> Deaf {
        let listening = async {
            let mut listener = PgListener::connect(&self.url).await?;
            listener.listen(&self.channel).await?;
            Ok::<_, sqlx::Error>(listener)
        };
        let mut listener = match timeout(REACHED_WITHIN, listening).await {
            Ok(Ok(listener)) => listener,
            Ok(Err(error)) => {
                self.db.set_away(true);
                return Deaf::Lost(error);
            }
            Err(_) => {
                self.db.set_away(true);
                return Deaf::Lost(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
            }
        };
        self.db.set_away(false);
        listener.eager_reconnect(false);
        tokio::select! {
            error = self.receive(&mut listener) => Deaf::Lost(error),
            deaf = self.probe(said) => deaf,
        }
    }

    async fn receive(&self, listener: &mut PgListener) -> sqlx::Error {
        loop {
            match listener.try_recv().await {
                Ok(Some(notification)) => self.received(notification.payload()),
                Ok(None) => return sqlx::Error::Io(std::io::ErrorKind::ConnectionAborted.into()),
                Err(error) => return error,
            }
        }
    }

    fn received(&self, payload: &str) {
        let mut words = payload.split(' ');
        if words.next() == Some(self.node.as_str()) {
            self.echo.send_replace(());
            return;
        }
        words.filter_map(read).for_each(|news| self.relay.heard(news));
    }

    async fn probe(&self, said: &mut bool) -> Deaf {
        loop {
            let mut echo = self.echo.subscribe();
            if let Err(error) = self.notify(&format!("{} {PROBE}", self.node)).await {
                return Deaf::Untold(error);
            }
            if timeout(self.pace.probe_within, echo.changed()).await.is_err() {
                return Deaf::Silence;
            }
            if !*self.hears.borrow() {
                // News may have been missed until now.
                self.relay.heard(News::Anything);
                self.hears.send_replace(true);
                if std::mem::take(said) {
                    tracing::info!("this node receives changes from other nodes again");
                }
            }
            sleep(self.pace.probe_every).await;
        }
    }

    async fn look_while_deaf(&self) {
        loop {
            sleep(self.pace.look_every).await;
            if !*self.hears.borrow() {
                self.relay.heard(News::Anything);
            }
        }
    }
}

/// Each payload has the node's name and as many words as fit.
fn payloads(node: &str, words: impl Iterator<Item = String>) -> Vec<String> {
    let mut payloads: Vec<String> = Vec::new();
    for word in words {
        match payloads.last_mut() {
            Some(last) if last.len() + 1 + word.len() <= LONGEST => {
                last.push(' ');
                last.push_str(&word);
            }
            _ => payloads.push(format!("{node} {word}")),
        }
    }
    payloads
}

fn written(news: News) -> String {
    match news {
        News::Changed(company, topic) => format!("{}:{company}", topic.as_str()),
        News::Keys => "keys".to_owned(),
        News::Sessions => "sessions".to_owned(),
        News::EventTypes => "event_types".to_owned(),
        News::Anything => "anything".to_owned(),
    }
}

/// `None` for a probe, and for words from a later version.
fn read(word: &str) -> Option<News> {
    match word {
        "keys" => Some(News::Keys),
        "sessions" => Some(News::Sessions),
        "event_types" => Some(News::EventTypes),
        "anything" => Some(News::Anything),
        _ => {
            let (topic, company) = word.split_once(':')?;
            Some(News::Changed(company.parse().ok()?, Topic::from_name(topic)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use model::CompanyId;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let company = CompanyId::from_random([7; 16]);
        let changed = Topic::ALL.map(|topic| News::Changed(company, topic));
        for news in changed
            .into_iter()
            .chain([News::Keys, News::Sessions, News::EventTypes, News::Anything])
        {
            assert_eq!(read(&written(news)), Some(news));
        }
        for word in [
            PROBE,
            "",
            "logs:",
            "logs:zz",
            "tea:0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(read(word), None, "{word}");
        }
    }

    #[test]
    fn no_payload_is_longer_than_postgres_takes_and_no_news_is_lost() {
        let all: Vec<News> = (0..=255)
            .map(|byte| News::Changed(CompanyId::from_random([byte; 16]), Topic::Webhooks))
            .collect();
        let payloads = payloads("0123456789abcdef", all.iter().copied().map(written));
        assert!(payloads.len() > 1);
        assert!(payloads.iter().all(|payload| payload.len() < 8000));
        let read: Vec<News> = payloads
            .iter()
            .flat_map(|payload| payload.split(' ').skip(1).filter_map(read))
            .collect();
        assert_eq!(read, all);
    }
}
