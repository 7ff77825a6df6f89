//! Tests of the built-in data and of the answers it gives.

use super::*;
use crate::catalog::{Storage, TypeId};

fn event_type(product: &str, dataset: &str, code: &str) -> EventType {
    EventType {
        id: TypeId(1),
        product: product.to_owned(),
        dataset: dataset.to_owned(),
        code: code.to_owned(),
        storage: Storage::Overflow,
        view: String::new(),
        columns: Vec::new(),
        has_messages: false,
        events: 0,
    }
}

fn selects(source: &LogSource<'_>, ty: &EventType) -> bool {
    match source {
        LogSource::Everything => true,
        LogSource::Selected(first, second) => {
            first.iter().any(|s| s.selects(ty)) && (second.is_empty() || second.iter().any(|s| s.selects(ty)))
        }
        LogSource::Nowhere | LogSource::Unknown(_) => false,
    }
}

#[test]
fn dns_channels_have_the_names_that_windows_writes_and_those_of_the_taxonomy() {
    let taxonomy = Taxonomy::embedded();
    for (service, channels) in [
        ("dns-client", ["Microsoft-Windows-DNS-Client/Operational", "Microsoft-Windows-DNS Client Events/Operational"]),
        ("dns-server-analytic", ["Microsoft-Windows-DNSServer/Analytical", "Microsoft-Windows-DNS-Server/Analytical"]),
        ("dns-server-audit", ["Microsoft-Windows-DNSServer/Audit", "Microsoft-Windows-DNS-Server/Audit"]),
        ("vhdmp", ["Microsoft-Windows-VHDMP-Operational", "Microsoft-Windows-VHDMP/Operational"]),
    ] {
        let LogSource::Selected(selectors, _) = taxonomy.log_source(Some("windows"), None, Some(service)) else { panic!("{service}") };
        for channel in channels {
            assert!(selectors.iter().any(|s| s.selects(&event_type("windows", channel, "260"))), "{service}: {channel}");
        }
    }
}

#[test]
fn the_built_in_data_parses() {
    if let Err(fault) = Taxonomy::parse(EMBEDDED_FILES) {
        panic!("{fault:?} at {:?}", fault.line_column());
    }
}

#[test]
fn log_sources_choose_event_types() {
    let taxonomy = Taxonomy::embedded();
    let sysmon = event_type("windows", "microsoft-windows-sysmon/OPERATIONAL", "1");
    let security = event_type("windows", "Security", "4688");
    let generic = event_type("generic", "Security", "4688");
    let linux = event_type("windows", "Linux-Sysmon/Operational", "1");
    let of = |product, category, service| taxonomy.log_source(product, category, service);

    let processes = of(Some("windows"), Some("process_creation"), None);
    assert!(selects(&processes, &sysmon) && selects(&processes, &security));
    assert!(!selects(&processes, &generic) && !selects(&processes, &linux));
    assert!(selects(&of(Some("linux"), Some("process_creation"), None), &linux));
    assert!(selects(&of(None, Some("process_creation"), None), &linux));
    assert!(selects(&of(Some("Windows"), None, Some("SECURITY")), &security));
    assert!(!selects(&of(Some("windows"), None, Some("security")), &sysmon));
    let both = of(Some("windows"), Some("process_creation"), Some("security"));
    assert!(selects(&both, &security) && !selects(&both, &sysmon));
    let windows = of(Some("windows"), None, None);
    assert!(selects(&windows, &sysmon) && selects(&windows, &security) && !selects(&windows, &generic));
    assert_eq!(of(None, None, None), LogSource::Everything);
    assert_eq!(of(Some("windows"), Some("file_access"), None), LogSource::Nowhere);
    assert_eq!(of(Some("windows"), Some("nonsense"), None), LogSource::Unknown("category nonsense".to_owned()));
    assert_eq!(of(Some("amiga"), None, None), LogSource::Unknown("product amiga".to_owned()));
}

#[test]
fn narrow_names_win_over_broad_ones() {
    let taxonomy = Taxonomy::embedded();
    let network = event_type("windows", "Microsoft-Windows-Sysmon/Operational", "3");
    let process = event_type("windows", "Microsoft-Windows-Sysmon/Operational", "1");
    let dest = |ty| taxonomy.names(ty).after_stored("dest", LookupVocabulary::Splunk).cloned();
    assert!(matches!(dest(&network), Some(Definition::Coalesce(_))));
    assert_eq!(dest(&process), Some(Definition::Envelope(EnvelopeField::Host)));
}

/// Every log source of SigmaHQ is known, or is listed here as one that nobody knows.
#[test]
fn sigmahq_log_sources_are_known() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/rules/sigmahq");
    if !std::path::Path::new(root).exists() {
        eprintln!("skipped: {root} is not there");
        return;
    }
    let taxonomy = Taxonomy::embedded();
    let mut unknown = std::collections::BTreeSet::new();
    for entry in walkdir::WalkDir::new(root).into_iter().filter_map(Result::ok) {
        if entry.path().extension().is_none_or(|e| e != "yml") {
            continue;
        }
        let text = std::fs::read_to_string(entry.path()).expect("rules are text");
        let source = Arc::new(SourceText { path: String::new(), text });
        let documents = yaml::parse(&source).expect("rules parse");
        let Some(log_source) = documents.first().and_then(|d| d.get("logsource")) else { continue };
        let part = |key: &str| log_source.get(key).and_then(Node::as_str);
        if let LogSource::Unknown(what) = taxonomy.log_source(part("product"), part("category"), part("service")) {
            unknown.insert(what);
        }
    }
    assert_eq!(unknown.into_iter().collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn the_narrowest_details_hold() {
    let taxonomy = Taxonomy::embedded();
    let label = |dataset: &str, code: &str, field: &str| {
        let details = taxonomy.details(&event_type("windows", dataset, code))?;
        details.field(field).map(|field| field.label.clone())
    };
    assert_eq!(label("Microsoft-Windows-Sysmon/Operational", "1", "commandline").as_deref(), Some("Command line"));
    assert_eq!(label("Security", "4688", "NewProcessName").as_deref(), Some("Command line"));
    assert_eq!(label("Security", "4624", "IpAddress").as_deref(), Some("Address"));
    assert_eq!(label("Security", "9999", "IpAddress"), None);
}

#[test]
fn a_fault_in_details_names_its_place() {
    let file = ("d.yml", "- events: {product: windows}\n  fields: {A: x}\n  lines: [B]\n");
    let fault = Taxonomy::parse(DataFiles { details: &[file], ..DataFiles::default() }).unwrap_err();
    assert_eq!(fault.message, "`lines` names B, which is not a label");
    assert!(fault.line_column().is_some());
}
