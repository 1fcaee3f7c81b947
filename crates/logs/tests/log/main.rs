//! The tests of the log's rules.

mod cases;
mod disguises;
mod entries;
mod hostile;
mod reading;
mod recorder;
mod recorder_bounds;
mod redaction;
mod repeated;
mod sent;
mod stores;
