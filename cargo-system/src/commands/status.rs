//! `status`: what the node runs, as a table.

use super::follow::on_probation;
use super::version::ask_status;
use crate::answers::Answer;
use crate::context::Context;
use crate::counted::{Thing, choose, counted};
use crate::failure::Failure;
use crate::output;
use crate::shown::duration;
use runtime::protocol::{DrainPolicy, OnDrain, Status, VersionStatus};
use std::fmt::Write as _;

/// Process types shown for a version.
const TYPES_SHOWN: usize = 4;

pub(super) fn status(context: &Context) -> Result<(), Failure> {
    let status = ask_status(&mut context.connect()?)?;
    if context.json() {
        output::json(Answer::Status(Box::new(status)));
    } else {
        output::line(render(&status).trim_end());
    }
    Ok(())
}

fn render(status: &Status) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} up {}, pid {}, {}, {}, {:.1} MiB",
        status.name,
        duration(status.uptime_ms),
        status.os_pid,
        schedulers(status),
        counted(status.processes, Thing::Process),
        megabytes(status.memory_bytes)
    );
    let _ = writeln!(text, "runtime {} in {}", status.runtime, status.root);
    if has_several(status) {
        let _ = writeln!(text, "release {}", status.release);
    }
    if status.long_runners > 0 {
        let (processes, how) = (
            counted(status.long_runners, Thing::Process),
            choose(status.long_runners, "does not give way, on", "do not give way, each on"),
        );
        let _ = writeln!(text, "{processes} {how} a thread of its own");
    }
    if status.frozen_threads > 0 {
        let _ = writeln!(
            text,
            "{} {} {:.1} MiB until the node is restarted",
            counted(status.frozen_threads, Thing::Thread),
            choose(
                status.frozen_threads,
                "was frozen by a kill or a fault; it holds",
                "were frozen by kills and faults; they hold"
            ),
            megabytes(status.leaked_bytes)
        );
    }
    if status.quiet_images > 0 {
        let images =
            choose(status.quiet_images, "image has no processes, and stays", "images have no processes, and stay");
        let _ = writeln!(text, "{} older {images} loaded", status.quiet_images);
    }
    for listener in &status.listeners {
        let _ = writeln!(text, "listening {} on {}", listener.name, listener.address);
    }
    if let Some(probation) = &status.probation {
        let _ = writeln!(text, "{}", on_probation(probation));
    }
    text.push_str(&versions(status));
    text
}

/// A table, with what there is to say of each below it.
fn versions(status: &Status) -> String {
    let mut text = String::new();
    let width = status.versions.iter().map(|version| version.version.len()).max().unwrap_or(0).max(7);
    let _ = writeln!(text, "\n{:width$}  {:8}  {:>9}  {:>8}", "VERSION", "STATE", "PROCESSES", "AGE");
    let has_several = has_several(status);
    for version in &status.versions {
        let plugin = if has_several { format!("  {}", version.plugin) } else { String::new() };
        let _ = writeln!(
            text,
            "{:width$}  {:8}  {:>9}  {:>8}{plugin}",
            version.version,
            version.state,
            version.processes,
            duration(version.age_ms)
        );
        if let Some(root) = version.root.as_ref().filter(|root| root.state == "ended" && version.state == "current") {
            let _ = writeln!(text, "    its root process {} has ended: the log says why", root.pid);
        }
        text.push_str(&types(version));
        text.push_str(&holders(version));
        if let Some(OnDrain { then, in_ms }) = version.drain {
            let what = match then {
                DrainPolicy::Leave => "left to finish, but for types that are not",
                DrainPolicy::Ask => "asked to stop",
                DrainPolicy::Kill => "killed",
            };
            let _ = match in_ms {
                0 => writeln!(text, "    their time is up: they are {what}"),
                _ => writeln!(text, "    in {} they are {what}", duration(in_ms)),
            };
        }
    }
    text
}

/// A release of more than one plugin: then a version is a plugin's, and the release has its own.
fn has_several(status: &Status) -> bool {
    status.versions.iter().any(|version| !version.plugin.is_empty() && version.plugin != status.name)
}

