//! `log`: what the node has logged; of one that does not run, what its files hold. `log level`: what it logs.

use super::version::{ask, something_else};
use crate::answers::{Answer, Line};
use crate::cli::{LogCommand, LogOptions};
use crate::client::{self, PATIENCE};
use crate::context::Context;
use crate::failure::Failure;
use crate::node_path::NodePath;
use crate::{interrupt, output};
use runtime::node::log_files;
use runtime::protocol::{Command, Event, LogLevel, Logged, Outcome};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Nobody follows a log for longer.
const FOLLOW_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

pub(super) fn log(context: &Context, command: Option<LogCommand>, options: &LogOptions) -> Result<(), Failure> {
    if let Some(LogCommand::Level { set }) = command {
        return level(context, set);
    }
    let node = context.node()?;
    if node.is_running()? { ask_log(context, &node, options) } else { from_files(context, &node, options) }
}

fn ask_log(context: &Context, node: &NodePath, options: &LogOptions) -> Result<(), Failure> {
    let LogOptions { follow, count, level } = *options;
    let show = |event: Event| {
        let Event::Logged { events, lost } = event else { return };
        if lost > 0 {
            output::note(&format!("{lost} events are missing here: the node does not keep them any more"));
        }
        events.into_iter().for_each(|event| print(context, event));
    };
    let time = if follow { FOLLOW_MAX } else { PATIENCE };
    let told = client::connect(node)?.tell(Command::Log { count, level, follow }, time, show);
    match told {
        // Whoever follows ends it so.
        Err(_) if follow && interrupt::happened() => Err(interrupt::failure()),
        // With the node, its log ends.
        Err(_) if follow && !node.is_running()? => Ok(()),
        told => told.map(drop),
    }
}

fn from_files(context: &Context, node: &NodePath, options: &LogOptions) -> Result<(), Failure> {
    let files = log_files(&node.layout.log());
    if options.follow || files.is_empty() {
        // Says that nobody runs there.
        return client::connect(node).map(drop);
    }
    let last = last_in(&files, options.count, options.level)?;
    output::note(&format!("no node runs in {}: this is what its files hold", node.root()));
    last.into_iter().for_each(|event| print(context, event));
    Ok(())
}

/// The last events down to that level, of a node that answers, or of one that has run.
pub(super) fn last(node: &NodePath, count: u32, level: Option<LogLevel>) -> Result<Vec<Logged>, Failure> {
    let Ok(mut client) = client::connect(node) else {
        return last_in(&log_files(&node.layout.log()), count, level).map(Vec::from);
    };
    let mut last = Vec::new();
    client.tell(Command::Log { count, level, follow: false }, PATIENCE, |event| {
        if let Event::Logged { events, .. } = event {
            last.extend(events);
        }
    })?;
    Ok(last)
}

/// `files`: the oldest first. No more of them are read than it takes.
fn last_in(files: &[PathBuf], count: u32, level: Option<LogLevel>) -> Result<VecDeque<Logged>, Failure> {
    let mut last = VecDeque::new();
    for path in files.iter().rev() {
        interrupt::check()?;
        let missing = count as usize - last.len();
        if missing == 0 {
            break;
        }
        let mut before = last_of(path, missing, level)?;
        before.append(&mut last);
        last = before;
    }
    Ok(last)
}

fn last_of(path: &Path, count: usize, level: Option<LogLevel>) -> Result<VecDeque<Logged>, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::error(format!("{} cannot be read: {error}", path.display()))
            .hint("only the node's own user and root may read it")
    };
    let file = match File::open(path) {
        // It was the oldest one.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(VecDeque::new()),
        file => file.map_err(unreadable)?,
    };
    let mut last = VecDeque::new();
    for line in BufReader::new(file).split(b'\n') {
        // What is no event is half of one, of a node that was killed.
        let Ok(event) = serde_json::from_slice::<Logged>(&line.map_err(unreadable)?) else { continue };
        if level.is_none_or(|most| event.level <= most) {
            last.push_back(event);
        }
        if last.len() > count {
            last.pop_front();
        }
    }
    Ok(last)
}

fn print(context: &Context, event: Logged) {
    if context.json() {
        output::json(Line::Logged(Box::new(event)));
    } else {
        output::line(event.text(output::has_colours(&stdout())).trim_end());
    }
}

fn level(context: &Context, set: Vec<String>) -> Result<(), Failure> {
    match ask(context, Command::LogLevel { set })? {
        Outcome::LogLevels { levels } if context.json() => output::json(Answer::LogLevels { levels }),
        Outcome::LogLevels { levels } => levels.split(',').for_each(output::line),
        _ => return Err(something_else()),
    }
    Ok(())
}
