//! A chart of the last minute, as SVG: axes with values, a line, marks. Pure.
//!
//! ```text
//!   ┌ TOP ─ the greatest value of the axis, a round number
//!   │
//!   └ BOTTOM ─ 0
//! LEFT      LEFT + LEN ─ now
//! ```
//!
//! A sample is one unit wide, the newest stands at the right. The page's style says what it looks like.

use crate::html::escape;
use std::fmt::Write as _;

/// Samples that it has room for.
pub(crate) const LEN: usize = 600;
const LEFT: usize = 64;
const TOP: f32 = 34.0;
const BOTTOM: f32 = 184.0;
/// Samples between two marks of the time.
const TIME_STEP: usize = 150;
const SAMPLES_A_SECOND: usize = 10;

/// What a chart shows.
pub(crate) struct Chart<'a> {
    /// Of its element.
    pub(crate) id: &'a str,
    pub(crate) title: &'a str,
    /// The value that is written beside the title.
    pub(crate) now: &'a str,
    /// Behind a value on the axis.
    pub(crate) unit: &'a str,
    /// The axis goes as far at least.
    pub(crate) least: f32,
}

/// Oldest sample first. `marks`: at which sample, and what.
pub(crate) fn svg<'m>(
    chart: &Chart<'_>,
    samples: impl ExactSizeIterator<Item = f32> + Clone,
    marks: impl Iterator<Item = (usize, &'m str)>,
) -> String {
    let Chart { id, title, now, unit, least } = *chart;
    let greatest = round_up(samples.clone().fold(least, f32::max));
    let first = LEFT + LEN - samples.len().min(LEN);
    let mut svg = format!(
        "<svg id=\"{id}\" class=\"chart\" viewBox=\"0 0 {} 206\" role=\"img\" aria-label=\"{title}: {now}\">\
         <text class=\"title\" x=\"{LEFT}\" y=\"20\">{title}</text>\
         <text class=\"now\" x=\"{}\" y=\"20\" text-anchor=\"end\">{now}</text>",
        LEFT + LEN + 16,
        LEFT + LEN,
    );
    axes(&mut svg, greatest, unit);
    svg.push_str("<polyline points=\"");
    for (at, sample) in samples.enumerate() {
        append(&mut svg, format_args!("{},{:.1} ", first + at, height(sample, greatest)));
    }
    svg.push_str("\"/>");
    for (at, text) in marks {
        let (x, text) = (first + at, escape(text));
        // What would stand beyond the right edge stands to the left of its mark.
        let (anchor, text_x) = if x > LEFT + LEN / 2 { ("end", x - 5) } else { ("start", x + 5) };
        append(
            &mut svg,
            format_args!(
                "<g class=\"mark\"><line x1=\"{x}\" x2=\"{x}\" y1=\"{TOP}\" y2=\"{BOTTOM}\"/>\
                 <text x=\"{text_x}\" y=\"{}\" text-anchor=\"{anchor}\">{text}</text></g>",
                BOTTOM - 8.0
            ),
        );
    }
    svg.push_str("</svg>");
    svg
}

fn axes(svg: &mut String, greatest: f32, unit: &str) {
    svg.push_str("<g class=\"axes\">");
    for value in [0.0, greatest / 2.0, greatest] {
        let y = height(value, greatest);
        append(
            svg,
            format_args!(
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>\
                 <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{value}{unit}</text>",
                LEFT + LEN,
                LEFT - 6,
                y + 4.0
            ),
        );
    }
    for before in (0..=LEN).step_by(TIME_STEP) {
        let text = match before / SAMPLES_A_SECOND {
            0 => "now".to_owned(),
            seconds => format!("−{seconds} s"),
        };
        let x = LEFT + LEN - before;
        append(svg, format_args!("<text x=\"{x}\" y=\"202\" text-anchor=\"middle\">{text}</text>"));
    }
    svg.push_str("</g>");
}

fn append(svg: &mut String, text: std::fmt::Arguments<'_>) {
    // A string takes all that is written to it.
    let _: std::fmt::Result = svg.write_fmt(text);
}

fn height(value: f32, greatest: f32) -> f32 {
    BOTTOM - (BOTTOM - TOP) * (value / greatest).clamp(0.0, 1.0)
}

/// The next of 1, 2, 4, 6, 8 and 12, and ten, a hundred, … times those: halves of them are round, too.
fn round_up(value: f32) -> f32 {
    let magnitude = 10_f32.powf(value.max(1.0).log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 12.0].map(|step| step * magnitude);
    steps.into_iter().find(|step| *step >= value).unwrap_or(20.0 * magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart() -> Chart<'static> {
        Chart { id: "c", title: "jobs", now: "7", unit: " %", least: 10.0 }
    }

    #[test]
    fn the_newest_stands_at_the_right_and_heights_are_shares_of_a_round_value() {
        let drawn = svg(&chart(), [0.0, 5.0, 10.0].into_iter(), std::iter::empty());
        assert!(drawn.starts_with("<svg id=\"c\"") && drawn.ends_with("</svg>"), "{drawn}");
        assert!(drawn.contains("points=\"661,184.0 662,109.0 663,34.0 \""), "{drawn}");
        assert!(
            drawn.contains(">5 %</text>") && drawn.contains(">10 %</text>") && drawn.contains(">−60 s<"),
            "{drawn}"
        );
        assert!(drawn.contains("aria-label=\"jobs: 7\""), "{drawn}");
    }

    #[test]
    fn a_mark_stands_at_its_sample_and_is_text() {
        let drawn = svg(&chart(), [1.0; 3].into_iter(), [(1, "<0.2>")].into_iter());
        assert!(drawn.contains("<line x1=\"662\" x2=\"662\" y1=\"34\" y2=\"184\"/>"), "{drawn}");
        assert!(drawn.contains("x=\"657\"") && drawn.contains("&lt;0.2&gt;</text>"), "{drawn}");
    }

    #[test]
    fn without_samples_there_are_axes() {
        let drawn = svg(&chart(), std::iter::empty(), std::iter::empty());
        assert!(drawn.contains("points=\"\"") && drawn.contains(">now<"), "{drawn}");
    }

    #[test]
    fn an_axis_ends_at_a_round_value() {
        for (value, round) in [(0.0, 1.0), (1.0, 1.0), (9.0, 12.0), (10_300.0, 20_000.0), (99.0, 120.0), (100.0, 100.0)]
        {
            assert_eq!(round_up(value), round, "{value}");
        }
    }
}
