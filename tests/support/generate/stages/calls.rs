//! Expressions: every function with all its numbers of arguments, and every operator.

use proptest::prelude::*;
use proptest::sample::select;
use retrohunt::ir::{BinaryOp, Function, Scalar};

use super::super::{ADDRESS_FIELD, TEXT_FIELDS, queries};
use super::{any_name, named, number_name};

/// Formats of times that both ways of writing them know.
pub(super) const TIME_FORMATS: [&str; 6] = ["%Y-%m-%dT%H:%M:%S", "%m/%d/%Y %H:%M:%S", "%F %T.%3N", "%b %e %y, %A", "%I:%M %p %j %w", "%s"];
const READ_FORMATS: [&str; 3] = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%3N", "%Y-%m-%dT%H:%M:%S %z"];
const TIMES: [&str; 6] =
    ["2020-01-31T23:59:59", "2020-02-29 00:00:00.250", "2020-12-01T10:00:00 +0100", "2021-02-30T00:00:00", "10:00", ""];
const OFFSETS: [&str; 9] = ["-70m@m", "@d", "+1d", "-1mon@mon", "-1y", "@w", "-2h", "+1q", "@h"];
const LIKE_PATTERNS: [&str; 8] = ["a%", "%b", "_", "%", "", "10.%_1", "%\\%", "A_"];
const NETWORKS: [&str; 5] = ["10.0.0.0/8", "192.168.0.0/16", "::1/128", "0.0.0.0/0", "none"];
const REPLACEMENTS: [&str; 4] = ["", "-", "[\\0]", "$1"];
const SEPARATORS: [&str; 5] = [",", "", ".", "a", "ab"];
const ESCAPED: [&str; 5] = ["a%20b", "%41%42", "100%", "%C3%A4", "%zz+"];
const NUMBER_TEXTS: [&str; 7] = ["ff", "0xFF", "101", "12", "-7", "zz", ""];
const TEXTS: [&str; 10] = ["", "a", "A", "b", "1", "1.0", "10", "%", "a,b,a", " \ta "];
/// Literals with a fraction, as they are written.
const DECIMALS: [&str; 5] = ["1.50", "0.2", "8.250", "-0.10", "12.0"];
const JSON: [&str; 7] = [
    r#"{"a":{"b":[1,2,{"c":"x"}]},"a.b":"dotted","n":null}"#,
    r#"[{"c":1},{"c":"two"},{"d":[true]}]"#,
    "[]",
    r#"["a","b\n"]"#,
    "12",
    "{broken",
    "",
];
const PATHS: [&str; 8] = ["a.b", "a.b{}", "a.b{2}.c", "{}.c", "{0}", "n", "gone", "a"];
const KEYS: [&str; 4] = ["a", "a.b", "n", "gone"];
const NUMBERS: [f64; 10] = [0.0, 1.0, 2.0, 5.0, 10.0, -1.0, -5.0, 0.5, 2.5, 1_577_836_800.0];

/// Functions that portable SQL has: drawn more often, so that it takes part.
const PORTABLE: [Function; 16] = [
    Function::If,
    Function::Case,
    Function::Coalesce,
    Function::IsNull,
    Function::IsNotNull,
    Function::NullIf,
    Function::Validate,
    Function::Like,
    Function::In,
    Function::Len,
    Function::Trim,
    Function::Substr,
    Function::ToNumber,
    Function::Abs,
    Function::Floor,
    Function::BaseName,
];

/// What a function takes at one place.
#[derive(Clone, Copy)]
enum Takes {
    Anything,
    Text,
    Number,
    /// A small whole number.
    Whole,
    List,
    Truth,
    /// A truth about one field.
    TruthOfField,
    /// One of these texts.
    OneOf(&'static [&'static str]),
}

const FORMATS: Takes = Takes::OneOf(&["hex", "commas", "duration"]);

