//! Texts that hold fields: which names may be among them, since what else a text holds is known only when it is read.

use std::collections::BTreeSet;

use super::{TIME, liveness};
use crate::ir::{Field, Function, Rename, Scalar, Stage, Unpack, Vocabulary};

/// The columns that a text is read for, of the names that are asked for behind it.
pub(super) fn columns(unpack: &Unpack, asked: BTreeSet<String>) -> Vec<String> {
    asked.into_iter().filter(|name| is_column(name) && name.starts_with(&unpack.prefix)).collect()
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

/// What stands in front of a renaming by pattern, where a text was read for names that it may have: a pattern means the columns that
/// are there, and a column that only might have been must not take the place of one that is.
pub(super) fn renamed(before: &[Stage], stage: &Stage, asked: impl FnOnce() -> BTreeSet<String>) -> Vec<Stage> {
    let is_unnamed = |stage: &Stage| matches!(stage, Stage::Unpack(unpack) if unpack.path.is_none());
    let Stage::Rename(renames) = stage else { return Vec::new() };
    if !before.iter().any(is_unnamed) || !renames.iter().any(|rename| rename.from.contains('*')) {
        return Vec::new();
    }
    let asked: Vec<String> = asked().into_iter().filter(|name| is_column(name)).collect();
    let pairs = renames.iter().flat_map(|rename| asked.iter().filter_map(|new| Some((old_name(rename, new)?, new.clone()))));
    // A name that is both old and new is left to the renaming, which does all at once.
    let pairs: Vec<(String, String)> = pairs.filter(|(old, new)| old != new && !asked.contains(old)).collect();
    if pairs.is_empty() {
        return Vec::new();
    }
    let field = |name: &String| Scalar::Field(Field { name: name.clone(), vocabulary: Vocabulary::Row });
    let value = |(old, new): &(String, String)| (new.clone(), Scalar::Call(Function::Coalesce, vec![field(old), field(new)]));
    let olds: BTreeSet<String> = pairs.iter().map(|(old, _)| old.clone()).collect();
    vec![Stage::Eval(pairs.iter().map(value).collect()), Stage::Drop(olds.into_iter().collect())]
}
