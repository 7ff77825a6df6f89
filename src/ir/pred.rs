//! Boolean conditions over the fields of an event or of a row.

use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Glob, Scalar, Subsearch};

/// How a rule's field name is looked up in an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Vocabulary {
    /// Sigma taxonomy names: the stored name exactly, else without case, else a Sigma rename of the log source.
    Sigma,
    /// Splunk names: the stored name, else a Splunk, add-on or CIM alias; with case.
    Splunk,
    /// A column that an earlier stage of the same query made (or a field of the event that no stage has touched).
    Row,
}

/// A field as a rule names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Field {
    /// The name as spelled in the rule.
    pub name: String,
    /// How it is looked up.
    pub vocabulary: Vocabulary,
}

/// A condition. Two-valued: see the module documentation of [`crate::ir`]. `F` is how a field is named: a rule's
/// [`Field`], or after planning a [`crate::plan::FieldExpr`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Pred<F = Field> {
    /// Always true.
    True,
    /// Never true.
    False,
    /// All of; empty: true.
    And(Vec<Pred<F>>),
    /// Any of; empty: false.
    Or(Vec<Pred<F>>),
    /// Not.
    Not(Box<Pred<F>>),
    /// A test of one field's value: a value predicate.
    Match(Match<F>),
    /// Two fields of the same event compared as text; false when either is missing.
    Compare(FieldCompare<F>),
    /// Any value of the event (fields and rendered text) passes the pattern.
    Keyword {
        /// The pattern over a whole value; front ends wrap it in wildcards.
        glob: Glob,
        /// With or without case.
        case: Case,
    },
    /// An expression is true (SPL `where`); null is not true.
    Scalar(Scalar<F>),
    /// A search in brackets. The hunt runs it and puts a condition in its place before it plans the rule; where that cannot
    /// be done (a plan that is only shown), nothing passes it.
    Subsearch(Box<Subsearch>),
}

/// A value predicate: false when the field is missing; any member of a list may pass it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match<F = Field> {
    /// The field.
    pub field: F,
    /// What its value must be.
    pub test: Test,
    /// The member must fail the test instead (SPL `!=`: present and some member differs).
    pub negated: bool,
    /// Where the rule says so: bytes of its file. Never compared.
    pub span: Range<usize>,
}

/// Case of text comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Case {
    /// Folded by [`crate::event::fold_char`].
    Ignore,
    /// Exact.
    Exact,
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Test {
    /// Anything, also the empty text. (Missing is `Not(Match(Exists))`.)
    Exists,
    /// Matches a pattern as a whole.
    Glob {
        /// The pattern.
        glob: Glob,
        /// With or without case.
        case: Case,
    },
    /// Contains a match of a regular expression in the syntax of the `regex` crate, flags as inline `(?ims)`.
    Regex(String),
    /// Is an address inside a network (address arithmetic, see [`Cidr::contains`]).
    Cidr(Cidr),
    /// Is a number (an optional sign, digits, an optional fraction, an optional exponent; nothing around) and compares so.
    Number {
        /// The comparison.
        op: NumberOp,
        /// The right side.
        value: f64,
    },
    /// Compares as text, byte by byte (SPL `<` where a side is not a number).
    TextOrder {
        /// The comparison.
        op: NumberOp,
        /// The right side.
        value: String,
    },
    /// Is a time (as [`crate::event`] reads times) whose part in UTC compares so.
    DatePart {
        /// Which part.
        part: DatePart,
        /// The comparison.
        op: NumberOp,
        /// The right side.
        value: i64,
    },
}

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cidr {
    /// Its address, host bits zero.
    pub address: IpAddr,
    /// Length of the prefix in bits.
    pub prefix: u8,
}

impl Cidr {
    /// Whether `text` is an address inside the network.
    pub fn contains_text(&self, text: &str) -> bool {
        parse_address(text).is_some_and(|ip| self.contains(ip))
    }

    /// Whether the address is inside the network. No IPv4 address is in an IPv6 network, as everywhere else. An IPv6
    /// address that stands for an IPv4 one (`::ffff:10.0.0.1`, as dual-stack sockets log it) is in the networks of both.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let network = self.address;
        let inside = |bits: u32, net: u128, ip: u128| {
            // Shifting by the whole width overflows: a prefix of 0 is the network of all addresses.
            let shift = bits - u32::from(self.prefix).min(bits);
            shift == 128 || (net >> shift) == (ip >> shift)
        };
        // `to_canonical` makes the mapped address an IPv4 one; the plain form is asked first for networks of IPv6.
        match (network, ip, ip.to_canonical()) {
            (IpAddr::V4(net), _, IpAddr::V4(ip)) => inside(32, u32::from(net).into(), u32::from(ip).into()),
            (IpAddr::V6(net), IpAddr::V6(ip), _) => inside(128, net.into(), ip.into()),
            (IpAddr::V4(_), ..) | (IpAddr::V6(_), IpAddr::V4(_), _) => false,
        }
    }
}

/// Reads an address. Windows writes link-local ones with the zone they are of (`fe80::1%12`): it says which interface,
/// and is not part of the address.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    match text.split_once('%') {
        None => text.parse().ok(),
        Some((address, zone)) => address.parse::<Ipv6Addr>().ok().filter(|_| !zone.is_empty()).map(IpAddr::V6),
    }
}

/// Order comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NumberOp {
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `=`
    Eq,
    /// `!=`
    Ne,
}

impl NumberOp {
    const ALL: [Self; 6] = [Self::Lt, Self::Le, Self::Gt, Self::Ge, Self::Eq, Self::Ne];

    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Eq => "=",
            Self::Ne => "!=",
        }
    }

    /// Reads what [`NumberOp::symbol`] writes.
    pub fn parse(symbol: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|op| op.symbol() == symbol)
    }
}

/// A part of a time, in UTC. Weeks are ISO 8601 weeks, 1 to 53.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DatePart {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// Day of the month, 1 to 31.
    Day,
    /// 1 to 53.
    Week,
    /// 1 to 12.
    Month,
    /// Four digits.
    Year,
}

impl DatePart {
    /// All of them.
    const ALL: [Self; 6] = [Self::Minute, Self::Hour, Self::Day, Self::Week, Self::Month, Self::Year];

    /// The name that Sigma's modifiers have for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The part of a name; `None`: there is none.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// Two fields compared as text. Lists: any member of the left with any of the right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldCompare<F = Field> {
    /// Left field: the haystack.
    pub left: F,
    /// Right field: the needle; its characters are literal.
    pub right: F,
    /// The needle may have anything before it (`endswith`, `contains`).
    pub any_before: bool,
    /// The needle may have anything after it (`startswith`, `contains`).
    pub any_after: bool,
    /// With or without case.
    pub case: Case,
    /// Where the rule says so. Never compared.
    pub span: Range<usize>,
}
