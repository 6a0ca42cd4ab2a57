//! Processes as HTML.

use crate::html::escape;
use plugin_abi::Pid;
use plugin_abi::inside::{Error, Frame, Process, Stack, Top, Traced};
use std::time::Duration;

/// Functions shown of a stack.
const FRAMES_MAX: usize = 60;

/// Those that use most.
pub(super) fn table(top: &Top) -> String {
    let Top { schedulers_percent, total, busy, processes, .. } = top;
    let rows: String = processes.iter().map(row).collect();
    format!(
        "<div id=\"processes\"><p>schedulers {schedulers_percent:.1} % of one, {total} processes, {busy} busy</p><table>\
         <thead><tr><th>pid<th>type<th>state<th class=\"number\">CPU, %<th class=\"number\">memory<th class=\"number\">waiting\
         <th><span class=\"hidden\">actions</span></tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn row(process: &Process) -> String {
    let Process { pid, names, process_type, state, cpu_percent, memory_bytes, mailbox, version, .. } = process;
    let name = if names.is_empty() { short(process_type) } else { names.join(", ") };
    format!(
        "<tr><td>{}<td title=\"{} on {}\">{}<td>{state}<td class=\"number\">{:.1}<td class=\"number\">{}<td class=\"number\">{mailbox}<td>{}{}{}</tr>",
        escape(&pid.to_string()),
        escape(process_type),
        escape(version),
        escape(&name),
        cpu_percent.unwrap_or_default(),
        bytes(*memory_bytes),
        button("info", *pid),
        button("trace", *pid),
        button("kill", *pid),
    )
}

fn button(what: &str, pid: Pid) -> String {
    let pid = escape(&pid.to_string());
    format!(
        "<button class=\"quiet\" id=\"{what}-{pid}\" name=\"{what}\" value=\"{pid}\" aria-label=\"{what} {pid}\">{what}</button>"
    )
}

/// A type's name without the paths before it.
fn short(name: &str) -> String {
    let mut shown = String::new();
    for part in name.split_inclusive(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | ':')) {
        // What begins with it belongs to what is shown before.
        let from = part.rfind("::").filter(|at| *at > 0).map_or(0, |at| at + 2);
        shown.push_str(&part[from..]);
    }
    shown
}

fn bytes(count: i64) -> String {
    match count {
        ..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{} kB", count / 1000),
        _ => format!("{} MB", count / 1_000_000),
    }
}

/// One process: what is known of it, and where it stands.
pub(super) fn info(process: &Process, stack: &Stack) -> String {
    let Process { pid, process_type, version, cpu_ns, polls, uptime_ms, parent, .. } = process;
    let parent = parent.map_or_else(|| "the node".to_owned(), |pid| pid.to_string());
    let figures = [
        ("type", process_type.clone()),
        ("version", version.clone()),
        ("state", stack.state.clone()),
        ("started by", parent),
        ("processor time", format!("{:.1?}", Duration::from_nanos(*cpu_ns))),
        ("polls", polls.to_string()),
        ("age", format!("{:.1?}", Duration::from_millis(*uptime_ms))),
    ];
    let figures = figures.map(|(name, value)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value)));
    detail(&format!("{pid}"), &format!("<dl>{}</dl>{}", figures.concat(), stacks(stack)))
}

fn stacks(stack: &Stack) -> String {
    if stack.stacks.is_empty() {
        return "<p>it waits for what leaves no trace</p>".to_owned();
    }
    let lines = |stack: &Vec<Frame>| stack.iter().take(FRAMES_MAX).map(line).collect::<Vec<_>>().join("\n");
    let stacks = stack.stacks.iter().map(|stack| format!("<pre class=\"stack\">{}</pre>", lines(stack)));
    stacks.collect()
}

fn line(frame: &Frame) -> String {
    let place = match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("  {file}:{line}"),
        (Some(file), None) => format!("  {file}"),
        (None, _) => String::new(),
    };
    format!("{}<span class=\"place\">{}</span>", escape(&frame.function), escape(&place))
}

/// What has happened to a process.
pub(super) fn trace(pid: Pid, traced: &[Traced]) -> String {
    if traced.is_empty() {
        return note(&format!("nothing has happened to {pid} in that time"));
    }
    let line = |traced: &Traced| {
        let ms = Duration::from_nanos(traced.at_ns).as_secs_f64() * 1e3;
        format!("{ms:>9.3} ms  {}", escape(&traced.to_string()))
    };
    let lines: Vec<_> = traced.iter().map(line).collect();
    detail(&format!("{pid}"), &format!("<pre>{}</pre>", lines.join("\n")))
}

pub(super) fn killed(pid: Pid, has_ended: bool) -> String {
    note(&if has_ended { format!("{pid} has ended") } else { format!("{pid} goes on until it gives way") })
}

/// A sentence in place of a process.
pub(super) fn note(text: &str) -> String {
    format!("<section id=\"detail\" aria-live=\"polite\"><p>{}</p></section>", escape(text))
}

fn detail(title: &str, html: &str) -> String {
    format!("<section id=\"detail\" aria-live=\"polite\"><h2>{}</h2>{html}</section>", escape(title))
}

/// In place of what could not be looked at.
pub(super) fn failed(id: &str, error: &Error) -> String {
    format!("<div id=\"{id}\"><p>{}</p></div>", escape(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_shown_without_its_paths() {
        assert_eq!(short("example_app::calculation::start<a::b::C>::{{closure}}"), "start<C>::{{closure}}");
        assert_eq!(short("example_app::load::job::Job"), "Job");
        assert_eq!(short("core::Map<a::B, c::d::E>"), "Map<B, E>");
    }

    #[test]
    fn a_process_is_known_to_its_line() {
        let frame = r#"{"function":"sum<i64>","file":"src/sum.rs","line":19}"#;
        let frame: Frame = serde_json::from_str(frame).expect("a frame");
        assert_eq!(line(&frame), "sum&lt;i64&gt;<span class=\"place\">  src/sum.rs:19</span>");
    }
}
