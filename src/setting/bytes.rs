//! Numbers of bytes as people write them: `100MiB`.

/// Every unit. Of decimal and binary ones both are meant as they are written.
const UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Reads a number, with up to three decimal places, and its unit.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    const WANTED: &str = "needs a number and a unit, for example `100MiB`; the units are B, KiB, MiB, GiB, TiB, kB, MB, GB and TB";
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let thousandths = thousandths(number).ok_or(WANTED)?;
    let unit = unit.trim_start();
    if unit.is_empty() {
        return Err(format!("needs a unit, for example `{number}MiB`"));
    }
    let factor = UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let (_, factor) = factor.ok_or(WANTED)?;
    let bytes = u128::from(thousandths) * u128::from(*factor) / 1000;
    u64::try_from(bytes).map_err(|_| "is more than can be counted".to_owned())
}

/// The number in the largest binary unit that divides it.
pub(super) fn shown(bytes: u64) -> String {
    let (name, factor) = UNITS
        .iter()
        .filter(|(_, factor)| factor.is_power_of_two() && bytes.is_multiple_of(*factor))
        .max_by_key(|(_, factor)| *factor)
        .unwrap_or(&("B", 1));
    format!("{}{name}", bytes / factor)
}

fn thousandths(number: &str) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 3 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = format!("{fraction:0<3}").parse().ok()?;
    whole.checked_mul(1000)?.checked_add(fraction)
}