/// The lists of arguments that a function is called with; a new function does not compile without them.
fn arguments(function: Function) -> Vec<Vec<Takes>> {
    use Takes::{Anything, List, Number, OneOf, Text, Truth, TruthOfField, Whole};
    match function {
        // No front end makes it.
        Function::SearchMatch => Vec::new(),
        Function::If => vec![vec![Truth, Anything, Anything]],
        Function::Case | Function::Validate => vec![vec![Truth, Anything], vec![Truth, Anything, Truth, Anything]],
        Function::Coalesce => vec![vec![Anything], vec![Anything; 2], vec![Anything; 3]],
        Function::IsNull | Function::IsNotNull | Function::MvCount | Function::TypeOf | Function::ToBool | Function::ToJson => {
            vec![vec![Anything]]
        }
        Function::IsNum | Function::IsInt | Function::IsDouble | Function::IsStr | Function::IsBool | Function::IsMv => {
            vec![vec![Anything]]
        }
        Function::NullIf => vec![vec![Anything; 2]],
        Function::Like => vec![vec![Anything, OneOf(&LIKE_PATTERNS)]],
        Function::Match | Function::MvFind => vec![vec![Anything, OneOf(&queries::REGEXES)]],
        Function::CidrMatch => vec![vec![OneOf(&NETWORKS), Text]],
        Function::In => vec![vec![Anything; 2], vec![Anything; 3]],
        Function::Lower | Function::Upper | Function::MvDedup | Function::MvSort | Function::MvReverse => vec![vec![List]],
        Function::Len | Function::BaseName | Function::Md5 | Function::Sha1 | Function::Sha256 | Function::Sha512 => vec![vec![Text]],
        Function::Trim | Function::LTrim | Function::RTrim => vec![vec![Text], vec![Text, OneOf(&TEXTS)]],
        Function::Substr => vec![vec![Text, Whole], vec![Text, Whole, Whole]],
        Function::Replace => vec![vec![Text, OneOf(&queries::REGEXES), OneOf(&REPLACEMENTS)]],
        Function::Split => vec![vec![Text, OneOf(&SEPARATORS)]],
        Function::UrlDecode => vec![vec![OneOf(&ESCAPED)], vec![Text]],
        Function::ToString => vec![vec![Anything], vec![Number, FORMATS]],
        Function::ToNumber | Function::ToInt | Function::ToDouble => {
            vec![vec![Anything], vec![OneOf(&NUMBER_TEXTS), Whole], vec![Text, OneOf(&["16", "10"])]]
        }
        Function::Decimal => vec![vec![OneOf(&DECIMALS)]],
        Function::Printf => {
            vec![vec![OneOf(&["x%%"])], vec![OneOf(&["%d", "%5d|", "%05.1f", "%x"]), Number], vec![OneOf(&["%s-%-4s|"]), Text, Text]]
        }
        Function::IpMask => vec![vec![OneOf(&["255.255.0.0", "0.255.0.244", "none"]), Text]],
        Function::Abs | Function::Ceiling | Function::Floor | Function::Sqrt | Function::Ln | Function::Exp => vec![vec![Number]],
        Function::Exact | Function::SigFig => vec![vec![Number]],
        Function::Sum | Function::Avg => vec![vec![Number], vec![Number, Anything], vec![Number, Text, List]],
        Function::Acos | Function::Acosh | Function::Asin | Function::Asinh | Function::Atan | Function::Atanh => vec![vec![Number]],
        Function::Cos | Function::Cosh | Function::Sin | Function::Sinh | Function::Tan | Function::Tanh => vec![vec![Number]],
        Function::Atan2 | Function::Hypot => vec![vec![Number, Number]],
        Function::BitAnd | Function::BitOr | Function::BitXor => vec![vec![Number, Whole], vec![Whole, Number, Whole]],
        Function::BitNot => vec![vec![Number], vec![Number, Whole]],
        Function::BitShiftLeft | Function::BitShiftRight => vec![vec![Number, Whole]],
        Function::Round => vec![vec![Number], vec![Number, OneOf(&["0", "1", "2"])]],
        Function::Pow => vec![vec![Number, Whole]],
        Function::Log => vec![vec![Number], vec![Number, OneOf(&["2", "10"])]],
        Function::Min | Function::Max => vec![vec![Anything], vec![Number, Anything], vec![Number, Text, Number]],
        Function::MvIndex => vec![vec![List, Whole], vec![List, Whole, Whole]],
        Function::MvJoin => vec![vec![List, OneOf(&SEPARATORS)]],
        Function::MvAppend => vec![vec![Anything], vec![List, Anything], vec![List, Text, Anything]],
        Function::MvFilter => vec![vec![TruthOfField]],
        // Both of its arguments are about one field: `mapped` draws them.
        Function::MvMap => vec![vec![List, Anything]],
        Function::MvZip => vec![vec![List, List], vec![List, Anything, OneOf(&SEPARATORS)]],
        Function::MvRange => vec![vec![Whole, Whole], vec![Whole, Whole, OneOf(&["1", "2", "-1", "0", "0.5", "1d"])]],
        Function::Commands => vec![vec![OneOf(&["search a | stats count | sort - count", "| tstats count", "", "a=1"])]],
        Function::Spath | Function::Json | Function::JsonKeys | Function::JsonValid | Function::JsonArray | Function::JsonObject => {
            json_arguments(function)
        }
        Function::JsonArrayToMv | Function::MvToJsonArray | Function::JsonExtract | Function::JsonExtractExact => json_arguments(function),
        Function::JsonHasKeyExact | Function::IsArray | Function::IsObject | Function::JsonAppend => json_arguments(function),
        Function::JsonDelete | Function::JsonExtend | Function::JsonSet | Function::JsonSetExact => json_arguments(function),
        Function::Now | Function::Pi | Function::Null | Function::True | Function::False => vec![Vec::new()],
        Function::RelativeTime => vec![vec![Number, OneOf(&OFFSETS)]],
        Function::Strftime => vec![vec![Number, OneOf(&TIME_FORMATS)]],
        Function::Strptime => vec![vec![OneOf(&TIMES), OneOf(&READ_FORMATS)]],
    }
}

