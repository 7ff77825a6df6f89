//! What tests share: the independent evaluator, generators, the corpora beside the project, the binary.

#![allow(dead_code, reason = "not every support function is used by every test")]

pub(crate) mod binary;
pub(crate) mod correlate;
pub(crate) mod encode;
pub(crate) mod engines;
pub(crate) mod evaluate;
pub(crate) mod generate;
pub(crate) mod golden;
pub(crate) mod hold;
pub(crate) mod hostile;
pub(crate) mod kill;
pub(crate) mod lake_engine;
pub(crate) mod lake_rows;
pub(crate) mod loaded;
pub(crate) mod memory;
pub(crate) mod mutate;
pub(crate) mod random;
pub(crate) mod samples;
pub(crate) mod schema;
pub(crate) mod shared;
pub(crate) mod stored;
pub(crate) mod three_ways;
pub(crate) mod valid;
