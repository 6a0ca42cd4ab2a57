//! A plan, as people read it.

use crate::counted::choose;
use runtime::protocol::{
    CheckOutcome, DrainPolicy, Fate, ListenerChange, MovePolicy, Plan, PlannedCheck, PlannedPlugin, PlannedProcesses,
    PlannedStep, Unconfirmed,
};
use std::fmt::Write as _;
use std::time::Duration;

/// All of it, in lines; of one that is refused, the checks.
pub(crate) fn render(plan: &Plan) -> String {
    let Plan { name, from, to, .. } = plan;
    if !plan.changes {
        return format!("{name} {to} runs already: nothing to do\n");
    }
    let is_refused = plan.checks.iter().any(|check| check.outcome == CheckOutcome::Refused);
    let mut text = format!("{name}: {from} → {to}, {}\n", if is_refused { "refused" } else { "planned and not done" });
    part(&mut text, "checks", plan.checks.iter().map(check));
    if is_refused {
        return text;
    }
    part(&mut text, "steps", plan.steps.iter().map(|planned| step(planned, plan)));
    part(&mut text, "plugins", plan.plugins.iter().map(plugin));
    part(
        &mut text,
        "processes",
        plan.processes.iter().map(|processes| self::processes(processes, to, plan.drain_deadline_ms)),
    );
    let listeners = plan.listeners.iter().flatten().map(|listener| {
        let change = match listener.change {
            ListenerChange::Kept => "kept",
            ListenerChange::Added => "added",
            ListenerChange::Dropped => "dropped",
        };
        format!("{change:8} {:11}  {}", listener.name, listener.address)
    });
    part(&mut text, "listeners", listeners);
    part(&mut text, "hooks", plan.hooks.iter().map(|hook| format!("{:8} {}", hook.hook, at_most(hook.at_most_ms))));
    text
}

/// A heading with lines below it, if there are any.
fn part(text: &mut String, heading: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        let _ = writeln!(text, "\n{heading}");
    }
    lines.for_each(|line| {
        let _ = writeln!(text, "  {}", line.trim_end());
    });
}

fn check(check: &PlannedCheck) -> String {
    let outcome = match check.outcome {
        CheckOutcome::Passed => "passed",
        CheckOutcome::Warning => "warning",
        CheckOutcome::Refused => "refused",
    };
    format!("{outcome:8} {:11}  {}", check.check, check.message)
}

fn at_most(ms: u64) -> String {
    format!("at most {}", humantime::format_duration(Duration::from_millis(ms)))
}

fn step(step: &PlannedStep, plan: &Plan) -> String {
    let then = match plan.unconfirmed.filter(|_| step.step == "probation") {
        Some(Unconfirmed::RolledBack) => ", then rolled back unless confirmed",
        Some(Unconfirmed::Permanent) => ", then permanent unless something is wrong",
        None if step.step == "switch" && plan.moves == MovePolicy::Barrier => {
            ", processes that move do so at a barrier"
        }
        None => "",
    };
    let own = step.each_at_most_ms.map(|ms| format!(", {} a process", at_most(ms))).unwrap_or_default();
    format!("{:9} {}{own}{then}", step.step, at_most(step.at_most_ms))
}

fn plugin(PlannedPlugin { name, from, to }: &PlannedPlugin) -> String {
    match (from, to) {
        (Some(from), Some(to)) if from == to => format!("kept     {name:11}  {from}"),
        (Some(from), Some(to)) => format!("swapped  {name:11}  {from} → {to}"),
        (Some(from), None) => format!("dropped  {name:11}  {from}"),
        (None, to) => format!("added    {name:11}  {}", to.as_deref().unwrap_or_default()),
    }
}

