//! Expressions over the fields of a row, with the semantics of SPL's eval (`docs/spl.md`).
//!
//! What there is to know of a function or operator stands here once: its name, how many arguments it takes, what it
//! gives. Parser, printer, planner, executor and SQL ask [`Function`] and match it exhaustively, so that a new one does
//! not compile until each of them knows it.

use serde::{Deserialize, Serialize};

use super::{Field, NumberOp};

/// An expression. Its value is null, text, a number, a truth or a list of texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Scalar<F = Field> {
    /// Null.
    Null,
    /// A text literal.
    Text(String),
    /// A number literal. One with a fraction is a call of [`Function::Decimal`], which keeps its digits.
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

/// Operators. Comparisons: any null side is false; two numeric sides compare as numbers, else as text with case. Of a list
/// some member has to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// `+`: adds numbers; concatenates when a side is a text literal or both are text. A result of this and the next four
    /// has as many digits as its least precise operand.
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`; by zero is null.
    Divide,
    /// `%`
    Modulo,
    /// `.`: concatenates as text; null if a side is null or a list.
    Concat,
    /// `XOR`: one side is true and the other is not.
    Xor,
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
            Self::Xor => "xor",
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
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Modulo | Self::Concat | Self::Xor => None,
        }
    }

    /// Whether it calculates with numbers.
    pub fn is_arithmetic(self) -> bool {
        matches!(self, Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Modulo)
    }
}

/// What a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gives {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number with every digit of its double.
    Number,
    /// A number that may have fewer digits than its double: those that a text or its operands have.
    Decimal,
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

/// The most arguments of a function that takes any number.
const MANY: usize = usize::MAX;

/// Makes [`Function`] of a list: variant, name, fewest and most arguments, result.
macro_rules! functions {
    ($($(#[$note:meta])* $variant:ident = $name:literal, $least:expr, $most:expr, $gives:ident;)*) => {
        /// Functions of eval and where, by their Splunk names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[allow(missing_docs, reason = "each variant is the Splunk function of that name")]
        pub enum Function {
            $($(#[$note])* $variant,)*
        }

        impl Function {
            /// All functions.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Name, fewest and most arguments, result.
            const fn signature(self) -> (&'static str, usize, usize, Gives) {
                match self {
                    $(Self::$variant => ($name, $least, $most, Gives::$gives),)*
                }
            }
        }
    };
}

functions! {
    If = "if", 3, 3, Arguments;
    Case = "case", 2, MANY, Arguments;
    Coalesce = "coalesce", 1, MANY, Arguments;
    IsNull = "isnull", 1, 1, Truth;
    IsNotNull = "isnotnull", 1, 1, Truth;
    IsNum = "isnum", 1, 1, Truth;
    IsInt = "isint", 1, 1, Truth;
    IsDouble = "isdouble", 1, 1, Truth;
    IsStr = "isstr", 1, 1, Truth;
    IsBool = "isbool", 1, 1, Truth;
    IsMv = "ismv", 1, 1, Truth;
    TypeOf = "typeof", 1, 1, Text;
    NullIf = "nullif", 2, 2, Arguments;
    Validate = "validate", 2, MANY, Arguments;
    Like = "like", 2, 2, Truth;
    Match = "match", 2, 2, Truth;
    CidrMatch = "cidrmatch", 2, 2, Truth;
    SearchMatch = "searchmatch", 1, 1, Truth;
    In = "in", 2, MANY, Truth;
    Lower = "lower", 1, 1, Members;
    Upper = "upper", 1, 1, Members;
    Len = "len", 1, 1, Integer;
    Trim = "trim", 1, 2, Text;
    LTrim = "ltrim", 1, 2, Text;
    RTrim = "rtrim", 1, 2, Text;
    Substr = "substr", 2, 3, Text;
    Replace = "replace", 3, 3, Text;
    Split = "split", 2, 2, List;
    UrlDecode = "urldecode", 1, 1, Text;
    ToString = "tostring", 1, 2, Members;
    ToNumber = "tonumber", 1, 2, Decimal;
    ToInt = "toint", 1, 2, Integer;
    ToDouble = "todouble", 1, 2, Decimal;
    ToBool = "tobool", 1, 1, Truth;
    Printf = "printf", 1, MANY, Text;
    IpMask = "ipmask", 2, 2, Text;
    Abs = "abs", 1, 1, Decimal;
    Ceiling = "ceiling", 1, 1, Integer;
    Floor = "floor", 1, 1, Integer;
    Round = "round", 1, 2, Decimal;
    Exact = "exact", 1, 1, Number;
    SigFig = "sigfig", 1, 1, Decimal;
    Sum = "sum", 1, MANY, Decimal;
    Avg = "avg", 1, MANY, Decimal;
    Sqrt = "sqrt", 1, 1, Number;
    Pow = "pow", 2, 2, Number;
    Ln = "ln", 1, 1, Number;
    Log = "log", 1, 2, Number;
    Exp = "exp", 1, 1, Number;
    Pi = "pi", 0, 0, Number;
    Acos = "acos", 1, 1, Number;
    Acosh = "acosh", 1, 1, Number;
    Asin = "asin", 1, 1, Number;
    Asinh = "asinh", 1, 1, Number;
    Atan = "atan", 1, 1, Number;
    Atan2 = "atan2", 2, 2, Number;
    Atanh = "atanh", 1, 1, Number;
    Cos = "cos", 1, 1, Number;
    Cosh = "cosh", 1, 1, Number;
    Hypot = "hypot", 2, 2, Number;
    Sin = "sin", 1, 1, Number;
    Sinh = "sinh", 1, 1, Number;
    Tan = "tan", 1, 1, Number;
    Tanh = "tanh", 1, 1, Number;
    BitAnd = "bit_and", 2, MANY, Integer;
    BitOr = "bit_or", 2, MANY, Integer;
    BitXor = "bit_xor", 2, MANY, Integer;
    BitNot = "bit_not", 1, 2, Integer;
    BitShiftLeft = "bit_shift_left", 2, 2, Integer;
    BitShiftRight = "bit_shift_right", 2, 2, Integer;
    Min = "min", 1, MANY, NumberOrText;
    Max = "max", 1, MANY, NumberOrText;
    MvCount = "mvcount", 1, 1, Integer;
    MvIndex = "mvindex", 2, 3, Members;
    MvJoin = "mvjoin", 2, 2, Text;
    MvAppend = "mvappend", 1, MANY, List;
    MvDedup = "mvdedup", 1, 1, Members;
    MvFilter = "mvfilter", 1, 1, List;
    MvFind = "mvfind", 2, 2, Integer;
    MvMap = "mvmap", 2, 2, List;
    MvRange = "mvrange", 2, 3, List;
    MvReverse = "mvreverse", 1, 1, Members;
    MvSort = "mvsort", 1, 1, Members;
    MvZip = "mvzip", 2, 3, List;
    Commands = "commands", 1, 1, List;
    Spath = "spath", 2, 2, List;
    IsArray = "isarray", 1, 1, Truth;
    IsObject = "isobject", 1, 1, Truth;
    Json = "json", 1, 1, Text;
    JsonAppend = "json_append", 3, MANY, Text;
    JsonArray = "json_array", 0, MANY, Text;
    JsonArrayToMv = "json_array_to_mv", 1, 2, List;
    JsonDelete = "json_delete", 2, MANY, Text;
    JsonExtend = "json_extend", 3, MANY, Text;
    JsonExtract = "json_extract", 1, MANY, NumberOrText;
    JsonExtractExact = "json_extract_exact", 1, MANY, NumberOrText;
    JsonHasKeyExact = "json_has_key_exact", 2, 2, Truth;
    JsonKeys = "json_keys", 1, 1, Text;
    JsonObject = "json_object", 0, MANY, Text;
    JsonSet = "json_set", 3, MANY, Text;
    JsonSetExact = "json_set_exact", 3, MANY, Text;
    JsonValid = "json_valid", 1, 1, Truth;
    MvToJsonArray = "mv_to_json_array", 1, 2, Text;
    ToJson = "tojson", 1, 1, Text;
    Now = "now", 0, 0, Number;
    RelativeTime = "relative_time", 2, 2, Number;
    Strftime = "strftime", 2, 2, Text;
    Strptime = "strptime", 2, 2, Number;
    Md5 = "md5", 1, 1, Text;
    Sha1 = "sha1", 1, 1, Text;
    Sha256 = "sha256", 1, 1, Text;
    Sha512 = "sha512", 1, 1, Text;
    Null = "null", 0, 0, Null;
    True = "true", 0, 0, Truth;
    False = "false", 0, 0, Truth;
    /// A number literal with a fraction, as it is written: `1.50` has two places (not Splunk's: the parser makes it).
    Decimal = "decimal", 1, 1, Decimal;
    /// Text after the last `\` or `/` (not Splunk's: used by field maps).
    BaseName = "basename", 1, 1, Text;
}

impl Function {
    /// Its Splunk name.
    pub fn name(self) -> &'static str {
        self.signature().0
    }

    /// Finds a function by its Splunk name, without regard to case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|function| function.name().eq_ignore_ascii_case(name))
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

    /// Whether its arguments are pairs: of a condition and a value, or of a key and a value.
    pub fn takes_pairs(self) -> bool {
        matches!(self, Self::Case | Self::Validate | Self::JsonObject)
    }

    /// Whether pairs of a place and a value stand behind its first argument.
    pub fn takes_pairs_behind_first(self) -> bool {
        matches!(self, Self::JsonSet | Self::JsonSetExact | Self::JsonAppend | Self::JsonExtend)
    }

    /// Whether it computes a number of which no digit was ever written: a root, a power, a logarithm, an angle.
    pub fn computes(self) -> bool {
        matches!(
            self,
            Self::Sqrt
                | Self::Pow
                | Self::Ln
                | Self::Log
                | Self::Exp
                | Self::Acos
                | Self::Acosh
                | Self::Asin
                | Self::Asinh
                | Self::Atan
                | Self::Atan2
                | Self::Atanh
                | Self::Cos
                | Self::Cosh
                | Self::Hypot
                | Self::Sin
                | Self::Sinh
                | Self::Tan
                | Self::Tanh
        )
    }

    /// The number literal with a fraction that a call is.
    pub fn decimal<F>(self, arguments: &[Scalar<F>]) -> Option<&str> {
        match (self, arguments) {
            (Self::Decimal, [Scalar::Text(text)]) => Some(text),
            _ => None,
        }
    }
}
