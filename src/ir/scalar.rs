//! Expressions over the fields of a row, with the semantics of SPL's eval (`docs/spl.md`).
//!
//! What there is to know of a function or operator stands here once: its name, how many arguments it takes, what it
//! gives. Parser, printer, planner, executor and SQL ask [`Function`] and match it exhaustively, so that a new one does
//! not compile until each of them knows it.

use super::{Field, NumberOp};

/// An expression. Its value is null, text, a number, a truth or a list of texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<F = Field> {
    /// Null.
    Null,
    /// A text literal.
    Text(String),
    /// A number literal.
    Number(f64),
    /// A truth literal.
    Bool(bool),
    /// A field's value; null when missing. Numeric text counts as a number where an operator asks for one.
    Field(F),
    /// A call; the front end has checked the number of arguments.
    Call(Function, Vec<Scalar<F>>),
    /// An operator.
    Binary(BinaryOp, Box<Scalar<F>>, Box<Scalar<F>>),
    /// Arithmetic negation.
    Negate(Box<Scalar<F>>),
    /// Boolean NOT: null counts as false, so NOT of it is true.
    Not(Box<Scalar<F>>),
    /// All of.
    And(Vec<Scalar<F>>),
    /// Any of.
    Or(Vec<Scalar<F>>),
}

