//! `info`: all that is known of a process.

use super::version::{ask, something_else};
use crate::answers::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::{output, shown};
use runtime::protocol::{Command, Outcome, ProcessStatus};

pub(super) fn info(context: &Context, pid: String) -> Result<(), Failure> {
    match ask(context, Command::Info { pid })? {
        Outcome::Process(process) if context.json() => output::json(Answer::Process(Box::new(process))),
        Outcome::Process(process) => output::line(render(&process).trim_end()),
        _ => return Err(something_else()),
    }
    Ok(())
}

fn render(process: &ProcessStatus) -> String {
    let names = if process.names.is_empty() { "none".to_owned() } else { process.names.join(" ") };
    let lines = [
        ("pid", process.pid.clone()),
        ("type", process.process_type.clone()),
        ("names", names),
        ("version", process.version.clone()),
        ("state", process.state.clone()),
        ("function", process.current.clone().unwrap_or_default()),
        ("priority", process.priority.clone()),
        ("parent", process.parent.clone().unwrap_or_else(|| "the node".to_owned())),
        ("uptime", shown::duration(process.uptime_ms)),
        ("cpu", shown::time(process.cpu_ns)),
        ("polls", process.polls.to_string()),
        ("memory", shown::size(process.memory_bytes)),
        ("mailbox", format!("{} waiting, {} received", process.mailbox, process.received)),
        ("links", process.links.to_string()),
        ("monitors", format!("{}, monitored by {}", process.monitors, process.monitored_by)),
    ];
    // What nobody knows has no line.
    let lines = lines.iter().filter(|(_, value)| !value.is_empty());
    lines.map(|(name, value)| format!("{name:9} {}\n", shown::cut(value, 500))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ps::tests::process;
    use super::*;

    #[test]
    fn each_thing_has_its_line() {
        let expected = "\
pid       <4.1>
type      example_app::session::Session
names     door
version   0.1.1+3f2a91bc
state     waiting
priority  normal
parent    <1.1>
uptime    1 m 1 s
cpu       1.5 s
polls     12
memory    1.5 KiB
mailbox   3 waiting, 9 received
links     1
monitors  2, monitored by 3
";
        assert_eq!(render(&process("<4.1>", "waiting", &["door"])), expected);
    }
}
