//! Guards what a compiler does not: rooms, where unsafe code may stand, sizes, and words that do not belong into a repository.
//!
//! The tables are ratchets. An edge, a file or a length that is no longer needed must leave its table, so that it
//! cannot come back unnoticed.

mod source;

use source::{Source, workspace_sources};
use std::collections::{BTreeMap, BTreeSet};

/// What each package of this repository may depend on, of this repository.
const PACKAGES: &[(&str, &[&str])] = &[
    ("cargo-system", &["cargo-system-runtime"]),
    ("cargo-system-runtime", &["plugin-abi"]),
    ("example-app", &["plugin-abi"]),
    ("plugin-abi", &["plugin-abi-derive"]),
    ("plugin-abi-derive", &[]),
    ("system-book", &["plugin-abi"]),
    ("system-tests", &[]),
];

/// What each room of the runtime may use, of the other rooms: the arrows of ARCHITECTURE.md.
const ROOMS: &[(&str, &[&str])] = &[
    ("console", &["image", "memory", "observe", "process", "protocol", "registry", "timely"]),
    (
        "control",
        &[
            "console",
            "image",
            "listen",
            "log",
            "metrics",
            "observe",
            "process",
            "protocol",
            "release",
            "scheduler",
            "timely",
            "upgrade",
        ],
    ),
    ("host", &["image", "io", "log", "moving", "observe", "process", "registry", "scheduler", "timer", "waker"]),
    ("image", &["counter", "schema"]),
    ("io", &["slab", "waker"]),
    ("listen", &["image", "io", "log", "process", "scheduler", "timer", "waker"]),
    ("log", &["protocol"]),
    ("metrics", &["log", "observe", "protocol", "scheduler", "timely", "upgrade"]),
    ("moving", &["image", "process", "protocol", "scheduler"]),
    (
        "node",
        &[
            "control",
            "host",
            "image",
            "listen",
            "log",
            "metrics",
            "moving",
            "process",
            "protocol",
            "release",
            "scheduler",
            "upgrade",
        ],
    ),
    ("observe", &["image", "process", "protocol", "scheduler"]),
    ("process", &["image", "slab", "sync"]),
    ("registry", &["process"]),
    ("release", &["image", "protocol", "schema"]),
    ("scheduler", &["image", "io", "log", "process", "registry", "sync", "timer", "waker"]),
    ("timer", &["counter", "waker"]),
    ("upgrade", &["host", "image", "listen", "log", "moving", "process", "protocol", "release", "scheduler", "schema"]),
];

/// The only files with unsafe code, from the repository's root.
const UNSAFE_FILES: &[&str] = &[
    "plugin-abi/src/abi/application.rs",
    "plugin-abi/src/abi/host.rs",
    "plugin-abi/src/abi/mod.rs",
    "plugin-abi/src/abi/process.rs",
    "plugin-abi/src/alloc.rs",
    "plugin-abi/src/export.rs",
    "plugin-abi/src/ffi/boxed.rs",
    "plugin-abi/src/ffi/console.rs",
    "plugin-abi/src/ffi/entry.rs",
    "plugin-abi/src/ffi/future.rs",
    "plugin-abi/src/ffi/host.rs",
    "plugin-abi/src/ffi/log.rs",
    "plugin-abi/src/ffi/message.rs",
    "plugin-abi/src/ffi/node.rs",
    "plugin-abi/src/ffi/read.rs",
    "plugin-abi/src/ffi/waker.rs",
    "plugin-abi/src/net/left.rs",
    "runtime/src/host/adopt.rs",
    "runtime/src/host/io.rs",
    "runtime/src/host/messages.rs",
    "runtime/src/host/mod.rs",
    "runtime/src/host/moving.rs",
    "runtime/src/host/names.rs",
    "runtime/src/host/node.rs",
    "runtime/src/host/processes.rs",
    "runtime/src/host/start.rs",
    "runtime/src/image/application.rs",
    "runtime/src/image/load.rs",
    "runtime/src/io/abandon.rs",
    "runtime/src/io/poller.rs",
    "runtime/src/listen/current.rs",
    "runtime/src/listen/listener.rs",
    "runtime/src/memory.rs",
    "runtime/src/moving/helper.rs",
    "runtime/src/observe/call.rs",
    "runtime/src/process/cell.rs",
    "runtime/src/process/fate.rs",
    "runtime/src/process/mailbox.rs",
    "runtime/src/process/message.rs",
    "runtime/src/process/notice.rs",
    "runtime/src/process/table.rs",
    "runtime/src/scheduler/clock.rs",
    "runtime/src/scheduler/exit.rs",
    "runtime/src/scheduler/mod.rs",
    "runtime/src/scheduler/queue.rs",
    "runtime/src/scheduler/receiver.rs",
    "runtime/src/scheduler/seat.rs",
    "runtime/src/scheduler/signal.rs",
    "runtime/src/scheduler/stress.rs",
    "runtime/src/scheduler/thread.rs",
    "runtime/src/scheduler/waker.rs",
    "runtime/src/scheduler/worker.rs",
    "runtime/src/slab.rs",
    "runtime/src/upgrade/candidate.rs",
    "runtime/src/waker.rs",
    "runtime/tests/loom/life.rs",
    "runtime/tests/loom/message.rs",
    "runtime/tests/loom/post.rs",
];

