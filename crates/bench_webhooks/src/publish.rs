//! Publishers: connections that stay open, on a thread of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::http::{self, Connection, Message};

/// What nearly all webhooks of the benchmark receive.
pub(crate) const ORDINARY: &str = "order-created";
/// For webhooks that must not receive everything.
pub(crate) const RARE: &str = "order-status-updated";

/// How long a publisher waits for a server that was killed.
const AWAY: Duration = Duration::from_secs(120);

#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) operator: SocketAddr,
    pub(crate) token: String,
    pub(crate) client_id: String,
    pub(crate) publishers: usize,
    /// No event is published after this.
    pub(crate) time: Duration,
    /// About this many events, if the time allows.
    pub(crate) count: usize,
    /// Events a second, all publishers together. Without it each publishes as fast as it can.
    pub(crate) rate: Option<f64>,
    /// One in so many events is of the rare type.
    pub(crate) one_is_rare_in: Option<usize>,
    /// The server may go away and come back.
    pub(crate) survives: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    pub(crate) event: u128,
    pub(crate) rare: bool,
    /// When the last byte of the request had been written.
    pub(crate) sent: Instant,
    /// When the 202 had been read.
    pub(crate) accepted: Instant,
}

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicUsize,
    accepted: AtomicUsize,
    refused: AtomicU64,
    stop: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct Publishing {
    began: Instant,
    counts: Arc<Counts>,
    thread: JoinHandle<Result<Vec<Accepted>>>,
}

#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) events: Vec<Accepted>,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    /// Responses with status 503. The publisher then waits as told and tries again.
    pub(crate) refused: u64,
}

impl Published {
    pub(crate) fn seconds(&self) -> f64 {
        (self.ended - self.began).as_secs_f64()
    }

    pub(crate) fn rate(&self) -> f64 {
        self.events.len() as f64 / self.seconds()
    }
}

impl Load {
    pub(crate) fn start(self) -> Result<Publishing> {
        let counts = Arc::<Counts>::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let began = Instant::now();
        let shared = Arc::clone(&counts);
        let thread = thread::Builder::new()
            .name("publishers".into())
            .spawn(move || runtime.block_on(self.all(began, shared)))?;
        Ok(Publishing {
            began,
            counts,
            thread,
        })
    }

    pub(crate) fn run(self) -> Result<Published> {
        self.start()?.join()
    }

    async fn all(self, began: Instant, counts: Arc<Counts>) -> Result<Vec<Accepted>> {
        let load = Arc::new(self);
        let mut publishers = JoinSet::new();
        for number in 0..load.publishers {
            let one = Publisher {
                load: Arc::clone(&load),
                counts: Arc::clone(&counts),
                began,
                number,
                accepted: Vec::new(),
            };
            publishers.spawn(one.run());
        }
        let mut all = Vec::new();
        while let Some(one) = publishers.join_next().await {
            all.extend(one??);
        }
        Ok(all)
    }

    fn request(&self, number: usize) -> (bool, Vec<u8>) {
        let rare = self.one_is_rare_in.is_some_and(|one| number.is_multiple_of(one));
        let event = json!({
            "client_id": self.client_id,
            "env_type": "sandbox",
            "event_type": if rare { RARE } else { ORDINARY },
            "payload": {
                "order_id": format!("ord_{number:012}"),
                "order_number": number,
                "status": "pending",
                "employer": { "id": "emp_5f2a8c01", "company_name": "Northwind Traders" },
                "applicant": { "first_name": "Ada", "last_name": "Lindqvist", "external_id": "usr-20718" },
                "products": ["income", "employment"],
            },
        });
        let headers = [format!("Authorization: Bearer {}", self.token)];
        let request = http::request(
            "POST",
            self.operator,
            "/operator/v1/events",
            &headers,
            &event.to_string(),
        );
        (rare, request)
    }
}

impl Publishing {
    pub(crate) fn accepted(&self) -> usize {
        self.counts.accepted.load(Ordering::Relaxed)
    }

    /// 503 so far.
    pub(crate) fn refused(&self) -> u64 {
        self.counts.refused.load(Ordering::Relaxed)
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until all publishers have ended.
    pub(crate) fn join(self) -> Result<Published> {
        let events = self.thread.join().ok().context("a publisher panicked")??;
        ensure!(!events.is_empty(), "no event was accepted");
        Ok(Published {
            ended: events
                .iter()
                .map(|one| one.accepted)
                .fold(self.began, Instant::max),
            began: self.began,
            refused: self.counts.refused.load(Ordering::Relaxed),
            events,
        })
    }
}

struct Publisher {
    load: Arc<Load>,
    counts: Arc<Counts>,
    began: Instant,
    number: usize,
    accepted: Vec<Accepted>,
}

impl Publisher {
    async fn run(mut self) -> Result<Vec<Accepted>> {
        let until = self.began + self.load.time;
        let mut connection = None;
        let mut away = None;
        for turn in 0_u32.. {
            self.wait_until_due(turn).await;
            let enough = self.counts.accepted.load(Ordering::Relaxed) >= self.load.count;
            if enough || Instant::now() >= until || self.counts.stop.load(Ordering::Relaxed) {
                break;
            }
            match self.publish(&mut connection).await {
                Ok(()) => away = None,
                Err(error) if self.load.survives => {
                    connection = None;
                    let since = *away.get_or_insert_with(Instant::now);
                    if since.elapsed() > AWAY {
                        return Err(error);
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => {
                    // The others have no reason to go on.
                    self.counts.stop.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
        Ok(self.accepted)
    }

    async fn wait_until_due(&self, turn: u32) {
        let Some(rate) = self.load.rate else { return };
        let interval = Duration::from_secs_f64(self.load.publishers as f64 / rate);
        let first = interval.mul_f64(self.number as f64 / self.load.publishers as f64);
        tokio::time::sleep_until((self.began + first + interval * turn).into()).await;
    }

    async fn publish(&mut self, connection: &mut Option<Connection>) -> Result<()> {
        let number = self.counts.begun.fetch_add(1, Ordering::Relaxed);
        let (rare, request) = self.load.request(number);
        let to = match connection {
            Some(open) => open,
            None => connection.insert(Connection::open(self.load.operator).await?),
        };
        to.stream.write_all(&request).await?;
        let sent = Instant::now();
        let response = to.receive().await?.context("the server closed the connection")?;
        let accepted = Instant::now();
        match response.status()? {
            202 => {
                let event = event(&response)?;
                self.counts.accepted.fetch_add(1, Ordering::Relaxed);
                self.accepted.push(Accepted {
                    event,
                    rare,
                    sent,
                    accepted,
                });
            }
            503 => {
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                let told = response.header("retry-after").and_then(|text| text.parse().ok());
                tokio::time::sleep(Duration::from_secs(told.unwrap_or(1).min(5))).await;
            }
            other => bail!(
                "an event got {other}: {}",
                String::from_utf8_lossy(&response.body)
            ),
        }
        Ok(())
    }
}

fn event(response: &Message) -> Result<u128> {
    let body: Value = serde_json::from_slice(&response.body)?;
    let id = body.get("webhook_id").and_then(Value::as_str);
    Ok(u128::from_str_radix(id.context("an event without id")?, 16)?)
}
