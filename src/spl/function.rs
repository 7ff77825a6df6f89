//! Which functions `eval` and `where` may call, and how many arguments they take.

use crate::ir::Function;

/// Most arguments of a function that takes any number.
// As many as a person may list; each is evaluated for each row.
const MANY: usize = 1_000;

/// Other names of functions. `time()` is the time at which an event is looked at: there is one for all (rule P4).
const ALIASES: [(&str, Function); 2] = [("ceil", Function::Ceiling), ("time", Function::Now)];

/// Finds a function that a search may call, without regard to case.
pub(super) fn named(name: &str) -> Option<Function> {
    let alias = ALIASES.iter().find(|(alias, _)| name.eq_ignore_ascii_case(alias)).map(|(_, function)| *function);
    let function = alias.or_else(|| Function::named(name));
    function.filter(|function| is_splunk(*function))
}

/// `basename` belongs to the field maps, `decimal` to literals; of `searchmatch` the parser makes an expression.
fn is_splunk(function: Function) -> bool {
    !matches!(function, Function::BaseName | Function::Decimal | Function::SearchMatch)
}

/// Why a function of Splunk is not among those that a search may call, as the end of a sentence; empty where it is none.
pub(super) fn known_reason(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "random" => ": every hunt must give the same result",
        "lookup" => ": use the command `lookup`",
        "cluster" | "getfields" => ": it needs Splunk's own data",
        _ => "",
    }
}

/// Says how many arguments a function takes, where it does not take `count` of them.
pub(super) fn refuse(function: Function, count: usize) -> Option<String> {
    let (least, most) = function.arity();
    let wanted = match (least, most.min(MANY)) {
        _ if function.takes_pairs() => "pairs of arguments".to_owned(),
        _ if function.takes_pairs_behind_first() => "a text of JSON and pairs of a path and a value".to_owned(),
        (least, MANY) => format!("{least} or more arguments"),
        (1, 1) => "1 argument".to_owned(),
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) => format!("{least} to {most} arguments"),
    };
    let is_torn = (function.takes_pairs() && count % 2 == 1) || (function.takes_pairs_behind_first() && count.is_multiple_of(2));
    let fits = (least..=most.min(MANY)).contains(&count) && !is_torn;
    (!fits).then(|| format!("`{}` takes {wanted}, not {count}", function.name()))
}

/// All names, for the test of the documentation.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let names = Function::ALL.iter().copied().filter(|function| is_splunk(*function)).map(Function::name);
    let names = names.chain([Function::SearchMatch.name()]);
    names.flat_map(|name| {
        let aliases = ALIASES.iter().filter(move |(_, function)| function.name() == name).map(|(alias, _)| *alias);
        std::iter::once(name).chain(aliases)
    })
}
