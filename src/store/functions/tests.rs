//! Functions by example.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::{digest, eval_substr, register, time};

fn sql(expression: &str) -> String {
    let connection = Connection::open_in_memory().unwrap();
    register(&connection).unwrap();
    connection
        .query_row(&format!("SELECT {expression}"), [], |row| {
            Ok(match row.get::<_, Value>(0)? {
                Value::Null => "∅".to_owned(),
                Value::Integer(n) => n.to_string(),
                Value::Real(n) => n.to_string(),
                Value::Text(t) => t,
                Value::Blob(b) => format!("{b:?}"),
            })
        })
        .unwrap_or_else(|e| format!("error: {e}"))
}

#[test]
fn tests_of_values() {
    for (expression, expected) in [
        ("retro_glob('C:\\A.exe', '*\\\\a.EXE', 1, 0)", "1"),
        ("retro_glob('C:\\A.exe', '*\\\\a.EXE', 0, 0)", "0"),
        ("retro_glob('a*b', 'a\\*?', 1, 0)", "1"),
        ("retro_glob(NULL, '*', 1, 1)", "∅"),
        ("retro_glob(retro_eval('split', 'a,b', ','), 'b', 1, 0)", "1"),
        ("retro_glob(retro_eval('split', 'a,b', ','), 'b', 1, 1)", "1"),
        ("retro_glob('ÄΣ', 'äσ', 1, 0)", "1"),
        ("retro_regexp('abc', '(?i)B.$', 0)", "1"),
        ("retro_regexp('abc', '(', 0)", "error: regex parse error:\n    (\n    ^\nerror: unclosed group"),
        ("'abc' REGEXP '^a'", "1"),
        ("retro_cidr('::ffff:10.1.2.3', '10.0.0.0/8', 0)", "1"),
        ("retro_number('1e1', '>', 9, 0)", "1"),
        ("retro_text_order('10', '>', '9', 0)", "0"),
        ("retro_date_part('2024-01-31T12:05:00Z', 'hour', '=', 12, 0)", "1"),
        ("retro_compare_fields('C:\\Temp', 'temp', 1, 0, 1)", "1"),
        ("retro_compare_fields('C:\\Temp', NULL, 1, 1, 1)", "0"),
        ("retro_compare('<', '9', 10)", "1"),
        ("retro_compare('<', 'a', 'B')", "0"),
        ("retro_compare('=', NULL, NULL)", "0"),
        ("retro_is_filled(retro_eval('mvappend', '-', ''))", "0"),
    ] {
        assert_eq!(sql(expression), expected, "{expression}");
    }
}

#[test]
fn values_and_lists() {
    for (expression, expected) in [
        ("retro_add('1', 2)", "3"),
        ("retro_add('a', 'b')", "ab"),
        ("retro_add('a', 2)", "∅"),
        ("retro_modulo(-7, 3)", "-1"),
        ("retro_modulo(7, 0)", "∅"),
        ("retro_to_text(1.0)", "1"),
        ("retro_to_text(0.1)", "0.1"),
        ("retro_to_text(retro_to_number('-0'))", "0"),
        ("retro_members(retro_eval('split', 'a\"|b', '|'))", "[\"a\\\"\",\"b\"]"),
        ("retro_to_text(retro_eval('split', 'ab', ''))", "a\nb"),
        ("retro_eval('mvindex', retro_eval('split', 'a,b', ','), 2)", "∅"),
        ("retro_eval('round', 2.345, 2)", "2.35"),
        ("retro_eval('tostring', 15, 'hex')", "0xF"),
        ("retro_eval('tostring', 1000, 'commas')", "1,000"),
        ("retro_eval('tostring', 90061, 'duration')", "1+01:01:01"),
        ("retro_eval('max', 1, 'c', 100)", "c"),
        ("retro_eval('urldecode', 'a%20b%2')", "a b%2"),
        ("retro_eval('cidrmatch', '10.0.0.0/8', '10.1.1.1')", "1"),
        ("retro_eval('nothing')", "error: no function `nothing`"),
    ] {
        assert_eq!(sql(expression), expected, "{expression}");
    }
}

