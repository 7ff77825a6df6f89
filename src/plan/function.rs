//! What the functions of field maps do to one value: the definition that planning, scan and SQL functions share.

use crate::ir::Glob;
use std::borrow::Cow;

use super::FieldFunction;
use crate::event::{fold_into, format_time};

impl FieldFunction {
    /// Applies the function to one value; `None` is missing. [`FieldFunction::FirstMember`] and
    /// [`FieldFunction::LastMember`] choose among members and leave a single value alone.
    pub fn apply<'a>(&self, value: &'a str) -> Option<Cow<'a, str>> {
        Some(match self {
            // Both separators: Linux events come through the same maps, and Windows accepts `/` in paths.
            Self::BaseName => Cow::Borrowed(value.rsplit(['\\', '/']).next().unwrap_or(value)),
            Self::WithoutDomain => Cow::Borrowed(value.rsplit('\\').next().unwrap_or(value)),
            Self::Lower => Cow::Owned(folded(value)),
            Self::Hash(kind) => Cow::Borrowed(hash_of(value, kind)?),
            Self::RegistryData => Cow::Borrowed(registry_data(value)),
            // Seven bytes, and none of them begins a longer character: the cut after a match is safe.
            Self::WithoutMappedPrefix => Cow::Borrowed(match value.get(..7) {
                Some(prefix) if prefix.eq_ignore_ascii_case("::ffff:") => &value[7..],
                _ => value,
            }),
            Self::HexToDecimal => match value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
                // `from_str_radix` takes a sign, hexadecimal of a log has none: `0x-1` is a text.
                Some(digits) if !digits.starts_with(['+', '-']) => {
                    // More than 64 bits stay as they are: a wrong number would match rules.
                    u64::from_str_radix(digits, 16).map_or(Cow::Borrowed(value), |n| Cow::Owned(n.to_string()))
                }
                _ => Cow::Borrowed(value),
            },
            Self::FirstMember | Self::LastMember => Cow::Borrowed(value),
            Self::Translate(pairs) => {
                let found = pairs.iter().find(|(from, _)| from.eq_ignore_ascii_case(value));
                found.map_or(Cow::Borrowed(value), |(_, to)| Cow::Owned(to.clone()))
            }
            Self::TranslateElse(pairs, otherwise) => {
                let found = pairs.iter().find(|(from, _)| from.eq_ignore_ascii_case(value));
                Cow::Owned(found.map_or(otherwise, |(_, to)| to).clone())
            }
            Self::Choose(pairs) => {
                let folded = folded(value);
                let found = pairs.iter().find(|(pattern, _)| Glob::wildcard(pattern).folded().matches(&folded));
                Cow::Owned(found?.1.clone())
            }
            Self::Length => Cow::Owned(value.chars().count().to_string()),
            Self::Prefix(pairs) => {
                let begins = |from: &str| value.get(..from.len()).is_some_and(|start| start.eq_ignore_ascii_case(from));
                let found = pairs.iter().find(|(from, _)| begins(from));
                found.map_or(Cow::Borrowed(value), |(from, to)| Cow::Owned(format!("{to}{}", &value[from.len()..])))
            }
            // A name without a parent has none; the name itself would make a key its own parent.
            Self::Parent => Cow::Borrowed(value.rsplit_once('\\')?.0),
            Self::Root => Cow::Borrowed(value.split('\\').next().unwrap_or(value)),
            Self::RegistryType => Cow::Borrowed(registry_type(value)),
            Self::IsoTime => Cow::Owned(iso_time(value)?),
            Self::InnerObject(path) => Cow::Borrowed(super::object::inner(value, path)?),
        })
    }
}

fn folded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    fold_into(value, &mut out);
    out
}

/// Seconds since 1970, as [`super::FieldExpr::Time`] has them, in ISO 8601.
fn iso_time(seconds: &str) -> Option<String> {
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    // Six digits, cut or filled up: the store has microseconds, and a seventh digit would shift the number.
    let us: i64 = format!("{whole}{fraction:0<6.6}").parse().ok()?;
    Some(format_time(us))
}

/// The `K=` part of `MD5=…,SHA256=…`; the kind is compared without case.
fn hash_of<'a>(value: &'a str, kind: &str) -> Option<&'a str> {
    value.split(',').filter_map(|part| part.trim().split_once('=')).find(|(k, _)| k.eq_ignore_ascii_case(kind)).map(|(_, v)| v)
}

