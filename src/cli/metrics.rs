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
        if !family.labels.is_empty() {
            writeln!(out, "  labels: {}", family.labels.join(", "))?;
        }
    }
    Ok(())
}
