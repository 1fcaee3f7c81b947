//! What the messages of one batch have in common: names that were read before, and values of headers in which nothing is
//! hidden. Most headers of a message have the value that they had in the one before.

use std::fmt;

use crate::seen::Seen;

/// Number of values that are remembered.
const PLACES: usize = 128;

/// Longer values are not remembered.
const LONGEST: usize = 56;

/// Handed from one message of a batch to the next, and dropped with the batch: unlike names, values may be private.
pub struct Memory {
    pub(crate) seen: Seen,
    values: Option<Values>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory([redacted])")
    }
}

impl Memory {
    /// For a batch.
    pub(crate) fn of_batch(seen: Seen) -> Self {
        let values = Values {
            places: vec![Place::default(); PLACES].into_boxed_slice(),
        };
        Self {
            seen,
            values: Some(values),
        }
    }

    /// For a single message, which has no value twice.
    pub(crate) const fn of_one(seen: Seen) -> Self {
        Self { seen, values: None }
    }

    /// Whether this value was remembered.
    pub(crate) fn knows(&self, value: &str) -> bool {
        let Some(values) = &self.values else { return false };
        Place::of(value).is_some_and(|place| values.places[place.number()] == place)
    }

    /// Remembers that nothing is hidden in this value but, possibly, a credential as it was sent.
    pub(crate) fn remember(&mut self, value: &str) {
        if let (Some(values), Some(place)) = (&mut self.values, Place::of(value)) {
            values.places[place.number()] = place;
        }
    }
}

struct Values {
    places: Box<[Place]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Filled up with zeros.
    text: [u8; LONGEST],
    /// 0 if the place is free.
    length: usize,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            text: [0; LONGEST],
            length: 0,
        }
    }
}

impl Place {
    fn of(value: &str) -> Option<Self> {
        let length = value.len();
        if length == 0 || length > LONGEST {
            return None;
        }
        let mut text = [0; LONGEST];
        text[..length].copy_from_slice(value.as_bytes());
        Some(Self { text, length })
    }

    /// Where it is in the table.
    fn number(&self) -> usize {
        let (words, _) = self.text.as_chunks::<8>();
        let mixed = words.iter().fold(0_u64, |hash, word| {
            (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        (mixed >> 40) as usize % PLACES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Headers, Names, Needles};

    #[test]
    fn a_value_is_known_once_it_was_remembered_and_only_as_a_whole() {
        let names = Names::default();
        let mut memory = names.memory();
        for value in ["application/json", "a", &"x".repeat(LONGEST)] {
            assert!(!memory.knows(value));
            memory.remember(value);
            assert!(memory.knows(value));
            assert!(
                !memory.knows(&value[1..]) && !memory.knows(&format!("{value}\0")),
                "{value}"
            );
        }
        let long = "x".repeat(LONGEST + 1);
        memory.remember(&long);
        memory.remember("");
        assert!(!memory.knows(&long) && !memory.knows(""));
    }

    #[test]
    fn a_value_that_was_harmless_in_one_message_is_searched_for_the_secrets_of_the_next() {
        let names = Names::default();
        let mut memory = Some(names.memory());
        let mut redacted = |secret: &str, value: &str| {
            let mut map = http::HeaderMap::new();
            map.insert("x-note", value.parse().expect("a value"));
            let headers = Headers::from(map);
            let mut needles = Needles::default();
            needles.add(secret.as_bytes());
            let known = memory.take().expect("it was given back");
            let message = crate::message_of_batch(&names, needles, known, |search| search.headers(&headers));
            memory = Some(message.memory);
            message.kept[0].value.clone()
        };
        let (one, other) = ("first-secret-0123", "other-secret-4567");
        let value = format!("it is {other}");
        for _ in 0..2 {
            assert_eq!(redacted(one, &value), value);
            assert_eq!(redacted(other, &value), "it is [redacted]");
        }
        // What is hidden is found each time, whatever the secret.
        for value in [
            "password: hunter2",
            "Bearer abc123",
            "a%3Dpassword%3Dhunter2",
            "cGFzc3dvcmQ6IGh1bnRlcjI=",
        ] {
            let first = redacted(one, value);
            assert!(first.contains("[redacted]"), "{first}");
            assert_eq!(redacted(other, value), first);
        }
    }
}
