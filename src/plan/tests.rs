//! Tests of the planner: names of the seed's technique in both vocabularies, pruning, and folded ≡ unfolded.

use proptest::prelude::*;

use super::*;
use crate::catalog::{Column, Encoding, EventType, Storage};
use crate::ir::{
    Aggregate, AggregateFunction, BinaryOp, Case, FieldCompare, Function, Glob, Match, NumberOp, Part, Rename, Scalar, Source, Stats, Test,
};

pub(super) fn event_type(id: u32, product: &str, dataset: &str, code: &str, fields: &[&str]) -> EventType {
    let column = |(position, field): (usize, &&str)| Column {
        field: (*field).to_owned(),
        sql_name: format!("c{position}"),
        view_name: (*field).to_owned(),
        encoding: Encoding::Dictionary,
        has_lists: false,
        has_packed: false,
    };
    EventType {
        id: TypeId(id),
        product: product.to_owned(),
        dataset: dataset.to_owned(),
        code: code.to_owned(),
        storage: Storage::Table(format!("t{id}")),
        view: format!("v{id}"),
        columns: fields.iter().enumerate().map(column).collect(),
        has_messages: id == 1,
        events: 1,
    }
}

const SYSMON: &str = "Microsoft-Windows-Sysmon/Operational";

pub(super) fn catalog() -> Catalog {
    let share = ["SubjectUserName", "ShareName", "RelativeTargetName", "ObjectType", "AccessMask", "IpAddress", "IpPort"];
    let process = ["SubjectUserName", "TargetUserName", "NewProcessName", "ProcessId", "NewProcessId", "CommandLine", "MandatoryLabel"];
    Catalog {
        types: vec![
            event_type(1, "windows", "Security", "5145", &share),
            event_type(2, "windows", "security", "4688", &process),
            event_type(3, "windows", SYSMON, "1", &["Image", "User", "CommandLine", "image", "IntegrityLevel"]),
            event_type(4, "windows", SYSMON, "12", &["EventType", "TargetObject"]),
            event_type(5, "windows", "Microsoft-Windows-Windows Defender/Operational", "1116", &["Threat Name", "Path", "Source Name"]),
            event_type(6, "generic", "", "", &["EventID", "Image", "a.b", "x y"]),
            event_type(7, "windows", "System", "7045", &["ServiceName", "ImagePath"]),
        ],
    }
}

fn dataset(model: &str, object: &str) -> Scope {
    Scope::Dataset { model: model.to_owned(), object: object.to_owned(), prefix: None }
}

fn field(name: &str, vocabulary: Vocabulary) -> Field {
    Field { name: name.to_owned(), vocabulary }
}

fn splunk(name: &str) -> Field {
    field(name, Vocabulary::Splunk)
}

fn glob(field: Field, text: &str) -> Pred {
    let test = Test::Glob { glob: Glob::wildcard(text), case: Case::Ignore };
    Pred::Match(Match { field, test, negated: false, span: 0..0 })
}

fn query(scope: Scope, filter: Pred, stages: Vec<Stage>) -> Query {
    Query { source: Source::Events(scope), filter, stages }
}

fn sigma_scope(category: Option<&str>, service: Option<&str>) -> Scope {
    Scope::LogSource { product: Some("windows".to_owned()), category: category.map(str::to_owned), service: service.map(str::to_owned) }
}

pub(super) fn column(catalog: &Catalog, id: u32, name: &str) -> FieldExpr {
    let ty = catalog.event_type(TypeId(id)).expect("the type is in the fixture");
    FieldExpr::Column(ty.column_exact(name).expect("the column is in the fixture"))
}

fn types(plan: &Plan) -> Vec<u32> {
    plan.branches.iter().map(|b| b.event_type.0).collect()
}

/// The macro `wineventlog_security` and an event id, as the seed asks.
fn security(code: &str) -> Pred {
    Pred::And(vec![
        Pred::Or(vec![
            glob(splunk("eventtype"), "wineventlog_security"),
            glob(splunk("Channel"), "security"),
            glob(splunk("source"), "XmlWinEventLog:Security"),
        ]),
        glob(splunk("EventCode"), code),
    ])
}

