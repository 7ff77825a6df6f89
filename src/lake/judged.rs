//! How a worker says how many rows it judged, behind all else that it says: who sent rows to many workers adds up, and knows that none was
//! lost on the way.

use std::collections::BTreeMap;

/// What stands in the place of an event's id.
const MARK: &str = "*";

/// The line with how many rows of each event type were judged.
pub fn judged_line(counts: &BTreeMap<&str, u64>) -> String {
    format!("{MARK}\t{}\n", serde_json::to_string(counts).expect("texts and numbers can be written"))
}

/// How many rows of each event type were judged, where a line says so.
pub fn judged_counts(id: &str, said: &str) -> Option<Result<BTreeMap<String, u64>, String>> {
    (id == MARK).then(|| serde_json::from_str(said).map_err(|error| format!("the number of rows that were judged: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_back() {
        let line = judged_line(&BTreeMap::from([("a\tb", 2), ("c", 0)]));
        let (id, said) = line.trim_end().split_once('\t').expect("a tab");
        let counts = judged_counts(id, said).expect("counts").expect("JSON");
        assert_eq!(counts, BTreeMap::from([("a\tb".to_owned(), 2), ("c".to_owned(), 0)]));
        assert!(judged_counts("1:7", "{}").is_none());
        assert!(judged_counts("*", "{").expect("counts").is_err());
    }
}
