//! Remembers the verdicts on names: the same few hundred names of headers and members come with every message.
//!
//! A table belongs to one search at a time, so looking a name up takes no lock. Each name has two places, and a new name
//! takes the place of the older of the two that are there. A caller who sends names that were never seen before therefore costs the others nothing but
//! reading their names again.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::names::Verdict;

/// Number of pairs of places of a table.
const PAIRS: usize = 512;
const _: () = assert!(2 * PAIRS <= u16::MAX as usize);

/// Longer names are not remembered.
const LONGEST_NAME: usize = 32;

/// Names with more digits than this are not remembered. A caller can use a secret as a name, and a table outlives the
/// message.
const MOST_DIGITS: usize = 3;

/// Tables that wait for the next search. As many are in use as there are threads that redact.
const MOST_TABLES: usize = 16;

/// What is known of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) verdict: Verdict,
    /// Whether there is nothing in the name but, possibly, a credential that came with the message. Only then is the
    /// name remembered: what it says depends on nothing else, because there is nothing to decode.
    pub(crate) is_plain: bool,
}

#[derive(Clone, Copy, Default)]
struct Place {
    /// Filled up with zeros.
    name: [u8; LONGEST_NAME],
    /// 0 if the place is free.
    length: u8,
    known: Known,
    /// The number of the place of the name that came after it.
    next: u16,
}

/// The tables of all searches that use the same [`crate::Names`].
#[derive(Clone, Default)]
pub(crate) struct Tables(Arc<Mutex<Vec<Table>>>);

/// Pairs of places.
type Table = Box<[[Place; 2]]>;

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tables")
    }
}

impl Tables {
    pub(crate) fn take(&self) -> Seen {
        let places = self.waiting().pop();
        Seen {
            tables: self.clone(),
            places: places.unwrap_or_else(|| vec![[Place::default(); 2]; PAIRS].into_boxed_slice()),
            last: 0,
        }
    }

    /// A table is whole at any moment, so a panic elsewhere does no harm.
    fn waiting(&self) -> MutexGuard<'_, Vec<Table>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One table, returned when it is dropped.
pub(crate) struct Seen {
    tables: Tables,
    places: Table,
    /// The place of the name that was looked up last. Messages repeat the order of their names, as a list of orders does for
    /// each, so the next is mostly where the last one says.
    last: u16,
}

impl Drop for Seen {
    fn drop(&mut self) {
        let mut waiting = self.tables.waiting();
        if waiting.len() < MOST_TABLES {
            waiting.push(std::mem::take(&mut self.places));
        }
    }
}

impl Seen {
    /// What is known of the name. `read` reads it if it is not remembered.
    pub(crate) fn name<'n>(&mut self, name: &'n str, read: impl FnOnce(&'n str) -> Known) -> Known {
        let length = name.len();
        if length == 0 || length > LONGEST_NAME {
            return read(name);
        }
        let next = self.place(self.last).next;
        let expected = self.place(next);
        if usize::from(expected.length) == length && expected.name[..length] == *name.as_bytes() {
            self.last = next;
            return self.place(next).known;
        }
        let mut padded = [0; LONGEST_NAME];
        padded[..length].copy_from_slice(name.as_bytes());
        let number = place_of(&padded);
        let pair = &mut self.places[number];
        let is_at = |place: &Place| usize::from(place.length) == length && place.name == padded;
        if let Some(side) = pair.iter().position(is_at) {
            let known = pair[side].known;
            self.comes_next(number, side);
            return known;
        }
        let known = read(name);
        if known.is_plain && name.bytes().filter(u8::is_ascii_digit).count() <= MOST_DIGITS {
            pair[1] = pair[0];
            pair[0] = Place {
                name: padded,
                length: length as u8,
                known,
                next: 0,
            };
            self.comes_next(number, 0);
        }
        known
    }

    fn place(&self, number: u16) -> &Place {
        &self.places[usize::from(number) / 2][usize::from(number) % 2]
    }

    /// The name at this place was looked up after the last one.
    fn comes_next(&mut self, pair: usize, side: usize) {
        let number = (2 * pair + side) as u16;
        let last = usize::from(self.last);
        self.places[last / 2][last % 2].next = number;
        self.last = number;
    }
}

fn place_of(name: &[u8; LONGEST_NAME]) -> usize {
    let (words, _) = name.as_chunks::<8>();
    let mixed = words.iter().fold(0_u64, |hash, word| {
        (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    (mixed >> 40) as usize % PAIRS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(is_secret: bool) -> Known {
        Known {
            verdict: Verdict {
                is_secret,
                ..Verdict::default()
            },
            is_plain: true,
        }
    }

    /// Whether the name had to be read, and what is known of it.
    fn look(seen: &mut Seen, name: &str, is_secret: bool) -> (bool, Known) {
        let mut was_read = false;
        let known = seen.name(name, |_| {
            was_read = true;
            known(is_secret)
        });
        (was_read, known)
    }

    #[test]
    fn a_name_is_read_once_and_the_next_search_knows_it() {
        let tables = Tables::default();
        let mut seen = tables.take();
        assert_eq!(look(&mut seen, "order_id", false), (true, known(false)));
        assert_eq!(look(&mut seen, "order_i", true), (true, known(true)));
        drop(seen);
        let mut seen = tables.take();
        assert_eq!(look(&mut seen, "order_id", true), (false, known(false)));
        assert_eq!(look(&mut seen, "order_i", false), (false, known(true)));
        let mut other = tables.take();
        assert_eq!(look(&mut other, "order_id", false), (true, known(false)));
        // The zero makes it another name.
        assert_eq!(look(&mut seen, "order_id\0", true), (true, known(true)));
    }

    #[test]
    fn names_that_may_be_secrets_are_not_remembered() {
        let tables = Tables::default();
        let mut seen = tables.take();
        for name in ["", "hunter2hunter2x22", &"a".repeat(33)] {
            assert!(look(&mut seen, name, true).0);
            assert!(look(&mut seen, name, true).0, "{name}");
        }
        for name in ["line_1", "größe_123", &"a".repeat(32)] {
            assert!(look(&mut seen, name, true).0);
            assert!(!look(&mut seen, name, true).0, "{name}");
        }
    }

    #[test]
    fn the_latest_of_many_names_is_known_and_none_gets_the_verdict_on_another() {
        let tables = Tables::default();
        let mut seen = tables.take();
        let letter = |number: usize| char::from(b'a' + (number % 26) as u8);
        let name = |number: usize| {
            [number / 676, number / 26, number]
                .map(letter)
                .iter()
                .collect::<String>()
        };
        for number in 0..8 * PAIRS {
            let is_secret = number % 3 == 0;
            assert_eq!(
                look(&mut seen, &name(number), is_secret),
                (true, known(is_secret))
            );
            assert_eq!(
                look(&mut seen, &name(number), !is_secret),
                (false, known(is_secret))
            );
        }
        let read_again = (0..8 * PAIRS).filter(|number| {
            let is_secret = number % 3 == 0;
            let (was_read, found) = look(&mut seen, &name(*number), is_secret);
            assert_eq!(found, known(is_secret), "{number}");
            was_read
        });
        assert!(read_again.count() >= 6 * PAIRS);
    }
}
