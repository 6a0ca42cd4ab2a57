//! A first deployment: a release where there is none, and its node in the background.
//!
//! ```text
//! files ─► sent, each to its place once it has its hash ─► the record, by one rename: now it is a release ─► bin/<name> daemon ─┬─ serves
//!                                                                                    no record again: it can be tried again ◄────┴─ does not
//! ```

use super::goods::{Goods, Made};
use super::visit::Visit;
use crate::answers::{Answer, Done, Started};
use crate::cli::{Serving, Waiting};
use crate::commands::upgrade;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::node_path::NodePath;
use crate::output;
use crate::remote::Starting;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// What the other side does besides waiting until it serves.
const MARGIN: Duration = Duration::from_secs(60);

impl Visit<'_> {
    /// Puts the release there, unless it is there, and starts it.
    pub(super) fn start(&mut self, goods: &Goods<'_>, serving: &Serving, waiting: Waiting) -> Result<(), Failure> {
        self.check_folder()?;
        let made = goods.get(None, &mut self.progress)?;
        self.check_release(made)?;
        let name = made.manifest.name.clone();
        if let Some(other) = self.look.commands.iter().find(|command| **command != name) {
            let message = format!("{} has the command of {other} in its bin/, and the release is {name}", self.address);
            return Err(Failure::new(ExitCode::Refused, message).hint("give each application a folder of its own"));
        }
        let started = if self.look.has_record {
            self.start_again(made, serving, waiting)
        } else {
            self.start_first(made, serving, waiting)
        };
        let started = started?;
        self.progress.finish();
        self.conclude_start(&name, &started);
        Ok(())
    }

    /// Nothing of anybody else's is there.
    fn check_folder(&self) -> Result<(), Failure> {
        let address = self.address;
        if self.look.has_record && self.look.commands.is_empty() {
            let message = format!(
                "{address} is the folder of a node that was run from a workspace: it has no command of its own"
            );
            return Err(Failure::error(message).hint("name a folder that is empty or not there; nothing has changed"));
        }
        if let Some(foreign) = &self.look.foreign {
            let message = format!("{address} has {foreign:?} in it, and is no node's folder");
            return Err(Failure::error(message).hint("name a folder that is empty or not there; nothing has changed"));
        }
        // Its control socket must fit there.
        let root = self.look.root.as_deref().map_or_else(|| Path::new(self.address.path()), Path::new);
        if root.is_absolute() {
            NodePath::new(root, "the other machine's", "cargo system")?;
        }
        Ok(())
    }

    fn start_first(&mut self, made: &Made, serving: &Serving, waiting: Waiting) -> Result<Value, Failure> {
        self.send(".", &made.for_start()?)?;
        let base = format!("incoming/{}", made.version());
        self.send(&base, &[made.record()?])?;
        self.say_start();
        self.connection.begin(&base, &starting(made, &made.version(), serving, waiting))
    }

    /// The release is there and does not run: the connection was lost just then, or somebody has stopped it.
    fn start_again(&mut self, made: &Made, serving: &Serving, waiting: Waiting) -> Result<Value, Failure> {
        let address = self.address;
        let there = self.borrowed.permanent()?;
        if there.as_ref() != Some(&made.manifest.version) {
            let there = there.map_or_else(|| "no release".to_owned(), |version| version.to_string());
            let message = format!("{address} has {there}, which does not run");
            let hint = format!("start it with cargo system restart --node {}, and deploy again", address.word());
            return Err(Failure::error(message).hint(hint));
        }
        self.say_start();
        self.connection.start(&starting(made, &made.version(), serving, waiting))
    }

    fn say_start(&mut self) {
        upgrade::step(&mut self.progress, "start", &format!("start it at {}", self.address));
    }

    fn conclude_start(&self, name: &str, started: &Value) {
        let (address, version) = (self.address.to_string(), started["version"].as_str().unwrap_or_default());
        if self.context.json() {
            let os_pid = started["os_pid"].as_u64().and_then(|pid| pid.try_into().ok()).unwrap_or_default();
            let (name, version, node) = (name.to_owned(), version.to_owned(), Some(address));
            return output::json(Answer::Started(Done::new(Started { name, version, os_pid, node })));
        }
        output::line(&format!("started {name} {version} at {address}"));
    }
}

/// What its command is called with, and how long it may be silent.
fn starting<'a>(made: &'a Made, version: &'a str, serving: &Serving, waiting: Waiting) -> Starting<'a> {
    let given: Vec<_> = std::env::args_os().collect();
    let timeout = waiting.timeout.to_string();
    let words = ["daemon", "--json", "--timeout", &timeout].map(str::to_owned).into_iter();
    let options = serving.given_in(&given).to_args();
    let options = options.into_iter().map(|word| word.to_string_lossy().into_owned());
    let patience = Duration::from_secs(waiting.timeout.into()) + MARGIN;
    Starting { name: &made.manifest.name, version, words: words.chain(options).collect(), patience }
}
