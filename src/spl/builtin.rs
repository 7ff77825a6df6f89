//! Macros that need no folder: where the add-ons put Windows events, and the few that nearly every detection calls.

/// (name, arguments, definition).
pub(super) const DEFINED: [(&str, &str, &str); 23] = [
    ("wineventlog_security", "", "eventtype=wineventlog_security OR Channel=security OR source=XmlWinEventLog:Security"),
    ("wineventlog_system", "", "eventtype=wineventlog_system OR Channel=system OR source=XmlWinEventLog:System"),
    ("wineventlog_application", "", "eventtype=wineventlog_application OR Channel=application OR source=XmlWinEventLog:Application"),
    ("wineventlog_task_scheduler", "", "source=XmlWinEventLog:Microsoft-Windows-TaskScheduler/Operational"),
    ("wineventlog_rdp", "", "source=XmlWinEventLog:Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"),
    ("remoteconnectionmanager", "", "source=XmlWinEventLog:Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational"),
    ("sysmon", "", "source=XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"),
    ("powershell", "", "source=XmlWinEventLog:Microsoft-Windows-PowerShell/Operational"),
    ("wmi", "", "source=XmlWinEventLog:Microsoft-Windows-WMI-Activity/Operational"),
    ("ms_defender", "", "source=\"XmlWinEventLog:Microsoft-Windows-Windows Defender/Operational\""),
    ("applocker", "", "source=XmlWinEventLog:Microsoft-Windows-AppLocker/*"),
    ("ntlm_audit", "", "source=XmlWinEventLog:Microsoft-Windows-NTLM/Operational"),
    ("capi2_operational", "", "source=XmlWinEventLog:Microsoft-Windows-CAPI2/Operational"),
    (
        "printservice",
        "",
        "source IN (XmlWinEventLog:Microsoft-Windows-PrintService/Operational, XmlWinEventLog:Microsoft-Windows-PrintService/Admin)",
    ),
    (
        "certificateservices_lifecycle",
        "",
        "source IN (XmlWinEventLog:Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational, \
         XmlWinEventLog:Microsoft-Windows-CertificateServicesClient-Lifecycle-User/Operational)",
    ),
    ("cloudtrail", "", "sourcetype=aws:cloudtrail"),
    ("linux_auditd", "", "sourcetype=auditd"),
    ("security_content_ctime", "field", "convert timeformat=\"%Y-%m-%dT%H:%M:%S\" ctime($field$)"),
    (
        "security_content_summariesonly",
        "",
        "summariesonly=`summariesonly_config` allow_old_summaries=`oldsummaries_config` fillnull_value=`fillnull_config`",
    ),
    ("summariesonly_config", "", "false"),
    ("oldsummaries_config", "", "true"),
    ("fillnull_config", "", "null"),
    ("drop_dm_object_name", "object", "rename \"$object$.*\" as \"*\""),
];

/// Macros of Splunk products that stand on data which is not in logs: (name, what it needs).
// Left undefined they would be unknown macros, and the hint would be to write them: nobody can.
pub(super) const UNSUPPORTED: [(&str, &str); 5] = [
    ("get_asset", "the asset list of Splunk Enterprise Security"),
    ("get_identity4events", "the identity list of Splunk Enterprise Security"),
    ("get_risk_severity", "the risk framework of Splunk Enterprise Security"),
    ("cim_corporate_web_domain_search", "the list of corporate domains of the CIM add-on"),
    ("globedistance", "coordinates of addresses"),
];

/// Lookups of Splunk's products that no rules can bring with them: (name, what it is).
pub(super) const LOOKUPS: [(&str, &str); 12] = [
    ("admon_groups_def", "it is a list of the groups of your Active Directory"),
    ("alexa_lookup_by_str", "it is the list of popular domains of Splunk Enterprise Security"),
    ("asset_lookup_by_cidr", "it is the asset list of Splunk Enterprise Security"),
    ("asset_lookup_by_str", "it is the asset list of Splunk Enterprise Security"),
    ("cim_corporate_email_domain_lookup", "it is the list of your mail domains of the CIM add-on"),
    ("cim_corporate_web_domain_lookup", "it is the list of your web domains of the CIM add-on"),
    ("dnslookup", "Splunk asks a name server for it"),
    ("identity_lookup_expanded", "it is the identity list of Splunk Enterprise Security"),
    ("interesting_ports_lookup", "it is the list of ports of Splunk Enterprise Security"),
    ("ut_parse_extended_lookup", "the app URL Toolbox computes it"),
    ("ut_parse_simple_lookup", "the app URL Toolbox computes it"),
    ("ut_shannon_lookup", "the app URL Toolbox computes it"),
];
