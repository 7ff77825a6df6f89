//! The `--format` flag.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::report::Format;

/// How a listing is written.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct FormatArgs {
    /// How the output is written
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t, hide_default_value = true, help_heading = "Output")]
    pub(crate) format: Format,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Table, Self::Vertical, Self::Json, Self::Jsonl, Self::Csv, Self::RawCsv]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Table => ("table", "Columns for reading; long cells are cut (the default)"),
            Self::Vertical => ("vertical", "One field a line, for rows too wide for a table"),
            Self::Json => ("json", "One array of objects"),
            Self::Jsonl => ("jsonl", "One object a line"),
            Self::Csv => ("csv", "Comma-separated, with a header line; texts that a spreadsheet would run get a ' in front"),
            Self::RawCsv => ("csv-raw", "The same for programs: every text as it is"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}