#[test]
fn both_vocabularies_of_the_seed_mean_the_same_columns() {
    let (catalog, taxonomy) = (catalog(), Taxonomy::embedded());
    let pairs = [
        ("Share_Name", "ShareName"),
        ("Relative_Target_Name", "RelativeTargetName"),
        ("Object_Type", "ObjectType"),
        ("Access_Mask", "AccessMask"),
        ("Source_Address", "IpAddress"),
        ("src_port", "IpPort"),
        ("user", "SubjectUserName"),
        ("src_user", "SubjectUserName"),
        ("Account_Name", "SubjectUserName"),
    ];
    for (label, stored) in pairs {
        let expr = |name: &str| resolve(&splunk(name), &Scope::Any, &catalog.types[0], taxonomy);
        let unwrapped = match expr(label) {
            FieldExpr::Coalesce(mut one) if one.len() == 1 => one.remove(0),
            other => other,
        };
        assert_eq!(unwrapped, column(&catalog, 1, stored), "{label}");
        assert_eq!(expr(stored), column(&catalog, 1, stored), "{stored}");
    }
}

#[test]
fn constants_prune_types_and_leave_the_condition() {
    let catalog = catalog();
    let filter = Pred::And(vec![security("5145"), glob(splunk("Share_Name"), r"\\*\C$")]);
    let stats = Stage::Stats(Stats {
        aggregates: vec![Aggregate { function: AggregateFunction::Count, argument: None, alias: "count".to_owned() }],
        by: vec![splunk("EventCode"), splunk("Share_Name"), splunk("nonsense")],
        fill_null_by: Some("null".to_owned()),
    });
    let plan = plan(&query(Scope::Any, filter, vec![stats]), &[], &catalog, Taxonomy::embedded());
    assert_eq!(types(&plan), [1]);
    let branch = &plan.branches[0];
    assert!(matches!(&branch.filter, Pred::Match(m) if m.field == column(&catalog, 1, "ShareName")));
    assert_eq!(branch.fields["EventCode"], FieldExpr::Constant("5145".to_owned()));
    assert_eq!(branch.fields["Share_Name"], column(&catalog, 1, "ShareName"));
    assert_eq!(branch.fields["nonsense"], FieldExpr::Missing);
    assert_eq!(plan.missing, ["nonsense"]);
}

#[test]
fn types_without_a_group_field_are_left_out_and_named() {
    let filter = glob(splunk("_time"), "*");
    let by = vec![splunk("CommandLine")];
    let stats = Stage::Stats(Stats { aggregates: vec![], by, fill_null_by: None });
    let plan = plan(&query(dataset("Endpoint", "Registry"), filter, vec![stats]), &[], &catalog(), Taxonomy::embedded());
    assert_eq!((types(&plan), plan.notes[0].code, plan.missing.as_slice()), (vec![], "plan-null-group", &["CommandLine".to_owned()][..]));
    assert!(plan.notes[0].message.contains("events of v4 "), "{}", plan.notes[0].message);
}

#[test]
fn sources_have_several_spellings() {
    let catalog = catalog();
    for (name, text, expected) in [
        ("source", "WinEventLog:Security", vec![1, 2]),
        ("source", "xmlwineventlog:security", vec![1, 2]),
        ("sourcetype", "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational", vec![3, 4]),
        ("sourcetype", "XmlWinEventLog", vec![1, 2, 3, 4, 5, 7]),
        ("eventtype", "wineventlog_system", vec![7]),
        ("host", "*", vec![1, 2, 3, 4, 5, 6, 7]),
    ] {
        let plan = plan(&query(Scope::Any, glob(splunk(name), text), vec![]), &[], &catalog, Taxonomy::embedded());
        assert_eq!(types(&plan), expected, "{name}={text}");
    }
}

#[test]
fn log_sources_rename_translate_and_restrict() {
    let (catalog, taxonomy) = (catalog(), Taxonomy::embedded());
    let sigma = |name: &str| field(name, Vocabulary::Sigma);
    let processes = sigma_scope(Some("process_creation"), None);
    let found = plan(&query(processes.clone(), glob(sigma("Image"), r"*\cmd.exe"), vec![]), &[], &catalog, taxonomy);
    assert_eq!(types(&found), [2, 3]);
    let native = |name: &str| resolve(&sigma(name), &processes, &catalog.types[1], taxonomy);
    assert_eq!(native("Image"), column(&catalog, 2, "NewProcessName"));
    assert!(
        matches!(native("ProcessId"), FieldExpr::Apply(FieldFunction::HexToDecimal, inner) if *inner == column(&catalog, 2, "NewProcessId"))
    );
    assert!(matches!(native("IntegrityLevel"), FieldExpr::Apply(FieldFunction::Translate(_), _)));
    assert_eq!(native("OriginalFileName"), FieldExpr::Missing);

    let keys = plan(&query(sigma_scope(Some("registry_add"), None), Pred::True, vec![]), &[], &catalog, taxonomy);
    assert_eq!(types(&keys), [4]);
    assert!(matches!(&keys.branches[0].filter, Pred::Match(m) if m.field == column(&catalog, 4, "EventType")));
}