fn processes(planned: &PlannedProcesses, to: &str, drain_deadline_ms: u64) -> String {
    let PlannedProcesses { name, version, processes, state, fate, then } = planned;
    let deadline = humantime::format_duration(Duration::from_millis(drain_deadline_ms));
    let state = state.as_deref().unwrap_or_default();
    let fate = match fate {
        Fate::Moves => format!("{} to {to} with the state {state:?}", choose(*processes, "moves", "move")),
        Fate::Arrived => format!("{} on {to} already", choose(*processes, "runs", "run")),
        Fate::Renewed => format!("{} renewed by the tree if permanent", choose(*processes, "is", "are")),
        Fate::Finishes => {
            let then = match then {
                DrainPolicy::Leave => String::new(),
                DrainPolicy::Ask => format!(", asked to stop after {deadline}"),
                DrainPolicy::Kill => format!(", killed after {deadline}"),
            };
            format!("{} on {version}{then}", choose(*processes, "finishes", "finish"))
        }
    };
    format!("{processes:>6} × {name}: {fate}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::protocol::{PlannedHook, PlannedListener};

    fn check(check: &str, outcome: CheckOutcome, message: &str) -> PlannedCheck {
        PlannedCheck { check: check.to_owned(), outcome, message: message.to_owned(), details: None, hint: None }
    }

    fn step(step: &str, at_most_ms: u64, each_at_most_ms: Option<u64>) -> PlannedStep {
        PlannedStep { step: step.to_owned(), at_most_ms, each_at_most_ms }
    }

    fn processes(name: &str, processes: u64, state: Option<&str>, fate: Fate) -> PlannedProcesses {
        let version = if fate == Fate::Arrived { "1.1.0+b" } else { "1.0.0+a" };
        PlannedProcesses {
            name: name.to_owned(),
            version: version.to_owned(),
            processes,
            state: state.map(str::to_owned),
            fate,
            then: DrainPolicy::Ask,
        }
    }

    fn listener(name: &str, address: &str, change: ListenerChange) -> PlannedListener {
        PlannedListener { name: name.to_owned(), address: address.to_owned(), change }
    }

    fn plan() -> Plan {
        Plan {
            plugins: Vec::new(),
            name: "shop".to_owned(),
            from: "1.0.0+a".to_owned(),
            to: "1.1.0+b".to_owned(),
            changes: true,
            unconfirmed: Some(Unconfirmed::RolledBack),
            moves: MovePolicy::Barrier,
            checks: vec![
                check("signature", CheckOutcome::Passed, "signed with E7620F1842B4E81F"),
                check("quarantine", CheckOutcome::Passed, ""),
                check("states", CheckOutcome::Warning, "the state \"Cart\" moves and cannot move back"),
            ],
            steps: vec![
                step("check", 10_000, None),
                step("before", 70_000, None),
                step("switch", 20_000, None),
                step("move", 340_000, Some(12_000)),
                step("probation", 300_000, None),
                step("commit", 50_000, None),
            ],
            processes: vec![
                processes("shop::Cart", 10_000, Some("Cart"), Fate::Moves),
                processes("shop::serve", 12, None, Fate::Finishes),
                processes("shop::poll", 1, None, Fate::Renewed),
                processes("shop::serve", 1, None, Fate::Arrived),
            ],
            drain_deadline_ms: 300_000,
            listeners: Some(vec![
                listener("http", "127.0.0.1:4000", ListenerChange::Kept),
                listener("admin", "127.0.0.1:4001", ListenerChange::Added),
                listener("old", "127.0.0.1:4002", ListenerChange::Dropped),
            ]),
            hooks: vec![PlannedHook { hook: "before".to_owned(), at_most_ms: 60_000 }],
        }
    }

    #[test]
    fn a_plan_says_what_would_happen() {
        insta::assert_snapshot!("plan", render(&plan()));
    }

    #[test]
    fn a_plan_that_is_refused_has_no_steps() {
        let mut plan = plan();
        plan.checks.push(check("version", CheckOutcome::Refused, "1.1.0+b is older than 1.0.0+a, which runs"));
        plan.hooks.clear();
        insta::assert_snapshot!("refused_plan", render(&plan));
        let same = Plan { changes: false, ..plan };
        assert_eq!(render(&same), "shop 1.1.0+b runs already: nothing to do\n");
    }
}
