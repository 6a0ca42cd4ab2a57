//! What we aim at, for the benchmarks that have an aim.

use super::report::Measurement;

/// An aim.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Aim {
    /// So many times as good as the peer.
    Ratio(f64),
    /// No more than this, in the measurement's unit.
    AtMost(f64),
    /// Less than the peer's.
    Less,
}

use Aim::{AtMost, Less, Ratio};

/// By the names of measurements; `*` stands for any end.
const AIMS: &[(&str, Aim)] = &[
    ("spawn_end", Ratio(4.0)),
    ("spawn_monitor", Ratio(4.0)),
    ("idle_memory", AtMost(600.0)),
    ("pingpong_same", Ratio(1.5)),
    ("pingpong_two", Ratio(3.0)),
    ("ring", Ratio(3.0)),
    ("many_to_one", Ratio(2.5)),
    ("call", Ratio(3.0)),
    ("jobs_10000*", Ratio(1.0)),
    ("code_change pause p99", AtMost(100.0)),
    ("code_change_barrier", Ratio(3.0)),
    ("upgrade_50 silence", AtMost(1.0)),
    ("upgrade_50 p99 meanwhile to before", AtMost(1.2)),
    ("wake_p99_*", AtMost(100.0)),
    ("pingpong_4_*", Ratio(10.0)),
    ("pingpong_16_*", Ratio(10.0)),
    ("pingpong_100_*", Ratio(10.0)),
    ("kill_spinning", AtMost(50.0)),
    ("kill_spinning p99", AtMost(1_000.0)),
    ("kill_spinning_4_spinners", AtMost(50.0)),
    ("kill_spinning_4_spinners p99", AtMost(1_000.0)),
    ("blocking_50_sleep", AtMost(5_000.0)),
    ("blocking_50_lock", AtMost(5_000.0)),
    ("blocking_50_read", AtMost(5_000.0)),
    // What a compiler of C makes of such a loop.
    ("sum_loop", AtMost(0.5)),
    ("tcp_idle_memory", AtMost(1_500.0)),
    ("ping_redis_p1", Ratio(1.2)),
    ("ping_redis_p16", Ratio(2.0)),
    ("echo_50", Ratio(1.2)),
    ("inside_ps_million", AtMost(1.0)),
    ("inside_top_million", AtMost(1.0)),
    ("inside_million_late max", AtMost(5.0)),
    ("inside_stack_sample", AtMost(100.0)),
    ("inside_profile_99hz", AtMost(2.0)),
    ("inside_metrics_off", AtMost(0.5)),
    ("inside_metrics_scraped", AtMost(2.0)),
    ("inside_trace_on", AtMost(5.0)),
    ("inside_trace_after", AtMost(0.5)),
    ("inside_debug_disabled", AtMost(5.0)),
    ("inside_logged_event", AtMost(5_000.0)),
    ("echo_50 p99", Less),
    ("start_to_listening", AtMost(30.0)),
];

/// The ratio that this measurement is to have, at the least.
pub(super) fn ratio(measurement: &Measurement) -> Option<f64> {
    of(measurement).map(|aim| match aim {
        Ratio(ratio) => ratio,
        AtMost(most) => measurement.peer / most,
        Less => 1.0,
    })
}

/// The aim as people say it.
pub(super) fn text(measurement: &Measurement) -> String {
    match of(measurement) {
        Some(Ratio(ratio)) => format!("≥ {ratio}×"),
        Some(AtMost(most)) => format!("≤ {most} {}", measurement.unit),
        Some(Less) => "less".to_owned(),
        None => String::new(),
    }
}

fn of(measurement: &Measurement) -> Option<Aim> {
    let is_meant = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => measurement.name.starts_with(start),
        None => measurement.name == pattern,
    };
    AIMS.iter().find(|(pattern, _)| is_meant(pattern)).map(|(_, aim)| *aim)
}