fn json_arguments(function: Function) -> Vec<Vec<Takes>> {
    use Takes::{Anything, List, OneOf, Text, Truth, Whole};
    match function {
        Function::Spath => vec![vec![OneOf(&JSON), OneOf(&PATHS)], vec![Text, OneOf(&PATHS)]],
        Function::Json | Function::JsonKeys | Function::JsonValid => vec![vec![OneOf(&JSON)], vec![Text]],
        Function::IsArray | Function::IsObject => vec![vec![OneOf(&JSON)], vec![Text]],
        Function::JsonDelete => vec![vec![OneOf(&JSON), OneOf(&PATHS)], vec![OneOf(&JSON), OneOf(&PATHS), OneOf(&KEYS)]],
        Function::JsonAppend | Function::JsonExtend | Function::JsonSet => {
            vec![vec![OneOf(&JSON), OneOf(&PATHS), Anything], vec![OneOf(&JSON), OneOf(&PATHS), OneOf(&JSON), OneOf(&PATHS), Text]]
        }
        Function::JsonSetExact => {
            vec![vec![OneOf(&JSON), OneOf(&KEYS), Anything], vec![OneOf(&JSON), OneOf(&KEYS), OneOf(&JSON), OneOf(&KEYS), Text]]
        }
        Function::JsonArray => vec![vec![], vec![Text], vec![Text, Whole, List, OneOf(&JSON)]],
        Function::JsonObject => vec![vec![], vec![OneOf(&["k"]), Anything], vec![OneOf(&["k"]), Text, OneOf(&["l"]), OneOf(&JSON)]],
        Function::JsonArrayToMv => vec![vec![OneOf(&JSON)], vec![OneOf(&JSON), Truth]],
        Function::MvToJsonArray => vec![vec![List], vec![List, Truth]],
        Function::JsonExtract => {
            vec![vec![OneOf(&JSON)], vec![OneOf(&JSON), OneOf(&PATHS)], vec![OneOf(&JSON), OneOf(&PATHS), OneOf(&PATHS)]]
        }
        Function::JsonExtractExact => {
            vec![vec![OneOf(&JSON)], vec![OneOf(&JSON), OneOf(&KEYS)], vec![OneOf(&JSON), OneOf(&KEYS), OneOf(&KEYS)]]
        }
        Function::JsonHasKeyExact => vec![vec![OneOf(&JSON), OneOf(&KEYS)]],
        other => panic!("{other:?} is not a function of JSON"),
    }
}

