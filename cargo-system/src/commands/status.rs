//! `status`: what the node runs, as a table.

use super::version::ask_status;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use runtime::protocol::{Outcome, Status, VersionStatus};
use std::fmt::Write as _;
use std::time::Duration;

/// Process types shown for a version.
const TYPES_SHOWN: usize = 4;

pub(super) fn status(context: &Context) -> Result<(), Failure> {
    let status = ask_status(&mut context.connect()?)?;
    if context.json() {
        output::json(&Outcome::Status(status));
    } else {
        output::line(render(&status).trim_end());
    }
    Ok(())
}

fn render(status: &Status) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} up {}, pid {}, {}, {} processes, {:.1} MiB",
        status.name,
        duration(status.uptime_ms),
        status.os_pid,
        schedulers(status),
        status.processes,
        megabytes(status.memory_bytes)
    );
    let _ = writeln!(text, "runtime {} in {}", status.runtime, status.root);
    if status.long_runners > 0 {
        let _ = writeln!(text, "{} processes do not give way, each on a thread of its own", status.long_runners);
    }
    if status.frozen_threads > 0 {
        let _ = writeln!(
            text,
            "{} threads were frozen by kills and faults; they hold {:.1} MiB until the node is restarted",
            status.frozen_threads,
            megabytes(status.leaked_bytes)
        );
    }
    for listener in &status.listeners {
        let _ = writeln!(text, "listening {} on {}", listener.name, listener.address);
    }
    let width = status.versions.iter().map(|version| version.version.len()).max().unwrap_or(0).max(7);
    let _ = writeln!(text, "\n{:width$}  {:8}  {:>9}  {:>8}", "VERSION", "STATE", "PROCESSES", "AGE");
    for version in &status.versions {
        let _ = writeln!(
            text,
            "{:width$}  {:8}  {:>9}  {:>8}",
            version.version,
            version.state,
            version.processes,
            duration(version.age_ms)
        );
        if let Some(root) = version.root.as_ref().filter(|root| root.state == "ended" && version.state == "current") {
            let _ = writeln!(text, "    its root process {} has ended: the log says why", root.pid);
        }
        text.push_str(&types(version));
    }
    text
}

fn schedulers(status: &Status) -> String {
    match (status.schedulers, status.schedulers_online) {
        (all, 0) => format!("{all} schedulers"),
        (all, online) if online == all => format!("{all} schedulers"),
        (all, online) => format!("{online} of {all} schedulers online"),
    }
}

fn types(version: &VersionStatus) -> String {
    version.process_types.iter().take(TYPES_SHOWN).fold(String::new(), |mut text, kind| {
        let _ = writeln!(text, "    {:>6} × {}", kind.processes, kind.name);
        text
    })
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1u32 << 20)
}

/// The two largest units that are not zero.
fn duration(ms: u64) -> String {
    let seconds = Duration::from_millis(ms).as_secs();
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} m {} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {} m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::protocol::{ListenerStatus, ProcessTypeStatus};

    fn version(name: &str, state: &str, processes: u64, age_ms: u64) -> VersionStatus {
        let kind = ProcessTypeStatus { name: "example_app::session".to_owned(), processes };
        VersionStatus {
            version: name.to_owned(),
            state: state.to_owned(),
            processes,
            age_ms,
            root: None,
            process_types: vec![kind],
        }
    }

    #[test]
    fn the_table_shows_versions_newest_first() {
        let status = Status {
            name: "example-app".to_owned(),
            os_pid: 4711,
            uptime_ms: 3_723_000,
            runtime: "0.1.0".to_owned(),
            root: "/srv/app".to_owned(),
            memory_bytes: 12_582_912,
            schedulers: 2,
            schedulers_online: 1,
            long_runners: 1,
            hand_offs: 3,
            frozen_threads: 4,
            leaked_bytes: 2_097_152,
            processes: 212,
            listeners: vec![ListenerStatus { name: "http".to_owned(), address: "127.0.0.1:4000".to_owned() }],
            versions: vec![
                version("0.1.1+3f2a91bc", "current", 200, 61_000),
                version("0.1.0+00c0ffee", "draining", 12, 90),
            ],
        };
        let expected = "\
example-app up 1 h 2 m, pid 4711, 1 of 2 schedulers online, 212 processes, 12.0 MiB
runtime 0.1.0 in /srv/app
1 processes do not give way, each on a thread of its own
4 threads were frozen by kills and faults; they hold 2.0 MiB until the node is restarted
listening http on 127.0.0.1:4000

VERSION         STATE     PROCESSES       AGE
0.1.1+3f2a91bc  current         200   1 m 1 s
       200 × example_app::session
0.1.0+00c0ffee  draining         12     90 ms
        12 × example_app::session
";
        assert_eq!(render(&status), expected);
    }
}