#[test]
fn sigma_names_ignore_case_and_spaces_and_splunk_names_do_not() {
    let (catalog, taxonomy) = (catalog(), Taxonomy::embedded());
    let at = |id: usize, name: &str, vocabulary| resolve(&field(name, vocabulary), &Scope::Any, &catalog.types[id - 1], taxonomy);
    assert_eq!(at(3, "image", Vocabulary::Sigma), column(&catalog, 3, "image"));
    assert_eq!(at(3, "IMAGE", Vocabulary::Sigma), column(&catalog, 3, "Image"));
    assert_eq!(at(5, "Threat_Name", Vocabulary::Sigma), column(&catalog, 5, "Threat Name"), "what Splunk calls so");
    assert_eq!(at(1, "EventCode", Vocabulary::Sigma), FieldExpr::Constant("5145".to_owned()));
    assert_eq!(at(3, "user", Vocabulary::Sigma), column(&catalog, 3, "User"), "a stored name in another case comes first");
    assert_eq!(at(3, "dest", Vocabulary::Sigma), FieldExpr::Missing, "a plain word is no name of Splunk's");
    assert_eq!(at(3, "IMAGE", Vocabulary::Splunk), FieldExpr::Missing);
    assert_eq!(at(3, "user", Vocabulary::Splunk), FieldExpr::Apply(FieldFunction::WithoutDomain, Box::new(column(&catalog, 3, "User"))));
    assert_eq!(at(5, "ThreatName", Vocabulary::Sigma), column(&catalog, 5, "Threat Name"));
    assert_eq!(at(5, "SourceName", Vocabulary::Sigma), column(&catalog, 5, "Source Name"));
    assert_eq!(at(5, "Threat_Name", Vocabulary::Splunk), column(&catalog, 5, "Threat Name"));
    assert_eq!(at(6, "a{}.b", Vocabulary::Splunk), column(&catalog, 6, "a.b"));
    assert_eq!(at(6, "x_y", Vocabulary::Splunk), column(&catalog, 6, "x y"));
    assert_eq!(at(6, "EventID", Vocabulary::Sigma), column(&catalog, 6, "EventID"));
    assert_eq!(at(1, "eventid", Vocabulary::Sigma), FieldExpr::Constant("5145".to_owned()));
    assert_eq!(at(1, "Message", Vocabulary::Splunk), FieldExpr::Message);
    assert_eq!(at(2, "Message", Vocabulary::Splunk), FieldExpr::Missing);
}

#[test]
fn unknown_log_sources_match_nothing_and_say_so() {
    let plan = |scope| plan(&query(scope, Pred::True, vec![]), &[], &catalog(), Taxonomy::embedded());
    let unknown = plan(sigma_scope(Some("nonsense"), None));
    assert_eq!((types(&unknown), unknown.notes[0].code), (vec![], "plan-unknown-logsource"));
    let nowhere = plan(sigma_scope(Some("file_access"), None));
    assert_eq!((types(&nowhere), nowhere.notes[0].code), (vec![], "plan-logsource-nowhere"));
    let absent = plan(sigma_scope(None, Some("ntlm")));
    assert_eq!((types(&absent), absent.notes[0].code), (vec![], "plan-no-events"));
    let unknown = plan(dataset("Endpoint", "Nonsense"));
    assert_eq!((types(&unknown), unknown.notes[0].code), (vec![], "plan-unknown-dataset"));
    assert_eq!(types(&plan(dataset("Endpoint", "Processes"))), [2, 3]);
}

#[test]
fn leading_filters_become_part_of_the_base() {
    let stages = vec![
        Stage::Filter(glob(field("CommandLine", Vocabulary::Row), "*a*")),
        Stage::Eval(vec![("x".to_owned(), Scalar::Field(splunk("CommandLine")))]),
        Stage::Filter(glob(field("x", Vocabulary::Row), "*b*")),
    ];
    let plan = plan(&query(Scope::Any, Pred::True, stages.clone()), &[], &catalog(), Taxonomy::embedded());
    assert_eq!(plan.stages().cloned().collect::<Vec<_>>(), stages[1..]);
    assert_eq!(types(&plan), [2, 3]);
    assert_eq!(plan.branches[0].fields.keys().collect::<Vec<_>>(), ["CommandLine"]);
}