/// `mvmap` of a field: each of its members, changed.
fn mapped() -> BoxedStrategy<Scalar> {
    let about = |name: &'static str| {
        let field = move || Scalar::Field(named(name));
        let each = vec![
            Scalar::Call(Function::Upper, vec![field()]),
            Scalar::Call(Function::Split, vec![field(), Scalar::Text("a".to_owned())]),
            Scalar::Binary(BinaryOp::Multiply, Box::new(field()), Box::new(Scalar::Number(2.0))),
            Scalar::Binary(BinaryOp::Concat, Box::new(field()), Box::new(Scalar::Text("+".to_owned()))),
            Scalar::Null,
        ];
        select(each).prop_map(move |each| Scalar::Call(Function::MvMap, vec![field(), each]))
    };
    any_name().prop_flat_map(about).boxed()
}

fn argument(takes: Takes, depth: u32) -> BoxedStrategy<Scalar> {
    match takes {
        Takes::Anything => any_value(depth),
        Takes::Text => text(depth),
        Takes::Number => number(depth),
        Takes::Whole => prop_oneof![9 => (-4..5i8).prop_map(|n| Scalar::Number(n.into())), 1 => Just(Scalar::Null)].boxed(),
        Takes::List => list(depth),
        Takes::Truth => truth(depth),
        Takes::TruthOfField => truth_of_field(),
        Takes::OneOf(texts) => select(texts).prop_map(|t| Scalar::Text(t.to_owned())).boxed(),
    }
}

/// A call of one of some functions; at depth 0 arguments hold no calls.
fn call(functions: Vec<Function>, depth: u32) -> BoxedStrategy<Scalar> {
    let callable: Vec<(Function, Vec<Takes>)> =
        functions.into_iter().flat_map(|function| arguments(function).into_iter().map(move |takes| (function, takes))).collect();
    (0..callable.len())
        .prop_flat_map(move |which| {
            let (function, takes) = &callable[which];
            let function = *function;
            if function == Function::MvMap {
                return mapped();
            }
            let parts: Vec<BoxedStrategy<Scalar>> = takes.iter().map(|takes| argument(*takes, depth.saturating_sub(1))).collect();
            parts.prop_map(move |parts| Scalar::Call(function, parts)).boxed()
        })
        .boxed()
}

fn field(names: impl Strategy<Value = &'static str> + 'static) -> BoxedStrategy<Scalar> {
    names.prop_map(|name| Scalar::Field(named(name))).boxed()
}

/// Anything, of every function.
pub(super) fn any_value(depth: u32) -> BoxedStrategy<Scalar> {
    let leaf = prop_oneof![4 => field(any_name()), 1 => text(0), 1 => number(0), 1 => Just(Scalar::Null)];
    if depth == 0 {
        return leaf.boxed();
    }
    prop_oneof![
        2 => leaf,
        3 => call(Function::ALL.to_vec(), depth),
        3 => call(PORTABLE.to_vec(), depth),
        1 => arithmetic(depth),
        1 => truth(depth),
    ]
    .boxed()
}

fn text(depth: u32) -> BoxedStrategy<Scalar> {
    let names = prop_oneof![select(&TEXT_FIELDS[..]), Just(ADDRESS_FIELD), any_name()];
    let leaf = prop_oneof![3 => field(names), 1 => select(&TEXTS[..]).prop_map(|t| Scalar::Text(t.to_owned()))];
    if depth == 0 {
        return leaf.boxed();
    }
    let functions = vec![Function::Lower, Function::MvIndex, Function::Substr, Function::Coalesce, Function::Trim, Function::ToString];
    prop_oneof![3 => leaf, 1 => call(functions, depth)].boxed()
}

/// A number, or what might be one.
pub(super) fn number(depth: u32) -> BoxedStrategy<Scalar> {
    let decimal = select(&DECIMALS[..]).prop_map(|text| Scalar::Call(Function::Decimal, vec![Scalar::Text(text.to_owned())]));
    let leaf = prop_oneof![4 => field(number_name()), 4 => select(&NUMBERS[..]).prop_map(Scalar::Number), 1 => decimal];
    if depth == 0 {
        return leaf.boxed();
    }
    let functions = vec![Function::Len, Function::MvCount, Function::ToNumber, Function::Round, Function::Floor, Function::Now];
    prop_oneof![3 => leaf, 1 => call(functions, depth), 1 => arithmetic(depth)].boxed()
}

