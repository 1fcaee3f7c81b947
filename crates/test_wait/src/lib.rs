//! Waits with a time limit, for tests. A test that waits for something that never happens must fail and say what it
//! waited for, instead of hanging. Only tests depend on this crate.

use std::time::{Duration, Instant};

/// How long a condition may take on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Pause between checks.
const PAUSE: Duration = Duration::from_millis(5);

/// Returns the output of `asked`.
///
/// # Panics
///
/// With `what`, if that takes longer than [`LIMIT`].
pub async fn in_time<T>(what: &str, asked: impl Future<Output = T>) -> T {
    within(LIMIT, what, asked).await
}

/// Like [`in_time`] with a different limit, for what is slow by design and for what must be fast.
pub async fn within<T>(limit: Duration, what: &str, asked: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, asked).await {
        Ok(value) => value,
        Err(_) => panic!("waited {} s in vain: {what}", limit.as_secs()),
    }
}

/// Calls `ask` until it returns a value.
///
/// # Panics
///
/// With `what`, after [`LIMIT`].
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(value) = ask().await {
                return value;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    in_time(what, asking).await
}

/// Returns once `holds` is true.
///
/// # Panics
///
/// With `what`, after [`LIMIT`].
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    eventually(what, async || holds().await.then_some(())).await;
}

/// Like [`until`], for a test without a runtime.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing signals what another process does, so this polls until the condition holds"
)]
pub fn blocking_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < LIMIT,
            "waited {} s in vain: {what}",
            LIMIT.as_secs()
        );
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_condition_that_becomes_true_returns_its_value() {
        let mut asked = 0;
        let value = eventually("the third time", async || {
            asked += 1;
            (asked == 3).then_some(asked)
        })
        .await;
        assert_eq!(value, 3);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited 60 s in vain: pigs fly")]
    async fn a_condition_that_never_becomes_true_fails_and_names_it() {
        until("pigs fly", async || false).await;
    }

    #[test]
    fn a_blocking_wait_returns_once_the_condition_holds() {
        let mut asked = 0;
        blocking_until("the second time", || {
            asked += 1;
            asked == 2
        });
        assert_eq!(asked, 2);
    }
}
