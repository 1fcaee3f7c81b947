//! What is said of many measurements: their median and their 95th percentile.

use std::time::Duration;

/// Measurements of one thing, in milliseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn add(&mut self, took: Duration) {
        self.0.push(took.as_secs_f64() * 1e3);
    }

    pub(crate) fn add_millis(&mut self, millis: f64) {
        self.0.push(millis);
    }

    pub(crate) fn of(millis: impl IntoIterator<Item = f64>) -> Self {
        Self(millis.into_iter().collect())
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest sample that at least `percent` of all samples do not exceed, or 0 if there are none.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    /// Median and 95th percentile, as in a table: `1.2 / 3.4`. A dash if there are no samples.
    pub(crate) fn text(&self) -> String {
        if self.is_empty() {
            return "–".to_owned();
        }
        format!(
            "{} / {}",
            millis(self.percentile(50)),
            millis(self.percentile(95))
        )
    }
}

/// Milliseconds with as many digits as are of interest.
pub(crate) fn millis(millis: f64) -> String {
    match millis {
        ..1.0 => format!("{millis:.2}"),
        1.0..100.0 => format!("{millis:.1}"),
        _ => format!("{millis:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(millis: impl IntoIterator<Item = u64>) -> Samples {
        let mut samples = Samples::default();
        millis
            .into_iter()
            .for_each(|millis| samples.add(Duration::from_millis(millis)));
        samples
    }

    #[test]
    fn the_95th_percentile_is_exceeded_by_at_most_one_in_twenty() {
        let samples = samples((1..=100).rev());
        assert_eq!(samples.percentile(50), 50.0);
        assert_eq!(samples.percentile(95), 95.0);
    }

    #[test]
    fn the_95th_percentile_of_five_is_the_largest() {
        assert_eq!(samples([3, 1, 9, 4, 2]).percentile(95), 9.0);
        assert_eq!(samples([3, 1, 9, 4, 2]).percentile(50), 3.0);
    }

    #[test]
    fn without_samples_there_is_a_dash() {
        assert_eq!(Samples::default().text(), "–");
        assert_eq!(Samples::default().percentile(95), 0.0);
        assert_eq!(samples([0, 12, 345]).text(), "12.0 / 345");
    }
}
