//! `rename` by a pattern: in each row it touches only what the row has.
//!
//! A pattern means every column that some row can have, and a new name may be that of a column which stays. A row without the old
//! column must then keep what it has under the new name: an event with `userName` does not lose it because others have
//! `requestParameters.userName`. So the old column first takes over the value of the other where it has none.

use super::schema::{Inner, RowSchema, Step};
use crate::ir::{Field, Function, Rename, Scalar, Stage, Vocabulary};

impl RowSchema {
    /// The steps of `rename`: mostly one.
    pub(super) fn renamed(&self, renames: &[Rename]) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut done = 0;
        for (place, rename) in renames.iter().enumerate().filter(|(_, rename)| rename.from.contains('*')) {
            // Renamings follow one another: this one sees the names that those before it gave.
            let earlier = steps.last().map_or(self, |step| &step.row).after(&Stage::Rename(renames[done..place].to_vec()), Inner::None);
            let pairs = earlier.row.shadowed(rename);
            if pairs.is_empty() {
                continue;
            }
            let taken_over = earlier.row.taken_over(&pairs);
            if done < place {
                steps.push(earlier);
            }
            steps.push(taken_over);
            done = place;
        }
        steps.push(steps.last().map_or(self, |step| &step.row).after(&Stage::Rename(renames[done..].to_vec()), Inner::None));
        steps
    }

    /// The old and new names that a renaming means.
    pub(super) fn renamed_pairs(&self, rename: &Rename) -> Vec<(String, String)> {
        let (Some((before, after)), Some((new_before, new_after))) = (rename.from.split_once('*'), rename.to.split_once('*')) else {
            return vec![(rename.from.clone(), rename.to.clone())];
        };
        let names = self.matching(&rename.from).into_iter().map(|place| &self.columns[place].name);
        let renamed = |name: &String| {
            let middle = name.strip_prefix(before)?.strip_suffix(after)?;
            Some((name.clone(), format!("{new_before}{middle}{new_after}")))
        };
        names.filter_map(renamed).filter(|(from, to)| from != to).collect()
    }

    /// The pairs of a pattern whose new name is that of a column which is not renamed itself.
    fn shadowed(&self, rename: &Rename) -> Vec<(String, String)> {
        let pairs = self.renamed_pairs(rename);
        let stays = |name: &String| self.place(name).is_some() && !pairs.iter().any(|(from, _)| from == name);
        pairs.iter().filter(|(_, to)| stays(to)).cloned().collect()
    }

    fn taken_over(&self, pairs: &[(String, String)]) -> Step {
        let field = |name: &String| Scalar::Field(Field { name: name.clone(), vocabulary: Vocabulary::Row });
        let value = |(from, to): &(String, String)| (from.clone(), Scalar::Call(Function::Coalesce, vec![field(from), field(to)]));
        let mut step = self.after(&Stage::Eval(pairs.iter().map(value).collect()), Inner::None);
        let is_named = |name: &String| self.column(name).is_some_and(|column| column.named);
        for (from, to) in pairs {
            if let Some(place) = step.row.place(from) {
                step.row.columns[place].named = is_named(from) || is_named(to);
            }
        }
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Kind, RowColumn};

    fn steps(columns: &[&str], renames: &[(&str, &str)]) -> Vec<String> {
        let column = |name: &&str| RowColumn { name: (*name).to_owned(), kind: Kind::Text, multi: false, named: false };
        let row = RowSchema { columns: columns.iter().map(column).collect() };
        let renames: Vec<Rename> = renames.iter().map(|(from, to)| Rename { from: (*from).into(), to: (*to).into() }).collect();
        let shown = |step: &Step| {
            let names: Vec<&str> = step.row.columns.iter().map(|column| column.name.as_str()).collect();
            let stage = match &step.stage {
                Stage::Eval(values) => values.iter().map(|(name, _)| format!("eval {name} ")).collect::<String>(),
                _ => "rename ".to_owned(),
            };
            format!("{stage}-> {}", names.join(" "))
        };
        row.renamed(&renames).iter().map(shown).collect()
    }

    #[test]
    fn a_column_that_stays_is_taken_over_first() {
        assert_eq!(steps(&["a.x", "a.y", "x"], &[("a.*", "*")]), ["eval a.x -> a.x a.y x", "rename -> x y"]);
        assert_eq!(
            steps(&["a.x", "x", "z"], &[("z", "a.w"), ("x", "w"), ("a.*", "*")]),
            ["rename -> a.x w a.w", "eval a.w -> a.x w a.w", "rename -> x w"]
        );
    }

    #[test]
    fn what_is_renamed_itself_is_not() {
        assert_eq!(steps(&["aab", "ab"], &[("a*", "*")]), ["rename -> ab b"]);
        assert_eq!(steps(&["a", "b"], &[("a", "b")]), ["rename -> b"]);
    }
}
