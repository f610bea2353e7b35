//! A line over the last hour as SVG, without a script. The page's style colours it.

use std::fmt::Write;

use maud::{Markup, html};

/// The units of the drawing: it is stretched to the width that there is.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 48.0;

/// So that a line along the edge is not half outside.
const MARGIN: f64 = 2.0;

/// One line from points: how far through the time from 0 to 1, and a value of 0 or more.
pub(super) fn line(title: &str, points: &[(f64, f64)]) -> Markup {
    let most = points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let scale = if most > 0.0 { most } else { 1.0 };
    let mut line = String::new();
    for (through, value) in points {
        let (x, up) = (through * WIDTH, value / scale * (HEIGHT - 2.0 * MARGIN));
        // Writing to a string does not fail.
        let _written = write!(line, "{x:.1},{:.1} ", HEIGHT - MARGIN - up);
    }
    let ends = points.first().zip(points.last());
    let area = ends.map(|((first, _), (last, _))| {
        let (first, last) = (first * WIDTH, last * WIDTH);
        format!("{first:.1},{HEIGHT} {line}{last:.1},{HEIGHT}")
    });
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(title) {
            line.base x1="0" x2=(WIDTH) y1=(HEIGHT - MARGIN) y2=(HEIGHT - MARGIN) {}
            @if let Some(area) = area {
                polygon points=(area) {}
                polyline points=(line.trim_end()) {}
            }
        }
    }
}
