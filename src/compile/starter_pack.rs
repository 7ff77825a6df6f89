//! The rules that come with the program, compiled into it.
//!
//! They are the files of `rules/detections`; a test in `tests/it/starter_pack.rs` keeps this list equal to the folder and
//! runs every rule against the events beside it.

macro_rules! pack {
    ($($path:literal),* $(,)?) => {
        &[$((concat!("rules/detections/", $path), include_str!(concat!("../../rules/detections/", $path)))),*]
    };
}

/// The rules: path within the project, text.
pub const STARTER_PACK: &[(&str, &str)] = pack![
    "sigma/directory_database_copied.yml",
    "sigma/directory_replication_by_user.yml",
    "sigma/event_log_cleared.yml",
    "sigma/kerberos_ticket_with_rc4.yml",
    "sigma/logon_with_other_credentials.yml",
    "sigma/lsass_memory_read.yml",
    "sigma/member_added_to_administrators.yml",
    "sigma/office_spawns_script_host.yml",
    "sigma/passwords_tried_on_many_accounts.yml",
    "sigma/powershell_download_and_run.yml",
    "sigma/powershell_encoded_command.yml",
    "sigma/process_dump_by_comsvcs.yml",
    "sigma/rdp_session_taken_over.yml",
    "sigma/registry_hives_saved.yml",
    "sigma/run_key_to_user_folder.yml",
    "sigma/scheduled_task_from_user_folder.yml",
    "sigma/script_from_the_web_by_system_tool.yml",
    "sigma/service_known_remote_tool.yml",
    "sigma/service_runs_shell.yml",
    "sigma/smb_admin_share_executable_write.yml",
    "sigma/winrm_host_spawns_process.yml",
    "sigma/wmi_event_consumer.yml",
    "sigma/wmi_provider_spawns_shell.yml",
    "splunk/failed_logons_many_accounts.yml",
    "splunk/powershell_amsi_tampering.yml",
    "splunk/same_service_on_many_hosts.yml",
    "splunk/smb_admin_share_executable_write.yml",
];