/// `DWORD (0x00000001)` → `0x00000001`, `QWORD (…)` likewise; anything else stays.
fn registry_data(value: &str) -> &str {
    value.strip_prefix("DWORD (").or_else(|| value.strip_prefix("QWORD (")).and_then(|rest| rest.strip_suffix(')')).unwrap_or(value)
}

/// The type that Sysmon's way of writing registry data tells.
fn registry_type(value: &str) -> &'static str {
    match value {
        "Binary Data" => "REG_BINARY",
        _ if value.starts_with("DWORD (") => "REG_DWORD",
        _ if value.starts_with("QWORD (") => "REG_QWORD",
        _ => "REG_SZ",
    }
}

#[cfg(test)]
mod tests {
    use super::FieldFunction;

    #[test]
    fn each_function_on_its_own_ground_and_beside_it() {
        let apply = |f: FieldFunction, v: &str| f.apply(v).map(std::borrow::Cow::into_owned);
        assert_eq!(apply(FieldFunction::BaseName, r"C:\a\b.exe").as_deref(), Some("b.exe"));
        assert_eq!(apply(FieldFunction::BaseName, "/usr/bin/sh").as_deref(), Some("sh"));
        assert_eq!(apply(FieldFunction::WithoutDomain, r"NT AUTHORITY\SYSTEM").as_deref(), Some("SYSTEM"));
        assert_eq!(apply(FieldFunction::Hash("sha256".into()), "MD5=1,SHA256=2").as_deref(), Some("2"));
        assert_eq!(apply(FieldFunction::Hash("IMPHASH".into()), "MD5=1"), None);
        assert_eq!(apply(FieldFunction::RegistryData, "DWORD (0x00000001)").as_deref(), Some("0x00000001"));
        assert_eq!(apply(FieldFunction::WithoutMappedPrefix, "::ffff:10.0.0.1").as_deref(), Some("10.0.0.1"));
        assert_eq!(apply(FieldFunction::HexToDecimal, "0x1f4").as_deref(), Some("500"));
        assert_eq!(apply(FieldFunction::HexToDecimal, "0xzz").as_deref(), Some("0xzz"));
        let status = FieldFunction::TranslateElse(vec![("0x0".into(), "success".into())], "failure".into());
        assert_eq!(apply(status.clone(), "0X0").as_deref(), Some("success"));
        assert_eq!(apply(status, "0x6").as_deref(), Some("failure"));
        assert_eq!(apply(FieldFunction::Parent, r"HKLM\a\b").as_deref(), Some(r"HKLM\a"));
        assert_eq!(apply(FieldFunction::Parent, "HKLM"), None);
        let hive = || FieldFunction::Prefix(vec![(r"\REGISTRY\MACHINE\".to_owned(), r"HKLM\".to_owned())]);
        assert_eq!(apply(hive(), r"\Registry\Machine\a").as_deref(), Some(r"HKLM\a"));
        assert_eq!(apply(hive(), r"\REGISTRY\USER\a").as_deref(), Some(r"\REGISTRY\USER\a"));
        assert_eq!(apply(hive(), r"\REGISTRY\MACHIN\u{e9}").as_deref(), Some(r"\REGISTRY\MACHIN\u{e9}"));
        assert_eq!(apply(FieldFunction::Root, r"HKLM\a\b").as_deref(), Some("HKLM"));
        assert_eq!(apply(FieldFunction::RegistryType, "QWORD (0x1-0x2)").as_deref(), Some("REG_QWORD"));
        for (seconds, iso) in
            [("0", "1970-01-01T00:00:00.000Z"), ("1.5", "1970-01-01T00:00:01.500Z"), ("-0.000001", "1969-12-31T23:59:59.999999Z")]
        {
            assert_eq!(apply(FieldFunction::IsoTime, seconds).as_deref(), Some(iso));
        }
        assert_eq!(apply(FieldFunction::IsoTime, "soon"), None);
        assert_eq!(apply(FieldFunction::RegistryType, "text").as_deref(), Some("REG_SZ"));
        assert_eq!(apply(FieldFunction::Length, "\u{e9}\u{1f600}a").as_deref(), Some("3"));
    }

    #[test]
    fn the_first_pattern_that_fits_chooses() {
        let pairs = [("Run*Instances", "run"), ("*Group", "group"), ("", "empty"), ("\u{c4}b*", "umlaut"), ("a*b*c", "abc")];
        let choose = FieldFunction::Choose(pairs.map(|(pattern, text)| (pattern.to_owned(), text.to_owned())).to_vec());
        for (value, text) in [
            ("RunInstances", Some("run")),
            ("runxxinstances", Some("run")),
            ("RunInstances ", None),
            ("Group", Some("group")),
            ("SubGROUP", Some("group")),
            ("", Some("empty")),
            ("\u{e4}B\n", Some("umlaut")),
            ("abbc", Some("abc")),
            ("ab", None),
            ("*", None),
        ] {
            assert_eq!(choose.apply(value).as_deref(), text, "{value:?}");
        }
    }

    /// What logs hold where nobody expects it.
    const HOSTILE: [&str; 28] = [
        "",
        "-",
        "\\",
        "/",
        "\\\\",
        "\u{e9}\\\u{e9}",
        "a\nb\\c",
        "0x",
        "0xffffffffffffffff",
        "0x10000000000000000",
        "0x-1",
        "0x\u{e9}",
        "::ffff:",
        "::fff\u{e9}",
        "DWORD (",
        "DWORD ()",
        "DWORD (0x1",
        "QWORD (\u{e9})",
        "Binary Data ",
        "=",
        "MD5=",
        "=MD5",
        "MD5=a=b,MD5=c",
        "MD5 =x",
        ",,,",
        "%%1904",
        "\u{202e}gpj.exe",
        "9e99",
    ];

    /// Every function gives something or nothing, and never cuts a character.
    #[test]
    fn hostile_values_do_no_harm() {
        let values = HOSTILE;
        for (function, answers) in [
            (FieldFunction::BaseName, ["", "-", "", "", "", "\u{e9}", "c"].map(Some).to_vec()),
            (FieldFunction::WithoutDomain, ["", "-", "", "/", "", "\u{e9}", "c"].map(Some).to_vec()),
            (FieldFunction::Parent, vec![None, None, Some(""), None, Some("\\"), Some("\u{e9}"), Some("a\nb")]),
            (FieldFunction::Root, ["", "-", "", "/", "", "\u{e9}", "a\nb"].map(Some).to_vec()),
        ] {
            let got: Vec<_> = values[..7].iter().map(|value| function.apply(value)).collect();
            assert_eq!(got.iter().map(Option::as_deref).collect::<Vec<_>>(), answers, "{function:?}");
        }
        let apply = |f: &FieldFunction, v: &str| f.apply(v).map(std::borrow::Cow::into_owned);
        for (value, decimal) in [("0x", "0x"), ("0xffffffffffffffff", "18446744073709551615"), ("0x-1", "0x-1"), ("0x\u{e9}", "0x\u{e9}")] {
            assert_eq!(apply(&FieldFunction::HexToDecimal, value).as_deref(), Some(decimal));
        }
        for (value, data) in [("DWORD (", "DWORD ("), ("DWORD ()", ""), ("DWORD (0x1", "DWORD (0x1"), ("QWORD (\u{e9})", "\u{e9}")] {
            assert_eq!(apply(&FieldFunction::RegistryData, value).as_deref(), Some(data));
        }
        for (value, address) in [("::ffff:", ""), ("::fff\u{e9}", "::fff\u{e9}")] {
            assert_eq!(apply(&FieldFunction::WithoutMappedPrefix, value).as_deref(), Some(address));
        }
        let md5 = FieldFunction::Hash("MD5".to_owned());
        for (value, hash) in
            [("=", None), ("MD5=", Some("")), ("=MD5", None), ("MD5=a=b,MD5=c", Some("a=b")), ("MD5 =x", None), (",,,", None)]
        {
            assert_eq!(apply(&md5, value).as_deref(), hash, "{value}");
        }
        let pairs = || vec![("%%1904".to_owned(), "new".to_owned()), ("*".to_owned(), "star".to_owned())];
        let all = [
            md5,
            FieldFunction::Lower,
            FieldFunction::RegistryType,
            FieldFunction::Translate(pairs()),
            FieldFunction::TranslateElse(pairs(), String::new()),
            FieldFunction::Choose(pairs()),
            FieldFunction::Prefix(pairs()),
            FieldFunction::Length,
            FieldFunction::InnerObject("a.b".to_owned()),
            FieldFunction::IsoTime,
        ];
        for (function, value) in all.iter().flat_map(|function| values.iter().map(move |value| (function, value))) {
            if let Some(made) = function.apply(value) {
                assert!(made.len() <= value.len().max(40), "{function:?} of {value:?}: {made:?}");
            }
        }
    }
}
