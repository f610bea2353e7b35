//! The classic text format, and OpenMetrics. They differ in how a counter's family is called, in `le`, and in what only
//! OpenMetrics has: units, exemplars, start times, an end mark.

use std::borrow::Cow;
use std::fmt::{self, Write};

use time::OffsetDateTime;

use super::{Exemplar, Family, Histogram, Label, Series, Value};
use crate::family::Kind;

/// In the classic format.
pub(super) fn classic(families: &[Family]) -> Vec<u8> {
    write(families, Dialect::Classic)
}

/// In OpenMetrics.
pub(super) fn openmetrics(families: &[Family], created_samples: bool) -> Vec<u8> {
    write(families, Dialect::OpenMetrics { created_samples })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Classic,
    OpenMetrics { created_samples: bool },
}

fn write(families: &[Family], dialect: Dialect) -> Vec<u8> {
    let mut text = Text {
        out: String::new(),
        dialect,
    };
    text.families(families)
        .expect("writing to a string does not fail");
    text.out.into_bytes()
}

struct Text {
    out: String,
    dialect: Dialect,
}

impl Text {
    fn families(&mut self, families: &[Family]) -> fmt::Result {
        for family in families {
            self.head(family)?;
            for series in &family.series {
                self.series(&family.name, series)?;
            }
        }
        match self.dialect {
            Dialect::Classic => Ok(()),
            Dialect::OpenMetrics { .. } => writeln!(self.out, "# EOF"),
        }
    }

    fn head(&mut self, family: &Family) -> fmt::Result {
        let (help, kind) = (&family.help, family.kind);
        match self.dialect {
            Dialect::Classic => {
                let (name, help) = (&family.name, escaped_help(help));
                writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}")
            }
            Dialect::OpenMetrics { .. } => {
                let name = base_name(&family.name, kind);
                writeln!(self.out, "# TYPE {name} {kind}")?;
                if let Some(unit) = unit(name) {
                    writeln!(self.out, "# UNIT {name} {unit}")?;
                }
                writeln!(self.out, "# HELP {name} {}", escaped(help))
            }
        }
    }

    fn series(&mut self, name: &str, Series { labels, value }: &Series) -> fmt::Result {
        match value {
            Value::Gauge(value) => self.sample(name, "", labels, None, *value, None),
            Value::Counter(counter) => {
                let exemplar = counter.exemplar.as_ref();
                self.sample(name, "", labels, None, counter.value, exemplar)?;
                self.created(base_name(name, Kind::Counter), labels, counter.started)
            }
            Value::Histogram(histogram) => self.histogram(name, labels, histogram),
        }
    }

    fn histogram(&mut self, name: &str, labels: &[Label], histogram: &Histogram) -> fmt::Result {
        let mut exemplars = histogram.exemplars.iter().map(Option::as_ref);
        if let Some(classic) = &histogram.classic {
            for (bound, count) in classic.cumulative() {
                let exemplar = exemplars.next().flatten();
                self.sample(name, "_bucket", labels, Some(bound), count, exemplar)?;
            }
        } else {
            let all = Some(f64::INFINITY);
            let exemplar = exemplars.flatten().max_by_key(|exemplar| exemplar.at);
            self.sample(name, "_bucket", labels, all, histogram.count, exemplar)?;
        }
        self.sample(name, "_sum", labels, None, histogram.sum, None)?;
        self.sample(name, "_count", labels, None, histogram.count, None)?;
        self.created(name, labels, histogram.started)
    }

    fn created(&mut self, name: &str, labels: &[Label], started: OffsetDateTime) -> fmt::Result {
        let is_wanted = Dialect::OpenMetrics {
            created_samples: true,
        };
        if self.dialect != is_wanted {
            return Ok(());
        }
        self.sample(name, "_created", labels, None, Seconds(started), None)
    }

    fn sample(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &[Label],
        le: Option<f64>,
        value: impl Number,
        exemplar: Option<&Exemplar>,
    ) -> fmt::Result {
        write!(self.out, "{name}{suffix}")?;
        let mut before = '{';
        for Label { name, value } in labels {
            write!(self.out, "{before}{name}=\"{}\"", escaped(value))?;
            before = ',';
        }
        if let Some(le) = le {
            write!(self.out, "{before}le=\"")?;
            match self.dialect {
                Dialect::Classic => le.write(&mut self.out)?,
                Dialect::OpenMetrics { .. } => canonical(le, &mut self.out)?,
            }
            self.out.push('"');
            before = ',';
        }
        self.out.push_str(if before == ',' { "} " } else { " " });
        value.write(&mut self.out)?;
        if let Some(exemplar) = exemplar.filter(|_| self.dialect != Dialect::Classic) {
            let (label, id) = (Exemplar::LABEL, escaped(&exemplar.correlation_id));
            write!(self.out, " # {{{label}=\"{id}\"}} ")?;
            exemplar.value.write(&mut self.out)?;
            self.out.push(' ');
            Seconds(exemplar.at).write(&mut self.out)?;
        }
        self.out.push('\n');
        Ok(())
    }
}