fn list(depth: u32) -> BoxedStrategy<Scalar> {
    let leaf = field(prop_oneof![2 => select(&TEXT_FIELDS[..]), 1 => any_name()]);
    if depth == 0 {
        return leaf;
    }
    let functions = vec![Function::Split, Function::MvAppend, Function::MvSort, Function::MvDedup, Function::MvFilter];
    prop_oneof![2 => leaf, 1 => call(functions, depth)].boxed()
}

fn arithmetic(depth: u32) -> BoxedStrategy<Scalar> {
    let ops = vec![BinaryOp::Add, BinaryOp::Subtract, BinaryOp::Multiply, BinaryOp::Divide, BinaryOp::Modulo, BinaryOp::Concat];
    let inner = depth.saturating_sub(1);
    let side = move || prop_oneof![3 => number(inner), 1 => text(inner)];
    let binary = (select(ops), side(), side()).prop_map(|(op, a, b)| Scalar::Binary(op, Box::new(a), Box::new(b)));
    prop_oneof![6 => binary, 1 => number(inner).prop_map(|n| Scalar::Negate(Box::new(n)))].boxed()
}

fn comparison(left: BoxedStrategy<Scalar>, right: BoxedStrategy<Scalar>) -> impl Strategy<Value = Scalar> {
    let ops = vec![BinaryOp::Eq, BinaryOp::Ne, BinaryOp::Lt, BinaryOp::Le, BinaryOp::Gt, BinaryOp::Ge];
    (left, select(ops), right).prop_map(|(a, op, b)| Scalar::Binary(op, Box::new(a), Box::new(b)))
}

/// A condition.
pub(super) fn truth(depth: u32) -> BoxedStrategy<Scalar> {
    let sides = || prop_oneof![text(depth.saturating_sub(1)), number(depth.saturating_sub(1))].boxed();
    let leaf = comparison(sides(), sides());
    if depth == 0 {
        return leaf.boxed();
    }
    let functions: Vec<Function> =
        Function::ALL.iter().copied().filter(|function| function.gives() == retrohunt::ir::Gives::Truth).chain([Function::If]).collect();
    let inner = || truth(depth - 1);
    prop_oneof![
        4 => leaf,
        2 => call(functions, depth),
        1 => prop::collection::vec(inner(), 2).prop_map(Scalar::And),
        1 => prop::collection::vec(inner(), 2).prop_map(Scalar::Or),
        1 => inner().prop_map(|t| Scalar::Not(Box::new(t))),
        1 => (inner(), inner()).prop_map(|(a, b)| Scalar::Binary(BinaryOp::Xor, Box::new(a), Box::new(b))),
        1 => any::<bool>().prop_map(Scalar::Bool),
    ]
    .boxed()
}

/// The condition of a filter of members: it names one field.
fn truth_of_field() -> BoxedStrategy<Scalar> {
    let about = |name: &'static str| {
        let field = Just(Scalar::Field(named(name))).boxed();
        let literal =
            prop_oneof![select(&TEXTS[..]).prop_map(|t| Scalar::Text(t.to_owned())), select(&NUMBERS[..]).prop_map(Scalar::Number)];
        let regex = select(&queries::REGEXES[..])
            .prop_map(move |regex| Scalar::Call(Function::Match, vec![Scalar::Field(named(name)), Scalar::Text(regex.to_owned())]));
        prop_oneof![comparison(field, literal.boxed()), regex]
    };
    let condition = any_name().prop_flat_map(about).boxed();
    prop_oneof![3 => condition.clone(), 1 => condition.prop_map(|c| Scalar::Not(Box::new(c)))].boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_called_with_all_their_numbers_of_arguments() {
        for function in Function::ALL.iter().copied().filter(|function| *function != Function::SearchMatch) {
            let (least, most) = function.arity();
            let counts: Vec<usize> = arguments(function).iter().map(Vec::len).collect();
            assert!(counts.iter().all(|count| (least..=most).contains(count)), "{function:?}: {counts:?}");
            let wanted = if most == usize::MAX { least..=least } else { least..=most };
            assert!(wanted.into_iter().all(|count| counts.contains(&count)), "{function:?}: {counts:?}");
            assert!(most != usize::MAX || counts.iter().any(|count| *count > least), "{function:?}: {counts:?}");
        }
    }
}
