//! Randomness, from the operating system and from nowhere else.

/// `N` bytes that nobody can guess. Where the operating system has none to give, the process says so and ends: nothing
/// that would follow could be kept safe.
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
