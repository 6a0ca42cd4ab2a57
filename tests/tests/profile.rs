//! A person profiles a running node: stacks that lead to the culprit, as a picture, folded, and as JSON.

use serde_json::Value;
use system_tests::node::Node;
use system_tests::runaway::{Control, LIMIT, node};
use system_tests::sandbox::Sandbox;
use system_tests::wait;

const ERROR: i32 = 1;
const USAGE: i32 = 2;

fn profile(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let cli = sandbox.cli(["profile", "--for", "1s", "--json"]);
    cli.args(arguments).expect(0).json()
}

/// The share of the samples whose stacks have a function of that name.
fn share(profile: &Value, function: &str) -> f64 {
    let (mut met, mut all) = (0.0, 0.0);
    for stack in profile["stacks"].as_array().expect("stacks") {
        let samples = stack["samples"].as_f64().expect("a number");
        all += samples;
        let frames = stack["frames"].as_array().expect("frames");
        if frames.iter().any(|frame| frame.as_str().is_some_and(|frame| frame.contains(function))) {
            met += samples;
        }
    }
    assert_eq!(all, profile["samples"].as_f64().expect("a number"), "all are in a stack");
    met / all
}

/// So many profiles go on in the node, by its threads.
fn profilers(node: &Node) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", node.os_pid())).expect("its threads");
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.flatten().map(name).filter(|name| name.trim() == "profile").count()
}

#[test]
fn a_spinner_is_found_by_its_function() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    let spinner = control.start_spinner();
    let version = node.version();
    for whom in [&[spinner.as_str()][..], &["--version", &version], &[]] {
        let profile = profile(&sandbox, whom);
        assert!(profile["samples"].as_u64().expect("a number") >= 3, "{profile}");
        assert!(share(&profile, "spin<runaway::kinds") > 0.8, "{whom:?}: {profile}");
        let frames = profile["stacks"][0]["frames"].as_array().expect("frames");
        assert_eq!(frames[0], version.as_str(), "the version stands outermost: {profile}");
        assert!(profile["cost_max_ns"].as_u64().expect("a number") < 1_000_000, "{profile}");
    }
    let folded = sandbox.cli(["profile", &spinner, "--for", "500ms", "--folded"]).expect(0).stdout;
    for line in folded.lines() {
        let (stack, count) = line.rsplit_once(' ').expect("a count");
        assert!(stack.starts_with(&format!("{version};")) && count.parse::<u64>().is_ok(), "{line}");
    }
    let svg = sandbox.beside("flames.svg");
    let said = sandbox.cli(["profile", "--for", "500ms", "--hz", "500", "--out"]).args([&svg]).expect(0);
    assert_eq!(said.stdout.trim(), svg.display().to_string());
    assert!(said.stderr.contains("samples of the node in"), "{}", said.stderr);
    let text = std::fs::read_to_string(&svg).expect("written");
    assert!(text.contains("spin&lt;runaway::kinds") && text.trim_end().ends_with("</svg>"), "{text}");
    let table = sandbox.cli(["profile", "--for", "500ms"]).expect(0).stdout;
    assert!(table.starts_with("SELF") && table.contains("spin<runaway::kinds"), "{table}");
    let evaluated = sandbox.cli(["eval", &format!("profile(\"{spinner}\", 0.5)[0].stack")]).expect(0).stdout;
    assert!(evaluated.contains("spin<runaway::kinds"), "{evaluated}");
}

#[test]
fn who_waits_is_in_no_stack_and_who_ends_ends_it() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    for kind in ["receive", "read"] {
        let waiting = control.start(kind);
        let said = sandbox.cli(["profile", &waiting, "--for", "300ms"]).expect(ERROR);
        let expected = format!("no stack was met: {waiting} used no processor");
        assert_eq!(said.complaint().0, Some(expected.as_str()));
    }
    let spinner = control.start_spinner();
    let profiled = std::thread::scope(|scope| {
        let profiled = scope.spawn(|| sandbox.cli(["profile", &spinner, "--for", "10m", "--json"]).expect(0).json());
        wait::until("it is profiled", LIMIT, || (profilers(&node) == 1).then_some(())).expect("a profile");
        let used = || sandbox.cli(["info", &spinner, "--json"]).expect(0).json()["cpu_ns"].as_u64().expect("a number");
        let before = used();
        wait::until("it works", LIMIT, || (used() > before + 200_000_000).then_some(())).expect("it spins");
        assert_eq!(control.ask(&format!("kill {spinner}")), "killed");
        profiled.join().expect("it ends with its process")
    });
    assert_eq!(profiled["has_ended"], true, "{profiled}");
}

#[test]
fn what_cannot_be_profiled_is_said_before_it_is_tried() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    let pid = control.start("end");
    wait::until("it ends", LIMIT, || (control.ask(&format!("info {pid}")) == "dead").then_some(())).expect("dead");
    let folder = sandbox.beside("no folder").join("f.svg");
    let folder = folder.to_str().expect("text");
    for (arguments, code, complaint) in [
        (&[pid.as_str()][..], ERROR, "it has ended, or never was"),
        (&["1.x"], ERROR, "is no pid; pids look like <12.3>, or 12.3"),
        (&["--version", "9.9.9"], ERROR, "there is no version 9.9.9: nothing of it lives"),
        (&["--out", folder], ERROR, "cannot be written: No such file or directory"),
        (&["--out", "/"], ERROR, "/ cannot be written: it is a folder"),
        (&["--hz", "0"], USAGE, "0 is not in 1..=1000"),
        (&["--for", "0s"], USAGE, "write a time from 50ms to 10m"),
        (&["--for", "1h"], USAGE, "write a time from 50ms to 10m"),
        (&["1.1", "--version", "1"], USAGE, "cannot be used with"),
    ] {
        let said = sandbox.cli(["profile"]).args(arguments).expect(code);
        assert!(said.stderr.contains(complaint), "{arguments:?}: {}", said.stderr);
    }
}

#[test]
fn several_at_once_and_clients_that_go_away_do_no_harm() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    let spinner = control.start_spinner();
    let cli = sandbox.cli(["profile", "--for", "10m", "--hz", "1000"]);
    let mut left = cli.into_command().spawn().expect("a client");
    std::thread::scope(|scope| {
        let profiles: Vec<_> = (0..3).map(|_| scope.spawn(|| profile(&sandbox, &["--hz", "200"]))).collect();
        for profile in profiles {
            let profile = profile.join().expect("profiled");
            assert!(share(&profile, "spin<runaway::kinds") > 0.5, "{profile}");
        }
        let frames = sandbox.cli(["stack", &spinner]).expect(0).stdout;
        assert!(frames.contains("spin"), "{frames}");
    });
    left.kill().expect("killed");
    left.wait().expect("gone");
    wait::until("nobody is profiled", LIMIT, || (profilers(&node) == 0).then_some(())).expect("nothing is left");
    assert_eq!(control.ask(&format!("kill {spinner}")), "killed");
}
