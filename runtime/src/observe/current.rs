//! In which function processes stand, for a list of them: the innermost of the plugin's own code.
//!
//! Bounds: [`SAMPLING`] for all of a list, in which those who use a processor come before others; what is not looked at in time has no function. Names that
//! are not known yet may take [`NAMING`], which holds up nobody but who asks.

use super::list::{find, row};
use super::{NoProcess, namer};
use crate::protocol::{Frame, ProcessStatus};
use crate::scheduler::{self, Sampled, Snapshot};
use std::time::{Duration, Instant};

const SAMPLING: Duration = Duration::from_millis(100);
/// One that does not get a processor keeps others from being looked at for no longer.
const EACH: Duration = Duration::from_millis(20);
const NAMING: Duration = Duration::from_secs(1);

/// A stack, whose it is on the list, and whether it waits.
type Found = (usize, Snapshot, bool);

/// Says of each in which function it stands, of the running ones by a signal, and of those that wait, if they have used a processor, by a poll.
pub(crate) fn tell_functions(rows: &mut [ProcessStatus]) {
    let until = Instant::now() + SAMPLING;
    let found: Vec<Found> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| is_running(row) || row.cpu_percent.is_some_and(|share| share > 0.0))
        .filter_map(|(place, row)| {
            let (snapshot, is_waiting) = sampled(&row.pid, until)?;
            Some((place, snapshot, is_waiting))
        })
        .collect();
    if found.is_empty() {
        return;
    }
    let named = namer::ask(NAMING, move |known| {
        known.renew()?;
        let name = |(place, snapshot, is_waiting): &Found| {
            let frames = known.frames(snapshot, *is_waiting);
            Some((*place, shown(innermost(&frames)?)))
        };
        Ok(found.iter().filter_map(name).collect::<Vec<_>>())
    });
    // Without names there are no functions; the next look finds them known.
    for (place, function) in named.and_then(|named| named).unwrap_or_default() {
        rows[place].current = Some(function);
    }
}

/// All that is known of a process, and where it stands, if it runs: one that waits is not polled for that.
pub(crate) fn info(pid: &str) -> Result<ProcessStatus, NoProcess> {
    let mut info = row(&find(pid)?);
    tell_functions(std::slice::from_mut(&mut info));
    Ok(info)
}

fn is_running(row: &ProcessStatus) -> bool {
    matches!(row.state.as_str(), "running" | "long runner" | "paused")
}

fn sampled(pid: &str, until: Instant) -> Option<(Snapshot, bool)> {
    let left = until.saturating_duration_since(Instant::now()).min(EACH);
    if left.is_zero() {
        return None;
    }
    match scheduler::sample_within(&find(pid).ok()?, left) {
        Sampled::Running(snapshot) => Some((snapshot, false)),
        Sampled::Waiting(snapshots) => snapshots.into_iter().next().map(|snapshot| (snapshot, true)),
        Sampled::Late | Sampled::Ended => None,
    }
}

/// The innermost frame in the plugin's own code, or else of all.
fn innermost(frames: &[Frame]) -> Option<&Frame> {
    /// Where code stands that is not one's own: std, crates, the SDK; and what a release calls that.
    const OTHERS: [&str; 8] = [
        "/rustc/",
        "/rustlib/src/",
        "/registry/src/",
        "/git/checkouts/",
        "plugin-abi/src/",
        "/cargo/registry/",
        "/cargo/git/",
        "/cargo/path/plugin-abi-",
    ];
    let is_own = |frame: &&Frame| {
        let file = frame.file.as_deref().filter(|file| !OTHERS.iter().any(|other| file.contains(other)));
        frame.version.is_some() && file.is_some()
    };
    frames.iter().find(is_own).or_else(|| frames.first())
}

/// `spin kinds.rs:182`; what has no name of its own, an `async` block, by its place alone.
fn shown(frame: &Frame) -> String {
    let name = frame.function.split(['<', '{']).next().unwrap_or_default().trim_end_matches("::");
    let name = name.rsplit("::").next().unwrap_or_default();
    let file = frame.file.as_deref().and_then(|file| file.rsplit('/').next());
    match (name, file.zip(frame.line)) {
        ("", None) => frame.function.clone(),
        ("", Some((file, line))) => format!("{file}:{line}"),
        (name, None) => name.to_owned(),
        (name, Some((file, line))) => format!("{name} {file}:{line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_function_is_ones_own() {
        let frame = |function: &str, file: &str, version: Option<&str>| Frame {
            function: function.to_owned(),
            file: Some(file.to_owned()),
            line: Some(1),
            is_inlined: false,
            version: version.map(str::to_owned),
        };
        let others = [
            frame("core::hint::black_box", "/rustc/0123/library/core/src/hint.rs", Some("1.0.0")),
            frame("serde::de::visit", "/home/a/.cargo/registry/src/index/serde-1.0.0/src/de.rs", Some("1.0.0")),
            frame("plugin_abi::time::sleep", "/w/plugin-abi/src/time.rs", Some("1.0.0")),
            frame("serde::de::visit", "/cargo/registry/serde-1.0.0/src/de.rs", Some("1.0.0")),
            frame("plugin_abi::time::sleep", "/cargo/path/plugin-abi-0.1.0/src/time.rs", Some("1.0.0")),
            frame("runtime::worker", "/w/runtime/src/worker.rs", None),
        ];
        let own = frame("sum<app::sum::Term>", "/w/app/src/sum.rs", Some("1.0.0"));
        let told = |frames: &[Frame]| innermost(frames).map(shown);
        assert_eq!(told(&[others.as_slice(), &[own]].concat()).as_deref(), Some("sum sum.rs:1"));
        assert_eq!(told(&others).as_deref(), Some("black_box hint.rs:1"));
        assert_eq!(told(&[]), None);
    }

    #[test]
    fn a_function_is_shown_by_what_it_is_called_and_where_it_stands() {
        for (function, file, text) in [
            ("app::sum::count", Some("/w/src/sum.rs"), "count sum.rs:7"),
            ("app::sum::count::{{closure}}", Some("/w/src/sum.rs"), "count sum.rs:7"),
            ("{async_fn#0}", Some("/w/src/sum.rs"), "sum.rs:7"),
            ("libc.so+0x10", None, "libc.so+0x10"),
            ("<a::B as c::D>::e", None, "<a::B as c::D>::e"),
        ] {
            let frame = Frame {
                function: function.to_owned(),
                file: file.map(str::to_owned),
                line: file.map(|_| 7),
                is_inlined: false,
                version: None,
            };
            assert_eq!(shown(&frame), text);
        }
    }
}