/// No file is longer, except these …
const FILE_LINES_MAX: usize = 400;
/// … which must not grow.
const LONG_FILES: &[(&str, usize)] = &[];

/// No function is longer, except these …
const FUNCTION_LINES_MAX: usize = 70;
/// … which must not grow: `file`, `name`, lines.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[];

/// Words for unfinished work, spelled so that this file does not contain them.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("unimplemented", "!"),
    concat!("todo", "!"),
];

/// Fails with all findings at once, so that one run shows everything there is to do.
fn report(claim: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{claim}:\n  {}", findings.join("\n  "));
}

#[test]
fn packages_depend_on_each_other_only_as_the_house_allows() {
    let found = source::package_edges();
    let allowed: BTreeMap<&str, &[&str]> = PACKAGES.iter().copied().collect();
    let mut findings = Vec::new();
    for (package, uses) in &found {
        let Some(allowed) = allowed.get(package.as_str()) else {
            findings.push(format!("package {package} is not in PACKAGES"));
            continue;
        };
        let extra = uses.iter().filter(|used| !allowed.contains(&used.as_str()));
        findings.extend(extra.map(|used| format!("{package} must not depend on {used}")));
    }
    report("the house's arrows (ARCHITECTURE.md) are broken", &findings);
}

#[test]
fn plugins_never_name_the_runtime() {
    let sources = workspace_sources().into_iter().filter(|source| source.path.starts_with("example-app/"));
    let naming = sources.filter(|source| source.code_lines().any(|(_, line)| names(line, "runtime")));
    let findings: Vec<_> = naming.map(|source| format!("{} names `runtime`", source.path)).collect();
    report("a plugin sees plugin-abi alone", &findings);
}

#[test]
fn rooms_of_the_runtime_use_each_other_only_as_drawn() {
    let found = runtime_edges();
    let drawn: BTreeSet<(String, String)> =
        ROOMS.iter().flat_map(|(room, uses)| uses.iter().map(|used| ((*room).into(), (*used).into()))).collect();
    let undrawn = found.keys().filter(|edge| !drawn.contains(edge));
    let mut findings: Vec<_> = undrawn
        .map(|edge| format!("{} must not use {} (ROOMS), but {} does", edge.0, edge.1, found[edge].join(", ")))
        .collect();
    let unused = drawn.iter().filter(|edge| !found.contains_key(*edge));
    findings.extend(unused.map(|(room, used)| format!("{room} no longer uses {used}: take it out of ROOMS")));
    report("the runtime's rooms use each other otherwise than drawn", &findings);
}

#[test]
fn rooms_are_drawn_in_one_direction() {
    let circles: BTreeSet<String> = ROOMS.iter().filter_map(|(room, _)| circle(&[*room])).collect();
    report("the runtime's rooms use each other in one direction", &circles.into_iter().collect::<Vec<_>>());
}

