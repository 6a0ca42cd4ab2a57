//! Values for people: what is a table as a table, a stack as a stack, everything else as it would be written; in colours where they help.

use super::super::{ps, stack, top};
use crate::output;
use runtime::protocol::{ProcessStatus, Stack};
use serde_json::Value;

/// A list is broken into lines when it would take more room, where there is no terminal that says how much it has.
const WIDTH: usize = 80;

const TEXT: &str = "32";
const NUMBER: &str = "36";
const WORD: &str = "35";
const NAME: &str = "34";

/// How values are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) colours: bool,
    /// The terminal's columns, if it is one.
    pub(super) width: Option<usize>,
}

impl Look {
    /// As standard output has it.
    pub(super) fn of_stdout() -> Self {
        Self { colours: output::has_colours(&std::io::stdout()), width: output::width() }
    }
}

/// `None`: there is nothing to show.
pub(super) fn shown(value: &Value, look: Look) -> Option<String> {
    match value {
        Value::Null => None,
        // What `help` says, and what one asks for by name, is read as it is.
        Value::String(text) if text.contains('\n') => Some(clean(text)),
        Value::Array(rows) if !rows.is_empty() => processes(rows, look).or_else(|| Some(written(value, look, 0))),
        Value::Object(members) if members.contains_key("stacks") => {
            let stack: Option<Stack> = serde_json::from_value(value.clone()).ok();
            Some(stack.map_or_else(|| written(value, look, 0), |stack| stack::render(&stack)))
        }
        _ => Some(written(value, look, 0)),
    }
}

fn clean(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

fn processes(rows: &[Value], look: Look) -> Option<String> {
    let rows: Vec<ProcessStatus> =
        rows.iter().map(|row| serde_json::from_value(row.clone()).ok()).collect::<Option<_>>()?;
    let has_shares = rows.iter().any(|row| row.cpu_percent.is_some());
    Some(if has_shares { top::processes(&rows, look.width) } else { ps::processes(&rows, look.width) })
}

fn written(value: &Value, look: Look, depth: usize) -> String {
    let paint = |code: &str, text: String| if look.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text };
    match value {
        Value::Null => paint(WORD, "()".to_owned()),
        Value::Bool(_) => paint(WORD, value.to_string()),
        Value::Number(_) => paint(NUMBER, value.to_string()),
        // As JSON has it: without control characters.
        Value::String(_) => paint(TEXT, value.to_string()),
        Value::Array(members) => {
            let members = members.iter().map(|member| written(member, look, depth + 1)).collect();
            list(["[", "]"], members, value, look, depth)
        }
        Value::Object(members) => {
            let member = |(name, member): (&String, &Value)| {
                format!("{}: {}", paint(NAME, clean(name)), written(member, look, depth + 1))
            };
            list(["#{", "}"], members.iter().map(member).collect(), value, look, depth)
        }
    }
}

fn list([begin, end]: [&str; 2], members: Vec<String>, value: &Value, look: Look, depth: usize) -> String {
    if value.to_string().len() + 2 * depth <= look.width.unwrap_or(WIDTH) {
        return format!("{begin}{}{end}", members.join(", "));
    }
    let indent = "  ".repeat(depth + 1);
    let lines: String = members.iter().map(|member| format!("{indent}{member},\n")).collect();
    format!("{begin}\n{lines}{}{end}", "  ".repeat(depth))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::ps::tests::process;
    use serde_json::json;

    const PLAIN: Look = Look { colours: false, width: None };

    #[test]
    fn values_are_written_as_one_would_write_them() {
        assert_eq!(shown(&json!(null), PLAIN), None);
        assert_eq!(shown(&json!(3), PLAIN).as_deref(), Some("3"));
        assert_eq!(shown(&json!("a\u{1b}[2J"), PLAIN).as_deref(), Some("\"a\\u001b[2J\""));
        assert_eq!(shown(&json!([1, "b", null]), PLAIN).as_deref(), Some("[1, \"b\", ()]"));
        assert_eq!(shown(&json!({"a": [true]}), PLAIN).as_deref(), Some("#{a: [true]}"));
        assert_eq!(shown(&json!("two\nlines"), PLAIN).as_deref(), Some("two\nlines"));
        let long = json!(["x".repeat(50), "y".repeat(50)]);
        let expected = format!("[\n  \"{}\",\n  \"{}\",\n]", "x".repeat(50), "y".repeat(50));
        assert_eq!(shown(&long, PLAIN), Some(expected));
        let narrow = Look { width: Some(20), ..PLAIN };
        assert_eq!(shown(&json!(["abcdefgh", "ijklmnop"]), narrow).expect("text").lines().count(), 4);
        assert_eq!(shown(&json!([1]), Look { colours: true, width: None }).as_deref(), Some("[\x1b[36m1\x1b[0m]"));
    }

    #[test]
    fn processes_are_a_table() {
        let row = serde_json::to_value(process("<4.1>", "waiting", &[])).expect("a value");
        let text = shown(&json!([row]), Look { colours: true, width: Some(40) }).expect("text");
        assert!(text.starts_with("PID    STATE    TYPE\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    }
}