fn schedulers(status: &Status) -> String {
    let all = counted(status.schedulers.into(), Thing::Scheduler);
    match status.schedulers_online {
        0 => all,
        online if online == status.schedulers => all,
        online => format!("{online} of {all} online"),
    }
}

fn types(version: &VersionStatus) -> String {
    version.process_types.iter().take(TYPES_SHOWN).fold(String::new(), |mut text, kind| {
        let _ = writeln!(text, "    {:>6} × {}", kind.processes, kind.name);
        text
    })
}

/// Whom to look at to find out why it is still there.
fn holders(version: &VersionStatus) -> String {
    let Some(first) = version.held_by.first() else { return String::new() };
    let others = version.processes.saturating_sub(version.held_by.len() as u64);
    let others = if others > 0 { format!(" and {others} more") } else { String::new() };
    format!("    held by {}{others}: cargo system info '{first}' says what it is\n", version.held_by.join(", "))
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1u32 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::protocol::{ListenerStatus, ProcessTypeStatus};

    fn version(name: &str, state: &str, processes: u64, age_ms: u64) -> VersionStatus {
        let kind = ProcessTypeStatus { name: "example_app::session".to_owned(), processes };
        VersionStatus {
            plugin: "example-app".to_owned(),
            release: name.to_owned(),
            version: name.to_owned(),
            state: state.to_owned(),
            processes,
            age_ms,
            root: None,
            process_types: vec![kind],
            held_by: if state == "draining" { vec!["<12.1>".to_owned(), "<14.3>".to_owned()] } else { Vec::new() },
            drain: None,
        }
    }

    fn status_of_many() -> Status {
        Status {
            release: "0.1.1+3f2a91bc".to_owned(),
            name: "example-app".to_owned(),
            os_pid: 4711,
            probation: None,
            uptime_ms: 3_723_000,
            runtime: "0.1.0".to_owned(),
            root: "/srv/app".to_owned(),
            memory_bytes: 12_582_912,
            schedulers: 2,
            schedulers_online: 1,
            long_runners: 3,
            hand_offs: 3,
            frozen_threads: 4,
            leaked_bytes: 2_097_152,
            quiet_images: 2,
            processes: 212,
            metrics: None,
            processes_max: 1 << 25,
            listeners: vec![ListenerStatus { name: "http".to_owned(), address: "127.0.0.1:4000".to_owned() }],
            versions: vec![
                version("0.1.1+3f2a91bc", "current", 200, 61_000),
                version("0.1.0+00c0ffee", "draining", 12, 90),
            ],
        }
    }

    #[test]
    fn the_table_shows_versions_newest_first() {
        let expected = "\
example-app up 1 h 2 m, pid 4711, 1 of 2 schedulers online, 212 processes, 12.0 MiB
runtime 0.1.0 in /srv/app
3 processes do not give way, each on a thread of its own
4 threads were frozen by kills and faults; they hold 2.0 MiB until the node is restarted
2 older images have no processes, and stay loaded
listening http on 127.0.0.1:4000

VERSION         STATE     PROCESSES       AGE
0.1.1+3f2a91bc  current         200   1 m 1 s
       200 × example_app::session
0.1.0+00c0ffee  draining         12     90 ms
        12 × example_app::session
    held by <12.1>, <14.3> and 10 more: cargo system info '<12.1>' says what it is
";
        assert_eq!(render(&status_of_many()), expected);
    }

    #[test]
    fn one_of_each_is_said_of_one() {
        let status = Status {
            schedulers: 1,
            schedulers_online: 1,
            long_runners: 1,
            frozen_threads: 1,
            quiet_images: 1,
            processes: 1,
            listeners: Vec::new(),
            versions: vec![version("0.1.0", "current", 1, 2_000)],
            ..status_of_many()
        };
        let expected = "\
example-app up 1 h 2 m, pid 4711, 1 scheduler, 1 process, 12.0 MiB
runtime 0.1.0 in /srv/app
1 process does not give way, on a thread of its own
1 thread was frozen by a kill or a fault; it holds 2.0 MiB until the node is restarted
1 older image has no processes, and stays loaded

VERSION  STATE     PROCESSES       AGE
0.1.0    current           1       2 s
         1 × example_app::session
";
        assert_eq!(render(&status), expected);
    }
}
