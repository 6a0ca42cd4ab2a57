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
    /// The same of the period before: what was said as it ended may be counted in the next one.
    before: HashMap<Key, Logged>,
    period_ends: Option<Instant>,
}

/// For ever, on a thread of its own.
pub(super) fn run(log: &'static Log, queue: &ArrayQueue<Said>) {
    let mut writer = Writer::new(log);
    loop {
        // Seen before the queue is emptied, it covers all that was said before.
        let is_flushing = log.is_flushing.load(Ordering::SeqCst);
        let has_ended = writer.period_ends.is_some_and(|ends| Instant::now() >= ends);
        let held_back = (has_ended || is_flushing).then(|| writer.held_back());
        writer.say_queue(queue);
        writer.say_dropped();
        if let Some(held_back) = held_back {
            writer.end_period(held_back);
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
        Self { log, sink, last: HashMap::new(), before: HashMap::new(), period_ends: None }
    }

    /// Says what is in the queue. What comes meanwhile waits for the next turn: who says much keeps no period from its end, and no ending node.
    fn say_queue(&mut self, queue: &ArrayQueue<Said>) {
        std::iter::from_fn(|| queue.pop()).take(queue.capacity()).for_each(|said| self.say(said));
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

    /// The period's count ends: who was held back, and how often. What they have said before is in the queue, or was in it.
    fn held_back(&self) -> Vec<(Key, u64)> {
        let mut held_back = Vec::new();
        self.log.floods.end_period(|key, more| held_back.push((key, more)));
        held_back
    }

    /// Says what was held back.
    fn end_period(&mut self, held_back: Vec<(Key, u64)>) {
        let last = std::mem::take(&mut self.last);
        let before = std::mem::replace(&mut self.before, last);
        self.period_ends = (!self.before.is_empty()).then(|| Instant::now() + PERIOD);
        for (key, more) in held_back {
            let event = match self.before.get(&key).or_else(|| before.get(&key)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::flood::SAID_MAX;
    use std::sync::Arc;

    /// A log of its own, whose writer is called by hand.
    fn log(queue_len: usize) -> (Writer, &'static ArrayQueue<Said>) {
        let log: &'static Log = Box::leak(Box::new(Log::new()));
        (Writer::new(log), Box::leak(Box::new(ArrayQueue::new(queue_len))))
    }

    fn kept(writer: &Writer) -> Vec<Arc<Logged>> {
        writer.log.ring.lock().from(0, usize::MAX).1
    }

    fn said(message: &str) -> Said {
        Said::new(plugin_abi::abi::LOG_ERROR, "test", message, "", "", 0)
    }

    /// As soon as it is written, there is another one in the queue, so many times.
    fn endless(queue: &'static ArrayQueue<Said>, times: u32) -> Said {
        let mut said = said("and another");
        said.stack = Some(Box::new(move || {
            if times > 0 {
                assert!(queue.push(endless(queue, times - 1)).is_ok(), "there is room");
            }
            Vec::new()
        }));
        said
    }

    #[test]
    fn a_queue_that_is_filled_as_fast_as_it_is_written_does_not_hold_the_writer() {
        let (mut writer, queue) = log(4);
        assert!(queue.push(endless(queue, 100)).is_ok());
        writer.say_queue(queue);
        assert_eq!((kept(&writer).len(), queue.len()), (4, 1));
    }

    #[test]
    fn what_is_said_as_a_period_ends_has_its_text_when_its_flood_is_counted() {
        let (mut writer, queue) = log(100);
        let key = Key::of("site");
        let held_back = writer.held_back();
        // Counted in the next period, written in this one.
        for _ in 0..SAID_MAX {
            let mut said = said("no disk");
            said.key = Some(key);
            assert!(writer.log.floods.count(key) <= SAID_MAX && queue.push(said).is_ok());
        }
        writer.say_queue(queue);
        writer.end_period(held_back);
        (0..5).for_each(|_| assert!(writer.log.floods.count(key) > SAID_MAX));
        let held_back = writer.held_back();
        writer.end_period(held_back);
        let last = kept(&writer).pop().expect("the count");
        assert_eq!((last.message.as_str(), last.repeated), ("no disk", 5));
        assert!(writer.period_ends.is_none(), "nothing was said since");
    }
}