#[test]
fn filling_all_columns_reads_only_those_that_are_used() {
    let fill = Stage::FillNull { fields: Vec::new(), value: "0".to_owned() };
    let count = Aggregate { function: AggregateFunction::Count, argument: None, alias: "count".to_owned() };
    let by = vec![field("CommandLine", Vocabulary::Row)];
    let stats = Stage::Stats(Stats { aggregates: vec![count], by, fill_null_by: None });
    let read = |stages: Vec<Stage>| {
        let plan = plan(&query(Scope::Any, security("4688"), stages), &[], &catalog(), Taxonomy::embedded());
        plan.branches[0].fields.keys().cloned().collect::<Vec<_>>()
    };
    let rename = Stage::Rename(vec![Rename { from: "CommandLine".to_owned(), to: "command".to_owned() }]);
    assert_eq!(read(vec![fill.clone(), stats]), ["CommandLine"]);
    assert_eq!(read(vec![fill.clone(), rename.clone(), Stage::Keep(vec!["command".to_owned()])]), ["CommandLine"]);
    let all = ["CommandLine", "MandatoryLabel", "NewProcessId", "NewProcessName", "ProcessId", "SubjectUserName", "TargetUserName"];
    let shown = read(vec![fill, rename]);
    assert!(all.iter().all(|name| shown.iter().any(|s| s == name)), "the result shows what was filled: {shown:?}");
}

#[test]
fn several_accounts_are_several_values() {
    let catalog = catalog();
    let plan =
        plan(&query(Scope::Any, glob(splunk("Account_Name"), "x"), vec![]), &["Account_Name".to_owned()], &catalog, Taxonomy::embedded());
    let branch = plan.branches.iter().find(|b| b.event_type == TypeId(2)).expect("4688 has two accounts");
    let (subject, target) = (column(&catalog, 2, "SubjectUserName"), column(&catalog, 2, "TargetUserName"));
    assert!(matches!(&branch.filter, Pred::Or(parts) if parts.len() == 2));
    assert_eq!(branch.fields["Account_Name"], FieldExpr::Coalesce(vec![target, subject]));
}

// ---- folded ≡ unfolded ----

/// An event of the fixture: for each column its values (none: missing).
type Event = Vec<Vec<String>>;

fn values(expr: &FieldExpr, event: &Event) -> Vec<String> {
    match expr {
        FieldExpr::Missing | FieldExpr::Message => vec![],
        FieldExpr::Constant(text) => vec![text.clone()],
        FieldExpr::Column(index) => event[index.0 as usize].clone(),
        FieldExpr::Time => vec!["1000".to_owned()],
        FieldExpr::Host => vec!["host".to_owned()],
        FieldExpr::Record => vec!["7".to_owned()],
        FieldExpr::Apply(function, inner) => {
            values(inner, event).iter().filter_map(|v| function.apply(v).map(std::borrow::Cow::into_owned)).collect()
        }
        FieldExpr::Default(inner, text) => {
            let found = values(inner, event);
            if found.iter().any(|value| !value.is_empty()) { found } else { vec![text.clone()] }
        }
        FieldExpr::Coalesce(candidates) => {
            candidates.iter().map(|c| values(c, event)).find(|v| v.iter().any(|v| !v.is_empty() && v != "-")).unwrap_or_default()
        }
    }
}

fn compare(left: &[String], right: &[String], before: bool, after: bool, case: Case) -> bool {
    let fold = |text: &str| if case == Case::Ignore { text.to_lowercase() } else { text.to_owned() };
    left.iter().any(|l| {
        right.iter().any(|r| {
            let (l, r) = (fold(l), fold(r));
            match (before, after) {
                (false, false) => l == r,
                (true, false) => l.ends_with(&r),
                (false, true) => l.starts_with(&r),
                (true, true) => l.contains(&r),
            }
        })
    })
}

