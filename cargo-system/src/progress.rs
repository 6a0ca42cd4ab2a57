//! Progress on stderr: a spinner for people, a line per state change for everybody else, with a heartbeat.

use crate::output;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// Without animation, a sign of life at least this often.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// See the file's head.
#[derive(Debug)]
pub(crate) enum Progress {
    /// A terminal.
    Spinner(ProgressBar),
    /// Anything else: what was said last, and when.
    Lines(String, Instant),
    /// `--json`: the events say it.
    Silent,
}

impl Progress {
    pub(crate) fn new(as_json: bool) -> Self {
        if as_json {
            return Self::Silent;
        }
        if !is_animated() {
            return Self::Lines(String::new(), Instant::now());
        }
        let bar = ProgressBar::new_spinner();
        bar.set_style(ProgressStyle::with_template("{spinner} {wide_msg}").unwrap_or(ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self::Spinner(bar)
    }

    /// Says what happens now.
    pub(crate) fn say(&mut self, message: &str) {
        match self {
            Self::Spinner(bar) => bar.set_message(message.to_owned()),
            Self::Lines(last, when) => {
                if last != message {
                    output::note(message);
                    message.clone_into(last);
                    *when = Instant::now();
                }
            }
            Self::Silent => {}
        }
    }

    /// Says how far it is, which changes often: a line only as a heartbeat.
    pub(crate) fn tick(&mut self, message: &str) {
        match self {
            Self::Lines(last, when) if last.is_empty() || when.elapsed() >= HEARTBEAT => self.say(message),
            Self::Lines(..) => {}
            _ => self.say(message),
        }
    }

    /// Clears the spinner; lines stay.
    pub(crate) fn finish(&self) {
        if let Self::Spinner(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn is_animated() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal()
        && !is_set("CI")
        && !is_set("NO_COLOR")
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
