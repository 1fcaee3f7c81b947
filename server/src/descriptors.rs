//! Divides the file descriptors that this process may open among its kinds of connection. All limits come from here,
//! and together they stay below the process limit. However many connections strangers open on one listener, the other
//! listeners and the control socket still accept theirs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::ConfigError;

/// For databases (with their journals), the listening sockets, the runtime, the lock, the standard streams, files of the
/// site while they are read, and proxies' access logs.
const OWN: usize = 112;
/// For simultaneous `admin` commands.
const CONTROL: usize = 8;
/// Connections to the gateway. Each takes some memory, so there is a limit even where the system has none.
const MOST_CALLERS: usize = 65_536;
/// With fewer descriptors, a company's share of some limit would round down to zero.
const LEAST: usize = 192;

/// The limits of one process. Each number is the most that may be open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// How many files and sockets the system lets this process open.
    pub limit: usize,
    /// Connections to the control socket.
    pub control: usize,
    /// Connections to the operator's listener.
    pub operator: usize,
    /// Connections to the dashboard, including live streams.
    pub dashboard: usize,
    /// Live streams.
    pub streams: usize,
    /// Connections to the gateway.
    pub gateway: usize,
    /// Requests in flight at the gateway. Each may have a connection to an upstream.
    pub requests: usize,
    /// Idle connections kept for each upstream.
    pub upstream_idle: usize,
    /// Attempts to deliver webhooks. Each has a connection.
    pub attempts: usize,
    /// Idle connections kept for all receivers together.
    pub receiver_idle: usize,
    /// DNS look-ups.
    pub lookups: usize,
}

impl Descriptors {
    /// Raises the soft limit of open files to the hard limit and divides it. systemd starts services with a soft limit
    /// of 1,024 and a hard limit of 524,288. `shared_by` is 2 if this process holds both ends of its connections, as in
    /// the demo.
    pub fn claim(shared_by: usize) -> Result<Self, ConfigError> {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let raised = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: maximum,
                maximum,
            },
        );
        let limit = match raised {
            Ok(()) => maximum,
            Err(error) => {
                tracing::warn!(%error, "the limit of open files could not be raised");
                current
            }
        };
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let bounds = Self::of(limit / shared_by.max(1)).ok_or_else(|| {
            ConfigError::new(format!(
                "This process may open {limit} files, but it needs at least {}: raise the limit with `ulimit -n 4096`, or \
                 with LimitNOFILE=4096 in its systemd unit.",
                LEAST * shared_by.max(1)
            ))
        })?;
        bounds.say();
        Ok(bounds)
    }

    /// Divides a limit. Returns `None` if it is too small.
    pub fn of(limit: usize) -> Option<Self> {
        if limit < LEAST {
            return None;
        }
        // The operator's part is set aside first, so it remains when all others are used up.
        let operator = (limit / 16).clamp(16, 2048);
        let rest = limit - OWN - CONTROL - operator;
        let percent = |share: usize| rest / 100 * share + rest % 100 * share / 100;
        let part = |share, at_most: usize| percent(share).clamp(2, at_most);
        let dashboard = part(20, 2048);
        let mut bounds = Self {
            limit,
            control: CONTROL,
            operator,
            dashboard,
            streams: dashboard / 2,
            gateway: 0,
            requests: part(20, 2048),
            // There are three environments, and so up to three upstreams.
            upstream_idle: part(4, 256),
            attempts: part(8, 512),
            receiver_idle: part(4, 1024),
            // A look-up opens up to two sockets.
            lookups: part(2, 64),
        };
        // What the others leave. Most of its connections rest, and a caller that has to connect anew waits longer.
        bounds.gateway = limit.saturating_sub(bounds.total()).clamp(2, MOST_CALLERS);
        Some(bounds)
    }

    /// The most that may be open at once, all kinds together.
    pub const fn total(&self) -> usize {
        OWN + self.control
            + self.operator
            + self.dashboard
            + self.gateway
            + self.requests
            + 3 * self.upstream_idle
            + self.attempts
            + self.receiver_idle
            + 2 * self.lookups
    }

    fn say(&self) {
        let Self {
            limit,
            operator,
            dashboard,
            gateway,
            requests,
            attempts,
            ..
        } = *self;
        tracing::info!(
            limit,
            dashboard,
            gateway,
            operator,
            requests,
            attempts,
            "connection limits, derived from the limit of open files"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_limits_together_stay_below_the_process_limit() {
        for limit in (LEAST..5000).chain([65_536, 524_288, 1_048_576, usize::MAX]) {
            let bounds = Descriptors::of(limit).expect("enough");
            assert!(bounds.total() <= limit, "{bounds:?}");
            assert!(
                bounds.streams < bounds.dashboard && bounds.lookups >= 2,
                "{bounds:?}"
            );
        }
        assert_eq!(Descriptors::of(LEAST - 1), None);
    }

    #[test]
    fn with_plenty_of_descriptors_each_limit_is_at_its_maximum() {
        let bounds = Descriptors::of(524_288).expect("enough");
        assert_eq!(
            (bounds.gateway, bounds.dashboard, bounds.requests, bounds.attempts),
            (65_536, 2048, 2048, 512)
        );
    }
}
