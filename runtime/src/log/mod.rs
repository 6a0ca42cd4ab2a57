//! The node's log: lines on stderr, written by a thread of its own, so that a terminal that is held never holds a scheduler.
//!
//! Bounded: when the writer cannot keep up, lines are dropped, counted, and the count is written.

use crossbeam_queue::ArrayQueue;
use parking_lot::{Condvar, Mutex};
use plugin_abi::abi::{LOG_DEBUG, LOG_ERROR, LOG_INFO, LOG_TRACE, LOG_WARN};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

const LINES_MAX: usize = 8192;
/// How long an ending node waits for a reader that holds its log.
const FLUSH_WAIT: Duration = Duration::from_secs(2);

/// One event.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) level: u32,
    /// Who says it: pid and version, or `host`.
    pub(crate) origin: String,
    pub(crate) target: &'a str,
    pub(crate) message: &'a str,
    /// A JSON object; empty: none.
    pub(crate) fields: &'a str,
    /// Empty: unknown.
    pub(crate) file: &'a str,
    pub(crate) line: u32,
}

#[derive(Debug)]
struct Log {
    lines: ArrayQueue<String>,
    dropped: AtomicU64,
    /// Lines that were put in and are not written yet.
    pending: Mutex<usize>,
    changed: Condvar,
}

static LOG: LazyLock<Log> = LazyLock::new(|| {
    // Without a writer, lines fill the queue and are dropped: the node goes on.
    let _: Result<_, _> = std::thread::Builder::new().name("log".to_owned()).spawn(|| write_lines(&LOG));
    Log {
        lines: ArrayQueue::new(LINES_MAX),
        dropped: AtomicU64::new(0),
        pending: Mutex::new(0),
        changed: Condvar::new(),
    }
});

/// Writes an event of the host's.
pub(crate) fn host(level: u32, target: &str, message: &str) {
    emit(&Record { level, origin: "host".to_owned(), target, message, fields: "", file: "", line: 0 });
}

/// Puts an event into the queue.
pub(crate) fn emit(record: &Record<'_>) {
    let log = &*LOG;
    if log.lines.push(format_line(SystemTime::now(), record)).is_err() {
        log.dropped.fetch_add(1, Ordering::Relaxed);
        return;
    }
    *log.pending.lock() += 1;
    log.changed.notify_all();
}

/// Waits until all lines are written, for a bounded time.
pub(crate) fn flush() {
    let mut pending = LOG.pending.lock();
    LOG.changed.wait_while_for(&mut pending, |pending| *pending > 0, FLUSH_WAIT);
}

fn write_lines(log: &Log) {
    loop {
        let mut pending = log.pending.lock();
        log.changed.wait_while(&mut pending, |pending| *pending == 0);
        drop(pending);
        while let Some(line) = log.lines.pop() {
            write_line(&line);
            *log.pending.lock() -= 1;
        }
        let dropped = log.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            write_line(&format!("… {dropped} log lines dropped: the log's reader is too slow\n"));
        }
        log.changed.notify_all();
    }
}

fn write_line(line: &str) {
    // A closed stderr loses the log, not the node.
    let _: std::io::Result<()> = std::io::stderr().lock().write_all(line.as_bytes());
}

fn format_line(time: SystemTime, record: &Record<'_>) -> String {
    let level = match record.level {
        LOG_ERROR => "ERROR",
        LOG_WARN => "WARN ",
        LOG_INFO => "INFO ",
        LOG_DEBUG => "DEBUG",
        LOG_TRACE => "TRACE",
        _ => "?    ",
    };
    let time = humantime::format_rfc3339_millis(time);
    let mut line = format!("{time} {level} {} {}: ", record.origin, record.target);
    push_printable(&mut line, record.message);
    if !record.fields.is_empty() {
        line.push(' ');
        push_printable(&mut line, record.fields);
    }
    if !record.file.is_empty() {
        let _ = write!(line, " at {}:{}", record.file, record.line);
    }
    line.push('\n');
    line
}

/// One event is one line, and cannot speak to the terminal.
fn push_printable(line: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            c if c.is_control() && c != '\t' => {
                let _ = write!(line, "{}", c.escape_default());
            }
            c => line.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_printable_text() {
        let record = Record {
            level: LOG_ERROR,
            origin: "<3.1> 0.1.0+3f2a91bc".to_owned(),
            target: "example_app::sum",
            message: "no 13\nplease\x1b[31m",
            fields: "{\"n\":13}",
            file: "src/sum.rs",
            line: 9,
        };
        assert_eq!(
            format_line(SystemTime::UNIX_EPOCH, &record),
            "1970-01-01T00:00:00.000Z ERROR <3.1> 0.1.0+3f2a91bc example_app::sum: no 13\\nplease\\u{1b}[31m {\"n\":13} at src/sum.rs:9\n"
        );
    }
}
