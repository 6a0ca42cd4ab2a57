//! Commands that are called where the node is: `bin/<name> …`, with the words that were given here.
//!
//! What reads or writes a file means one on this machine: a key's file is read here, and what would be written there is refused.

use crate::cli::{Command, KeysCommand, without_cargo_word};
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output::is_dumb;
use crate::remote::{Address, Connection};
use runtime::release::keys::Key;
use std::ffi::OsString;
use std::io::{IsTerminal as _, stdin, stdout};
use std::path::Path;

/// Options for the command here, each with a value.
const OURS: [&str; 2] = ["--node", "--release-root"];

/// Calls it there; `None`: it is done here.
pub(in crate::commands) fn pass(context: &Context, command: &Command) -> Result<Option<u8>, Failure> {
    if is_done_here(command) {
        return Ok(None);
    }
    let Some(address) = context.address()? else { return Ok(None) };
    refuse(address, command)?;
    let words = without_cargo_word(std::env::args_os()).into_iter().skip(1);
    let words = words.map(OsString::into_string).collect::<Result<Vec<_>, _>>().map_err(|word| {
        Failure::new(ExitCode::Usage, format!("{word:?} is not UTF-8")).hint("what goes to another machine is text")
    })?;
    let words = with_keys(theirs(words), command);
    let is_read = matches!(command, Command::Console);
    let is_terminal = stdin().is_terminal() && stdout().is_terminal() && !is_dumb();
    let name = context.global.package.as_deref().unwrap_or_default();
    Connection::single(address).pass_to(name, &words, is_terminal, is_read).map(Some)
}

/// What asks no node, or goes there by itself.
fn is_done_here(command: &Command) -> bool {
    matches!(
        command,
        Command::New { .. }
            | Command::Release { .. }
            | Command::Inspect { .. }
            | Command::Completions { .. }
            | Command::Schema
            | Command::Man { .. }
            | Command::Describe { .. }
            | Command::Node { .. }
            | Command::Keys { command: KeysCommand::Generate { .. } }
            | Command::Deploy(_)
            | Command::Upgrade { plan: None, newest: false, .. }
    )
}

/// What is not done on another machine.
fn refuse(address: &Address, command: &Command) -> Result<(), Failure> {
    let word = address.word();
    let (what, hint) = match command {
        Command::Run { .. } | Command::Watch { .. } => {
            ("what is built here runs here", format!("cargo system deploy --node {word} brings it there"))
        }
        Command::Check => (
            "check looks at a node on this machine",
            format!("cargo system upgrade --dry-run --node {word} asks that one"),
        ),
        Command::Upgrade { plan: Some(_), .. } => (
            "a plan in a file is carried out on the node's own machine",
            format!("cargo system upgrade --release FILE --node {word}, after --dry-run"),
        ),
        Command::Profile(options) if options.out.is_some() => {
            ("--out would write the file on the other machine", "--folded > FILE, or --json > FILE".to_owned())
        }
        _ => return Ok(()),
    };
    Err(Failure::new(ExitCode::Usage, format!("{what}: {address} is another")).hint(hint))
}

/// Without the words that say which node.
fn theirs(words: Vec<String>) -> Vec<String> {
    let mut theirs = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            theirs.push(word);
            theirs.extend(words);
            break;
        }
        let is_joined = OURS.iter().any(|ours| word.strip_prefix(ours).is_some_and(|rest| rest.starts_with('=')));
        if OURS.contains(&word.as_str()) {
            // Its value.
            words.next();
        } else if !is_joined {
            theirs.push(word);
        }
    }
    theirs
}

/// A key's file is on this machine, so the key itself goes there.
fn with_keys(words: Vec<String>, command: &Command) -> Vec<String> {
    let (Command::Keys { command: KeysCommand::Trust { key } }
    | Command::Keys { command: KeysCommand::Revoke { key } }) = command
    else {
        return words;
    };
    // What is no key's file is said to be none there, too.
    let Some(line) = key_line(Path::new(key)) else { return words };
    words.into_iter().map(|word| if word == *key { line.clone() } else { word }).collect()
}

/// The line of a key's file that is the key.
fn key_line(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Key::parse(&text)?;
    text.lines().map(str::trim).filter(|line| !line.is_empty()).take(2).last().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_is_named_here_and_not_there() {
        let of = |words: &[&str]| theirs(words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(of(&["--node", "ssh://a/b", "ps", "--all", "--json"]), ["ps", "--all", "--json"]);
        assert_eq!(of(&["--release-root", "/srv/app", "eval", "--node=ssh://a/b", "1 + 2"]), ["eval", "1 + 2"]);
        assert_eq!(of(&["eval", "--node", "ssh://a/b", "--", "--node"]), ["eval", "--", "--node"]);
        assert_eq!(of(&["kill", "12.1", "--nodes"]), ["kill", "12.1", "--nodes"]);
    }
}
