//! One file a command.

mod node;
mod ping;
mod release;
mod run;
mod status;
mod stop;
mod upgrade;
mod version;

use crate::cli::{Cli, Command, Package};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::{client, node_path, output};
use signal_hook::consts::SIGINT;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Runs a command to its exit code; prints its failure.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let as_json = cli.global.json;
    match dispatch(cli) {
        Ok(()) => ExitCode::Done,
        Err(failure) => output::failure(&failure, as_json),
    }
}

fn dispatch(cli: Cli) -> Result<(), Failure> {
    let Cli { global, command } = cli;
    if !matches!(command, Command::Node { .. } | Command::Start { .. } | Command::Run { .. }) {
        exit_on_interrupt()?;
    }
    match command {
        Command::Run { package, serving } => run::run(&global, &package, &serving),
        Command::Release { package, out } => release::release(&global, &package, out),
        Command::Upgrade { package, release, drain_wait, timeout } => {
            upgrade::upgrade(&global, &package, release.as_deref(), drain_wait, timeout)
        }
        Command::Status => status::status(&global),
        Command::Stop { grace } => stop::stop(&global, grace),
        Command::Ping => ping::ping(&global),
        Command::Version => version::version(&global),
        Command::Pid => version::pid(&global),
        Command::Start { serving } => run::start(&global, &serving),
        Command::Node { root, serving } => node::node(root, &serving),
    }
}

/// Ctrl-C ends a client with the documented code. What it asked of the node goes on there.
fn exit_on_interrupt() -> Result<(), Failure> {
    let always = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_shutdown(SIGINT, ExitCode::Interrupted as i32, always)
        .map(drop)
        .map_err(|error| Failure::error(format!("signals cannot be received: {error}")))
}

/// The node that the global options name, connected.
fn connect(global: &crate::cli::Global) -> Result<client::Client, Failure> {
    client::connect(&node_path::find(global, &Package::default())?)
}