/// A number as both formats spell it.
trait Number {
    fn write(self, out: &mut String) -> fmt::Result;
}

impl Number for u64 {
    fn write(self, out: &mut String) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl Number for f64 {
    fn write(self, out: &mut String) -> fmt::Result {
        if self.is_infinite() {
            write!(out, "{}Inf", if self > 0.0 { '+' } else { '-' })
        } else {
            write!(out, "{self}") // `NaN`, and else the fewest digits that read back as the same number
        }
    }
}

/// A bound as OpenMetrics wants it, and as Prometheus spells one that it reads from protobuf: with a fraction, or with an
/// exponent if it is large or small.
fn canonical(bound: f64, out: &mut String) -> fmt::Result {
    let scientific = format!("{bound:e}");
    let parts = scientific.split_once('e');
    let parts = parts.and_then(|(digits, exponent)| Some((digits, exponent.parse::<i32>().ok()?)));
    match parts {
        Some((digits, exponent)) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(out, "{digits}e{sign}{:02}", exponent.abs())
        }
        Some(_) if bound.fract() == 0.0 => write!(out, "{bound}.0"),
        _ => bound.write(out),
    }
}

/// Unix time in seconds, with milliseconds.
struct Seconds(OffsetDateTime);

impl Number for Seconds {
    fn write(self, out: &mut String) -> fmt::Result {
        let (seconds, milliseconds) = (self.0.unix_timestamp(), self.0.millisecond());
        write!(out, "{seconds}.{milliseconds:03}")
    }
}

/// `_total` belongs to the samples of a counter and not to its family.
pub(crate) fn base_name(name: &str, kind: Kind) -> &str {
    let counter = name
        .strip_suffix("_total")
        .filter(|_| kind == Kind::Counter);
    counter.unwrap_or(name)
}

/// The unit at the end of a name.
pub(crate) fn unit(name: &str) -> Option<&'static str> {
    let mut units = ["seconds", "bytes"].into_iter();
    units.find(|unit| {
        let before = name.strip_suffix(unit);
        before.is_some_and(|before| before.ends_with('_'))
    })
}

/// Escapes what must not stand in a label's value, nor in a HELP line of OpenMetrics.
pub(crate) fn escaped(value: &str) -> Cow<'_, str> {
    escape(value, &['\\', '"', '\n'])
}

/// The same for a HELP line of the classic format.
fn escaped_help(help: &str) -> Cow<'_, str> {
    escape(help, &['\\', '\n'])
}

fn escape<'t>(text: &'t str, escaped: &[char]) -> Cow<'t, str> {
    if !text.contains(escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if escaped.contains(&c) {
            out.push('\\');
        }
        out.push(if c == '\n' { 'n' } else { c });
    }
    Cow::Owned(out)
}
