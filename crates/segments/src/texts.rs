//! Dictionaries: the distinct texts of a column, numbered in the order in which they first appeared.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use memchr::memmem::Finder;

use crate::container::Damage;

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
    /// Codes of errors; empty where there is none.
    Errors,
}

impl Dictionary {
    /// In the order of the format.
    pub const ALL: [Self; 8] = [
        Self::Places,
        Self::Keys,
        Self::Methods,
        Self::Details,
        Self::Paths,
        Self::Addresses,
        Self::UserAgents,
        Self::Errors,
    ];
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
    /// None yet, with room for this number of texts and bytes.
    pub(crate) fn with_room(texts: usize, bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ends: Vec::with_capacity(texts),
            absent: None,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text with this number; `None` if that stands for none, or if there is no such number.
    pub fn get(&self, number: u16) -> Option<&str> {
        if self.absent == Some(number) {
            return None;
        }
        let end = *self.ends.get(usize::from(number))? as usize;
        self.text.get(self.start(usize::from(number))..end)
    }

    /// The numbers of the texts that contain `part` (case-sensitive), in ascending order, at most `limit`.
    pub fn containing(&self, part: &str, limit: usize) -> Vec<u16> {
        self.search(part, limit, |_| true)
    }

    /// The number of exactly this text.
    pub fn number_of(&self, text: &str) -> Option<u16> {
        if text.is_empty() {
            let numbers = 0..self.ends.len();
            let empty = numbers.filter(|number| self.start(*number) == self.ends[*number] as usize);
            return empty
                .map(|number| number as u16)
                .find(|number| self.absent != Some(*number));
        }
        self.search(text, 1, |length| length == text.len()).pop()
    }

    /// Bytes of all texts.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Bytes of memory, for a cache that is bounded in bytes.
    pub fn weight(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u32>()
    }

    fn start(&self, number: usize) -> usize {
        match number {
            0 => 0,
            _ => self.ends[number - 1] as usize,
        }
    }

    /// The texts that contain `part` and whose length `admits`.
    fn search(&self, part: &str, limit: usize, admits: impl Fn(usize) -> bool) -> Vec<u16> {
        let mut found = Vec::new();
        let finder = Finder::new(part.as_bytes());
        let (mut position, mut number) = (0, 0);
        while number < self.ends.len() && found.len() < limit {
            let Some(hit) = finder.find(&self.text.as_bytes()[position..]) else {
                break;
            };
            let hit = position + hit;
            number += self.ends[number..].partition_point(|end| (*end as usize) < hit + part.len());
            let Some(end) = self.ends.get(number) else {
                break;
            };
            let (start, end) = (self.start(number), *end as usize);
            if hit < start {
                // It begins in an earlier text than it ends.
                position = hit + 1;
                continue;
            }
            if admits(end - start) && self.absent != Some(number as u16) {
                found.push(number as u16);
            }
            position = end;
            number += 1;
        }
        found
    }

    /// Adds a text with the next number.
    pub(crate) fn push(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text.push_str(text),
            None => self.absent = Some(self.ends.len() as u16),
        }
        self.ends.push(self.text.len() as u32);
    }

    /// Adds texts that follow each other in `all`, by their lengths in bytes; without a length it is *none*.
    pub(crate) fn push_all(
        &mut self,
        all: &str,
        lengths: impl Iterator<Item = Result<Option<usize>, Damage>>,
    ) -> Result<(), Damage> {
        let wrong = Damage("the lengths of texts are wrong");
        let mut end = 0_usize;
        for length in lengths {
            match length? {
                Some(length) => end = end.saturating_add(length),
                None => self.absent = Some(self.ends.len() as u16),
            }
            if !all.is_char_boundary(end) {
                return Err(wrong);
            }
            self.ends.push((self.text.len() + end) as u32);
        }
        self.text.push_str(all);
        if end == all.len() { Ok(()) } else { Err(wrong) }
    }

    fn is(&self, number: u16, text: Option<&str>) -> bool {
        self.get(number) == text
    }
}

/// Numbers values as they appear.
#[derive(Debug, Default)]
pub(crate) struct TextNumbers {
    texts: Texts,
    table: HashTable<u16>,
    hasher: DefaultHashBuilder,
}

impl TextNumbers {
    pub(crate) const fn texts(&self) -> &Texts {
        &self.texts
    }

    pub(crate) fn number(&mut self, text: Option<&str>) -> u16 {
        let Self { texts, table, hasher } = self;
        let hash = hasher.hash_one(text);
        if let Some(number) = table.find(hash, |number| texts.is(*number, text)) {
            return *number;
        }
        let number = texts.len() as u16;
        texts.push(text);
        table.insert_unique(hash, number, |number| hasher.hash_one(texts.get(*number)));
        number
    }
}

/// Like [`TextNumbers`], for values that are no texts.
#[derive(Debug)]
pub(crate) struct ValueNumbers<T> {
    values: Vec<T>,
    table: HashTable<u16>,
    hasher: DefaultHashBuilder,
}

impl<T> Default for ValueNumbers<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            table: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl<T: Clone + PartialEq> ValueNumbers<T> {
    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }

    /// `identity` is what distinguishes most values; it is hashed.
    pub(crate) fn number(&mut self, value: &T, identity: impl Fn(&T) -> u128) -> u16 {
        let Self {
            values,
            table,
            hasher,
        } = self;
        let hash = hasher.hash_one(identity(value));
        if let Some(number) = table.find(hash, |number| values[usize::from(*number)] == *value) {
            return *number;
        }
        let number = values.len() as u16;
        values.push(value.clone());
        table.insert_unique(hash, number, |number| {
            hasher.hash_one(identity(&values[usize::from(*number)]))
        });
        number
    }
}
