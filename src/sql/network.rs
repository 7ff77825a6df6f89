//! Networks as regular expressions over the texts of their addresses: all spellings that [`crate::ir::Cidr::contains_text`] reads, and
//! no others. Engines have no arithmetic of addresses in common, and some stop a statement at a text that is none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ir::Cidr;

/// The inside of a class: what Unicode calls white space. Around an address it counts for nothing.
pub(super) const WHITE_SPACE: &str = r"\t-\r\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}";

/// Any group of an IPv6 address.
const GROUP: &str = "[0-9a-fA-F]{1,4}";
/// A group of zero.
const ZERO: &str = "0{1,4}";

/// An expression that matches a text which is an address of the network. Java, RE2 and the crate `regex` read it alike.
pub(super) fn addresses(network: &Cidr) -> String {
    let prefix = usize::from(network.prefix);
    let (v4, v6) = match network.address {
        IpAddr::V4(address) => (Some(dotted(address, prefix)), mapped(address, prefix)),
        IpAddr::V6(address) => (None, groups(address, prefix)),
    };
    // Behind an IPv6 address may stand the zone that it is of.
    let v6 = format!("(?:{v6})(?:[{WHITE_SPACE}]*\\z|%[{WHITE_SPACE}]*[^{WHITE_SPACE}])");
    let either = match v4 {
        Some(v4) => format!("(?:{v4}[{WHITE_SPACE}]*\\z|{v6})"),
        None => v6,
    };
    format!("\\A[{WHITE_SPACE}]*{either}")
}

/// How many of the bits from a place on are given.
fn given(prefix: usize, from: usize, width: usize) -> usize {
    prefix.saturating_sub(from).min(width)
}

/// Four numbers with points between.
fn dotted(address: Ipv4Addr, prefix: usize) -> String {
    let octets = address.octets();
    let parts: Vec<String> = (0..4).map(|i| octet(octets[i], given(prefix, i * 8, 8))).collect();
    parts.join(r"\.")
}

/// The decimal numbers of eight bits of which some are given. Leading zeros are none.
fn octet(value: u8, bits: usize) -> String {
    let size = 1_u16 << (8 - bits);
    if size == 256 {
        return "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])".to_owned();
    }
    let (first, last) = (u16::from(value), u16::from(value) + size - 1);
    let tens = (first / 10..=last / 10).map(|ten| {
        let (from, to) = (first.max(ten * 10) % 10, last.min(ten * 10 + 9) % 10);
        let front = if ten == 0 { String::new() } else { ten.to_string() };
        if from == to { format!("{front}{from}") } else { format!("{front}[{from}-{to}]") }
    });
    format!("(?:{})", tens.collect::<Vec<_>>().join("|"))
}

/// An IPv4 address as a part of IPv6.
fn mapped(address: Ipv4Addr, prefix: usize) -> String {
    let whole = u32::from(address);
    let high = GroupBits::new(u16::try_from(whole >> 16).unwrap_or_default(), given(prefix, 0, 16));
    let low = GroupBits::new(u16::try_from(whole & 0xffff).unwrap_or_default(), given(prefix, 16, 16));
    let [high_text, low_text] = [&high, &low].map(GroupBits::written);
    // Five groups of zero, of which some may be written as `::`.
    let all = format!("(?:{ZERO}:){{5}}");
    let short: Vec<String> = (0..5)
        .map(|before| {
            let front = if before == 0 { ":".to_owned() } else { format!("(?:{ZERO}:){{{before}}}") };
            format!("{front}:(?:{ZERO}:){{0,{}}}", 4 - before)
        })
        .collect();
    let mut forms = vec![format!("(?:{all}|{})[fF]{{4}}:(?:{high_text}:{low_text}|{})", short.join("|"), dotted(address, prefix))];
    let mut zeros = |text: String| forms.push(format!("{all}[fF]{{4}}{text}"));
    if high.has_zero() {
        zeros(format!("::{low_text}"));
    }
    if low.has_zero() {
        zeros(format!(":{high_text}::"));
    }
    if high.has_zero() && low.has_zero() {
        zeros("::".to_owned());
    }
    forms.join("|")
}

