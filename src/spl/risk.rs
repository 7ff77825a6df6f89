//! Who carries the risk where a detection does not say.

use std::ops::Range;

use crate::ir::RiskObject;

/// The `$field$` tokens of a risk message, in order, each with its place, `$` included; a `$` that starts no token is text.
pub(super) fn tokens(message: &str) -> Vec<(&str, Range<usize>)> {
    let is_token =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '{' | '}' | ':' | '@'));
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(open) = message[at..].find('$').map(|open| at + open) {
        at = open + 1;
        let Some(close) = message[at..].find('$').map(|close| at + close) else { break };
        if is_token(&message[at..close]) {
            out.push((&message[at..close], open..close + 1));
            at = close + 1;
        }
    }
    out
}

/// The message's tokens that name users or systems, as the content's authors declare them where they do: `user` and its
/// relatives are users; hosts and addresses are systems; anything else carries no risk.
pub(super) fn derived_risk_objects(message: &str) -> Vec<RiskObject> {
    let mut out: Vec<RiskObject> = Vec::new();
    for (token, _) in tokens(message) {
        if let Some(kind) = kind_of(token)
            && !out.iter().any(|o| o.field == token)
        {
            out.push(RiskObject { field: token.to_owned(), kind: kind.to_owned(), score: None });
        }
    }
    out
}

fn kind_of(token: &str) -> Option<&'static str> {
    let lower = token.to_lowercase();
    let leaf = lower.rsplit('.').next().unwrap_or(&lower);
    // `user_agent` names a program.
    if leaf.contains("user") && !leaf.contains("agent") || leaf.contains("account_name") {
        return Some("user");
    }
    const SYSTEMS: [&str; 13] = [
        "dest",
        "src",
        "dvc",
        "host",
        "computer",
        "computername",
        "dest_ip",
        "src_ip",
        "dest_host",
        "src_host",
        "ipaddress",
        "source_address",
        "workstationname",
    ];
    SYSTEMS.contains(&leaf).then_some("system")
}

/// The kind of risk object that an observable's type stands for.
pub(super) fn kind_of_observable(kind: &str) -> &'static str {
    match kind.to_lowercase().as_str() {
        "user" | "user name" | "email" | "email address" => "user",
        "hostname" | "endpoint" | "device" | "ip address" => "system",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::derived_risk_objects;

    #[test]
    fn tokens_of_a_message_that_name_users_and_systems_carry_the_risk() {
        let objects = derived_risk_objects("$user$ on $dest$ ($dest$) sent $userAgent$ to $Computer$ for $5 and $src_user$, $x y$");
        let shown: Vec<_> = objects.iter().map(|o| (o.field.as_str(), o.kind.as_str())).collect();
        assert_eq!(shown, [("user", "user"), ("dest", "system"), ("Computer", "system"), ("src_user", "user")]);
    }
}
