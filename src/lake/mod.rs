//! A store as a lake: Parquet files in folders by event type, with a catalog, for engines that read many files at once.
//!
//! [`write()`] makes one of a store, [`Lake`] reads it back, [`LakeCatalog`] says what is in it without a store. `docs/lake.md` has the
//! layout. Everything that a store knows of an event travels: where it is from, where else it was met, its values to the letter. A lake
//! that is not whole is an error, never fewer events. Findings and what people said of them stay in their store. [`RowLines`] reads rows
//! that an engine made of a lake.

mod catalog;
mod columns;
mod error;
mod home;
mod json;
mod judged;
mod lines;
mod load;
mod part;
mod read;
mod rows;
mod sort;
mod spool;
mod whole_row;
mod write;

pub use catalog::{LakeArchive, LakeCatalog, LakeColumn, LakePart, LakeSource, LakeSourceState, LakeView, read_views};
pub use error::LakeError;
pub use home::load_home;
pub use judged::{judged_counts, judged_line};
pub use lines::{LineError, LineShape, RawLines, RowLines, row_text, view_of};
pub use load::{Lake, LakeProgress};
pub use whole_row::{WholeRow, WholeRows};
pub use write::{LakeSummary, check_target, write};

/// The name of the catalog in a lake's folder.
pub const CATALOG_FILE: &str = "_catalog.json";
