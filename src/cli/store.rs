//! Where the store is, and opening it with an error that says what to do.

use std::path::PathBuf;

use anyhow::bail;

use crate::report::visible;
use crate::store::{Store, StoreError};

/// The store a command works on.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct StoreArgs {
    /// The store: one SQLite file
    #[arg(long, global = true, value_name = "FILE", env = "RETROHUNT_STORE", default_value = "retrohunt.db", hide_env_values = true)]
    pub(crate) store: PathBuf,
}

impl StoreArgs {
    /// Returns the store's path as it may be printed.
    pub(crate) fn shown(&self) -> String {
        visible(&self.store.to_string_lossy()).into_owned()
    }

    /// Opens a store that must exist, for reading.
    pub(crate) fn open_read_only(&self) -> anyhow::Result<Store> {
        self.must_exist()?;
        Store::open_read_only(&self.store).map_err(|error| self.cannot_open(error))
    }

    /// Opens a store that must exist, for reading and writing.
    pub(crate) fn open_existing(&self) -> anyhow::Result<Store> {
        self.must_exist()?;
        Store::open(&self.store).map_err(|error| self.cannot_open(error))
    }

    /// Opens or makes a store.
    pub(crate) fn open_or_create(&self) -> anyhow::Result<Store> {
        // Told before SQLite fails: it says "unable to open database file" for this and for everything else.
        if let Some(folder) = self.store.parent().filter(|p| !p.as_os_str().is_empty())
            && !folder.is_dir()
        {
            bail!("cannot make the store `{}`: there is no folder `{}`", self.shown(), visible(&folder.to_string_lossy()));
        }
        Store::open(&self.store).map_err(|error| self.cannot_open(error))
    }

    /// Says which store it is, where the error does not.
    fn cannot_open(&self, error: StoreError) -> anyhow::Error {
        // These two name the store themselves.
        match error {
            StoreError::Open { .. } if !self.store.exists() => anyhow::Error::new(error)
                .context(format!("cannot make the store `{}` here; `--store FILE` puts it elsewhere", self.shown())),
            StoreError::Open { .. } | StoreError::Busy(_) => error.into(),
            other => anyhow::Error::new(other).context(format!("cannot open the store `{}`", self.shown())),
        }
    }

    /// Refuses a path where there is no store.
    pub(crate) fn must_exist(&self) -> anyhow::Result<()> {
        if self.store.is_dir() {
            bail!("the store `{}` is a folder; a store is one file", self.shown());
        }
        if !self.store.exists() {
            bail!("there is no store at `{}`: make one with `retrohunt load PATH… --store {}`", self.shown(), self.shown());
        }
        Ok(())
    }
}
