//! `top` on a terminal: measures again and again, until one leaves.
//!
//! ```text
//! measuring thread ─ shares, each interval ─► screen ◄─ keys
//!        ▲ what to measure (sort, filter) ──────┘ └─ kill, once it was answered "y"
//! ```
//!
//! The terminal is given back as it was, however this ends.

use super::super::version::something_else;
use super::measure;
use super::view::{Action, View};
use crate::client::{self, PATIENCE};
use crate::context::Context;
use crate::failure::Failure;
use crate::node_path::NodePath;
use crate::which::Which;
use crate::{interrupt, output};
use crossterm::event::{self, Event, KeyEventKind};
use runtime::protocol::{Command, Outcome, Selection, Top};
use std::io::stdout;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often keys and news are looked for.
const LOOK: Duration = Duration::from_millis(50);

/// What the measuring thread is told.
#[derive(Debug)]
struct Wanted {
    selection: Mutex<Selection>,
    is_over: AtomicBool,
}

pub(super) fn watch(context: &Context, which: &Which, interval: Duration) -> Result<(), Failure> {
    let node = Arc::new(context.node()?);
    // A node that is not there is said so before the screen is taken.
    drop(client::connect(&node)?);
    let wanted = Arc::new(Wanted { selection: Mutex::new(rows_of(which)), is_over: AtomicBool::new(false) });
    let mut view = View::new(which, output::has_colours(&stdout()));
    let mut terminal = ratatui::try_init().map_err(unusable)?;
    let (tell, news) = channel();
    let (from, what) = (Arc::clone(&node), Arc::clone(&wanted));
    // Nobody waits for it: it ends with this program, in the middle of an interval.
    std::thread::spawn(move || measure_on(&from, &what, interval, &tell));
    let watched = talk(&mut terminal, &mut view, &node, &wanted, &news);
    wanted.is_over.store(true, Ordering::Relaxed);
    ratatui::restore();
    watched
}

fn unusable(error: std::io::Error) -> Failure {
    Failure::error(format!("the terminal cannot be used: {error}")).hint("--once needs none")
}

/// As many as fit on a large screen.
fn rows_of(which: &Which) -> Selection {
    Selection { limit: Some(which.count.max(100)), ..which.selection() }
}

fn measure_on(node: &NodePath, wanted: &Wanted, interval: Duration, tell: &Sender<Result<Top, Failure>>) {
    while !wanted.is_over.load(Ordering::Relaxed) {
        let selection = wanted.selection.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let measured = client::connect(node).and_then(|mut client| measure(&mut client, selection, interval));
        let is_end = measured.is_err();
        if tell.send(measured).is_err() || is_end {
            return;
        }
    }
}

fn talk(
    terminal: &mut ratatui::DefaultTerminal,
    view: &mut View,
    node: &NodePath,
    wanted: &Wanted,
    news: &Receiver<Result<Top, Failure>>,
) -> Result<(), Failure> {
    loop {
        terminal.draw(|frame| view.draw(frame)).map_err(unusable)?;
        if interrupt::happened() {
            return Ok(());
        }
        for measured in news.try_iter() {
            view.show(measured?);
        }
        if !event::poll(LOOK).map_err(unusable)? {
            continue;
        }
        let Event::Key(key) = event::read().map_err(unusable)? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match view.press(key.code, key.modifiers) {
            Action::Nothing => {}
            Action::Leave => return Ok(()),
            Action::Select(selection) => *wanted.selection.lock().unwrap_or_else(PoisonError::into_inner) = selection,
            Action::Kill(pid) => view.say(kill(node, pid)),
        }
    }
}

/// One sentence.
fn kill(node: &NodePath, pid: String) -> String {
    let ask = |pid| client::connect(node)?.ask(Command::Kill { pid, reason: None }, PATIENCE);
    let killed = match ask(pid) {
        Ok(Outcome::Killed(killed)) => Ok(killed),
        Ok(_) => Err(something_else()),
        Err(failure) => Err(failure),
    };
    match killed {
        Ok(killed) if killed.has_ended => format!("{} has ended", killed.pid),
        Ok(killed) => format!("{} has not ended yet", killed.pid),
        Err(failure) => failure.message,
    }
}
