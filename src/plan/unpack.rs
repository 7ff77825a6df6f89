//! Texts that hold fields: which names may be among them, since what else a text holds is known only when it is read.

use std::collections::BTreeSet;

use super::schema::{Kind, RowSchema};
use super::{TIME, liveness};
use crate::ir::{Rename, Stage, Unpack};

/// The columns that a text is read for, of the names that are asked for behind it.
pub(super) fn columns(unpack: &Unpack, asked: BTreeSet<String>) -> Vec<String> {
    asked.into_iter().filter(|name| is_column(name) && name.starts_with(&unpack.prefix)).collect()
}

/// The reading of a text over rows that have columns already: of those it takes what the text holds, whether or not a later stage
/// names them, for a result shows them.
pub(super) fn over(unpack: &Unpack, before: &RowSchema) -> Unpack {
    let names = before.columns.iter().filter(|column| column.kind != Kind::Spread).map(|column| column.name.clone());
    let columns = columns(unpack, names.chain(unpack.columns.iter().cloned()).collect());
    Unpack { columns, ..unpack.clone() }
}

fn is_column(name: &str) -> bool {
    !name.contains('*') && name != TIME
}

/// The names that columns in front of the stages may have so that stages read them or `behind` asks for them: the names themselves, and
/// those that `rename` makes them of.
pub(super) fn names_asked(stages: &[Stage], behind: BTreeSet<String>) -> BTreeSet<String> {
    let mut names = behind;
    for stage in stages.iter().rev() {
        if let Stage::Rename(renames) = stage {
            for rename in renames {
                let olds: Vec<String> = names.iter().filter_map(|name| old_name(rename, name)).collect();
                names.extend(olds);
            }
        }
        names.extend(liveness::names_read(std::slice::from_ref(stage)));
    }
    names
}

/// The name that a renaming by pattern takes for a new one.
fn old_name(rename: &Rename, new: &str) -> Option<String> {
    let ((before, after), (old_before, old_after)) = (rename.to.split_once('*')?, rename.from.split_once('*')?);
    let middle = new.strip_prefix(before)?.strip_suffix(after)?;
    Some(format!("{old_before}{middle}{old_after}"))
}
