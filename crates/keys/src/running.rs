//! Background work: follows the database, writes *last used*, tidies up. The server starts it once, and stops it after
//! its listeners have ended.

use std::time::Duration;

use clock::Ticks;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{Keys, KeysError};

/// Runs only if something was deleted.
const SCRUB_EVERY: Duration = Duration::from_secs(10);
/// A deletion whose moment has come is in force at once; this only makes it final.
const DUE_EVERY: Duration = Duration::from_secs(1);
const TIDY_EVERY: Duration = Duration::from_secs(3600);

/// The background work. End it with [`Running::stop`]. Dropping it also ends the work, but skips the last writes.
#[derive(Debug)]
pub struct Running {
    keys: Keys,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Clone, Copy, Debug)]
enum Chore {
    Follow,
    Flush,
    Scrub,
    Due,
    Rotate,
    Tidy,
}

impl Keys {
    /// Starts the background work. If other nodes may share the database, this node joins them and serves once it has a
    /// lease; see [`Keys::is_ready`].
    pub fn start(&self) -> Running {
        let (stop, stopped) = watch::channel(false);
        let start = |chore: Chore| tokio::spawn(chore.repeat(self.clone(), stopped.clone()));
        let tasks = [
            Chore::Follow,
            Chore::Flush,
            Chore::Scrub,
            Chore::Due,
            Chore::Rotate,
            Chore::Tidy,
        ]
        .map(start)
        .into();
        Running {
            keys: self.clone(),
            stop,
            tasks,
        }
    }
}

impl Running {
    /// Stops, writes the remaining *last used* moments, and tells the other nodes that they need not wait for this one.
    pub async fn stop(self) {
        // The tasks hold the receivers. If they have all ended, there is no one to tell.
        let _ = self.stop.send(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a background task of the keys had already ended");
            }
        }
        let inner = &self.keys.inner;
        inner.lease.give_up();
        let flushed = self.keys.flush_last_used().await;
        let left = if inner.store.is_shared() {
            inner.store.leave(inner.node).await
        } else {
            Ok(())
        };
        for error in [flushed, left].into_iter().filter_map(Result::err) {
            tracing::warn!(%error, cause = ?error, "the keys did not stop cleanly");
        }
    }
}

impl Chore {
    async fn repeat(self, keys: Keys, mut stopped: watch::Receiver<bool>) {
        let mut pace = self.pace(&keys);
        let mut elsewhere = keys.inner.bus.keys_elsewhere();
        let mut failing = false;
        loop {
            let outcome = self.once(&keys).await;
            // Logged once when it begins and once when it ends, not at every tick.
            match (&outcome, failing) {
                (Err(error), false) => {
                    tracing::error!(chore = ?self, %error, cause = ?error, "background work on keys failed")
                }
                (Ok(()), true) => tracing::info!(chore = ?self, "background work on keys succeeds again"),
                _ => {}
            }
            failing = outcome.is_err();
            tokio::select! {
                () = pace.next() => {}
                // Another node says that it changed something. Looking is what counts; this only makes it sooner.
                Ok(()) = elsewhere.changed(), if matches!(self, Self::Follow) => {}
                _ = stopped.changed() => return,
            }
        }
    }

    async fn once(self, keys: &Keys) -> Result<(), KeysError> {
        match self {
            Self::Follow => keys.follow().await,
            Self::Flush => keys.flush_last_used().await,
            Self::Scrub => keys.scrub().await,
            Self::Due => keys.delete_due().await,
            Self::Rotate => keys.rotate_due().await,
            Self::Tidy => keys.tidy().await,
        }
    }

    fn pace(self, keys: &Keys) -> Pace {
        let every = |period| Pace::Clock(keys.inner.clock.every(period));
        match self {
            Self::Follow => Pace::looking(keys.inner.options.poll),
            Self::Flush => every(keys.inner.options.flush),
            Self::Scrub => every(SCRUB_EVERY),
            Self::Due | Self::Rotate => every(DUE_EVERY),
            Self::Tidy => every(TIDY_EVERY),
        }
    }
}

/// When a chore is done again.
enum Pace {
    Clock(Ticks),
    /// Real time, whatever the clock shows: another node waits for this one to look.
    Looking(Interval),
}

impl Pace {
    fn looking(every: Duration) -> Self {
        let mut looks = interval(every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.reset();
        Self::Looking(looks)
    }

    async fn next(&mut self) {
        match self {
            Self::Clock(ticks) => ticks.tick().await,
            Self::Looking(looks) => {
                looks.tick().await;
            }
        }
    }
}
