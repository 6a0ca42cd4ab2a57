//! What an expression can call.

use super::limits::Leash;
use super::{Tools, exported};
use crate::observe;
use crate::process::Pid;
use crate::protocol::{ProfileTarget, Selection, Sort};
use crate::registry;
use rhai::{Dynamic, Engine, EvalAltResult, Map};
use serde::Serialize;
use serde_json::json;
use std::time::Duration;

type Answer = Result<Dynamic, Box<EvalAltResult>>;

/// So many processes, unless one asks for more.
const COUNT: i64 = 100;
const COUNT_MAX: i64 = 1_000;
/// So many of the first say in which function they stand.
const FUNCTIONS: usize = 20;
/// How long shares are measured, unless one says.
const INTERVAL: Duration = Duration::from_millis(400);
const INTERVAL_MAX_S: f64 = 60.0;
/// How long a profile takes, unless one says; how often it looks, and so many stacks are shown.
const PROFILE: Duration = Duration::from_secs(2);
const PROFILE_HZ: u32 = 99;
const STACKS: usize = 20;
/// Of a value that is none that was asked for, so many characters are shown.
const SHOWN_LEN_MAX: usize = 100;

/// With what they do, for people.
const HELP: [(&str, &str); 11] = [
    ("processes()", "the 100 that have used most processor time; processes(n), processes(n, \"mailbox\")"),
    ("top()", "the 20 that use most now; top(seconds), top(seconds, n)"),
    ("info(p)", "all that is known of a process; p is a pid, or what has one"),
    ("stack(p)", "where it stands: functions, files, lines"),
    ("profile(p)", "the 20 stacks that it was met with most, in 2 s; profile(p, seconds); () for the node"),
    ("whereis(name)", "the pid that is registered by that name, or ()"),
    ("tree()", "who has started whom, in each version"),
    ("versions()", "versions that live"),
    ("kill(p)", "ends it; kill(p, reason) sends an exit signal"),
    ("send(p, message)", "a message, as serde writes it: send(p, #{Add: 5}), send(p, \"Reset\")"),
    ("help()", "this"),
];

/// Their names, for completion.
pub(super) fn names() -> Vec<String> {
    let name = |(call, _): &(&str, &str)| call.split('(').next().unwrap_or_default().to_owned();
    HELP.iter().map(name).chain(["print".to_owned()]).collect()
}

pub(super) fn register(engine: &mut Engine, tools: &Tools, leash: &Leash) {
    register_lists(engine, leash);
    register_process(engine, leash);
    register_profile(engine, leash);
    let (status, held) = (tools.status.clone(), leash.clone());
    engine.register_fn("versions", move || value(&held.aside(|| status()).versions));
    let (trees, held) = (tools.trees.clone(), leash.clone());
    engine.register_fn("tree", move || value(&held.aside(|| trees()).versions));
    let tools = tools.clone();
    engine.register_fn("help", move || help(&exported::names(&tools)));
}

fn help(exported: &[String]) -> String {
    let own = HELP.iter().map(|(call, what)| format!("{call:18} {what}"));
    let theirs = exported.iter().map(|name| format!("{:18} the application's own", format!("{name}(…)")));
    own.chain(theirs).collect::<Vec<_>>().join("\n")
}

fn register_lists(engine: &mut Engine, leash: &Leash) {
    let held = leash.clone();
    engine.register_fn("processes", move || held.aside(|| processes(COUNT, "cpu")));
    let held = leash.clone();
    engine.register_fn("processes", move |count: i64| held.aside(|| processes(count, "cpu")));
    let held = leash.clone();
    engine.register_fn("processes", move |count: i64, sort: &str| held.aside(|| processes(count, sort)));
    let held = leash.clone();
    engine.register_fn("top", move || top(INTERVAL, 20, &held));
    let held = leash.clone();
    engine.register_fn("top", move |seconds: Dynamic| top(interval(&seconds)?, 20, &held));
    let held = leash.clone();
    engine.register_fn("top", move |seconds: Dynamic, count: i64| top(interval(&seconds)?, count, &held));
}

fn register_process(engine: &mut Engine, leash: &Leash) {
    let held = leash.clone();
    engine.register_fn("info", move |process: Dynamic| {
        let pid = pid(process)?;
        held.aside(|| observe::info(&pid)).map_err(|error| failed(&error)).and_then(|info| value(&info))
    });
    let held = leash.clone();
    engine.register_fn("stack", move |process: Dynamic| {
        let pid = pid(process)?;
        held.aside(|| observe::stack(&pid)).map_err(|error| failed(&error)).and_then(|stack| value(&stack))
    });
    let held = leash.clone();
    engine.register_fn("kill", move |process: Dynamic| held.aside(|| kill(process, None)));
    let held = leash.clone();
    engine.register_fn("kill", move |process: Dynamic, reason: &str| held.aside(|| kill(process, Some(reason))));
    engine.register_fn("send", |process: Dynamic, message: Dynamic| -> Result<(), Box<EvalAltResult>> {
        let message = rhai::serde::from_dynamic::<serde_json::Value>(&message)?;
        observe::send(&pid(process)?, &message).map_err(|error| failed(&error))
    });
    engine.register_fn("whereis", |name: &str| {
        registry::whereis(name).map_or(Dynamic::UNIT, |pid: Pid| pid.to_string().into())
    });
}

