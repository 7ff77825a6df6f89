//! Small inputs that tests write themselves.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A Windows event as one flat JSON line; `more` is further members, each beginning with a comma.
pub(crate) fn security_line(record: i64, code: u32, more: &str) -> String {
    format!(
        "{{\"@timestamp\":\"2024-03-01T10:00:{:02}.{:03}Z\",\"Channel\":\"Security\",\"EventID\":{code},\"Hostname\":\"host.test\",\"RecordNumber\":{record}{more}}}\n",
        record % 60,
        record % 1000
    )
}

/// A Sigma rule over the Security channel.
pub(crate) fn sigma_rule(id: &str, selection: &str) -> String {
    format!(
        "title: Rule {id}\nid: {id}\nstatus: test\nlevel: high\ntags:\n    - attack.lateral-movement\n    - attack.t1021.002\nlogsource:\n    product: windows\n    service: security\ndetection:\n    selection:\n        {selection}\n    condition: selection\n"
    )
}

/// An ESCU detection.
pub(crate) fn escu_rule(id: &str, search: &str) -> String {
    format!(
        "name: Detection\nid: {id}\nversion: 1\ndate: '2024-01-01'\nauthor: Tests\nstatus: production\ntype: TTP\ndescription: A detection\nsearch: '{}'\ntags:\n  analytic_story:\n    - A Story\n  mitre_attack_id:\n    - T1021.002\n  message: '$Account$ came from $Address$'\n  risk_score: 49\n  impact: 70\n  confidence: 70\n  observable:\n    - name: Account\n      type: User\n      role:\n        - Victim\n",
        search.replace('\'', "''")
    )
}

/// Compresses.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).expect("memory");
    gzip.finish().expect("memory")
}

/// A zip of members.
pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("memory");
        zip.write_all(bytes).expect("memory");
    }
    zip.finish().expect("memory").into_inner()
}

/// The zip with every member marked as encrypted.
pub(crate) fn marked_as_encrypted(mut zip: Vec<u8>) -> Vec<u8> {
    for at in 0..zip.len().saturating_sub(4) {
        match &zip[at..at + 4] {
            b"PK\x03\x04" => zip[at + 6] |= 1,
            b"PK\x01\x02" => zip[at + 8] |= 1,
            _ => {}
        }
    }
    zip
}
