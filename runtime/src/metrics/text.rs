//! OpenMetrics text, version 1.0: families with their samples. Pure.
//!
//! Written by hand: what the node has are numbers at a moment, and a registry of live counters would be more than this.

use std::fmt::Write as _;
use std::time::Duration;

/// The text's type, as HTTP says it.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Of every name.
const PREFIX: &str = "cargo_system_";

/// What kind of family it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It goes up and down.
    Gauge,
    /// It only grows, until the node ends.
    Counter,
    /// Says something by its labels.
    Info,
}

/// See the file's head.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// A family with one sample, without labels.
    pub(super) fn one(&mut self, name: &str, kind: Kind, help: &str, value: f64) {
        self.family(name, kind, help, [([].as_slice(), value)]);
    }

    /// A family: labels and value of each sample. A counter's samples end with `_total`, by the standard.
    pub(super) fn family<'a>(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        samples: impl IntoIterator<Item = (&'a [(&'a str, &'a str)], f64)>,
    ) {
        let (word, suffix) = match kind {
            Kind::Gauge => ("gauge", ""),
            Kind::Counter => ("counter", "_total"),
            Kind::Info => ("info", "_info"),
        };
        self.head(name, word, help);
        for (labels, value) in samples {
            self.sample(name, suffix, labels, value);
        }
    }

    /// A histogram of times: how many were no longer than each bound, how many there were, and their sum.
    pub(super) fn histogram(&mut self, name: &str, help: &str, below: &[(f64, u64)], count: u64, sum: Duration) {
        self.head(name, "histogram", help);
        for (bound, number) in below {
            self.sample(name, "_bucket", &[("le", &float(*bound))], number_of(*number));
        }
        self.sample(name, "_bucket", &[("le", "+Inf")], number_of(count));
        self.sample(name, "_count", &[], number_of(count));
        self.sample(name, "_sum", &[], sum.as_secs_f64());
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# TYPE {PREFIX}{name} {kind}");
        let _ = writeln!(self.0, "# HELP {PREFIX}{name} {}", escaped(help));
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<_> = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{PREFIX}{name}{suffix}{labels} {}", float(value));
    }

    /// All of it, with its end.
    pub(super) fn finish(self) -> String {
        self.0 + "# EOF\n"
    }
}

/// As a sample has it.
#[expect(clippy::cast_precision_loss, reason = "numbers of things, far below 2^53")]
pub(super) fn number_of(number: u64) -> f64 {
    number as f64
}

/// With a point, so that it is the same number to every reader.
fn float(value: f64) -> String {
    format!("{value:?}")
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_as_the_standard_says() {
        let mut text = Text::default();
        text.one("schedulers", Kind::Gauge, "Schedulers.", 2.0);
        text.family("upgrades", Kind::Counter, "By \"outcome\".", [([("outcome", "a\"b\\\n")].as_slice(), 3.0)]);
        text.histogram("pause_seconds", "Pauses.", &[(0.001, 4), (1.0, 5)], 6, Duration::from_millis(2500));
        let expected = r#"# TYPE cargo_system_schedulers gauge
# HELP cargo_system_schedulers Schedulers.
cargo_system_schedulers 2.0
# TYPE cargo_system_upgrades counter
# HELP cargo_system_upgrades By \"outcome\".
cargo_system_upgrades_total{outcome="a\"b\\\n"} 3.0
# TYPE cargo_system_pause_seconds histogram
# HELP cargo_system_pause_seconds Pauses.
cargo_system_pause_seconds_bucket{le="0.001"} 4.0
cargo_system_pause_seconds_bucket{le="1.0"} 5.0
cargo_system_pause_seconds_bucket{le="+Inf"} 6.0
cargo_system_pause_seconds_count 6.0
cargo_system_pause_seconds_sum 2.5
# EOF
"#;
        assert_eq!(text.finish(), expected);
    }
}
