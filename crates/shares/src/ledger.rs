//! Counts how many places each holder has, and decides who may take another.

use std::collections::HashMap;
use std::hash::Hash;

/// A fixed number of places, each free or held. Memory grows with the number of current holders, which never exceeds
/// the number of places.
#[derive(Clone, Debug)]
pub struct Ledger<H> {
    free: usize,
    at_most: usize,
    held: HashMap<H, usize>,
}

impl<H: Eq + Hash + Clone> Ledger<H> {
    /// With at least one place, so that work always continues.
    pub fn new(places: usize) -> Self {
        Self {
            free: places.max(1),
            at_most: usize::MAX,
            held: HashMap::new(),
        }
    }

    /// Limits every holder to this many, however many places are free.
    #[must_use]
    pub fn at_most_each(mut self, places: usize) -> Self {
        self.at_most = places.max(1);
        self
    }

    /// Places that are free.
    pub fn free(&self) -> usize {
        self.free
    }

    /// Places that this holder has.
    pub fn held(&self, holder: &H) -> usize {
        self.held.get(holder).copied().unwrap_or(0)
    }

    /// All current holders.
    pub fn holders(&self) -> impl Iterator<Item = (&H, usize)> {
        self.held.iter().map(|(holder, held)| (holder, *held))
    }

    /// How many more places this holder could take now, one after another.
    pub fn room(&self, holder: &H) -> usize {
        let held = self.held(holder);
        // Taking a place increases its count by one and decreases the free ones by one.
        let by_share = self.free.saturating_sub(held).div_ceil(2);
        by_share.min(self.at_most.saturating_sub(held))
    }

    /// Takes `amount` places if that many are free and the holder's share allows it: it holds fewer than are free.
    pub fn take(&mut self, holder: &H, amount: usize) -> bool {
        let held = self.held(holder);
        let allowed = held < self.free && held.saturating_add(amount) <= self.at_most;
        allowed && self.take_beyond_share(holder, amount)
    }

    /// Takes `amount` places if that many are free, however many the holder already has.
    pub fn take_beyond_share(&mut self, holder: &H, amount: usize) -> bool {
        let Some(free) = self.free.checked_sub(amount) else {
            return false;
        };
        self.free = free;
        *self.held.entry(holder.clone()).or_insert(0) += amount;
        true
    }

    /// Gives places back.
    pub fn give_back(&mut self, holder: &H, amount: usize) {
        let Some(held) = self.held.get_mut(holder) else {
            return;
        };
        // Never more than the holder has: giving back must not create places.
        let amount = amount.min(*held);
        *held -= amount;
        self.free += amount;
        if *held == 0 {
            self.held.remove(holder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(ledger: &mut Ledger<&'static str>, holder: &'static str) -> usize {
        let room = ledger.room(&holder);
        let taken = std::iter::from_fn(|| ledger.take(&holder, 1).then_some(())).count();
        assert_eq!(room, taken, "room equals what can be taken");
        taken
    }

    #[test]
    fn a_lone_holder_gets_half_and_every_other_finds_a_place() {
        let mut ledger = Ledger::new(100);
        assert_eq!(fill(&mut ledger, "greedy"), 50);
        assert_eq!(fill(&mut ledger, "second"), 25);
        assert_eq!(fill(&mut ledger, "third"), 13);
        assert_eq!(ledger.free(), 12);
    }

    #[test]
    fn a_holder_above_its_share_gets_nothing_until_it_gives_some_back() {
        let mut ledger = Ledger::new(9);
        fill(&mut ledger, "greedy");
        fill(&mut ledger, "second");
        assert_eq!((ledger.held(&"greedy"), ledger.held(&"second")), (5, 2));
        ledger.give_back(&"greedy", 1);
        assert!(!ledger.take(&"greedy", 1), "four held, three free");
        assert!(ledger.take(&"second", 1));
        ledger.give_back(&"greedy", 2);
        assert!(ledger.take(&"greedy", 1));
        assert_eq!((ledger.held(&"greedy"), ledger.held(&"second")), (3, 3));
    }

    #[test]
    fn a_ledger_of_one_place_serves_one_at_a_time() {
        let mut ledger = Ledger::new(0);
        assert!(ledger.take(&"a", 1) && !ledger.take(&"b", 1));
        ledger.give_back(&"a", 1);
        assert!(ledger.take(&"b", 1));
    }

    #[test]
    fn no_holder_exceeds_the_limit_for_each() {
        let mut ledger = Ledger::new(100).at_most_each(3);
        assert_eq!(fill(&mut ledger, "a"), 3);
        assert!(!ledger.take(&"b", 4) && ledger.take(&"b", 2));
    }

    #[test]
    fn a_holder_with_nothing_is_forgotten_and_giving_back_creates_no_places() {
        let mut ledger = Ledger::new(4);
        assert!(ledger.take(&"a", 2));
        ledger.give_back(&"a", 9);
        ledger.give_back(&"b", 1);
        assert_eq!((ledger.free(), ledger.holders().count()), (4, 0));
    }
}