/// The addresses of a network of IPv6.
fn groups(address: Ipv6Addr, prefix: usize) -> String {
    let segments = address.segments();
    let bits: Vec<GroupBits> = (0..8).map(|i| GroupBits::new(segments[i], given(prefix, i * 16, 16))).collect();
    let texts: Vec<String> = bits.iter().map(GroupBits::written).collect();
    let octets = address.octets();
    let end = Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15]);
    let end = dotted(end, given(prefix, 96, 32));
    let joined = |from: usize, to: usize| texts[from..to].join(":");
    // Groups from one on, the last two perhaps with points.
    let rest = |from: usize| match from {
        8 => String::new(),
        7 => texts[7].clone(),
        6 => format!("(?:{}:{}|{end})", texts[6], texts[7]),
        from => format!("{}:(?:{}:{}|{end})", joined(from, 6), texts[6], texts[7]),
    };
    let open = prefix.div_ceil(16); // the first group that may be anything
    let mut forms = vec![rest(0)];
    for first in 0..8 {
        // `::` from here on, in the place of some groups of zero.
        for last in first..8 {
            if !bits[first..=last].iter().all(GroupBits::has_zero) {
                break;
            }
            if last + 1 >= open {
                forms.push(format!("{}::{}", joined(0, first), any_groups(7 - last)));
                break; // with fewer groups behind it too: those are any
            }
            forms.push(format!("{}::{}", joined(0, first), rest(last + 1)));
        }
    }
    forms.join("|")
}

/// At most so many groups, whatever they are.
fn any_groups(most: usize) -> String {
    let any = dotted(Ipv4Addr::UNSPECIFIED, 0);
    match most {
        0 => String::new(),
        1 => format!("(?:{GROUP})?"),
        2 => format!("(?:(?:{GROUP}:){{0,1}}{GROUP}|{any})?"),
        most => format!("(?:(?:{GROUP}:){{0,{}}}{GROUP}|(?:{GROUP}:){{0,{}}}{any})?", most - 1, most - 2),
    }
}

/// A group of IPv6 of which the first bits are given.
struct GroupBits {
    /// For each digit its least value, and how many follow.
    digits: [(u16, u16); 4],
}

impl GroupBits {
    fn new(value: u16, bits: usize) -> Self {
        let digit = |place: usize| {
            let size = 1_u16 << (4 - given(bits, place * 4, 4));
            let digit = (value >> (12 - place * 4)) & 0xf;
            (digit & !(size - 1), size)
        };
        Self { digits: [digit(0), digit(1), digit(2), digit(3)] }
    }

    fn has_zero(&self) -> bool {
        self.digits.iter().all(|(least, _)| *least == 0)
    }

    /// One to four digits: zeros in front may be left out.
    fn written(&self) -> String {
        if self.digits.iter().all(|(_, size)| *size == 16) {
            return GROUP.to_owned();
        }
        if self.digits.iter().all(|digit| *digit == (0, 1)) {
            return ZERO.to_owned();
        }
        let classes: Vec<String> = self.digits.iter().map(|(least, size)| digit_class(*least, *size)).collect();
        let zeros = self.digits.iter().take(3).take_while(|(least, _)| *least == 0).count();
        let forms: Vec<String> = (0..=zeros).map(|left_out| classes[left_out..].concat()).collect();
        if forms.len() == 1 { forms.concat() } else { format!("(?:{})", forms.join("|")) }
    }
}

