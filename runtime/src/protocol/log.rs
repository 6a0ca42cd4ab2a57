//! An event of the log: on the control socket, in the log's files, and as text for people.

use super::Frame;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt::{self, Write as _};
use std::str::FromStr;

/// How much an event matters; those that matter most come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// Something went wrong.
    Error,
    /// Something may.
    Warn,
    /// What an operator wants to know.
    Info,
    /// What a developer wants to know.
    Debug,
    /// All of it.
    Trace,
}

/// What has been said, by whom, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Logged {
    /// RFC 3339, to the millisecond.
    pub time: String,
    /// How much it matters.
    pub level: LogLevel,
    /// The process that says it; none: it is said outside of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<String>,
    /// The version whose code says it; none: the node itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The process's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_type: Option<String>,
    /// The module.
    pub target: String,
    /// The message.
    pub message: String,
    /// What else was said, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
    /// Source file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Of a crash: where it happened, innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<Frame>,
    /// It was said so many times more, and not written each time; 0: it was not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeated: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl LogLevel {
    /// All, in order.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// As it is written in directives and JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// The colour that terminals show it in.
    fn colour(self) -> &'static str {
        match self {
            Self::Error => "\x1b[31m",
            Self::Warn => "\x1b[33m",
            Self::Info => "\x1b[32m",
            Self::Debug | Self::Trace => "\x1b[2m",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(text));
        named.ok_or_else(|| format!("{text:?} is not error, warn, info, debug or trace"))
    }
}

impl Logged {
    /// For people: a line, and of a crash a line for each frame. Nothing in it speaks to the terminal but, if wished, its level's colour.
    #[must_use]
    pub fn text(&self, is_coloured: bool) -> String {
        let level = format!("{:5}", self.level.name().to_uppercase());
        let level = if is_coloured { format!("{}{level}\x1b[0m", self.level.colour()) } else { level };
        let mut text = format!("{} {level} ", self.time);
        match (&self.pid, &self.version) {
            (Some(pid), Some(version)) => push(&mut text, &format!("{pid} {version}")),
            (None, Some(version)) => push(&mut text, version),
            (_, None) => text.push_str("host"),
        }
        text.push(' ');
        push(&mut text, &self.target);
        text.push_str(": ");
        push(&mut text, &self.message);
        if !self.fields.is_empty() {
            text.push(' ');
            push(&mut text, &serde_json::to_string(&self.fields).unwrap_or_default());
        }
        self.place(&mut text);
        if self.repeated > 0 {
            let times = if self.repeated == 1 { "once" } else { &format!("{} times", self.repeated) };
            // A string never refuses to be written to, here and below.
            let _ = write!(text, " (repeated {times})");
        }
        text.push('\n');
        for frame in &self.stack {
            let file = frame.file.as_deref().unwrap_or("?");
            let line = frame.line.map(|line| format!(":{line}")).unwrap_or_default();
            text.push_str("    ");
            push(&mut text, &format!("{} at {file}{line}", frame.function));
            text.push('\n');
        }
        text
    }

    /// Where it was said: of the node's own code nobody wants to know.
    fn place(&self, text: &mut String) {
        if self.version.is_none() {
            return;
        }
        if let Some(file) = &self.file {
            push(text, &format!(" at {file}:{}", self.line.unwrap_or(0)));
        }
        if let Some(process_type) = &self.process_type {
            push(text, &format!(" in {process_type}"));
        }
    }
}

/// An event keeps to its line.
fn push(to: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\n' => to.push_str("\\n"),
            c if c.is_control() && c != '\t' => to.extend(c.escape_default()),
            c => to.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Logged {
        Logged {
            time: "1970-01-01T00:00:00.000Z".to_owned(),
            level: LogLevel::Error,
            pid: Some("<3.1>".to_owned()),
            version: Some("0.1.0+3f2a91bc".to_owned()),
            process_type: Some("example_app::sum::Sum".to_owned()),
            target: "example_app::sum".to_owned(),
            message: "no 13\nplease\x1b[31m".to_owned(),
            fields: Map::from_iter([("n".to_owned(), 13.into())]),
            file: Some("src/sum.rs".to_owned()),
            line: Some(9),
            stack: Vec::new(),
            repeated: 0,
        }
    }

    #[test]
    fn an_event_is_one_line_of_printable_text() {
        assert_eq!(
            event().text(false),
            "1970-01-01T00:00:00.000Z ERROR <3.1> 0.1.0+3f2a91bc example_app::sum: no 13\\nplease\\u{1b}[31m {\"n\":13} at src/sum.rs:9 in example_app::sum::Sum\n"
        );
        let host = Logged { version: None, pid: None, fields: Map::new(), message: "up".to_owned(), ..event() };
        assert_eq!(host.text(true), "1970-01-01T00:00:00.000Z \x1b[31mERROR\x1b[0m host example_app::sum: up\n");
    }

    #[test]
    fn a_crash_has_a_line_for_each_frame_and_repetitions_are_counted() {
        let frame = |function: &str, line: Option<u32>| Frame {
            function: function.to_owned(),
            file: line.map(|_| "src/sum.rs".to_owned()),
            line,
            is_inlined: false,
            version: None,
        };
        let stack = vec![frame("sum\n", Some(9)), frame("libc+0x10", None)];
        let text = Logged { stack, repeated: 1, ..event() }.text(false);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].ends_with("example_app::sum::Sum (repeated once)"), "{text}");
        assert_eq!(lines[1..], ["    sum\\n at src/sum.rs:9", "    libc+0x10 at ?"]);
        assert!(Logged { repeated: 7, ..event() }.text(false).ends_with("(repeated 7 times)\n"));
    }

    #[test]
    fn json_is_read_again_as_it_was() {
        let json = serde_json::to_string(&event()).expect("JSON");
        assert_eq!(serde_json::from_str::<Logged>(&json).expect("read"), event());
        assert!(!json.contains("repeated") && json.contains("\"level\":\"error\""), "{json}");
    }

    #[test]
    fn a_level_is_known_by_its_name_alone() {
        assert_eq!("Warn".parse(), Ok(LogLevel::Warn));
        assert!("".parse::<LogLevel>().is_err() && "3".parse::<LogLevel>().is_err());
    }
}
