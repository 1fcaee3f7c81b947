//! Redaction takes time in proportion to its input, even if a caller designs the input to be slow.

use logs::{Names, redact_counted};

use crate::cases;

/// Maximum number of times a byte of an entry is examined, counting each layer of escapes and base64.
const MOST_WORK_PER_BYTE: usize = 48;

#[test]
fn redaction_work_grows_in_proportion_to_the_entry() {
    let names = Names::default();
    let small = cases::hostile(2_000);
    let large = cases::hostile(8_000);
    for ((name, small), (_, large)) in small.into_iter().zip(large) {
        let (small_size, large_size) = (cases::size(&small), cases::size(&large));
        let (_, few) = redact_counted(small, &names);
        let (_, many) = redact_counted(large, &names);
        assert!(
            few <= MOST_WORK_PER_BYTE * small_size + 100_000,
            "{name}: {few} for {small_size}"
        );
        assert!(
            many <= MOST_WORK_PER_BYTE * large_size + 100_000,
            "{name}: {many} for {large_size}"
        );
        assert!(many <= 5 * few + 50_000, "{name}: {few}, then {many}");
    }
}

/// CPU time of this thread, so that other work on the machine does not count. `None` on systems other than Linux,
/// where this is not measured.
fn own_nanoseconds() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[test]
fn redaction_time_per_byte_is_about_the_same_for_large_and_small_entries() {
    let names = Names::default();
    let spent = |case: usize, size: usize, rows: usize| {
        let entries: Vec<_> = (0..rows)
            .map(|_| cases::hostile(size).swap_remove(case).1)
            .collect();
        let before = own_nanoseconds()?;
        for entry in entries {
            redact_counted(entry, &names);
        }
        Some(own_nanoseconds()? - before)
    };
    for (case, (name, _)) in cases::hostile(16).into_iter().enumerate() {
        // Quadratic redaction would take sixteen times as long. The clock advances in steps of a few milliseconds.
        let holds = (0..5).any(|_| match (spent(case, 250, 48), spent(case, 4_000, 3)) {
            (Some(small), Some(large)) => large < 4 * small + 12_000_000,
            _ => true,
        });
        assert!(holds, "{name}");
    }
}
