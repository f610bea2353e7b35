//! The command `metrics`: lists every family.

use std::io::{self, Write};

use crate::acs;
use crate::telemetry::ExporterFamilies;

/// Writes name, type, help and labels of each family.
pub(super) fn list(out: &mut impl Write) -> io::Result<()> {
    for family in acs::catalogue().chain(ExporterFamilies::CATALOGUE) {
        writeln!(
            out,
            "{} ({})\n  {}",
            family.name,
            family.kind,
            family.help()
        )?;
        let labels = family.all_labels();
        if !labels.is_empty() {
            writeln!(out, "  labels: {}", labels.join(", "))?;
        }
    }
    Ok(())
}
