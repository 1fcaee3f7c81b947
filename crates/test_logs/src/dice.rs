//! Numbers without a pattern that are the same in every run with the same seed.

/// Dice whose rolls depend only on the number they begin with.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number from 0 to `below - 1`.
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    /// True once in `times` on average.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.roll(times) == 0
    }

    pub fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len() as u64) as usize].clone()
    }

    /// A small number is much more likely than a large one, as with values that real requests have.
    pub fn skewed(&mut self, below: u64) -> u64 {
        let first = self.roll(below) + 1;
        self.roll(first)
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.roll(256) as u8)
    }
}
