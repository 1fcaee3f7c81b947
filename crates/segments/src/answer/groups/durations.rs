//! Percentiles of durations. Durations are counted in classes that are so narrow that a class says its durations almost
//! exactly.

/// Classes between a number and its double.
const CLASSES: u64 = 32;

/// Numbers below this have a class of their own.
const EXACT: u64 = 2 * CLASSES;

/// How many durations are in each class.
#[derive(Debug, Default)]
pub(super) struct Durations {
    classes: Vec<u32>,
}

impl Durations {
    /// Adds this number of durations.
    pub(super) fn add(&mut self, class: u16, number: u32) {
        let class = usize::from(class);
        if self.classes.len() <= class {
            self.classes.resize(class + 1, 0);
        }
        self.classes[class] = self.classes[class].saturating_add(number);
    }

    /// The duration that this share of all, in percent, does not exceed: the middle of its class, which is at most 1/64 of
    /// the exact duration away from it. 0 if there is none.
    pub(super) fn percentile(&self, percent: u64) -> u64 {
        let all: u64 = self.classes.iter().map(|count| u64::from(*count)).sum();
        let rank = (all * percent).div_ceil(100);
        let mut below = 0;
        for (class, count) in self.classes.iter().enumerate() {
            below += u64::from(*count);
            if below >= rank.max(1) {
                return middle_of(class as u16);
            }
        }
        0
    }
}

/// Counts durations by class, with a buffer that is used again.
#[derive(Debug)]
pub(super) struct Counted {
    /// By class; all 0 between two counts.
    numbers: Vec<u32>,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            numbers: vec![0; usize::from(class_of(u64::MAX)) + 1],
        }
    }
}

impl Counted {
    /// Appends the classes that there are, each with its number of durations.
    pub(super) fn count(&mut self, classes: &[u16], different: &mut Vec<(u16, u32)>) {
        let begin = different.len();
        for class in classes {
            let number = &mut self.numbers[usize::from(*class)];
            if *number == 0 {
                different.push((*class, 0));
            }
            *number += 1;
        }
        for (class, number) in &mut different[begin..] {
            *number = std::mem::take(&mut self.numbers[usize::from(*class)]);
        }
    }
}

/// Of a duration in microseconds.
pub(super) fn class_of(microseconds: u64) -> u16 {
    if microseconds < EXACT {
        return microseconds as u16;
    }
    let shift = microseconds.ilog2() - CLASSES.ilog2();
    (u64::from(shift) * CLASSES + (microseconds >> shift)) as u16
}

fn middle_of(class: u16) -> u64 {
    let class = u64::from(class);
    if class < EXACT {
        return class;
    }
    let shift = class / CLASSES - 1;
    let first = (class - shift * CLASSES) << shift;
    first + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_class_is_close_to_each_of_its_durations() {
        let powers = (0..64).map(|power| 1_u64 << power);
        let around = powers.flat_map(|power| {
            [
                power - 1,
                power,
                power + 1,
                power + power / 3,
                power + power / 2 + 1,
                (power - 1) + power,
            ]
        });
        let mut before = 0;
        let mut all: Vec<u64> = around.chain([u64::MAX]).collect();
        all.sort_unstable();
        for duration in all {
            let class = class_of(duration);
            assert!(class >= before, "{duration}");
            before = class;
            let middle = middle_of(class);
            assert!(middle.abs_diff(duration) <= duration / 64, "{duration}: {middle}");
            assert_eq!(class_of(middle), class, "{duration}");
        }
        assert!(before < 2048, "{before}");
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_list() {
        for count in [1_u64, 2, 3, 99, 100, 101, 4_000] {
            let mut durations = Durations::default();
            (1..=count)
                .rev()
                .for_each(|one| durations.add(class_of(one * 1000), 1));
            for percent in [50, 95, 99] {
                let exact = (count * percent).div_ceil(100).max(1) * 1000;
                let found = durations.percentile(percent);
                assert!(
                    found.abs_diff(exact) <= exact / 64,
                    "{count} {percent}: {found} {exact}"
                );
            }
        }
        assert_eq!(Durations::default().percentile(50), 0);
    }

    #[test]
    fn classes_are_counted_and_what_was_counted_before_is_forgotten() {
        let mut counted = Counted::default();
        let highest = class_of(u64::MAX);
        let mut found = Vec::new();
        for classes in [&[7, 3, 7, highest, 7][..], &[], &[7]] {
            counted.count(classes, &mut found);
        }
        assert_eq!(found, [(7, 3), (3, 1), (highest, 1), (7, 1)]);
    }
}
