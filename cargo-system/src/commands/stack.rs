//! `stack`: where a process stands.

use super::version::{ask, something_else};
use crate::answers::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::{output, shown};
use runtime::protocol::{Command, Frame, Outcome, Stack};
use std::fmt::Write as _;

pub(super) fn stack(context: &Context, pid: String) -> Result<(), Failure> {
    match ask(context, Command::Stack { pid })? {
        Outcome::Stack(stack) if context.json() => output::json(Answer::Stack(stack)),
        Outcome::Stack(stack) => output::line(render(&stack).trim_end()),
        _ => return Err(something_else()),
    }
    Ok(())
}

pub(super) fn render(stack: &Stack) -> String {
    let mut text = format!("{} {} on {}, {}\n", stack.pid, stack.process_type, stack.version, stack.state);
    if stack.stacks.is_empty() {
        text.push_str("it has left its waker nowhere that could be seen: it waits for what never comes, or keeps an earlier waker\n");
    }
    for (place, frames) in stack.stacks.iter().enumerate() {
        if stack.stacks.len() > 1 {
            let _ = writeln!(text, "waits for {} of {}:", place + 1, stack.stacks.len());
        }
        for (number, frame) in frames.iter().enumerate() {
            let _ = writeln!(text, "{number:4}: {}{}", shown::cut(&frame.function, 500), inlined(frame));
            if let Some(file) = &frame.file {
                let _ = writeln!(text, "          at {file}:{}", frame.line.unwrap_or(0));
            }
        }
    }
    text
}

fn inlined(frame: &Frame) -> &'static str {
    if frame.is_inlined { " (inlined)" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(function: &str, line: Option<u32>, is_inlined: bool) -> Frame {
        Frame {
            function: function.to_owned(),
            file: line.map(|_| "/w/app/src/lib.rs".to_owned()),
            line,
            is_inlined,
            version: None,
        }
    }

    fn stack(stacks: Vec<Vec<Frame>>) -> Stack {
        Stack {
            pid: "<4.1>".to_owned(),
            process_type: "app::work".to_owned(),
            version: "1.0.0".to_owned(),
            state: "running".to_owned(),
            stacks,
            cost_ns: 3_000,
        }
    }

    #[test]
    fn each_frame_has_its_place() {
        let frames = vec![
            frame("app::sum", Some(5), true),
            frame("app::work", Some(9), false),
            frame("libc.so+0x10", None, false),
        ];
        let expected = "\
<4.1> app::work on 1.0.0, running
   0: app::sum (inlined)
          at /w/app/src/lib.rs:5
   1: app::work
          at /w/app/src/lib.rs:9
   2: libc.so+0x10
";
        assert_eq!(render(&stack(vec![frames])), expected);
    }

    #[test]
    fn each_place_where_it_waits_is_shown() {
        let text = render(&stack(vec![vec![frame("a", None, false)], vec![frame("b", None, false)]]));
        assert!(text.ends_with("waits for 1 of 2:\n   0: a\nwaits for 2 of 2:\n   0: b\n"), "{text}");
        assert!(render(&stack(Vec::new())).contains("it has left its waker nowhere"));
    }
}
