//! A process's stack for people: sampled, unwound and given names, the last two on a thread that goes behind others (`namer.rs`).

use super::NoProcess;
use super::known::{Known, Shelf};
use super::list::{find, state_name};
use super::namer;
use crate::process::Handle;
use crate::protocol::{Frame, Stack};
use crate::scheduler::{self, Sampled, Snapshot};
use std::time::Duration;

/// How far behind others the search for names goes: it may take some 100 ms of a processor.
const NICENESS: i32 = 10;
/// How long that is waited for, behind others.
const NAMING: Duration = Duration::from_secs(8);

/// Where the process stands. Not for a scheduler's thread: it waits.
pub(crate) fn stack(pid: &str) -> Result<Stack, NoProcess> {
    let process = find(pid)?;
    let name = process.pid().to_string();
    let state = state_name(scheduler::info(&process).activity);
    let sampled = scheduler::sample(&process);
    let (snapshots, state) = match sampled {
        Sampled::Running(snapshot) => (vec![snapshot], if state == "waiting" { "running" } else { state }),
        Sampled::Waiting(snapshots) => (snapshots, if state == "runnable" { state } else { "waiting" }),
        Sampled::Late => return Err(NoProcess::Late(name)),
        Sampled::Ended => return Err(NoProcess::Gone(name)),
    };
    let cost = snapshots.iter().map(|snapshot| snapshot.cost).max().unwrap_or(Duration::ZERO);
    let is_waiting = matches!(state, "waiting" | "runnable");
    let stacks = namer::ask(NAMING, move |known| named(&snapshots, is_waiting, known))
        .and_then(|stacks| stacks)
        .map_err(|error| NoProcess::Unreadable(name, error.to_string()))?;
    Ok(described(&process, state, stacks, cost))
}

fn described(process: &Handle, state: &str, stacks: Vec<Vec<Frame>>, cost: Duration) -> Stack {
    Stack {
        pid: process.pid().to_string(),
        process_type: process.type_name().to_owned(),
        version: process.image().version.to_owned(),
        state: state.to_owned(),
        stacks,
        cost_ns: u64::try_from(cost.as_nanos()).unwrap_or(u64::MAX),
    }
}

/// Does it on a thread that goes behind others. An error: there is no thread for it, or it has panicked.
pub(super) fn behind_others<T: Send>(act: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("behind".to_owned()).spawn_scoped(scope, || {
            go_behind_others();
            act()
        })?;
        thread.join().map_err(|_| std::io::Error::other("its stack cannot be read"))
    })
}

/// From here on this thread goes behind others.
pub(super) fn go_behind_others() {
    // Refused, it is as fast as others.
    let _: Result<(), _> = rustix::process::setpriority_process(None, NICENESS);
}

fn named(snapshots: &[Snapshot], is_waiting: bool, known: &mut Known<'_>) -> std::io::Result<Vec<Vec<Frame>>> {
    known.renew()?;
    let mut stacks = Vec::new();
    for snapshot in snapshots {
        let frames = known.frames(snapshot, is_waiting);
        if !frames.is_empty() && !stacks.contains(&frames) {
            stacks.push(frames);
        }
    }
    Ok(stacks)
}

/// Of one that panics, from where it does: without what leads from there to whoever has copied the stack. Empty: it cannot be read.
pub(crate) fn of_panic(snapshot: &Snapshot) -> Vec<Frame> {
    let shelf = Shelf::default();
    let frames = Known::new(&shelf).map(|mut known| known.frames(snapshot, true));
    from_panic(frames.unwrap_or_default())
}

fn from_panic(mut frames: Vec<Frame>) -> Vec<Frame> {
    /// So many frames lead from a panic to its hook's call of the node, at the most.
    const HOOK_LEN_MAX: usize = 24;
    let is_panicking =
        |frame: &Frame| ["panicking::", "rust_begin_unwind"].iter().any(|part| frame.function.contains(part));
    let last = frames.iter().take(HOOK_LEN_MAX).rposition(is_panicking);
    frames.drain(..last.map_or(0, |last| last + 1));
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panics_stack_begins_where_it_panicked() {
        let frame = |function: &str| Frame {
            function: function.to_owned(),
            file: None,
            line: None,
            is_inlined: false,
            version: None,
        };
        let names = |frames: Vec<Frame>| frames.into_iter().map(|frame| frame.function).collect::<Vec<_>>().join(" ");
        let hook = [
            "sdk::hook",
            "std::panicking::rust_panic_with_hook",
            "__rustc::rust_begin_unwind",
            "core::panicking::panic_fmt",
        ];
        let own = ["core::option::expect_failed", "app::sum", "app::serve"];
        assert_eq!(names(from_panic(hook.iter().chain(&own).map(|name| frame(name)).collect())), own.join(" "));
        assert_eq!(names(from_panic(own.map(frame).to_vec())), own.join(" "), "whatever is there is kept");
    }
}