/// A scalar as an optional text; truths are `true` and `false`.
fn scalar<F>(s: &Scalar<F>, get: &dyn Fn(&F) -> Vec<String>) -> Option<String> {
    let truth = |s: &Scalar<F>| scalar(s, get).as_deref() == Some("true");
    Some(match s {
        Scalar::Null => return None,
        Scalar::Text(text) => text.clone(),
        Scalar::Bool(truth) => truth.to_string(),
        Scalar::Field(field) => return get(field).first().cloned(),
        Scalar::Call(Function::IsNull, args) => scalar(&args[0], get).is_none().to_string(),
        Scalar::Call(Function::IsNotNull, args) => scalar(&args[0], get).is_some().to_string(),
        Scalar::Binary(BinaryOp::Eq, l, r) => match (scalar(l, get), scalar(r, get)) {
            (Some(l), Some(r)) => (l == r).to_string(),
            _ => "false".to_owned(),
        },
        Scalar::Not(inner) => (!truth(inner)).to_string(),
        Scalar::And(parts) => parts.iter().all(truth).to_string(),
        Scalar::Or(parts) => parts.iter().any(truth).to_string(),
        other => unreachable_scalar(std::mem::discriminant(other)),
    })
}

fn unreachable_scalar<T: std::fmt::Debug>(what: T) -> String {
    panic!("the strategy makes no {what:?}")
}

/// Evaluates a condition with nothing simplified: what a name is worth comes from `get`, alike for both forms.
fn holds<F>(pred: &Pred<F>, get: &dyn Fn(&F) -> Vec<String>, synonyms: &dyn Fn(&F) -> bool) -> bool {
    match pred {
        Pred::True => true,
        Pred::False => false,
        Pred::And(parts) => parts.iter().all(|p| holds(p, get, synonyms)),
        Pred::Or(parts) => parts.iter().any(|p| holds(p, get, synonyms)),
        Pred::Not(inner) => !holds(inner, get, synonyms),
        Pred::Match(m) if synonyms(&m.field) => get(&m.field).iter().any(|v| m.test.passes(v)) != m.negated,
        Pred::Match(m) => get(&m.field).iter().any(|v| m.test.passes(v) != m.negated),
        Pred::Compare(c) => compare(&get(&c.left), &get(&c.right), c.any_before, c.any_after, c.case),
        Pred::Keyword { .. } => unreachable_scalar("keyword") == "x",
        Pred::Scalar(s) => scalar(s, get).as_deref() == Some("true"),
        Pred::Subsearch(_) => false,
    }
}

fn any_field() -> impl Strategy<Value = Field> {
    let names = [
        "EventCode",
        "EventID",
        "Channel",
        "source",
        "eventtype",
        "user",
        "Account_Name",
        "CommandLine",
        "process_name",
        "Share_Name",
        "ShareName",
        "src_port",
        "dest",
        "action",
        "EventType",
        "TargetObject",
        "registry_key_name",
        "nonsense",
        "Image",
        "IntegrityLevel",
        "ProcessId",
    ];
    let vocabulary = prop_oneof![Just(Vocabulary::Sigma), Just(Vocabulary::Splunk), Just(Vocabulary::Row)];
    (proptest::sample::select(names.to_vec()), vocabulary).prop_map(|(name, vocabulary)| field(name, vocabulary))
}

fn any_text() -> impl Strategy<Value = String> {
    let texts =
        ["", "-", "a", "A", "b", r"x\a", "1", "12", "5145", "4688", "Security", "0x1", "CreateKey", "allowed", "Low", "S-1-16-4096"];
    proptest::sample::select(texts.to_vec()).prop_map(str::to_owned)
}

fn any_test() -> impl Strategy<Value = Test> {
    let case = || prop_oneof![Just(Case::Ignore), Just(Case::Exact)];
    prop_oneof![
        Just(Test::Exists),
        (any_text(), case()).prop_map(|(t, case)| Test::Glob { glob: Glob::literal(t), case }),
        (any_text(), case()).prop_map(|(t, case)| Test::Glob { glob: Glob::new([Part::Text(t), Part::Any]), case }),
        any_text().prop_map(|t| Test::Regex(regex::escape(&t))),
        Just(Test::Number { op: NumberOp::Gt, value: 10.0 }),
    ]
}

fn any_scalar() -> impl Strategy<Value = Scalar> {
    let leaf = prop_oneof![any_field().prop_map(Scalar::Field), any_text().prop_map(Scalar::Text), Just(Scalar::Null)];
    let test = prop_oneof![
        leaf.clone().prop_map(|s| Scalar::Call(Function::IsNull, vec![s])),
        leaf.clone().prop_map(|s| Scalar::Call(Function::IsNotNull, vec![s])),
        (leaf.clone(), leaf).prop_map(|(l, r)| Scalar::Binary(BinaryOp::Eq, Box::new(l), Box::new(r))),
        any::<bool>().prop_map(Scalar::Bool),
    ];
    test.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Scalar::And),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Scalar::Or),
            inner.prop_map(|s| Scalar::Not(Box::new(s))),
        ]
    })
}

