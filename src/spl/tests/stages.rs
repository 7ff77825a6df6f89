//! Commands become stages.

use super::query;
use crate::ir::{AggregateFunction, Dedup, Scalar, SortKey, Stage};

fn stages(pipeline: &str) -> Vec<Stage> {
    query(&format!("a=1 | {pipeline}")).stages
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|n| (*n).to_owned()).collect()
}

#[test]
fn columns_have_default_names() {
    let search = "stats count, C min(_time) values(\"a b\") dc(x) as n Avg(y), sum(eval(x*2)) as s by u, v u";
    let [Stage::Stats(stats)] = &stages(search)[..] else { panic!("one stage") };
    let shown: Vec<_> = stats.aggregates.iter().map(|a| (a.function, a.alias.as_str())).collect();
    use AggregateFunction::{Avg, Count, Dc, Min, Sum, Values};
    assert_eq!(
        shown,
        [(Count, "count"), (Count, "C"), (Min, "min(_time)"), (Values, "values(a b)"), (Dc, "n"), (Avg, "Avg(y)"), (Sum, "s")]
    );
    assert_eq!(stats.by.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["u", "v"]);
}

#[test]
fn columns_are_named_as_stats_names_them() {
    assert_eq!(stages("table min(_time), count x"), [Stage::Keep(names(&["min(_time)", "count", "x"]))]);
    let [Stage::Rename(renames)] = &stages("rename values(x) as y \"P.*\" AS *")[..] else { panic!("one stage") };
    assert_eq!(renames.iter().map(|r| (r.from.as_str(), r.to.as_str())).collect::<Vec<_>>(), [("values(x)", "y"), ("P.*", "*")]);
}

#[test]
fn fields_keep_the_time() {
    assert_eq!(stages("fields a b"), [Stage::Keep(names(&["a", "b", "_time"]))]);
    assert_eq!(stages("fields + a, _time"), [Stage::Keep(names(&["a", "_time"]))]);
    assert_eq!(stages("fields - a, b*"), [Stage::Drop(names(&["a", "b*"]))]);
    assert_eq!(stages("fields -a"), [Stage::Drop(names(&["a"]))]);
    assert_eq!(stages("fields *"), []);
}

#[test]
fn rows_are_ordered_and_cut() {
    let key = |field: &str, descending| SortKey::auto(field, descending);
    let sort = |keys, limit| [Stage::Sort { keys, limit }];
    assert_eq!(stages("sort - a, +b"), sort(vec![key("a", true), key("b", false)], Some(10_000)));
    assert_eq!(stages("sort 0 -a b"), sort(vec![key("a", true), key("b", false)], None));
    assert_eq!(stages("sort limit=5 count"), sort(vec![key("count", false)], Some(5)));
    assert_eq!(stages("sort a, -b desc"), sort(vec![key("a", true), key("b", false)], Some(10_000)));
    assert_eq!(stages("sort d"), sort(vec![key("d", false)], Some(10_000)));
    assert_eq!(stages("head | head 5 | head limit=7"), [Stage::Head(10), Stage::Head(5), Stage::Head(7)]);
    assert_eq!(stages("dedup 2 a, b"), [Stage::Dedup(Dedup::first(2, names(&["a", "b"])))]);
}

#[test]
fn times_and_gaps_are_filled_in() {
    let format = |fields: &[&str], format: &str| Stage::FormatTime { fields: names(fields), format: format.to_owned() };
    assert_eq!(stages("convert timeformat=\"%H:%M\" ctime(a) ctime(b)"), [format(&["a", "b"], "%H:%M")]);
    assert_eq!(stages("convert ctime(a)"), [format(&["a"], "%m/%d/%Y %H:%M:%S")]);
    let copied = stages("convert ctime(a) as b timeformat=%F");
    assert!(matches!(&copied[0], Stage::Eval(made) if made[0].0 == "b"), "{copied:?}");
    assert_eq!(copied[1], format(&["b"], "%F"));
    let fill = |fields: &[&str], value: &str| [Stage::FillNull { fields: names(fields), value: value.to_owned() }];
    assert_eq!(stages("fillnull"), fill(&[], "0"));
    assert_eq!(stages("fillnull value=\"n a\" x, y"), fill(&["x", "y"], "n a"));
    let bin = |field: &str, span, alias: Option<&str>| [Stage::Bin { field: field.to_owned(), span, alias: alias.map(str::to_owned) }];
    assert_eq!(stages("bucket span=5m _time"), bin("_time", 300.0, None));
    assert_eq!(stages("bin _time as t span=2h"), bin("_time", 7_200.0, Some("t")));
}

