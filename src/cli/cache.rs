//! Whether compiled rules are kept between commands, and where.

use std::env::var_os;
use std::path::PathBuf;

use crate::compile::RuleCache;

/// Keeping compiled rules.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct CacheArgs {
    /// Compile all rules anew. Without it, folders of rules are compiled once, and again where a file changed
    #[arg(long, help_heading = "Cache")]
    no_cache: bool,
    /// The folder that keeps compiled rules; it may be deleted at any time [default: `retrohunt` in your folder for caches]
    #[arg(long, value_name = "FOLDER", env = "RETROHUNT_CACHE", hide_env_values = true, help_heading = "Cache")]
    cache: Option<PathBuf>,
}

impl CacheArgs {
    /// No cache.
    pub(crate) fn none() -> Self {
        Self { no_cache: true, cache: None }
    }

    /// The cache, if there is to be one.
    pub(crate) fn folder(&self) -> Option<RuleCache> {
        if self.no_cache {
            return None;
        }
        self.cache.clone().or_else(own_folder).map(RuleCache::new)
    }
}

/// The folder of this program where the user's system keeps what can be made again.
fn own_folder() -> Option<PathBuf> {
    // A relative path in one of these variables would be another folder in each working directory.
    let named = |name: &str| var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = |rest: &str| named("HOME").map(|home| home.join(rest));
    let folder = if cfg!(windows) {
        named("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        home("Library/Caches")
    } else {
        named("XDG_CACHE_HOME").or_else(|| home(".cache"))
    };
    folder.map(|folder| folder.join("retrohunt"))
}
