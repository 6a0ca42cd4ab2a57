//! Values for people: what is a table as a table, a stack as a stack, everything else as it would be written; in colours where they help.

use super::super::{ps, stack, top};
use crate::table::table;
use runtime::protocol::{ProcessStatus, Stack};
use serde_json::Value;

/// A list is broken into lines when it would take more room.
const WIDTH: usize = 80;

const TEXT: &str = "32";
const NUMBER: &str = "36";
const WORD: &str = "35";
const NAME: &str = "34";

/// `None`: there is nothing to show.
pub(super) fn shown(value: &Value, colours: bool) -> Option<String> {
    match value {
        Value::Null => None,
        // What `help` says, and what one asks for by name, is read as it is.
        Value::String(text) if text.contains('\n') => Some(clean(text)),
        Value::Array(rows) if !rows.is_empty() => processes(rows).or_else(|| Some(written(value, colours, 0))),
        Value::Object(members) if members.contains_key("stacks") => {
            let stack: Option<Stack> = serde_json::from_value(value.clone()).ok();
            Some(stack.map_or_else(|| written(value, colours, 0), |stack| stack::render(&stack)))
        }
        _ => Some(written(value, colours, 0)),
    }
}

fn clean(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

fn processes(rows: &[Value]) -> Option<String> {
    let rows: Vec<ProcessStatus> =
        rows.iter().map(|row| serde_json::from_value(row.clone()).ok()).collect::<Option<_>>()?;
    let has_shares = rows.iter().any(|row| row.cpu_percent.is_some());
    Some(if has_shares {
        table(top::HEAD, &rows.iter().map(top::row).collect::<Vec<_>>())
    } else {
        table(ps::HEAD, &rows.iter().map(ps::row).collect::<Vec<_>>())
    })
}

fn written(value: &Value, colours: bool, depth: usize) -> String {
    let paint = |code: &str, text: String| if colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text };
    match value {
        Value::Null => paint(WORD, "()".to_owned()),
        Value::Bool(_) => paint(WORD, value.to_string()),
        Value::Number(_) => paint(NUMBER, value.to_string()),
        // As JSON has it: without control characters.
        Value::String(_) => paint(TEXT, value.to_string()),
        Value::Array(members) => {
            let members = members.iter().map(|member| written(member, colours, depth + 1)).collect();
            list("[", members, "]", value, depth)
        }
        Value::Object(members) => {
            let member = |(name, member): (&String, &Value)| {
                format!("{}: {}", paint(NAME, clean(name)), written(member, colours, depth + 1))
            };
            list("#{", members.iter().map(member).collect(), "}", value, depth)
        }
    }
}

fn list(begin: &str, members: Vec<String>, end: &str, value: &Value, depth: usize) -> String {
    if value.to_string().len() + 2 * depth <= WIDTH {
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

    #[test]
    fn values_are_written_as_one_would_write_them() {
        assert_eq!(shown(&json!(null), false), None);
        assert_eq!(shown(&json!(3), false).as_deref(), Some("3"));
        assert_eq!(shown(&json!("a\u{1b}[2J"), false).as_deref(), Some("\"a\\u001b[2J\""));
        assert_eq!(shown(&json!([1, "b", null]), false).as_deref(), Some("[1, \"b\", ()]"));
        assert_eq!(shown(&json!({"a": [true]}), false).as_deref(), Some("#{a: [true]}"));
        assert_eq!(shown(&json!("two\nlines"), false).as_deref(), Some("two\nlines"));
        let long = json!(["x".repeat(50), "y".repeat(50)]);
        let expected = format!("[\n  \"{}\",\n  \"{}\",\n]", "x".repeat(50), "y".repeat(50));
        assert_eq!(shown(&long, false), Some(expected));
        assert_eq!(shown(&json!([1]), true).as_deref(), Some("[\x1b[36m1\x1b[0m]"));
    }

    #[test]
    fn processes_are_a_table() {
        let row = serde_json::to_value(process("<4.1>", "waiting", &[])).expect("a value");
        let text = shown(&json!([row]), true).expect("text");
        assert!(text.starts_with("PID    STATE"), "{text}");
    }
}
