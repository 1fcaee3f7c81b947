//! A log that is so simple that it must be right: a list in memory, looked through from end to end. The tests of every
//! store of log rows compare their answers with it, for random rows and random questions.

mod dice;
mod groups;
mod list;
mod questions;
mod rows;
mod trial;

pub use dice::Dice;
pub use list::List;
pub use questions::{ask, scope};
pub use rows::World;
pub use trial::{Store, Trial, compare, walk};
