//! Hunts where the events are: an engine reads a lake, and what rules ask for comes home into an ordinary store.
//!
//! The engine narrows and the hunt decides. [`units()`] cuts a lake into parts of event types; [`bring_home`] has a [`LakeEngine`] say
//! which events of each may meet which rules, fetches these events whole, keeps them in the store beside what was asked, and makes the
//! store's tables of them. [`crate::hunt::run`] over that store then finds what it would find over all events. What an engine gives back is
//! data: every row is held against the lake's catalog. A unit without an answer is never one without findings: the rules that need it are
//! withheld, with the reason.

mod clickhouse;
mod error;
mod home;
#[cfg(feature = "spark")]
mod spark;
#[cfg(feature = "spark")]
mod spark_answer;
mod unit;

use std::ops::ControlFlow;

use crate::catalog::EventType;
use crate::ir::Pred;
use crate::lake::LakeView;
use crate::plan::FieldExpr;

pub use clickhouse::{ClickHouseLake, ClickHousePlace};
pub use error::EngineError;
pub use home::{Brought, FailedUnit, HomeProgress, LakeQuestion, bring_home};
#[cfg(feature = "spark")]
pub use spark::{SparkLake, SparkPlace};
pub use unit::{LakeUnit, units};

/// What rules ask of the events of one type.
#[derive(Debug, Clone, Copy)]
pub struct UnitRules<'a> {
    /// The type, as the lake's catalog has it.
    pub event_type: &'a EventType,
    /// Rules (correlations behind them) and conditions that hold for all events that they need; a rule may have several.
    pub filters: &'a [(usize, Pred<FieldExpr>)],
}

/// Takes an event's number in the lake and a rule that may need it; breaks where nobody wants more.
pub type TakeMatch<'t> = dyn FnMut(i64, usize) -> ControlFlow<()> + 't;
/// Takes a row: one JSON object with the columns of a lake's part.
pub type TakeRow<'t> = dyn FnMut(&str) -> Result<(), EngineError> + 't;

/// An engine that reads a lake.
pub trait LakeEngine {
    /// Connects, and looks whether the engine can do what is asked of it.
    ///
    /// # Errors
    /// When it cannot: then nothing is asked.
    fn open(&mut self) -> Result<(), EngineError>;

    /// Hears which units will be asked, in that order: who can answers several at once.
    fn expect(&mut self, _units: &[LakeUnit]) {}

    /// How many events of a view the engine sees. One that counts the rows that it judges may say what the catalog says.
    ///
    /// # Errors
    /// When it does not say.
    fn count(&mut self, view: &LakeView) -> Result<u64, EngineError>;

    /// Reports the events of a unit that may meet rules: more than do, but never fewer. An event may be reported for a rule more than once.
    ///
    /// # Errors
    /// When not every event of the unit was asked for every rule, unless `take` has ended it.
    fn matches(&mut self, unit: &LakeUnit, rules: UnitRules<'_>, take: &mut TakeMatch<'_>) -> Result<(), EngineError>;

    /// Gives the rows of events of a unit, in any order.
    ///
    /// # Errors
    /// When they cannot be had, or what `take` returns.
    fn rows(&mut self, unit: &LakeUnit, events: &[i64], take: &mut TakeRow<'_>) -> Result<(), EngineError>;
}
