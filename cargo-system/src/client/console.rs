//! A console's talk with a node. Ctrl-C interrupts what is evaluated there, and the talk goes on.

use super::{CLIENT, Client, Lost, PATIENCE, strange};
use crate::failure::Failure;
use crate::{hints, interrupt};
use runtime::protocol::{Command, ConsoleInput, ConsoleOutput, Reply, Request, SCHEMA};
use std::time::{Duration, Instant};

/// An evaluation ends sooner than this, by the node's own limit.
const EVALUATION_MAX: Duration = Duration::from_secs(600);

/// A session that is open.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client,
    /// The application's name.
    pub(crate) name: String,
    /// The version that was current at the beginning.
    pub(crate) version: String,
    /// What can be called.
    pub(crate) functions: Vec<String>,
    was_interrupted: bool,
}

impl Session {
    /// Opens one.
    pub(crate) fn open(mut client: Client) -> Result<Self, Failure> {
        let request = Request { schema: SCHEMA, client: Some(CLIENT.to_owned()), command: Command::Console };
        client.write(&request).map_err(|lost| failure(&client.root, lost))?;
        match read(&mut client, Instant::now() + PATIENCE)? {
            ConsoleOutput::Ready { name, version, functions } => {
                Ok(Self { client, name, version, functions, was_interrupted: false })
            }
            other => Err(failure(&client.root, Lost::Strange(format!("{other:?}")))),
        }
    }

    /// Has the node evaluate this: a value or a failure. `printed` is called with what it says on its way.
    pub(crate) fn evaluate(
        &mut self,
        text: &str,
        timeout: Option<Duration>,
        mut printed: impl FnMut(&str),
    ) -> Result<ConsoleOutput, Failure> {
        let timeout_ms = timeout.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        self.was_interrupted = false;
        self.say(&ConsoleInput::Eval { text: text.to_owned(), timeout_ms })?;
        let mut until = Instant::now() + EVALUATION_MAX;
        loop {
            match read_output(&mut self.client, until) {
                Ok(ConsoleOutput::Printed { text }) => printed(&text),
                Ok(output) => return Ok(output),
                // The second one ends it at once.
                Err(Lost::Interrupted) if !self.was_interrupted => {
                    interrupt::forget();
                    self.was_interrupted = true;
                    self.say(&ConsoleInput::Interrupt)?;
                    until = Instant::now() + PATIENCE;
                }
                Err(lost) => return Err(failure(&self.client.root, lost)),
            }
        }
    }

    /// Whether there was a Ctrl-C while the last evaluation lasted.
    pub(crate) fn was_interrupted(&self) -> bool {
        self.was_interrupted
    }

    fn say(&mut self, input: &ConsoleInput) -> Result<(), Failure> {
        self.client.write(input).map_err(|lost| failure(&self.client.root, lost))
    }
}

fn read(client: &mut Client, until: Instant) -> Result<ConsoleOutput, Failure> {
    read_output(client, until).map_err(|lost| failure(&client.root, lost))
}

/// A node that refuses answers as it does to any request.
fn read_output(client: &mut Client, until: Instant) -> Result<ConsoleOutput, Lost> {
    let line = client.read_line(until, &mut || ())?;
    match serde_json::from_slice(&line) {
        Ok(output) => Ok(output),
        Err(error) => match serde_json::from_slice(&line) {
            Ok(Reply::Failed(failure)) => Err(Lost::Refused(Box::new(failure))),
            _ => Err(Lost::Strange(error.to_string())),
        },
    }
}

fn failure(root: &str, lost: Lost) -> Failure {
    match lost {
        Lost::Refused(failure) => (*failure).into(),
        Lost::Interrupted => interrupt::failure(),
        Lost::Time => Failure::error(format!("the node in {root} has not answered in time"))
            .hint("its log says why; it may be stopped or overloaded"),
        Lost::HungUp => Failure::error(format!("the node in {root} hung up")).hint("it may have been stopped"),
        Lost::Broken(error) => {
            Failure::error(format!("the talk with the node in {root} broke: {error}")).hint(hints::STATUS)
        }
        Lost::Strange(what) => strange(root, &what),
    }
}