/// The hexadecimal digits from one on.
fn digit_class(least: u16, size: u16) -> String {
    let digits = (least..least + size).flat_map(|digit| {
        let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
        [digit, digit.to_ascii_uppercase()]
    });
    let mut digits: Vec<char> = digits.collect();
    digits.dedup();
    if digits.len() == 1 { String::from(digits[0]) } else { format!("[{}]", String::from_iter(digits)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses of either version, and what is nearly one.
    const V4: [&str; 12] = [
        "0.0.0.0",
        "10.0.0.1",
        "10.255.3.9",
        "11.0.0.0",
        "127.0.0.1",
        "169.254.1.1",
        "172.16.0.1",
        "172.31.255.255",
        "172.32.0.1",
        "192.168.1.77",
        "255.255.255.255",
        "9.9.9.9",
    ];
    const V6: [&str; 25] = [
        "::",
        "::1",
        "::0001",
        "fe80::1",
        "FE80:0:0:0::1",
        "febf:ffff::",
        "fec0::1",
        "fc00::",
        "fd12:3456:789a::1",
        "fe00::",
        "2001:db8::",
        "2001:db8:0:0:1::",
        "2001:0db8:8000::7",
        "2001:db9::",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7:8:9",
        "1::3:4:5:6:7:8",
        "0:0:0:0:0:0:0:0",
        "0::0",
        "0:0::0:0:0:0",
        "ffff::ffff",
        "fe80::1:10.0.0.1",
        "12345::",
    ];

    /// Spellings of addresses, and of what is none.
    fn texts() -> Vec<String> {
        let mut texts: Vec<String> =
            ["", "10.0.0", "010.0.0.1", "10.0.0.1.", "10.0.0.256", "1:2", ":::1", "1::2::3", "fe80::1%", "10.0.0.1%1", "g::"]
                .map(str::to_owned)
                .to_vec();
        for v4 in V4 {
            let hex = u32::from(v4.parse::<Ipv4Addr>().unwrap());
            let (high, low) = (hex >> 16, hex & 0xffff);
            texts.extend([v4.to_owned(), format!(" {v4}\n"), format!("\u{3000}{v4}"), format!("::ffff:{v4}"), format!("::FFFF:{v4}%x")]);
            texts.extend([
                format!("0:0:0:0:0:ffff:{v4}"),
                format!("0::0000:0:ffff:{high:x}:{low:04X}"),
                format!("::fffe:{v4}"),
                format!("::{v4}"),
            ]);
            texts.extend([
                format!("0:0:0:0:0:ffff:{high:x}::"),
                format!("0:0:0:0:0:ffff::{low:x}"),
                format!("::0:0:0:0:0:ffff:{v4}"),
                format!("1:2:3:4:5:6:{v4}"),
            ]);
        }
        for v6 in V6 {
            texts.extend([
                v6.to_owned(),
                format!("\t{v6} "),
                format!("{v6}%eth0"),
                format!("{v6}% "),
                format!("{v6} %1"),
                v6.to_uppercase(),
            ]);
        }
        texts
    }

    #[test]
    fn expressions_match_the_addresses_and_nothing_else() {
        let texts = texts();
        let mut inside = 0;
        for network in [
            "10.0.0.0/8",
            "0.0.0.0/0",
            "172.16.0.0/12",
            "192.168.1.77/32",
            "192.168.1.64/26",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "128.0.0.0/1",
            "0.0.0.0/8",
            "10.255.3.8/31",
            "::/0",
            "::1/128",
            "fe80::/10",
            "fc00::/7",
            "2001:db8::/32",
            "2001:db8:8000::/33",
            "::ffff:0:0/96",
            "::/8",
            "::/128",
            "1:2:3:4:5:6:7:8/127",
            "::ffff:10.0.0.0/104",
            "2001:db8:0:0:1::/80",
            "::/65",
            "fe80::/64",
        ] {
            let (address, prefix) = network.split_once('/').unwrap();
            let network = Cidr { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() };
            let expression = regex::Regex::new(&addresses(&network)).unwrap();
            for text in &texts {
                let meant = network.contains_text(text);
                assert_eq!(expression.is_match(text), meant, "{network:?} {text:?}");
                inside += usize::from(meant);
            }
        }
        assert!(inside > 300, "{inside}");
    }

    #[test]
    fn expressions_stay_short() {
        let lengths = ["10.0.0.0/8", "fe80::/10", "fc00::/7", "::/0"].map(|network| {
            let (address, prefix) = network.split_once('/').unwrap();
            addresses(&Cidr { address: address.parse().unwrap(), prefix: prefix.parse().unwrap() }).len()
        });
        assert!(lengths.iter().all(|length| *length < 3_000), "{lengths:?}");
    }
}