/// Operators. Comparisons: any null side is false; two numeric sides compare as numbers, else as text with case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// `=`, `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `+`: adds numbers; concatenates when a side is a text literal or both are text.
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`; by zero is null.
    Divide,
    /// `%`
    Modulo,
    /// `.`: concatenates as text; null if a side is null.
    Concat,
}

impl BinaryOp {
    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Concat => ".",
        }
    }

    /// The comparison it is, if it is one.
    pub fn comparison(self) -> Option<NumberOp> {
        match self {
            Self::Eq => Some(NumberOp::Eq),
            Self::Ne => Some(NumberOp::Ne),
            Self::Lt => Some(NumberOp::Lt),
            Self::Le => Some(NumberOp::Le),
            Self::Gt => Some(NumberOp::Gt),
            Self::Ge => Some(NumberOp::Ge),
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Modulo | Self::Concat => None,
        }
    }
}

/// What a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gives {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// A truth.
    Truth,
    /// A list of texts.
    List,
    /// A text for a text, a list for a list.
    Members,
    /// What its arguments are.
    Arguments,
    /// A number or a text.
    NumberOrText,
    /// Always null.
    Null,
}

/// Functions of eval and where, by their Splunk names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each variant is the Splunk function of that name")]
pub enum Function {
    If,
    Case,
    Coalesce,
    IsNull,
    IsNotNull,
    NullIf,
    Validate,
    Like,
    Match,
    CidrMatch,
    SearchMatch,
    In,
    Lower,
    Upper,
    Len,
    Trim,
    LTrim,
    RTrim,
    Substr,
    Replace,
    Split,
    UrlDecode,
    ToString,
    ToNumber,
    Abs,
    Ceiling,
    Floor,
    Round,
    Sqrt,
    Pow,
    Ln,
    Log,
    Exp,
    Min,
    Max,
    MvCount,
    MvIndex,
    MvJoin,
    MvAppend,
    MvDedup,
    MvFind,
    MvSort,
    MvFilter,
    Now,
    RelativeTime,
    Strftime,
    Strptime,
    Md5,
    Sha256,
    Null,
    True,
    False,
    /// Text after the last `\` or `/` (not Splunk's: used by field maps).
    BaseName,
}

impl Function {
    /// All functions.
    pub const ALL: [Self; 53] = [
        Self::If,
        Self::Case,
        Self::Coalesce,
        Self::IsNull,
        Self::IsNotNull,
        Self::NullIf,
        Self::Validate,
        Self::Like,
        Self::Match,
        Self::CidrMatch,
        Self::SearchMatch,
        Self::In,
        Self::Lower,
        Self::Upper,
        Self::Len,
        Self::Trim,
        Self::LTrim,
        Self::RTrim,
        Self::Substr,
        Self::Replace,
        Self::Split,
        Self::UrlDecode,
        Self::ToString,
        Self::ToNumber,
        Self::Abs,
        Self::Ceiling,
        Self::Floor,
        Self::Round,
        Self::Sqrt,
        Self::Pow,
        Self::Ln,
        Self::Log,
        Self::Exp,
        Self::Min,
        Self::Max,
        Self::MvCount,
        Self::MvIndex,
        Self::MvJoin,
        Self::MvAppend,
        Self::MvDedup,
        Self::MvFilter,
        Self::MvFind,
        Self::MvSort,
        Self::Now,
        Self::RelativeTime,
        Self::Strftime,
        Self::Strptime,
        Self::Md5,
        Self::Sha256,
        Self::Null,
        Self::True,
        Self::False,
        Self::BaseName,
    ];

    /// Its Splunk name.
    pub fn name(self) -> &'static str {
        self.signature().0
    }

    /// Finds a function by its Splunk name, without regard to case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name().eq_ignore_ascii_case(name))
    }

    /// How many arguments it takes: at least and at most.
    pub fn arity(self) -> (usize, usize) {
        (self.signature().1, self.signature().2)
    }

    /// What it gives.
    pub fn gives(self) -> Gives {
        self.signature().3
    }

    /// Which argument is a regular expression.
    pub fn pattern_argument(self) -> Option<usize> {
        // Checked and translated by the front end, where a fault still has a place in the rule.
        matches!(self, Self::Match | Self::Replace | Self::MvFind).then_some(1)
    }

    /// Whether its arguments are pairs of a condition and a value.
    pub fn takes_pairs(self) -> bool {
        matches!(self, Self::Case | Self::Validate)
    }

    /// Name, fewest and most arguments, result. One line a function.
    const fn signature(self) -> (&'static str, usize, usize, Gives) {
        const MANY: usize = usize::MAX;
        match self {
            Self::If => ("if", 3, 3, Gives::Arguments),
            Self::Case => ("case", 2, MANY, Gives::Arguments),
            Self::Coalesce => ("coalesce", 1, MANY, Gives::Arguments),
            Self::IsNull => ("isnull", 1, 1, Gives::Truth),
            Self::IsNotNull => ("isnotnull", 1, 1, Gives::Truth),
            Self::NullIf => ("nullif", 2, 2, Gives::Arguments),
            Self::Validate => ("validate", 2, MANY, Gives::Arguments),
            Self::Like => ("like", 2, 2, Gives::Truth),
            Self::Match => ("match", 2, 2, Gives::Truth),
            Self::CidrMatch => ("cidrmatch", 2, 2, Gives::Truth),
            Self::SearchMatch => ("searchmatch", 1, 1, Gives::Truth),
            Self::In => ("in", 2, MANY, Gives::Truth),
            Self::Lower => ("lower", 1, 1, Gives::Members),
            Self::Upper => ("upper", 1, 1, Gives::Members),
            Self::Len => ("len", 1, 1, Gives::Integer),
            Self::Trim => ("trim", 1, 2, Gives::Text),
            Self::LTrim => ("ltrim", 1, 2, Gives::Text),
            Self::RTrim => ("rtrim", 1, 2, Gives::Text),
            Self::Substr => ("substr", 2, 3, Gives::Text),
            Self::Replace => ("replace", 3, 3, Gives::Text),
            Self::Split => ("split", 2, 2, Gives::List),
            Self::UrlDecode => ("urldecode", 1, 1, Gives::Text),
            Self::ToString => ("tostring", 1, 2, Gives::Text),
            Self::ToNumber => ("tonumber", 1, 2, Gives::Number),
            Self::Abs => ("abs", 1, 1, Gives::Number),
            Self::Ceiling => ("ceiling", 1, 1, Gives::Integer),
            Self::Floor => ("floor", 1, 1, Gives::Integer),
            Self::Round => ("round", 1, 2, Gives::Number),
            Self::Sqrt => ("sqrt", 1, 1, Gives::Number),
            Self::Pow => ("pow", 2, 2, Gives::Number),
            Self::Ln => ("ln", 1, 1, Gives::Number),
            Self::Log => ("log", 1, 2, Gives::Number),
            Self::Exp => ("exp", 1, 1, Gives::Number),
            Self::Min => ("min", 1, MANY, Gives::NumberOrText),
            Self::Max => ("max", 1, MANY, Gives::NumberOrText),
            Self::MvCount => ("mvcount", 1, 1, Gives::Integer),
            Self::MvIndex => ("mvindex", 2, 3, Gives::Members),
            Self::MvJoin => ("mvjoin", 2, 2, Gives::Text),
            Self::MvAppend => ("mvappend", 1, MANY, Gives::List),
            Self::MvDedup => ("mvdedup", 1, 1, Gives::Members),
            Self::MvFind => ("mvfind", 2, 2, Gives::Integer),
            Self::MvSort => ("mvsort", 1, 1, Gives::Members),
            Self::MvFilter => ("mvfilter", 1, 1, Gives::List),
            Self::Now => ("now", 0, 0, Gives::Number),
            Self::RelativeTime => ("relative_time", 2, 2, Gives::Number),
            Self::Strftime => ("strftime", 2, 2, Gives::Text),
            Self::Strptime => ("strptime", 2, 2, Gives::Number),
            Self::Md5 => ("md5", 1, 1, Gives::Text),
            Self::Sha256 => ("sha256", 1, 1, Gives::Text),
            Self::Null => ("null", 0, 0, Gives::Null),
            Self::True => ("true", 0, 0, Gives::Truth),
            Self::False => ("false", 0, 0, Gives::Truth),
            Self::BaseName => ("basename", 1, 1, Gives::Text),
        }
    }
}
