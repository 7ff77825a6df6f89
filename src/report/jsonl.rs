//! JSON lines: an object a row, each on a line of its own.

use std::io::{self, Write};

use serde_json::Value;

/// Writes a row.
pub(super) fn line(out: &mut dyn Write, fields: &[String], values: &[Value]) -> io::Result<()> {
    super::json::object(out, fields, values)?;
    out.write_all(b"\n")
}
