//! Numbers of several rounds, and how figures are written.

/// One number a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    /// NaN without samples.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            length if length % 2 == 1 => sorted[length / 2],
            length => f64::midpoint(sorted[length / 2 - 1], sorted[length / 2]),
        }
    }

    /// The quotient of each round, so that what slowed a whole round down does not count.
    pub(crate) fn per(&self, other: &Self) -> Self {
        Self(
            self.0
                .iter()
                .zip(&other.0)
                .map(|(one, other)| one / other)
                .collect(),
        )
    }

    pub(crate) fn values(&self) -> &[f64] {
        &self.0
    }

    /// The lowest and the highest.
    pub(crate) fn span(&self) -> (f64, f64) {
        let values = self.0.iter().copied();
        (
            values.clone().fold(f64::INFINITY, f64::min),
            values.fold(f64::NEG_INFINITY, f64::max),
        )
    }
}

/// Three significant digits, or whole numbers with commas.
pub(crate) fn figure(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if size >= 1000.0 {
        thousands(value.round() as u64)
    } else if size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

pub(crate) fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The text, bold if the target was missed.
pub(crate) fn judged(text: String, met: bool) -> String {
    if met { text } else { format!("**{text}**") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let samples = |values: &[f64]| Samples(values.to_vec());
        assert_eq!(samples(&[3.0, 1.0, 2.0]).median().to_bits(), 2.0_f64.to_bits());
        assert_eq!(samples(&[4.0, 1.0]).median().to_bits(), 2.5_f64.to_bits());
        assert!(samples(&[]).median().is_nan());
    }

    #[test]
    fn figures_have_three_digits_or_commas() {
        let written = [0.0, 0.0712, 0.9, 7.0, 13.26, 137.2, 15_061.4].map(figure);
        assert_eq!(written, ["0", "0.071", "0.900", "7.00", "13.3", "137", "15,061"]);
        assert_eq!(thousands(1_123_005), "1,123,005");
    }

    #[test]
    fn a_missed_target_is_bold() {
        assert_eq!(judged("0.84".into(), false), "**0.84**");
        assert_eq!(judged("0.86".into(), true), "0.86");
    }
}