fn register_profile(engine: &mut Engine, leash: &Leash) {
    let held = leash.clone();
    engine.register_fn("profile", move |process: Dynamic| profile(process, PROFILE, &held));
    let held = leash.clone();
    engine
        .register_fn("profile", move |process: Dynamic, seconds: Dynamic| profile(process, interval(&seconds)?, &held));
}

fn profile(process: Dynamic, time: Duration, leash: &Leash) -> Answer {
    let target = if process.is_unit() { ProfileTarget::Node } else { ProfileTarget::Process(pid(process)?) };
    let profile = leash.aside(|| observe::profile(&target, time, PROFILE_HZ, || leash.holds()));
    let profile = profile.map_err(|error| failed(&error))?;
    let Some(mut profile) = profile else { return Err("the profile was broken off".into()) };
    profile.stacks.truncate(STACKS);
    let stacks = profile.folded();
    let stacks = stacks.lines().filter_map(|line| line.rsplit_once(' '));
    let stacks: Vec<_> =
        stacks.map(|(stack, samples)| json!({ "stack": stack, "samples": samples.parse::<u64>().ok() })).collect();
    value(&stacks)
}

fn value(of: &impl Serialize) -> Answer {
    rhai::serde::to_dynamic(of)
}

fn failed(error: &dyn std::error::Error) -> Box<EvalAltResult> {
    error.to_string().into()
}

/// A pid, as text or as a member `pid` of something.
fn pid(of: Dynamic) -> Result<String, Box<EvalAltResult>> {
    if let Some(map) = of.read_lock::<Map>() {
        let pid = map.get("pid").and_then(|pid| pid.clone().into_string().ok());
        return pid.ok_or_else(|| "a map without pid names no process".into());
    }
    let no_pid = no_pid(&of);
    of.into_string().map_err(|_| no_pid.into())
}

/// Why that value is no pid's.
fn no_pid(of: &Dynamic) -> String {
    if of.is_unit() {
        return "() names no process: whereis gives () when nobody has that name".to_owned();
    }
    if of.is_array() {
        return "a list names no process: take one of it, such as top()[0]".to_owned();
    }
    let shown: String = of.to_string().chars().take(SHOWN_LEN_MAX).collect();
    format!("{shown} names no process; give a pid such as \"<12.3>\"")
}

fn count(count: i64) -> Result<u32, Box<EvalAltResult>> {
    let fits = u32::try_from(count).ok().filter(|_| count <= COUNT_MAX);
    fits.ok_or_else(|| format!("{count} is not a number of processes from 0 to {COUNT_MAX}").into())
}

fn processes(number: i64, sort: &str) -> Answer {
    let sort: Sort = serde_json::from_value(sort.into())
        .map_err(|_| format!("{sort:?} is none of cpu, memory, mailbox, polls, uptime and pid"))?;
    let selection = Selection { sort, limit: Some(count(number)?), filter: None };
    value(&observe::list(&selection).processes)
}

fn interval(seconds: &Dynamic) -> Result<Duration, Box<EvalAltResult>> {
    #[expect(clippy::cast_precision_loss, reason = "seconds are few")]
    let number = seconds.as_float().or_else(|_| seconds.as_int().map(|seconds| seconds as f64));
    let fits = number.ok().filter(|seconds| (0.0..=INTERVAL_MAX_S).contains(seconds));
    fits.map(Duration::from_secs_f64)
        .ok_or_else(|| format!("{seconds} is not a number of seconds from 0 to {INTERVAL_MAX_S}").into())
}

fn top(interval: Duration, number: i64, leash: &Leash) -> Answer {
    let selection = Selection { sort: Sort::Cpu, limit: Some(count(number)?), filter: None };
    match leash.aside(|| observe::top(&selection, interval, || leash.holds())) {
        Some(mut top) => {
            let shown = top.processes.len().min(FUNCTIONS);
            leash.aside(|| observe::tell_functions(&mut top.processes[..shown]));
            value(&top.processes)
        }
        None => Err("the measurement was broken off".into()),
    }
}

fn kill(process: Dynamic, reason: Option<&str>) -> Answer {
    let killed = observe::kill(&pid(process)?, reason).map_err(|error| failed(&error))?;
    value(&killed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_process_is_told_by_its_kind() {
        let said = |value: Dynamic| match *pid(value).expect_err("no pid") {
            EvalAltResult::ErrorRuntime(said, _) => said.to_string(),
            other => other.to_string(),
        };
        assert!(said(Dynamic::UNIT).starts_with("() names no process: whereis gives ()"));
        assert!(said(Dynamic::from_array(vec![7.into()])).starts_with("a list names no process"));
        assert_eq!(said(Map::new().into()), "a map without pid names no process");
        assert_eq!(said(7.into()), "7 names no process; give a pid such as \"<12.3>\"");
        assert!(said(Dynamic::from_blob(vec![0; 1_000])).chars().count() < 200);
        assert_eq!(pid("<1.2>".into()).expect("a pid"), "<1.2>");
    }
}
