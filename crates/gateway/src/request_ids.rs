//! Makes request ids.

use std::cell::RefCell;

use model::{RequestId, Timestamp};

/// Bytes of randomness in one id.
const EACH: usize = 10;

/// How many ids are made of what the system gives at once. Asking it takes longer than all the rest of an id.
const AT_ONCE: usize = 64;

struct Random {
    bytes: [u8; EACH * AT_ONCE],
    used: usize,
}

thread_local! {
    static RANDOM: RefCell<Random> = const {
        RefCell::new(Random { bytes: [0; EACH * AT_ONCE], used: EACH * AT_ONCE })
    };
}

/// The id of a request that arrived at this time.
pub(crate) fn next(at: Timestamp) -> RequestId {
    RANDOM.with_borrow_mut(|random| {
        if random.used == random.bytes.len() {
            random.bytes = vault::random();
            random.used = 0;
        }
        let mut bytes = [0; EACH];
        bytes.copy_from_slice(&random.bytes[random.used..random.used + EACH]);
        random.used += EACH;
        RequestId::time_ordered(at, bytes)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_made_at_the_same_time_differ() {
        let at = Timestamp::from_millis(1_767_614_400_000);
        let made = move || (0..1000).map(|_| next(at)).collect::<Vec<_>>();
        let elsewhere = std::thread::spawn(made).join().expect("a thread");
        let all: HashSet<RequestId> = made().into_iter().chain(elsewhere).collect();
        assert_eq!(all.len(), 2000);
    }
}