#[test]
fn aggregates_have_splunks_orders() {
    let over = |aggregate: &str| {
        sql(&format!("(SELECT {aggregate} FROM (SELECT column1 AS x FROM (VALUES ('10'), ('9'), ('a'), ('B'), (NULL), ('10'), ('1e1'))))"))
    };
    assert_eq!(over("retro_to_text(retro_values(x))"), "10\n1e1\n9\nB\na");
    assert_eq!(over("retro_dc(x)"), "5");
    assert_eq!(over("retro_min(x)"), "9");
    assert_eq!(over("retro_max(x)"), "a");
    assert_eq!(over("retro_count(x)"), "6");
    assert_eq!(over("retro_median(x)"), "10");
    assert_eq!(over("retro_first(x ORDER BY x DESC)"), "a");
    assert_eq!(over("retro_to_text(retro_first_members(x))"), "10\n9\na\nB\n10\n1e1");
    assert_eq!(sql("(SELECT retro_stdev(column1) FROM (VALUES ('x')))"), "∅");
    assert_eq!(sql("(SELECT retro_values(column1) FROM (VALUES ('x')) WHERE 0)"), "∅");
    assert_eq!(sql("(SELECT length(retro_ids(column1)) FROM (VALUES (3), (1), (3)))"), "16");
    assert_eq!(
        sql("(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT length(retro_ids(i)) FROM n)"),
        "8000"
    );
}

#[test]
fn times() {
    let noon = 1_706_702_700.5; // 2024-01-31 12:05:00.5, a Wednesday
    assert_eq!(time::strftime(noon, "%Y-%m-%dT%H:%M:%S.%3N %a %j %%").as_deref(), Some("2024-01-31T12:05:00.500 Wed 031 %"));
    assert_eq!(time::strftime(noon, "%m/%d/%Y %I:%M %p").as_deref(), Some("01/31/2024 12:05 PM"));
    assert_eq!(time::strftime(f64::MAX, "%Y"), None);
    assert_eq!(time::strptime("2024-01-31 12:05:00", "%Y-%m-%d %H:%M:%S"), Some(1_706_702_700.0));
    assert_eq!(time::strptime("2024-01-31", "%Y-%m-%d"), Some(1_706_659_200.0));
    assert_eq!(time::strptime("no", "%Y"), None);
    for (specifier, expected) in [
        ("-1h@h", 1_706_698_800.0),
        ("@d", 1_706_659_200.0),
        ("@w0", 1_706_400_000.0),
        ("-1mon@mon", 1_701_388_800.0),
        ("+1d@d+2h", 1_706_752_800.0),
        ("@q", 1_704_067_200.0),
    ] {
        assert_eq!(time::relative_time(noon, specifier), Some(expected), "{specifier}");
    }
    assert_eq!(time::relative_time(noon, "-1x"), None);
}

#[test]
fn digests_of_every_length() {
    assert_eq!(digest::md5(""), "d41d8cd98f00b204e9800998ecf8427e");
    assert_eq!(
        digest::md5("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
        "57edf4a22be3c955ac49da2e2107b67a"
    );
    for length in [55, 56, 57, 63, 64, 65, 119, 120] {
        assert_eq!(digest::md5(&"a".repeat(length)).len(), 32);
    }
    assert_eq!(digest::md5(&"a".repeat(56)), "3b0c8ac703f828b04c6c197006d17218");
    assert_eq!(digest::sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn substr_is_that_of_sqlite() {
    for (from, length) in [(1, None), (2, Some(2)), (0, Some(2)), (-2, None), (-2, Some(1)), (-9, Some(7)), (3, Some(-2)), (9, Some(1))] {
        let rest = length.map_or(String::new(), |n| format!(", {n}"));
        let theirs = sql(&format!("substr('äbcde', {from}{rest})"));
        assert_eq!(eval_substr("äbcde", f64::from(from), length.map(f64::from)), theirs, "{from} {length:?}");
    }
}
