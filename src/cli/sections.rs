//! Several listings as the output of one command, each a section under its heading.

use clap::ValueEnum;
use serde_json::Value;

use super::UsageError;
use super::printer::Printer;
use crate::report::{Format, ListWriter, ListingShape, wrapped_text};

/// One listing of several.
pub(crate) struct ListedSection {
    /// Its name: that of its member in JSON.
    pub(crate) name: String,
    /// What stands above its rows.
    pub(crate) heading: String,
    pub(crate) shape: &'static ListingShape,
    pub(crate) rows: Vec<Vec<Value>>,
}

/// Refuses a format that has rows of one kind where more are asked for.
pub(crate) fn must_be_one<S: ValueEnum>(sections: &[S], format: Format) -> Result<(), UsageError> {
    if !matches!(format, Format::Csv | Format::RawCsv | Format::Jsonl) || sections.len() == 1 {
        return Ok(());
    }
    let names = S::value_variants().iter().filter_map(|section| Some(section.to_possible_value()?.get_name().to_owned()));
    let names = names.collect::<Vec<_>>().join(", ");
    Err(UsageError(format!("this format has rows of one kind: choose a section with `--section` ({names})")))
}

/// Writes the sections; JSON is one object with a member for each.
pub(crate) fn write_sections(sections: &[ListedSection], format: Format, printer: &mut Printer) -> anyhow::Result<()> {
    let width = printer.width();
    if format == Format::Json {
        writeln!(printer.data(), "{{")?;
    }
    for (place, section) in sections.iter().enumerate() {
        match format {
            Format::Json => write!(printer.data(), "{}\"{}\": ", if place > 0 { "," } else { "" }, section.name)?,
            Format::Table | Format::Vertical => {
                let heading = width.map_or_else(|| section.heading.clone(), |width| wrapped_text(&section.heading, usize::from(width)));
                writeln!(printer.data(), "{}{heading}", if place > 0 { "\n" } else { "" })?;
            }
            Format::Csv | Format::RawCsv | Format::Jsonl => {}
        }
        let mut writer = ListWriter::new(printer.data(), format, section.shape, width)?;
        section.rows.iter().try_for_each(|row| writer.row(row))?;
        writer.finish()?;
    }
    if format == Format::Json {
        writeln!(printer.data(), "}}")?;
    }
    Ok(())
}
