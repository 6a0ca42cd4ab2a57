//! The writer: takes events out of the queue and puts them where they go; ends the periods of floods.

use super::event::{Said, rfc3339};
use super::files::Files;
use super::flood::Key;
use super::{Log, Output};
use crate::protocol::{LogLevel, Logged};
use crossbeam_queue::ArrayQueue;
use serde_json::Map;
use std::collections::HashMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

/// How long a flood is counted before its number is said.
const PERIOD: Duration = Duration::from_secs(1);
/// How long the writer waits when nothing is to come.
const LONG: Duration = Duration::from_secs(60);

enum Sink {
    Text { is_coloured: bool },
    Json,
    Files(Files),
}

struct Writer {
    log: &'static Log,
    sink: Sink,
    /// What the sites of this period have said last.
    last: HashMap<Key, Logged>,
    period_ends: Option<Instant>,
}

/// For ever, on a thread of its own.
pub(super) fn run(log: &'static Log, queue: &ArrayQueue<Said>) {
    let mut writer = Writer::new(log);
    loop {
        // Seen before the queue is emptied, it covers all that was said before.
        let is_flushing = log.is_flushing.load(Ordering::SeqCst);
        while let Some(said) = queue.pop() {
            writer.say(said);
        }
        writer.say_dropped();
        let has_ended = writer.period_ends.is_some_and(|ends| Instant::now() >= ends);
        if has_ended || is_flushing {
            writer.end_period();
        }
        if is_flushing {
            log.is_flushing.store(false, Ordering::SeqCst);
        }
        log.is_idle.store(true, Ordering::SeqCst);
        if queue.is_empty() && !log.is_flushing.load(Ordering::SeqCst) {
            let until_end = writer.period_ends.map(|ends| ends.saturating_duration_since(Instant::now()));
            std::thread::park_timeout(until_end.unwrap_or(LONG));
        }
        log.is_idle.store(false, Ordering::SeqCst);
    }
}

impl Writer {
    fn new(log: &'static Log) -> Self {
        let sink = match log.output.get_or_init(|| Output::Stderr { json: false }) {
            Output::Stderr { json: true } => Sink::Json,
            Output::Stderr { json: false } => Sink::Text { is_coloured: is_coloured() },
            Output::Files { folder, max } => Sink::Files(Files::new(folder, *max)),
        };
        Self { log, sink, last: HashMap::new(), period_ends: None }
    }

    fn say(&mut self, said: Said) {
        let key = said.key;
        let event = said.into_logged();
        if let Some(key) = key {
            self.last.insert(key, Logged { stack: Vec::new(), ..event.clone() });
            self.period_ends.get_or_insert_with(|| Instant::now() + PERIOD);
        }
        self.put(event);
    }

    fn put(&mut self, event: Logged) {
        match &mut self.sink {
            Sink::Text { is_coloured } => to_stderr(&event.text(*is_coloured)),
            Sink::Json => to_stderr(&json(&event)),
            Sink::Files(files) => {
                let is_written = write(files, &event);
                self.log.counts.unwritten.fetch_add(u64::from(!is_written), Ordering::Relaxed);
            }
        }
        self.log.counts.written.fetch_add(1, Ordering::Relaxed);
        self.log.ring.lock().push(event);
    }

    fn say_dropped(&mut self) {
        let dropped = self.log.counts.dropped_unsaid.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            // Among them may be the first of a flood, whose period ends as any other.
            self.period_ends.get_or_insert_with(|| Instant::now() + PERIOD);
            self.put(own(
                LogLevel::Warn,
                &format!("{dropped} events dropped: they came faster than the log is written"),
            ));
        }
    }

    /// Says what was held back, and how often.
    fn end_period(&mut self) {
        let mut repeated = Vec::new();
        self.log.floods.end_period(|key, more| repeated.push((key, more)));
        let last = std::mem::take(&mut self.last);
        self.period_ends = (!last.is_empty()).then(|| Instant::now() + PERIOD);
        for (key, more) in repeated {
            let event = match last.get(&key) {
                Some(event) => event.clone(),
                // The queue was full when it was said.
                None => own(LogLevel::Warn, "an event that was dropped"),
            };
            self.put(Logged { repeated: more, time: rfc3339(SystemTime::now()), ..event });
        }
    }
}

/// Writes an event, and behind the first one after a time without room, how many are missing. False: it is left out.
fn write(files: &mut Files, event: &Logged) -> bool {
    let is_written = files.write(&json(event));
    if is_written && let Some((lines, why)) = files.left_out() {
        let news = own(LogLevel::Warn, &format!("{lines} events before the last one could not be written here: {why}"));
        files.write(&json(&news));
    }
    is_written
}

/// What the log says of itself.
fn own(level: LogLevel, message: &str) -> Logged {
    Logged {
        time: rfc3339(SystemTime::now()),
        level,
        pid: None,
        version: None,
        process_type: None,
        target: "log".to_owned(),
        message: message.to_owned(),
        fields: Map::new(),
        file: None,
        line: None,
        stack: Vec::new(),
        repeated: 0,
    }
}

fn json(event: &Logged) -> String {
    let mut line = serde_json::to_string(event).unwrap_or_default();
    line.push('\n');
    line
}

fn to_stderr(text: &str) {
    // A closed stderr loses the log, not the node.
    let _: std::io::Result<()> = std::io::stderr().lock().write_all(text.as_bytes());
}

fn is_coloured() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    std::io::stderr().is_terminal() && !is_set("NO_COLOR") && !is_dumb
}
