//! Statements that ask an engine for events of a lake: which of them conditions hold for, and their rows.
//!
//! A range of times is `[from, before)` in microseconds since 1970; where it begins with none, the events without a time are in it.

/// A range of times.
pub type LakeTimes = (Option<i64>, Option<i64>);

/// A table of ClickHouse.
pub fn clickhouse_table(database: &str, name: &str) -> String {
    let quoted = |name: &str| format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"));
    format!("{}.{}", quoted(database), quoted(name))
}

/// The version of ClickHouse: a line `["…"]`.
pub fn clickhouse_version() -> String {
    "SELECT version() FORMAT JSONCompactEachRow".to_owned()
}

/// How many rows a table of ClickHouse has: a line `[N]`.
pub fn clickhouse_count(table: &str) -> String {
    format!("SELECT count() FROM {table} FORMAT JSONCompactEachRow")
}

/// Which events of a table of ClickHouse meet which of these conditions: lines `[ID,[PLACE,…]]`. The table is called `v` in conditions.
pub fn clickhouse_matching<'c>(table: &str, range: LakeTimes, conditions: impl Iterator<Item = &'c str>) -> String {
    // A condition that is NULL is not met.
    let tests: Vec<String> = conditions.enumerate().map(|(place, condition)| format!("if({condition},{place},-1)")).collect();
    format!(
        "SELECT v._id, arrayFilter(x -> x >= 0, [{}]) AS _met FROM {table} AS v WHERE {} AND notEmpty(_met) FORMAT JSONCompactEachRow",
        tests.join(","),
        within(range)
    )
}

/// The rows of events of a table of ClickHouse: lines of JSON objects.
pub fn clickhouse_rows(table: &str, range: LakeTimes, events: &[i64]) -> String {
    let ids: Vec<String> = events.iter().map(i64::to_string).collect();
    format!("SELECT * FROM {table} AS v WHERE {} AND v._id IN ({}) FORMAT JSONEachRow", within(range), ids.join(","))
}

/// Stops a query of ClickHouse.
pub fn clickhouse_stop(query: &str) -> String {
    format!("KILL QUERY WHERE query_id = '{}' ASYNC", query.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The condition that an event is of a range.
fn within(range: LakeTimes) -> String {
    match range {
        (None, None) => "1 = 1".to_owned(),
        (None, Some(before)) => format!("(v._time_us IS NULL OR v._time_us < {before})"),
        (Some(from), None) => format!("v._time_us >= {from}"),
        (Some(from), Some(before)) => format!("(v._time_us >= {from} AND v._time_us < {before})"),
    }
}

/// Events of a file of a lake as Spark reads it.
#[derive(Debug, Clone)]
pub struct SparkPart<'p> {
    /// Its address.
    pub path: &'p str,
    /// What stands before each event's id.
    pub mark: usize,
    /// Which events.
    pub range: LakeTimes,
    /// Of which type, where there are others in the file.
    pub view: Option<&'p str>,
}

/// What a worker says of rows, which Spark hands it one by one: columns `id` and `said`. Without both ROW FORMAT clauses Spark gives
/// back NULL and does not complain.
///
/// `tasks`: no more of them read the parts. Each starts the command anew, which takes as long as to judge ten thousand rows.
pub fn spark_transform(parts: &[SparkPart<'_>], command: &str, tasks: Option<u64>) -> String {
    let rows = |part: &SparkPart<'_>| {
        let of_view = part.view.map(|view| format!(" AND v._view = {}", spark_text(view))).unwrap_or_default();
        let path = part.path.replace('`', "``");
        format!(
            "SELECT concat('{}:', v._id) AS id, to_json(struct(v.*)) AS event FROM parquet.`{path}` AS v WHERE {}{of_view}",
            part.mark,
            within(part.range)
        )
    };
    let all: Vec<String> = parts.iter().map(rows).collect();
    let format = "ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t'";
    format!(
        "SELECT TRANSFORM(id, event) {format} USING {} AS (id STRING, said STRING) {format} FROM ({})",
        spark_text(command),
        tasks.map_or_else(
            || all.join(" UNION ALL "),
            |tasks| format!("SELECT /*+ COALESCE({tasks}) */ * FROM ({})", all.join(" UNION ALL "))
        )
    )
}

/// How many rows these files have.
pub fn spark_count(paths: &[&str], view: Option<&str>) -> String {
    let of_view = view.map(|view| format!(" WHERE _view = {}", spark_text(view))).unwrap_or_default();
    let counts = |path: &&str| format!("SELECT count(*) AS n FROM parquet.`{}`{of_view}", path.replace('`', "``"));
    let all: Vec<String> = paths.iter().map(counts).collect();
    format!("SELECT sum(n) AS n FROM ({})", all.join(" UNION ALL "))
}

fn spark_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clickhouse_is_asked_in_its_words() {
        assert_eq!(clickhouse_table("a`b", "c\\d"), "`a\\`b`.`c\\\\d`");
        assert_eq!(
            clickhouse_matching("`d`.`t`", (Some(5), Some(7)), ["TRUE", "a = 1"].into_iter()),
            "SELECT v._id, arrayFilter(x -> x >= 0, [if(TRUE,0,-1),if(a = 1,1,-1)]) AS _met FROM `d`.`t` AS v \
             WHERE (v._time_us >= 5 AND v._time_us < 7) AND notEmpty(_met) FORMAT JSONCompactEachRow"
        );
        assert_eq!(
            clickhouse_rows("t", (None, Some(7)), &[1, 2]),
            "SELECT * FROM t AS v WHERE (v._time_us IS NULL OR v._time_us < 7) AND v._id IN (1,2) FORMAT JSONEachRow"
        );
        assert_eq!(clickhouse_stop("a'b"), "KILL QUERY WHERE query_id = 'a\\'b' ASYNC");
    }

    #[test]
    fn spark_is_asked_in_its_words() {
        let parts = [
            SparkPart { path: "s3a://b/type=x/p.parquet", mark: 0, range: (None, None), view: None },
            SparkPart { path: "/l`/r.parquet", mark: 12, range: (Some(7), None), view: Some("o'x\\") },
        ];
        let format = "ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t'";
        assert_eq!(
            spark_transform(&parts, "./w 'x'", None),
            format!(
                "SELECT TRANSFORM(id, event) {format} USING './w \\'x\\'' AS (id STRING, said STRING) {format} FROM (\
                 SELECT concat('0:', v._id) AS id, to_json(struct(v.*)) AS event FROM parquet.`s3a://b/type=x/p.parquet` AS v WHERE 1 = 1 UNION ALL \
                 SELECT concat('12:', v._id) AS id, to_json(struct(v.*)) AS event FROM parquet.`/l``/r.parquet` AS v \
                 WHERE v._time_us >= 7 AND v._view = 'o\\'x\\\\')"
            )
        );
        let few = spark_transform(&parts, "w", Some(4));
        assert!(few.contains("FROM (SELECT /*+ COALESCE(4) */ * FROM (SELECT concat('0:'") && few.ends_with("'))"), "{few}");
        assert_eq!(spark_count(&["a"], Some("x")), "SELECT sum(n) AS n FROM (SELECT count(*) AS n FROM parquet.`a` WHERE _view = 'x')");
    }
}
