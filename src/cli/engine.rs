//! `retrohunt hunt --engine ADDRESS`: what rules ask of a lake comes home before the hunt.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::Outcome;
use super::printer::Printer;
use super::progress::{BarUnit, LazyBar};
use super::words::{counted, counted_len, thousands};
use crate::cancel::Cancel;
use crate::compile::RuleSet;
#[cfg(feature = "spark")]
use crate::compile::pack;
use crate::engine::{Brought, ClickHouseLake, ClickHousePlace, LakeEngine, LakeQuestion, bring_home};
#[cfg(feature = "spark")]
use crate::engine::{SparkLake, SparkPlace};
use crate::hunt::Engine;
#[cfg(feature = "spark")]
use crate::hunt::asked_types;
use crate::lake::LakeCatalog;
use crate::report::visible;
use crate::store::{LOAD_MEMORY, Store};
use crate::taxonomy::Taxonomy;

/// Who asks the engine.
const USER: &str = "RETROHUNT_ENGINE_USER";
/// Its password.
const TOKEN: &str = "RETROHUNT_ENGINE_TOKEN";
/// How addresses look.
const ADDRESSES: &str = "`http://HOST:8123` or `https://HOST:8443` (ClickHouse), `sc://HOST:15002` (Spark)";
/// Units without an answer that are told one by one.
const FAILED_SHOWN: usize = 5;

/// How rules are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EngineChoice {
    /// Over the store.
    Own(Engine),
    /// Over what an engine at this address chose from a lake.
    At(String),
}

/// What a hunt with an engine needs.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Engines")]
pub(crate) struct EngineArgs {
    /// The lake as the engine knows it. ClickHouse: a database, or `DATABASE.PREFIX` where the tables' names begin with
    /// something. Spark: the folder or address of the files
    #[arg(long, value_name = "LAKE")]
    lake: Option<String>,
    /// The lake's folder, or a copy of its `_catalog.json` [default: the lake, where that is a folder here]
    #[arg(long, value_name = "PATH")]
    catalog: Option<PathBuf>,
    /// The most events that may come home for one rule; a rule that needs more is told and not hunted
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_rows: u64,
    /// Ask the engine only what it did not answer the last time
    #[arg(long)]
    resume: bool,
    /// The program that Spark's executors run: one that needs no shared libraries (`make static`) [default: this one]
    #[arg(long, value_name = "FILE")]
    worker: Option<PathBuf>,
}

impl EngineChoice {
    /// Reads what `--engine` says.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "scan" => return Ok(Self::Own(Engine::Scan)),
            "sqlite" => return Ok(Self::Own(Engine::Sqlite)),
            _ => {}
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(format!("it is `scan`, `sqlite`, or an address: {ADDRESSES}"));
        };
        match scheme {
            "http" | "https" if rest.contains('@') => {
                Err(format!("a name and a password do not belong there: put them into {USER} and {TOKEN}"))
            }
            "http" | "https" if !rest.trim_matches('/').is_empty() && !rest.contains(['?', '#']) => Ok(Self::At(text.to_owned())),
            "sc" if rest.contains("token=") => Err(format!("a token does not belong there: put it into {TOKEN}")),
            "sc" if cfg!(feature = "spark") && !rest.is_empty() => Ok(Self::At(text.to_owned())),
            "sc" => Err("this program has no Spark Connect: build it with `cargo build --release --features spark`".to_owned()),
            _ => Err(format!("that is no address of an engine: {ADDRESSES}")),
        }
    }
}

impl EngineArgs {
    /// Whether any of the flags for engines was given.
    pub(crate) fn is_asked(&self) -> bool {
        self.lake.is_some() || self.catalog.is_some() || self.resume
    }

    /// Has the engine at an address say what the rules need, and brings that into the store; none where that was interrupted.
    pub(crate) fn bring(
        &self,
        address: &str,
        (store, set, rules_key): (&mut Store, &RuleSet, [u8; 16]),
        (cancel, started_us): (&Cancel, i64),
        printer: &Printer,
    ) -> anyhow::Result<Option<BTreeMap<usize, String>>> {
        let Some(lake) = &self.lake else {
            bail!("an engine reads a lake: `--lake LAKE` says where it has that, `--catalog PATH` what is in it");
        };
        let here = PathBuf::from(lake.strip_prefix("file://").unwrap_or(lake));
        let Some(catalog) = self.catalog.clone().or_else(|| Some(here).filter(|path| path.is_dir())) else {
            bail!("what is in the lake is in its `_catalog.json`: `--catalog PATH` says where that is");
        };
        let catalog = LakeCatalog::read(&catalog)?;
        let tag = format!("retrohunt-{}-{started_us}", std::process::id());
        let asked = LakeQuestion {
            lake: &catalog,
            rules: (&set.rules, &set.correlations),
            taxonomy: Taxonomy::embedded(),
            rules_key,
            most_rows: self.max_rows,
            resume: self.resume,
            memory: LOAD_MEMORY,
            cancel: cancel.clone(),
        };
        let brought = if address.starts_with("sc://") {
            self.on_spark((address, lake, tag), store, (set, &asked), printer)?
        } else {
            bring(store, &mut ClickHouseLake::new(clickhouse(address, lake, tag), cancel.clone()), &asked, printer)?
        };
        say(&brought, printer);
        Ok(if brought.interrupted { None } else { Some(brought.withheld) })
    }

