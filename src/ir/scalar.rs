//! Expressions over the fields of a row, with the semantics of SPL's eval (section 4 of the semantics notes in `docs/spl.md`).

use super::Field;

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
    /// Boolean NOT: null counts as false, so NOT of it is true (rule E6 as corrected).
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