#[test]
fn expressions_bind_as_they_should() {
    let of = |expression: &str| {
        let mut stages = stages(&format!("where {expression}"));
        let Some(Stage::Filter(crate::ir::Pred::Scalar(scalar))) = stages.pop() else { panic!("a condition") };
        shown(&scalar)
    };
    for (expression, expected) in [
        ("a=1 OR b=2 and c=3", "((a Eq 1) | ((b Eq 2) & (c Eq 3)))"),
        ("NOT a=1 AND b", "(!(a Eq 1) & b)"),
        ("not not a", "a"),
        ("1+2*3-4", "((1 Add (2 Multiply 3)) Subtract 4)"),
        ("a.b.\"x\"", "((a Concat b) Concat 'x')"),
        ("-1 < .5", "(-1 Lt Decimal('.5'))"),
        ("-1.50 < 9007199254740993", "(Decimal('-1.50') Lt Decimal('9007199254740993'))"),
        ("a=1 XOR b=1 OR c=1 xor d", "(((a Eq 1) Xor ((b Eq 1) | (c Eq 1))) Xor d)"),
        ("'a b' LIKE \"%x\"", "Like(a b,'%x')"),
        ("a in (1, \"x\")", "In(a,1,'x')"),
        ("case(a==1,\"y\",true(),null())", "Case((a Eq 1),'y',True(),Null())"),
        ("mvfilter(match(a,\"x\") OR a=\"b\")", "MvFilter((Match(a,'x') | (a Eq 'b')))"),
    ] {
        assert_eq!(of(expression), expected, "{expression}");
    }
}

fn shown(scalar: &Scalar) -> String {
    let join = |parts: &[Scalar], mark: &str| parts.iter().map(shown).collect::<Vec<_>>().join(mark);
    match scalar {
        Scalar::Null => "null".to_owned(),
        Scalar::Text(text) => format!("'{text}'"),
        Scalar::Number(number) => number.to_string(),
        Scalar::Bool(truth) => truth.to_string(),
        Scalar::Field(field) => field.name.clone(),
        Scalar::Call(function, arguments) => format!("{function:?}({})", join(arguments, ",")),
        Scalar::Binary(op, left, right) => format!("({} {op:?} {})", shown(left), shown(right)),
        Scalar::Negate(inner) => format!("-{}", shown(inner)),
        Scalar::Not(inner) => format!("!{}", shown(inner)),
        Scalar::And(parts) => format!("({})", join(parts, " & ")),
        Scalar::Or(parts) => format!("({})", join(parts, " | ")),
    }
}

/// Commands about the order of rows, as they are printed.
#[test]
fn commands_over_rows_in_order() {
    let printed = |pipeline: &str| stages(pipeline).iter().map(crate::ir::print_stage).collect::<Vec<_>>().join(" ");
    for (search, expected) in [
        ("sort num(a) -ip( \"b c\" ) +str(min(x)), auto(d)", "| sort num(a), -ip(b c), str(min(x)), d limit 10000"),
        ("head limit=3 (a<5) keeplast=t", "| head while (a < 5), at most 3 and the next row"),
        ("tail | tail 3 | reverse", "| tail 10 | tail 3 | reverse"),
        (
            "dedup a consecutive=t keepempty=1 keepevents=true",
            "| dedup 1 a, one behind the other, also without a value, further rows without them",
        ),
        ("dedup 2 a b sortby -c, +d", "| dedup 2 a, b | sort -c, d"),
        ("uniq", "| dedup 1 all columns, one behind the other"),
        ("filldown | filldown a b*", "| fill down | fill down a, b*"),
        ("top 3 a,b by c useother=t", "| 3 most frequent of a, b by c"),
        ("rare limit=0 a", "| all rarest of a"),
        (
            "streamstats current=f window=2 global=f count by a",
            "| running stats count by a, without the row itself, over 2 rows of the group",
        ),
        ("streamstats time_window=5m reset_after=\"(a>1)\" sum(b)", "| running stats sum(b), over 300 s, starting anew on its conditions"),
        ("addtotals | addcoltotals labelfield=x y*", "| sum all columns in Total | sum y*, and a row of sums"),
        (
            "transaction a startsWith=(b=1) endswith=eval(c>1) maxspan=-1 maxpause=2m maxevents=-1",
            "| transaction a pausing 120 s from (b = \"1\") to ((c > 1))",
        ),
        ("chart count over a by b", "| table of count by a, b, at most 10"),
        ("timechart span=1h limit=0 avg(x) by a", "| table of avg(x) by _time, a in buckets of 3600 s"),
        (
            "foreach a* [| eval b_<<MATCHSTR>>='<<FIELD>>'+1, c=\"<<MATCHSEG1>>\"]",
            "| for each of a*: b_<<MATCHSTR>> = (<<FIELD>> + 1), c = \"<<MATCHSEG1>>\"",
        ),
    ] {
        assert_eq!(printed(search), expected, "{search}");
    }
}