    #[cfg(feature = "spark")]
    fn on_spark(
        &self,
        (address, lake, tag): (&str, &str, String),
        store: &mut Store,
        (set, asked): (&RuleSet, &LakeQuestion<'_>),
        printer: &Printer,
    ) -> anyhow::Result<Brought> {
        let own = || std::env::current_exe().context("this program does not know where it is: `--worker FILE` says what executors run");
        // Executors have working directories of their own.
        let whole = std::path::absolute(lake).ok().filter(|path| path.is_dir()).map(|path| path.to_string_lossy().into_owned());
        let place = SparkPlace {
            address: address.to_owned(),
            token: named(TOKEN),
            lake: whole.unwrap_or_else(|| lake.to_owned()),
            worker: self.worker.clone().map_or_else(own, Ok)?,
            tag,
            command: |[worker, rules, catalog]| format!("{worker} match --quiet --rows --compiled {rules} --catalog {catalog}"),
        };
        let (catalog, rules) = (asked.lake.catalog(), (&set.rules[..], &set.correlations[..]));
        let types = asked_types(rules, &catalog, asked.taxonomy).filters;
        let view = |event_type| catalog.event_type(event_type).map(|event_type| event_type.view.clone());
        let by_view = types.iter().filter_map(|(id, filters)| Some((view(*id)?, filters.iter().map(|(rule, _)| *rule).collect())));
        let rules = pack(set, &by_view.collect());
        bring(store, &mut SparkLake::new(place, asked.lake, &rules, asked.cancel.clone())?, asked, printer)
    }

    #[cfg(not(feature = "spark"))]
    #[allow(clippy::unused_self, reason = "the same call with and without Spark")]
    fn on_spark(
        &self,
        (address, ..): (&str, &str, String),
        _: &mut Store,
        _: (&RuleSet, &LakeQuestion<'_>),
        _: &Printer,
    ) -> anyhow::Result<Brought> {
        bail!("this program has no Spark Connect, and cannot reach {address}")
    }
}

/// Where tables are, and who asks.
fn clickhouse(address: &str, lake: &str, tag: String) -> ClickHousePlace {
    let (database, prefix) = lake.split_once('.').unwrap_or((lake, ""));
    ClickHousePlace {
        address: format!("{}/", address.trim_end_matches('/')),
        database: database.to_owned(),
        prefix: prefix.to_owned(),
        user: named(USER),
        password: named(TOKEN),
        tag,
    }
}

/// What a variable of the environment says.
fn named(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

fn bring(store: &mut Store, engine: &mut dyn LakeEngine, asked: &LakeQuestion<'_>, printer: &Printer) -> anyhow::Result<Brought> {
    let bar = LazyBar::new(printer, BarUnit::Units);
    let mut is_known = false;
    let brought = bring_home(store, engine, asked, &mut |step| {
        if !std::mem::replace(&mut is_known, true) {
            bar.total(step.of as u64);
        }
        bar.at(step.units as u64);
        bar.note(|| format!("asking for `{}`", visible(&step.view)));
    });
    bar.finish();
    brought.context("nothing was hunted")
}

fn say(brought: &Brought, printer: &Printer) {
    for failed in brought.failed.iter().take(FAILED_SHOWN) {
        printer.warning(&format!("`{}` has no answer from the engine: {}", visible(&failed.unit.view), visible(&failed.why)));
    }
    if let Some(more) = brought.failed.len().checked_sub(FAILED_SHOWN).filter(|more| *more > 0) {
        printer.warning(&format!("{} more have none", counted_len(more, "unit")));
    }
    let asked = brought.units - brought.done_before;
    let mut text = format!("{} of {} came home", counted(brought.rows, "event"), counted(brought.events, "event"));
    text.push_str(&format!("; {} of {} asked", thousands(asked as u64), counted_len(brought.units, "unit")));
    if brought.done_before > 0 {
        text.push_str(&format!(", {} answered before", thousands(brought.done_before as u64)));
    }
    if !brought.failed.is_empty() {
        text.push_str(&format!("; {} without an answer: `--resume` asks for these alone", counted_len(brought.failed.len(), "unit")));
    }
    printer.headed_note("Engine:", &text);
}

/// What is said where the work was interrupted before the hunt.
pub(crate) fn interrupted(printer: &Printer) -> Outcome {
    printer.headed_note("Interrupted:", "nothing was hunted; `--resume` asks the engine only what is left");
    Outcome::Interrupted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_names_or_addresses() {
        assert_eq!(EngineChoice::parse("scan"), Ok(EngineChoice::Own(Engine::Scan)));
        assert_eq!(EngineChoice::parse("sqlite"), Ok(EngineChoice::Own(Engine::Sqlite)));
        assert_eq!(EngineChoice::parse("https://ch:8443"), Ok(EngineChoice::At("https://ch:8443".into())));
        for (text, expected) in [
            ("spark", "it is `scan`"),
            ("http://me:secret@ch:8123", "a name and a password do not belong there"),
            ("http://", "no address"),
            ("http://ch/?password=x", "no address"),
            ("sc://host:15002/;token=secret", "a token does not belong there"),
            ("ftp://x", "no address"),
        ] {
            let error = EngineChoice::parse(text).unwrap_err();
            assert!(error.contains(expected) && !error.contains("secret"), "{text}: {error}");
        }
    }
}
