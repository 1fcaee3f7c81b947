//! Answers across many segments: equal to those of a list, from a bounded amount of work, and without what is damaged.

mod damage;
mod instructions;
mod log;
mod model;
mod stored;
mod work;
