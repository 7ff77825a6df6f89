//! Ctrl-C: the first one asks a command to stop where everything is complete, the second one ends the program at once.

use std::io;

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::INTERRUPTED;
use crate::cancel::Cancel;

/// Watches for Ctrl-C and SIGTERM from now on. For commands that ask [`Cancel::is_cancelled`] as they go; all others keep the
/// system's way, which ends them at once.
pub(crate) fn watch() -> anyhow::Result<Cancel> {
    let cancel = Cancel::default();
    register(&cancel).context("cannot watch for Ctrl-C")?;
    Ok(cancel)
}

fn register(cancel: &Cancel) -> io::Result<()> {
    // Handlers run in the order they were registered: the first signal must not see the flag that it sets itself.
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, INTERRUPTED.into(), cancel.flag())?;
        flag::register(signal, cancel.flag())?;
    }
    Ok(())
}
