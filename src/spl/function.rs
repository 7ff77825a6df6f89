//! The functions of `eval` and `where`: names, numbers of arguments, which argument is a regular expression.

use crate::ir::Function;

/// What the parser knows of a function.
pub(super) struct Signature {
    /// Name in lower case.
    pub(super) name: &'static str,
    pub(super) function: Function,
    /// Fewest arguments.
    pub(super) least: usize,
    /// Most arguments.
    pub(super) most: usize,
}

const MANY: usize = 1_000;

const fn takes(name: &'static str, function: Function, least: usize, most: usize) -> Signature {
    Signature { name, function, least, most }
}

const SIGNATURES: &[Signature] = &[
    takes("if", Function::If, 3, 3),
    takes("case", Function::Case, 2, MANY),
    takes("coalesce", Function::Coalesce, 1, MANY),
    takes("isnull", Function::IsNull, 1, 1),
    takes("isnotnull", Function::IsNotNull, 1, 1),
    takes("nullif", Function::NullIf, 2, 2),
    takes("validate", Function::Validate, 2, MANY),
    takes("like", Function::Like, 2, 2),
    takes("match", Function::Match, 2, 2),
    takes("cidrmatch", Function::CidrMatch, 2, 2),
    takes("in", Function::In, 2, MANY),
    takes("lower", Function::Lower, 1, 1),
    takes("upper", Function::Upper, 1, 1),
    takes("len", Function::Len, 1, 1),
    takes("trim", Function::Trim, 1, 2),
    takes("ltrim", Function::LTrim, 1, 2),
    takes("rtrim", Function::RTrim, 1, 2),
    takes("substr", Function::Substr, 2, 3),
    takes("replace", Function::Replace, 3, 3),
    takes("split", Function::Split, 2, 2),
    takes("urldecode", Function::UrlDecode, 1, 1),
    takes("tostring", Function::ToString, 1, 2),
    takes("tonumber", Function::ToNumber, 1, 2),
    takes("abs", Function::Abs, 1, 1),
    takes("ceiling", Function::Ceiling, 1, 1),
    takes("ceil", Function::Ceiling, 1, 1),
    takes("floor", Function::Floor, 1, 1),
    takes("round", Function::Round, 1, 2),
    takes("sqrt", Function::Sqrt, 1, 1),
    takes("pow", Function::Pow, 2, 2),
    takes("ln", Function::Ln, 1, 1),
    takes("log", Function::Log, 1, 2),
    takes("exp", Function::Exp, 1, 1),
    takes("min", Function::Min, 1, MANY),
    takes("max", Function::Max, 1, MANY),
    takes("mvcount", Function::MvCount, 1, 1),
    takes("mvindex", Function::MvIndex, 2, 3),
    takes("mvjoin", Function::MvJoin, 2, 2),
    takes("mvappend", Function::MvAppend, 1, MANY),
    takes("mvdedup", Function::MvDedup, 1, 1),
    takes("mvfilter", Function::MvFilter, 1, 1),
    takes("mvfind", Function::MvFind, 2, 2),
    takes("mvsort", Function::MvSort, 1, 1),
    takes("now", Function::Now, 0, 0),
    takes("relative_time", Function::RelativeTime, 2, 2),
    takes("strftime", Function::Strftime, 2, 2),
    takes("strptime", Function::Strptime, 2, 2),
    takes("md5", Function::Md5, 1, 1),
    takes("sha256", Function::Sha256, 1, 1),
    takes("null", Function::Null, 0, 0),
    takes("true", Function::True, 0, 0),
    takes("false", Function::False, 0, 0),
];

impl Signature {
    /// Finds a function without regard to case.
    pub(super) fn of(name: &str) -> Option<&'static Self> {
        SIGNATURES.iter().find(|s| s.name.eq_ignore_ascii_case(name))
    }

    /// Says how many arguments it takes, where `count` is none of them.
    pub(super) fn refuse(&self, count: usize) -> Option<String> {
        let pairs = matches!(self.function, Function::Case | Function::Validate);
        let wanted = match (self.least, self.most) {
            _ if pairs => "pairs of arguments".to_owned(),
            (least, MANY) => format!("{least} or more arguments"),
            (1, 1) => "1 argument".to_owned(),
            (least, most) if least == most => format!("{least} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        let fits = (self.least..=self.most).contains(&count) && !(pairs && count % 2 == 1);
        (!fits).then(|| format!("`{}` takes {wanted}, not {count}", self.name))
    }

    /// Which argument is a regular expression.
    pub(super) fn pattern(&self) -> Option<usize> {
        matches!(self.function, Function::Match | Function::Replace | Function::MvFind).then_some(1)
    }
}

/// All names, for the test of the documentation.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SIGNATURES.iter().map(|s| s.name)
}
