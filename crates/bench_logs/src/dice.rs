//! Numbers that look random and are the same in every run, so that each store and the peer get the same rows.

/// SplitMix64.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// At least 0 and less than 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Less than `bound`, which is not 0.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.number() as u8)
    }
}

/// Spreads the bits of a number, so that consecutive numbers give unrelated results.
pub(crate) const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Picks an index with the frequency of its weight.
#[derive(Debug)]
pub(crate) struct Weighted {
    sums: Vec<f64>,
}

impl Weighted {
    pub(crate) fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let sums = weights
            .into_iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        Self { sums }
    }

    pub(crate) fn pick(&self, dice: &mut Dice) -> usize {
        let at = dice.fraction() * self.sums.last().copied().unwrap_or_default();
        self.sums
            .partition_point(|sum| *sum <= at)
            .min(self.sums.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_index_is_picked_as_often_as_its_weight_says() {
        let weighted = Weighted::new([1.0, 0.0, 3.0]);
        let mut dice = Dice::new(1);
        let mut picked = [0_u32; 3];
        for _ in 0..40_000 {
            picked[weighted.pick(&mut dice)] += 1;
        }
        assert_eq!(picked[1], 0);
        assert!((9_500..10_500).contains(&picked[0]), "{picked:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let numbers = |seed| {
            let mut dice = Dice::new(seed);
            [dice.number(), dice.number(), dice.number()]
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
    }
}
