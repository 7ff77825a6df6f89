//! A rendered value back in the form of the event.

use super::data::{CodeGroup, DATA, ValueForm};

/// Writes what a rendered value was in the event. `lines` are its lines, the first from behind the label.
pub(super) fn restore(kind: &ValueForm, lines: &[&str], out: &mut String) {
    out.clear();
    match kind {
        ValueForm::Plain => {
            join(lines.iter().map(|l| l.trim_matches('\t')), "\n", out);
            lower_hexadecimal(out);
        }
        ValueForm::Sid => {
            join(lines.iter().map(|l| l.trim_matches('\t')), "\n", out);
            if let Some(sid) = DATA.sids.get(out.as_str()) {
                out.clone_from(sid);
            }
        }
        ValueForm::Lines => join(lines.iter().map(|l| l.trim_ascii()).filter(|l| !l.is_empty()), "\r\n\t\t\t", out),
        ValueForm::Until(_) => {
            let end = lines.iter().rposition(|l| !l.trim_ascii().is_empty()).map_or(0, |at| at + 1);
            join(lines[..end].iter().copied(), "\n", out);
        }
        ValueForm::Group(name) => match DATA.groups.get(name) {
            Some(group) => codes(group, lines, out),
            None => join(lines.iter().copied(), "\n", out),
        },
    }
}

/// `0x1A` → `0x1a`, as the event has it.
fn lower_hexadecimal(text: &mut str) {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        text.make_ascii_lowercase();
    }
}

fn join<'l>(parts: impl Iterator<Item = &'l str>, between: &str, out: &mut String) {
    for (index, part) in parts.enumerate() {
        if index > 0 {
            out.push_str(between);
        }
        out.push_str(part);
    }
}

fn codes(group: &CodeGroup, lines: &[&str], out: &mut String) {
    let code = |text: &str| group.codes.get(text).map(String::as_str);
    if group.keep {
        for (index, line) in lines.iter().enumerate().filter(|(_, l)| !l.trim_ascii().is_empty()) {
            let text = line.trim_ascii();
            if index > 0 {
                out.push_str("\r\n");
                out.push_str(&line[..line.len() - line.trim_ascii_start().len()]);
            }
            out.push_str(code(text).unwrap_or(text));
        }
        return;
    }
    let texts: Vec<&str> = if group.join == ", " {
        lines.iter().flat_map(|l| l.split(',')).map(str::trim).filter(|t| !t.is_empty()).collect()
    } else {
        lines.iter().map(|l| l.trim_ascii()).filter(|t| !t.is_empty()).collect()
    };
    if let [] | ["-"] = texts[..] {
        return out.push_str(texts.first().copied().unwrap_or_default());
    }
    let known = group.parts || texts.iter().any(|t| code(t).is_some());
    out.push_str(if known { &group.lead } else { "" });
    for (index, text) in texts.iter().enumerate() {
        out.push_str(if index == 0 {
            ""
        } else if group.join.is_empty() {
            "\n"
        } else {
            &group.join
        });
        if group.parts {
            reason(group, text, out);
        } else {
            out.push_str(code(text).unwrap_or(text));
        }
    }
    out.push_str(if known { &group.tail } else { "" });
}

/// `READ_CONTROL:\tGranted by\tD:(…)`: a right, what became of it, and why.
fn reason(group: &CodeGroup, text: &str, out: &mut String) {
    let rights = DATA.groups.get("access").map(|g| &g.codes);
    let (right, rest) = text.split_once(':').unwrap_or((text, ""));
    out.push_str(rights.and_then(|codes| codes.get(right)).map_or(right, String::as_str));
    if text.len() > right.len() {
        out.push(':');
    }
    for (index, part) in rest.split('\t').enumerate() {
        if index > 0 {
            out.push('\t');
        }
        out.push_str(group.codes.get(part.trim_ascii()).map_or(part, String::as_str));
    }
}

#[cfg(test)]
mod tests {
    use super::super::data::ValueForm;
    use super::restore;

    fn restored(kind: &ValueForm, lines: &[&str]) -> String {
        let mut out = String::new();
        restore(kind, lines, &mut out);
        out
    }

    #[test]
    fn each_kind() {
        let group = |name: &str| ValueForm::Group(name.to_owned());
        assert_eq!(restored(&ValueForm::Plain, &["0x17019F"]), "0x17019f");
        assert_eq!(restored(&ValueForm::Plain, &["NtLmSsp "]), "NtLmSsp ");
        assert_eq!(restored(&ValueForm::Sid, &["NULL SID"]), "S-1-0-0");
        assert_eq!(restored(&ValueForm::Sid, &["CORP\\anna"]), "CORP\\anna");
        assert_eq!(restored(&ValueForm::Lines, &["SeA", "\t\t\tSeB", ""]), "SeA\r\n\t\t\tSeB");
        assert_eq!(restored(&group("access"), &["DELETE", "\t\t\t\tReadEA"]), "%%1537\n\t\t\t\t%%4419\n\t\t\t\t");
        assert_eq!(restored(&group("access"), &["-"]), "-");
        assert_eq!(restored(&group("yesno"), &["No"]), "%%1843");
        assert_eq!(restored(&group("token"), &["%%1936"]), "%%1936");
        assert_eq!(restored(&group("audit"), &["Success removed, Failure added"]), "%%8448, %%8451");
        assert_eq!(restored(&group("uac"), &["", "\t\tAccount Enabled"]), "\n\t\t%%2048");
        let reasons = ["SYNCHRONIZE:\tGranted by\tD:(A;;0x1;;;WD)"];
        assert_eq!(restored(&group("reasons"), &reasons), "%%1541:\t%%1801\tD:(A;;0x1;;;WD)\n\t\t\t\t");
        let rights = ["Control Access", "\t\tReplicating Directory Changes All", "\tdomainDNS", ""];
        let expected = "%%7688\r\n\t\t{1131f6ad-9c07-11d1-f79f-00c04fc2dcd2}\r\n\t{19195a5b-6da0-11d0-afd3-00c04fd930c9}";
        assert_eq!(restored(&group("directory"), &rights), expected);
    }
}
