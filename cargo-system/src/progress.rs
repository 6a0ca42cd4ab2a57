//! Progress on stderr: a spinner for people, a line per state change for everybody else, with a heartbeat.

use crate::output;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// Without animation, a sign of life at least this often.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// See the file's head.
#[derive(Debug)]
pub(crate) enum Progress {
    /// A terminal.
    Spinner(ProgressBar),
    /// Anything else: what was said last and when, and how things stand.
    Lines { last: String, latest: String, said: Instant },
    /// `--json`: the events say it.
    Json,
}

impl Progress {
    pub(crate) fn new(as_json: bool) -> Self {
        if as_json {
            return Self::Json;
        }
        if !is_animated() {
            return Self::Lines { last: String::new(), latest: String::new(), said: Instant::now() };
        }
        let bar = ProgressBar::new_spinner();
        bar.set_style(ProgressStyle::with_template("{spinner} {wide_msg}").unwrap_or(ProgressStyle::default_spinner()));
        bar.enable_steady_tick(TICK);
        Self::Spinner(bar)
    }

    /// Says what happens now.
    pub(crate) fn say(&mut self, message: &str) {
        match self {
            Self::Spinner(bar) => bar.set_message(message.to_owned()),
            Self::Lines { last, latest, said } => {
                if last != message {
                    output::note(message);
                    message.clone_into(last);
                    message.clone_into(latest);
                    *said = Instant::now();
                }
            }
            Self::Json => {}
        }
    }

    /// Says what one should know, and leaves it there.
    pub(crate) fn warn(&self, message: &str) {
        let line = format!("warning: {message}");
        match self {
            Self::Spinner(bar) => bar.println(line),
            Self::Lines { .. } => output::note(&line),
            Self::Json => {}
        }
    }

    /// Says how far it is, which changes often. Without animation only the first of it is said; the rest is [`beat`]'s.
    ///
    /// [`beat`]: Self::beat
    pub(crate) fn count(&mut self, what: &str, message: &str) {
        match self {
            Self::Lines { last, latest, .. } => {
                if !last.starts_with(what) {
                    self.say(message);
                } else {
                    message.clone_into(latest);
                }
            }
            _ => self.say(message),
        }
    }

    /// A sign of life, if it is time for one.
    pub(crate) fn beat(&mut self) {
        if let Self::Lines { latest, said, .. } = self
            && said.elapsed() >= HEARTBEAT
            && !latest.is_empty()
        {
            *said = Instant::now();
            output::note(latest);
        }
    }

    /// Leaves the terminal to another program, until [`go_on`](Self::go_on).
    pub(crate) fn pause(&self) {
        if let Self::Spinner(bar) = self {
            bar.disable_steady_tick();
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
    }

    /// Has the terminal again.
    pub(crate) fn go_on(&self) {
        if let Self::Spinner(bar) = self {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(TICK);
        }
    }

    /// Clears the spinner; lines stay.
    pub(crate) fn finish(&self) {
        if let Self::Spinner(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// A sign of life while something else has the word: another program, or a wait.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    what: String,
    begun: Instant,
    said: Instant,
}

impl Heartbeat {
    pub(crate) fn of(what: impl Into<String>) -> Self {
        Self { what: what.into(), begun: Instant::now(), said: Instant::now() }
    }

    /// Says that it goes on, if it is time for that.
    pub(crate) fn beat(&mut self) {
        if self.said.elapsed() >= HEARTBEAT && !is_animated() {
            self.said = Instant::now();
            output::note(&format!("{}: for {} s so far", self.what, self.begun.elapsed().as_secs()));
        }
    }
}

fn is_animated() -> bool {
    output::has_colours(&std::io::stderr()) && !output::is_set("CI")
}
