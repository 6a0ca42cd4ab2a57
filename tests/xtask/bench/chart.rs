//! The picture of the ratios: a bar for each measurement on a logarithmic scale, to the right of the line where we are better,
//! with its spread and its aim.

use super::aim;
use super::report::{Measurement, short};
use std::fmt::Write as _;

/// Where the scale ends; what is beyond is cut off, and its number tells.
const RATIO_MIN: f64 = 0.03;
const RATIO_MAX: f64 = 100.0;
const LINES: [f64; 7] = [0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0];

// Pixels.
const WIDTH: f64 = 900.0;
const LEFT: f64 = 270.0;
const RIGHT: f64 = 830.0;
const TOP: f64 = 70.0;
const ROW: f64 = 18.0;
const BAR: f64 = 10.0;

/// Colours for a light and for a dark page.
const STYLE: &str = "
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 15px; }
  .end { text-anchor: end; }
  .middle { text-anchor: middle; }
  .line { stroke: #d1d9e0; }
  .one { stroke: #59636e; stroke-width: 1.5; }
  .better { fill: #1a7f37; }
  .worse { fill: #cf222e; }
  .spread { stroke: #59636e; }
  .aim { stroke: #8250df; stroke-width: 2.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .line { stroke: #3d444d; }
    .one, .spread { stroke: #9198a1; }
    .better { fill: #3fb950; }
    .worse { fill: #f85149; }
    .aim { stroke: #bc8cff; }
  }
";

/// Draws them.
pub(super) fn svg(measurements: &[Measurement]) -> String {
    let rows = u32::try_from(measurements.len()).unwrap_or(u32::MAX);
    let bottom = TOP + ROW * f64::from(rows) + 4.0;
    let height = bottom + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\">\n<style>{STYLE}</style>\n"
    );
    svg += "<text class=\"title\" x=\"12\" y=\"22\">How many times as good as the peer (median; logarithmic)</text>\n";
    svg += "<text x=\"12\" y=\"42\">Bar: to the right of 1×, ours is better. Thin line: all rounds. Violet mark: the aim.</text>\n";
    for ratio in LINES {
        let (x, class) = (x(ratio), if is_one(ratio) { "one" } else { "line" });
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{x:.1} {:.1}V{bottom:.1}\"/>", TOP - 6.0);
        for y in [TOP - 10.0, bottom + 16.0] {
            let _ = writeln!(svg, "<text class=\"middle\" x=\"{x:.1}\" y=\"{y:.1}\">{ratio}×</text>");
        }
    }
    let mut y = TOP;
    for measurement in measurements {
        svg += &row(measurement, y);
        y += ROW;
    }
    svg + "</svg>\n"
}

fn row(m: &Measurement, y: f64) -> String {
    let (one, end, middle) = (x(1.0), x(m.ratio), y + ROW / 2.0);
    let (left, width) = (one.min(end), (one - end).abs());
    let class = if m.ratio >= 1.0 { "better" } else { "worse" };
    let text = middle + 4.0;
    let mut row = format!("<text class=\"end\" x=\"{:.1}\" y=\"{text:.1}\">{}</text>\n", LEFT - 8.0, escaped(&m.name));
    let top = middle - BAR / 2.0;
    let _ =
        writeln!(row, "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{BAR}\"/>");
    let (least, greatest) = (x(m.ratio_min), x(m.ratio_max));
    let _ = writeln!(row, "<path class=\"spread\" d=\"M{least:.1} {middle:.1}H{greatest:.1}\"/>");
    if let Some(aim) = aim::ratio(m) {
        let _ = writeln!(row, "<path class=\"aim\" d=\"M{:.1} {:.1}v{}\"/>", x(aim), middle - 7.0, 14.0);
    }
    let _ = writeln!(row, "<text x=\"{:.1}\" y=\"{text:.1}\">{}×</text>", RIGHT + 8.0, short(m.ratio));
    row
}

/// Where a ratio stands on the scale.
fn x(ratio: f64) -> f64 {
    let part = (ratio.clamp(RATIO_MIN, RATIO_MAX) / RATIO_MIN).ln() / (RATIO_MAX / RATIO_MIN).ln();
    LEFT + (RIGHT - LEFT) * part
}

fn is_one(ratio: f64) -> bool {
    (ratio - 1.0).abs() < f64::EPSILON
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::super::report::Better;
    use super::*;

    #[test]
    fn better_is_to_the_right_and_the_scale_has_ends() {
        assert!(x(0.5) < x(1.0) && x(1.0) < x(2.0));
        assert!((x(1e9) - RIGHT).abs() < 0.01 && (x(0.0) - LEFT).abs() < 0.01);
        assert!(((x(10.0) - x(1.0)) - (x(100.0) - x(10.0))).abs() < 0.01, "logarithmic");
    }

    #[test]
    fn each_measurement_has_a_bar_and_its_aim_a_mark() {
        let of = |name: &str| Measurement::new(name, "ns", Better::Less, &[(1.0, 2.0)]);
        let svg = svg(&[of("spawn_end"), of("a < b")]);
        assert_eq!((svg.matches("<rect").count(), svg.matches("class=\"aim\"").count()), (2, 1));
        assert!(svg.contains("a &lt; b"));
    }
}
