//! Dictionaries: the distinct texts of a column, numbered in the order in which they first appeared.

/// A dictionary of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dictionary {
    Places,
    Keys,
    Methods,
    Details,
    Paths,
    Addresses,
    UserAgents,
}

/// Texts with their numbers, one behind the other in memory, so that all of them can be searched at once.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    text: String,
    /// Where each text ends.
    ends: Vec<u32>,
    /// The number of *none* (a row without a user agent), whose text is empty.
    absent: Option<u16>,
}

impl Texts {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text with this number; `None` if that stands for none, or if there is no such number.
    pub fn get(&self, number: u16) -> Option<&str> {
        unimplemented!("{number} {:?} {} ", self.absent, self.text)
    }

    /// The numbers of the texts that contain `part` (case-sensitive), in ascending order, at most `limit`.
    pub fn containing(&self, part: &str, limit: usize) -> Vec<u16> {
        unimplemented!("{part} {limit}")
    }

    /// The number of exactly this text.
    pub fn number_of(&self, text: &str) -> Option<u16> {
        unimplemented!("{text}")
    }

    /// Bytes of memory, for a cache that is bounded in bytes.
    pub fn weight(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 4
    }
}
