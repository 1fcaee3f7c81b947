//! Where a page or a stream stands among the changes of a node, so that a stream can begin where the page ended.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;

use model::CompanyId;

use crate::Topic;

/// For how many companies the latest changes are known. Beyond that, they are forgotten: 16,384 take 1 MiB.
const MOST_COMPANIES: usize = 16_384;

/// A point among the changes of one node, from its start to its end. As text it is two hexadecimal numbers with a dot between
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    node: u64,
    change: u64,
}

/// Numbers the changes of this node.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Another one after each start.
    node: u64,
    latest: u64,
    of_companies: HashMap<CompanyId, [u64; Topic::ALL.len()]>,
    /// Of this change and of those before it, the companies are not known.
    known_after: u64,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            // Each state has other keys.
            node: RandomState::new().hash_one(0),
            latest: 0,
            of_companies: HashMap::new(),
            known_after: 0,
        }
    }
}

impl Changes {
    pub(crate) fn add(&mut self, company: CompanyId, topic: Topic) {
        self.latest += 1;
        if self.of_companies.len() >= MOST_COMPANIES && !self.of_companies.contains_key(&company) {
            self.of_companies.clear();
            self.known_after = self.latest;
        }
        self.of_companies.entry(company).or_default()[topic as usize] = self.latest;
    }

    /// Anything may have changed.
    pub(crate) fn add_anything(&mut self) {
        self.latest += 1;
        self.of_companies.clear();
        self.known_after = self.latest;
    }

    pub(crate) const fn mark(&self) -> Mark {
        Mark {
            node: self.node,
            change: self.latest,
        }
    }

    /// What may have changed of the company after the mark: everything, if it is another node's.
    pub(crate) fn since(&self, mark: Mark, company: CompanyId) -> Vec<Topic> {
        if mark.node != self.node || mark.change < self.known_after {
            return Topic::ALL.to_vec();
        }
        let latest = self.of_companies.get(&company).copied().unwrap_or_default();
        let changed = |topic: &Topic| latest[*topic as usize] > mark.change;
        Topic::ALL.into_iter().filter(changed).collect()
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}", self.node, self.change)
    }
}

impl FromStr for Mark {
    type Err = NoMark;

    fn from_str(text: &str) -> Result<Self, NoMark> {
        let number = |text| u64::from_str_radix(text, 16).map_err(|_| NoMark);
        let (node, change) = text.split_once('.').ok_or(NoMark)?;
        Ok(Self {
            node: number(node)?,
            change: number(change)?,
        })
    }
}

/// The text is not a [`Mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMark;

impl fmt::Display for NoMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not two hexadecimal numbers with a dot between them")
    }
}

impl std::error::Error for NoMark {}

#[cfg(test)]
mod tests {
    use super::*;

    fn company(number: u32) -> CompanyId {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        CompanyId::from_random(id)
    }

    #[test]
    fn what_changed_after_a_mark_is_known_by_company_and_topic() {
        let mut changes = Changes::default();
        changes.add(company(1), Topic::Keys);
        let mark = changes.mark();
        assert_eq!(changes.since(mark, company(1)), []);
        changes.add(company(1), Topic::Logs);
        changes.add(company(2), Topic::Webhooks);
        assert_eq!(changes.since(mark, company(1)), [Topic::Logs]);
        assert_eq!(changes.since(mark, company(2)), [Topic::Webhooks]);
        assert_eq!(changes.since(mark, company(3)), []);
        assert_eq!(changes.since(changes.mark(), company(1)), []);
    }

    #[test]
    fn what_is_not_known_may_have_changed() {
        let mut changes = Changes::default();
        let other = Changes::default().mark();
        assert_eq!(
            changes.since(other, company(1)),
            Topic::ALL,
            "another node's mark"
        );
        let mark = changes.mark();
        changes.add_anything();
        assert_eq!(changes.since(mark, company(1)), Topic::ALL);
        let mark = changes.mark();
        for number in 0..=MOST_COMPANIES as u32 {
            changes.add(company(number), Topic::Logs);
        }
        assert_eq!(changes.of_companies.len(), 1);
        assert_eq!(changes.since(mark, company(1)), Topic::ALL, "it is forgotten");
        assert_eq!(changes.since(changes.mark(), company(1)), []);
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let mark = Changes::default().mark();
        assert_eq!(mark.to_string().parse(), Ok(mark));
        for text in ["", ".", "1", "1.", "g.1", "1.2.3", "11111111111111111.0"] {
            assert_eq!(text.parse::<Mark>(), Err(NoMark), "{text}");
        }
    }
}
