//! Which functions `eval` and `where` may call, and how many arguments they take.

use crate::ir::Function;

/// Most arguments of a function that takes any number.
// As many as a person may list; each is evaluated for each row.
const MANY: usize = 1_000;

/// Finds a function that a search may call, without regard to case.
pub(super) fn named(name: &str) -> Option<Function> {
    let function = if name.eq_ignore_ascii_case("ceil") { Some(Function::Ceiling) } else { Function::named(name) };
    function.filter(|function| is_splunk(*function))
}

/// `basename` belongs to the field maps; `searchmatch` holds a search, which the parser of expressions does not read.
fn is_splunk(function: Function) -> bool {
    !matches!(function, Function::BaseName | Function::SearchMatch)
}

/// Says how many arguments a function takes, where it does not take `count` of them.
pub(super) fn refuse(function: Function, count: usize) -> Option<String> {
    let (least, most) = function.arity();
    let wanted = match (least, most.min(MANY)) {
        _ if function.takes_pairs() => "pairs of arguments".to_owned(),
        (least, MANY) => format!("{least} or more arguments"),
        (1, 1) => "1 argument".to_owned(),
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) => format!("{least} to {most} arguments"),
    };
    let fits = (least..=most.min(MANY)).contains(&count) && !(function.takes_pairs() && count % 2 == 1);
    (!fits).then(|| format!("`{}` takes {wanted}, not {count}", function.name()))
}

/// All names, for the test of the documentation.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let names = Function::ALL.into_iter().filter(|function| is_splunk(*function)).map(Function::name);
    names.flat_map(|name| std::iter::once(name).chain((name == "ceiling").then_some("ceil")))
}