/// A way from the first room of `path` along the arrows and back to it.
fn circle(path: &[&str]) -> Option<String> {
    let last = path.last()?;
    let (_, uses) = ROOMS.iter().find(|(room, _)| room == last)?;
    uses.iter().find_map(|used| {
        let way = [path, &[*used]].concat();
        match path.iter().position(|room| room == used) {
            Some(0) => Some(way.join(" → ")),
            Some(_) => None,
            None => circle(&way),
        }
    })
}

/// `(room, used room)` → the files that do it.
fn runtime_edges() -> BTreeMap<(String, String), Vec<String>> {
    let sources: Vec<_> = workspace_sources().into_iter().filter(|s| s.path.starts_with("runtime/src/")).collect();
    let rooms: BTreeSet<String> = sources.iter().filter_map(|source| source.room()).collect();
    let mut edges: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for source in &sources {
        let Some(room) = source.room() else { continue };
        for used in source.used_rooms(&rooms) {
            if used != room {
                edges.entry((room.clone(), used)).or_default().push(source.path.clone());
            }
        }
    }
    edges
}

#[test]
fn unsafe_code_stands_only_in_its_named_files() {
    let sources = workspace_sources();
    let with: BTreeSet<_> = sources.iter().filter(|source| source.has_unsafe()).map(|s| s.path.as_str()).collect();
    let named: BTreeSet<_> = UNSAFE_FILES.iter().copied().collect();
    let mut findings: Vec<_> =
        with.difference(&named).map(|file| format!("{file} has unsafe code and is not in UNSAFE_FILES")).collect();
    findings
        .extend(named.difference(&with).map(|file| format!("{file} has no unsafe code: take it out of UNSAFE_FILES")));
    report("unsafe code stands in a short, named list of files", &findings);
}

#[test]
fn files_fit_a_sitting() {
    let mut findings = Vec::new();
    for source in workspace_sources() {
        let max = LONG_FILES.iter().find(|(path, _)| *path == source.path).map_or(FILE_LINES_MAX, |(_, max)| *max);
        let lines = source.text.lines().count();
        if lines > max {
            findings.push(format!("{} has {lines} lines, more than {max}", source.path));
        } else if max > FILE_LINES_MAX && lines < max {
            findings.push(format!("{} has only {lines} lines: lower its entry in LONG_FILES", source.path));
        }
    }
    report("a file is read in one sitting", &findings);
}

#[test]
fn functions_fit_a_screen() {
    let mut findings = Vec::new();
    for source in workspace_sources() {
        for (name, lines) in source.functions() {
            let entry = LONG_FUNCTIONS.iter().find(|(path, function, _)| *path == source.path && *function == name);
            let max = entry.map_or(FUNCTION_LINES_MAX, |(_, _, max)| *max);
            if lines > max {
                findings.push(format!("{}: {name} has {lines} lines, more than {max}", source.path));
            }
        }
    }
    report("a function fits a screen", &findings);
}

#[test]
fn each_file_says_what_it_is_for() {
    let silent = workspace_sources().into_iter().filter(|source| !source.text.starts_with("//!"));
    let findings: Vec<_> = silent.map(|source| format!("{} does not begin with `//!`", source.path)).collect();
    report("each file begins with its purpose", &findings);
}

#[test]
fn nothing_is_left_unfinished() {
    let mut findings = Vec::new();
    for source in workspace_sources() {
        for (number, line) in source.text.lines().enumerate() {
            if UNFINISHED.iter().any(|word| line.contains(word)) {
                findings.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    report("work is finished or in the issue tracker", &findings);
}

/// Does the line use this word as a path's first part?
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].strip_prefix("::");
        after.is_some() && !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn the_scanner_sees_what_it_should() {
    let text = "//! x\nfn a() {\n    b()\n}\n\nimpl X {\n    pub async fn c(\n        d: u8,\n    ) {\n        UNSAFE e() }\n    }\n}\n";
    let text = text.replace("UNSAFE", concat!("un", "safe {"));
    let source = Source { path: "runtime/src/room/file.rs".into(), text };
    assert_eq!(source.functions(), [("a".to_owned(), 3), ("c".to_owned(), 5)]);
    assert!(source.has_unsafe());
    assert_eq!(source.room().as_deref(), Some("room"));
    assert!(names("use runtime::node;", "runtime") && !names("my_runtime::x", "runtime"));
}
