//! An event as it is said, and what becomes of it on the writer's thread: texts of a bounded length, fields as values, a crash's stack with names.

use super::flood::Key;
use crate::protocol::{Frame, LogLevel, Logged};
use plugin_abi::abi::{LOG_DEBUG, LOG_ERROR, LOG_INFO, LOG_TRACE, LOG_WARN};
use serde_json::{Map, Value};
use std::time::SystemTime;

/// No text is longer.
const TEXT_LEN_MAX: usize = 16 * 1024;

/// Finds names for a stack, on the writer's thread.
pub(crate) type StackOf = Box<dyn FnOnce() -> Vec<Frame> + Send>;
/// Copies the calling thread's stack.
pub(crate) type CopyStack = fn() -> Option<StackOf>;

/// See the file's head.
pub(crate) struct Said {
    time: SystemTime,
    pub(super) level: LogLevel,
    pid: Option<String>,
    /// None: the node itself.
    version: Option<&'static str>,
    pub(super) process_type: Option<&'static str>,
    pub(super) target: String,
    message: String,
    /// A JSON object; empty: none.
    fields: String,
    /// Empty: unknown.
    pub(super) file: String,
    pub(super) line: u32,
    /// It is a crash, whose stack can be copied so.
    pub(super) copy: Option<CopyStack>,
    pub(super) stack: Option<StackOf>,
    /// If it may be one of a flood.
    pub(super) key: Option<Key>,
}

impl Said {
    /// `level` is one of `LOG_*`, and anything else the least of them.
    pub(crate) fn new(level: u32, target: &str, message: &str, fields: &str, file: &str, line: u32) -> Self {
        Self {
            time: SystemTime::now(),
            level: level_of(level),
            pid: None,
            version: None,
            process_type: None,
            target: shortened(target),
            message: shortened(message),
            fields: shortened(fields),
            file: shortened(file),
            line,
            copy: None,
            stack: None,
            key: None,
        }
    }

    /// With who says it.
    pub(crate) fn by(
        self,
        pid: Option<String>,
        version: Option<&'static str>,
        process_type: Option<&'static str>,
    ) -> Self {
        Self { pid, version, process_type, ..self }
    }

    /// It is a crash; its stack is copied by `copy` if it is logged, and not one of many.
    pub(crate) fn crash(self, copy: CopyStack) -> Self {
        Self { copy: Some(copy), ..self }
    }

    pub(super) fn into_logged(self) -> Logged {
        Logged {
            time: rfc3339(self.time),
            level: self.level,
            pid: self.pid,
            version: self.version.map(str::to_owned),
            process_type: self.process_type.map(str::to_owned),
            target: self.target,
            message: self.message,
            fields: fields(self.fields),
            line: (!self.file.is_empty()).then_some(self.line),
            file: Some(self.file).filter(|file| !file.is_empty()),
            stack: self.stack.map_or_else(Vec::new, |stack| stack()),
            repeated: 0,
        }
    }
}

/// The level of an event that crossed the ABI.
pub(crate) fn level_of(level: u32) -> LogLevel {
    match level {
        LOG_ERROR => LogLevel::Error,
        LOG_WARN => LogLevel::Warn,
        LOG_INFO => LogLevel::Info,
        LOG_DEBUG => LogLevel::Debug,
        _ => LogLevel::Trace,
    }
}

/// The level as it crosses the ABI; 0: none.
pub(super) fn number_of(level: Option<LogLevel>) -> u32 {
    match level {
        None => 0,
        Some(LogLevel::Error) => LOG_ERROR,
        Some(LogLevel::Warn) => LOG_WARN,
        Some(LogLevel::Info) => LOG_INFO,
        Some(LogLevel::Debug) => LOG_DEBUG,
        Some(LogLevel::Trace) => LOG_TRACE,
    }
}

pub(super) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

fn shortened(text: &str) -> String {
    if text.len() <= TEXT_LEN_MAX {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(TEXT_LEN_MAX)])
}

/// What is no object stands under a name of its own.
fn fields(text: String) -> Map<String, Value> {
    if text.is_empty() {
        return Map::new();
    }
    match serde_json::from_str(&text) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::from_iter([("fields".to_owned(), Value::String(text))]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_crosses_the_abi_is_an_event() {
        let long = "é".repeat(TEXT_LEN_MAX);
        let said = Said::new(77, "t", &long, "{\"a\":", "", 9);
        let event = said.into_logged();
        assert_eq!((event.level, event.file, event.line), (LogLevel::Trace, None, None));
        assert_eq!(event.message.len(), TEXT_LEN_MAX + "…".len());
        assert_eq!(event.fields["fields"], "{\"a\":");
        let event = Said::new(LOG_WARN, "t", "m", "{\"a\":1}", "f.rs", 9).into_logged();
        assert_eq!((event.level, event.fields["a"].as_i64(), event.line), (LogLevel::Warn, Some(1), Some(9)));
    }
}
