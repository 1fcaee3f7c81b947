//! Random bytes, always from the operating system.

/// `N` unpredictable bytes. If the operating system cannot provide them, the process says so and exits: without
/// randomness, no secret it makes would be safe.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        eprintln!(
            "gatehouse: the operating system gave no random bytes ({error}); it cannot go on without them"
        );
        std::process::abort();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        assert_ne!(random::<20>(), random::<20>());
    }
}
