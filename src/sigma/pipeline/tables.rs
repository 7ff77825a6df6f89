//! The words of pipelines: what each is called and which parameters it takes. The reader goes by these tables, and
//! `docs/pipelines.md` is compared with them by a test.

/// A transformation or condition: its name and its parameters.
pub type Entry = (&'static str, &'static [&'static str]);

/// Keys of a pipeline.
pub const PIPELINE: &[&str] = &["name", "priority", "allowed_backends", "vars", "transformations", "postprocessing", "finalizers"];

/// Keys of every transformation, beside its own.
pub const ITEM: &[&str] = &[
    "id",
    "type",
    "rule_conditions",
    "rule_cond_op",
    "rule_cond_not",
    "rule_cond_expr",
    "detection_item_conditions",
    "detection_item_cond_op",
    "detection_item_cond_not",
    "detection_item_cond_expr",
    "field_name_conditions",
    "field_name_cond_op",
    "field_name_cond_not",
    "field_name_cond_expr",
];

/// Transformations.
pub const TRANSFORMATIONS: &[Entry] = &[
    ("field_name_mapping", &["mapping"]),
    ("field_name_prefix_mapping", &["mapping"]),
    ("field_name_prefix", &["prefix"]),
    ("field_name_suffix", &["suffix"]),
    ("add_condition", &["conditions", "name", "template", "negated"]),
    ("change_logsource", &["category", "product", "service"]),
    ("drop_detection_item", &[]),
    ("value_placeholders", &["include", "exclude"]),
    ("wildcard_placeholders", &["include", "exclude"]),
    ("file_placeholders", &["path", "format", "filter", "csv_column", "csv_has_header", "include", "exclude"]),
    ("replace_string", &["regex", "replacement", "skip_special", "interpret_special"]),
    ("map_string", &["mapping"]),
    ("case", &["method"]),
    ("hashes_fields", &["valid_hash_algos", "field_prefix", "drop_algo_prefix"]),
    ("set_state", &["key", "val"]),
    ("rule_failure", &["message"]),
    ("detection_item_failure", &["message"]),
    ("strict_field_mapping_failure", &[]),
    ("nest", &["items"]),
    ("add_field", &["field"]),
    ("remove_field", &["field"]),
    ("set_field", &["fields"]),
    ("set_custom_attribute", &["attribute", "value"]),
];

/// Transformations of pySigma that are refused.
pub const REFUSED: &[&str] = &[
    "field_name_transform",
    "query_expression_placeholders",
    "http_placeholders",
    "command_placeholders",
    "extract_fields",
    "regex",
    "set_value",
    "convert_type",
];

/// Conditions of `rule_conditions`.
pub const RULE_CONDITIONS: &[Entry] = &[
    ("logsource", &["category", "product", "service"]),
    ("contains_detection_item", &["field", "value"]),
    ("contains_field", &["field"]),
    ("processing_item_applied", &["processing_item_id"]),
    ("processing_state", &["key", "val", "op"]),
    ("is_sigma_rule", &[]),
    ("is_sigma_correlation_rule", &[]),
    ("rule_attribute", &["attribute", "value", "op"]),
    ("tag", &["tag"]),
];

/// Conditions of `detection_item_conditions`.
pub const ITEM_CONDITIONS: &[Entry] = &[
    ("match_string", &["pattern", "cond", "negate"]),
    ("match_value", &["value", "cond"]),
    ("contains_wildcard", &["cond"]),
    ("is_null", &["cond"]),
    ("processing_item_applied", &["processing_item_id"]),
    ("processing_state", &["key", "val", "op"]),
];

/// Conditions of `field_name_conditions`.
pub const FIELD_CONDITIONS: &[Entry] = &[
    ("include_fields", &["fields", "mode"]),
    ("exclude_fields", &["fields", "mode"]),
    ("processing_item_applied", &["processing_item_id"]),
    ("processing_state", &["key", "val", "op"]),
];
