//! Commands that are killed at any instant and run again: what loads, hunts, migrations and the upkeep of stores must survive.
//!
//! `RETROHUNT_KILLS` is how many instants of each, `RETROHUNT_SEED` repeats a run.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::binary::{TestStore, finish};
use super::random::Random;

/// Of so many kills and more, a third must meet the command at work: it ends sooner only where the machine was busy at first.
const MANY: u32 = 20;

/// A command that is killed.
pub(crate) struct Killed<'a> {
    pub(crate) name: &'a str,
    /// Instants where nobody asks for more.
    pub(crate) kills: u32,
    /// The store before the command, for the number of a kill; 0 is for the command that is not killed.
    pub(crate) fresh: &'a dyn Fn(u32) -> TestStore,
    pub(crate) command: &'a dyn Fn(&TestStore) -> Command,
    /// Codes of the command when it is run again: one that was done before it was killed may say so.
    pub(crate) again: &'a [i32],
    /// Fails unless the store is as it may be after a kill, and after the command was run again.
    pub(crate) is_whole: &'a dyn Fn(&TestStore, &str),
    /// Fails unless the command is complete; the first store is that of the command that was not killed.
    pub(crate) is_complete: &'a dyn Fn(&TestStore, &str),
}

impl Killed<'_> {
    /// Kills the command, looks at the store, runs the command again and looks at what it made; returns how many were killed at work.
    pub(crate) fn survive(&self) -> u32 {
        let asked = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
        let kills = asked("RETROHUNT_KILLS").map_or(self.kills, |kills| u32::try_from(kills).unwrap_or(u32::MAX));
        let seed = asked("RETROHUNT_SEED").unwrap_or(20_240_301);
        let (mut random, mut killed, name) = (Random::new(seed), 0, self.name);
        let whole = (self.fresh)(0);
        let mut duration = self.finish(&whole, &[0, 3], "without a kill");
        (self.is_complete)(&whole, &format!("{name}, without a kill"));
        for kill in 1..=kills {
            let store = (self.fresh)(kill);
            let after = Duration::from_micros(random.below(u64::try_from(duration.as_micros()).expect("short")));
            let what = format!("{name}, kill {kill} after {after:?} of {duration:?} (seed {seed})");
            killed += u32::from(self.kill(&store, after));
            (self.is_whole)(&store, &what);
            // Now and then the command that completes it is killed too.
            if kill % 5 == 0 {
                self.kill(&store, after / 2);
                (self.is_whole)(&store, &format!("{what}, killed again"));
            }
            self.finish(&store, self.again, &what);
            (self.is_whole)(&store, &format!("{what}, done again"));
            (self.is_complete)(&store, &what);
            if kill % 10 == 0 {
                // A machine that was busy at first and is not any more ends the command before it is killed.
                duration = duration.min(self.finish(&(self.fresh)(0), &[0, 3], "without a kill"));
            }
        }
        println!("{name}: {killed} of {kills} were killed at work, {duration:?} for the whole, seed {seed}");
        assert!(kills < MANY || killed >= kills / 3, "{name}: only {killed} of {kills} were still at work when killed");
        killed
    }

    fn finish(&self, store: &TestStore, codes: &[i32], what: &str) -> Duration {
        let started = Instant::now();
        let output = finish(&mut (self.command)(store));
        assert!(codes.contains(&output.code), "{what}: code {}\n{}\n{}", output.code, output.stdout, output.stderr);
        started.elapsed()
    }

    /// Kills the command after a while; true when it was still at work.
    fn kill(&self, store: &TestStore, after: Duration) -> bool {
        let mut child = (self.command)(store).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        std::thread::sleep(after); // the instant of the kill is the input of this test
        let is_running = child.try_wait().expect("a child").is_none();
        if is_running {
            child.kill().expect("SIGKILL");
        }
        child.wait().expect("a child");
        is_running
    }
}