fn any_pred() -> impl Strategy<Value = Pred> {
    let matching =
        (any_field(), any_test(), any::<bool>()).prop_map(|(field, test, negated)| Pred::Match(Match { field, test, negated, span: 0..0 }));
    let comparing =
        (any_field(), any_field(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(left, right, any_before, any_after, ignore)| {
            let case = if ignore { Case::Ignore } else { Case::Exact };
            Pred::Compare(FieldCompare { left, right, any_before, any_after, case, span: 0..0 })
        });
    let leaf =
        prop_oneof![6 => matching, 2 => comparing, 2 => any_scalar().prop_map(Pred::Scalar), 1 => Just(Pred::True), 1 => Just(Pred::False)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Pred::And),
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Pred::Or),
            inner.prop_map(|p| Pred::Not(Box::new(p))),
        ]
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    proptest::collection::vec(proptest::collection::vec(any_text(), 0..3), 8)
}

fn any_scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Any),
        Just(sigma_scope(None, None)),
        Just(sigma_scope(Some("process_creation"), None)),
        Just(sigma_scope(Some("registry_add"), None)),
        Just(dataset("Endpoint", "Processes")),
        Just(dataset("Endpoint", "Registry")),
    ]
}

/// Whether an event of a type matches, with nothing folded.
fn plain(query: &Query, ty: &EventType, event: &Event) -> bool {
    let (catalog, taxonomy) = (Catalog { types: vec![ty.clone()] }, Taxonomy::embedded());
    let (scoped, _) = scope::scoped(query.scope().unwrap(), &catalog, taxonomy);
    let Some(scoped) = scoped.first() else { return false };
    let resolver = NameResolver::new(scoped.clone(), taxonomy);
    let get = |field: &Field| match resolver.resolve(field) {
        Resolved::One(expr) => values(&expr, event),
        Resolved::Synonyms(texts) => texts,
        Resolved::Nodes(_) | Resolved::Tags(_) => panic!("no rule here asks for it"),
        Resolved::Members(members) => members.iter().flat_map(|m| values(m, event)).collect(),
    };
    // An expression has no lists: it sees the one value to show.
    let synonyms = |field: &Field| matches!(resolver.resolve(field), Resolved::Synonyms(_));
    let of_scope = resolver.conditions().iter().all(|c| holds(c, &|e| values(e, event), &|_| false));
    let value = |field: &Field| values(&resolver.resolve(field).value(), event);
    of_scope && holds_with_values(&query.filter, &get, &synonyms, &value)
}

/// As [`holds`], but expressions see values and not members.
fn holds_with_values(
    pred: &Pred,
    get: &dyn Fn(&Field) -> Vec<String>,
    synonyms: &dyn Fn(&Field) -> bool,
    value: &dyn Fn(&Field) -> Vec<String>,
) -> bool {
    let again = |p: &Pred| holds_with_values(p, get, synonyms, value);
    match pred {
        Pred::And(parts) => parts.iter().all(again),
        Pred::Or(parts) => parts.iter().any(again),
        Pred::Not(inner) => !again(inner),
        Pred::Scalar(s) => scalar(s, value).as_deref() == Some("true"),
        other => holds(other, get, synonyms),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn folded_is_unfolded(filter in any_pred(), scope in any_scope(), event in any_event()) {
        let catalog = catalog();
        let query = query(scope, filter, vec![]);
        let plan = plan(&query, &[], &catalog, Taxonomy::embedded());
        for ty in &catalog.types {
            let branch = plan.branches.iter().find(|b| b.event_type == ty.id);
            let folded = branch.is_some_and(|b| holds(&b.filter, &|e| values(e, &event), &|_| false));
            prop_assert_eq!(folded, plain(&query, ty, &event), "type {:?}: {:?}", ty.id, branch.map(|b| &b.filter));
        }
    }

    #[test]
    fn no_missing_field_stays(filter in any_pred(), scope in any_scope()) {
        let plan = plan(&query(scope, filter, vec![]), &[], &catalog(), Taxonomy::embedded());
        for branch in &plan.branches {
            prop_assert!(branch.filter != Pred::False);
            let printed = format!("{:?}", branch.filter);
            prop_assert!(!printed.contains("Missing"));
        }
    }
}
