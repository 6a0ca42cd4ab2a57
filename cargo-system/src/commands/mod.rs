//! One file a command.

mod check;
mod confirm;
mod console;
mod daemon;
mod describe;
mod dry_run;
mod follow;
mod history;
mod info;
mod inspect;
mod keys;
mod kill;
mod last_words;
mod log;
mod metrics;
mod new;
mod newest;
mod node;
mod ping;
mod planned;
mod profile;
mod ps;
mod release;
mod releases;
mod remote;
mod rollback;
mod run;
mod schema;
mod service;
mod shells;
mod stack;
mod status;
mod stop;
mod top;
mod trace;
mod tree;
mod upgrade;
mod verify;
mod version;
mod watch;

use crate::cli::{Cli, Command, DeployOptions, ReleaseCommand};
use crate::context::{Context, release_command};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::{interrupt, output};
use remote::Errand;
use std::process::ExitCode as Code;
use upgrade::Wish;

/// Runs a command to its exit code; prints its failure.
pub(crate) fn run(cli: Cli) -> Code {
    let as_json = cli.global.json;
    let code = match dispatch(cli) {
        Ok(code) => match output::unwritten() {
            Some(failure) => output::failure(&failure, false),
            None => return code.into(),
        },
        // What failed because of Ctrl-C, such as cargo, which hears of it too, has not failed by itself.
        Err(failure) if interrupt::happened() && failure.code != ExitCode::Interrupted => {
            output::failure(&interrupt::failure(), as_json)
        }
        Err(failure) => output::failure(&failure, as_json),
    };
    code.into()
}

/// Returns the exit code, which may be one of another machine.
fn dispatch(cli: Cli) -> Result<u8, Failure> {
    let Cli { global, command } = cli;
    let context = Context::new(global);
    // A node has its own ear for signals, and what is tried out for it ends at once.
    if !matches!(command, Command::Node { .. } | Command::Describe { .. }) {
        interrupt::listen()?;
    }
    refuse_builds_of_releases(&context, &command)?;
    match remote::pass(&context, &command)? {
        Some(code) => Ok(code),
        None => here(&context, command).map(|()| ExitCode::Done as u8),
    }
}

/// On this machine, whichever the node's is.
fn here(context: &Context, command: Command) -> Result<(), Failure> {
    match command {
        Command::New { folder, name, sdk } => new::new(context, &folder, name.as_deref(), sdk.as_deref()),
        Command::Run { serving } => run::run(context, &serving),
        Command::Watch { serving, beside } => watch::watch(context, &serving, beside),
        Command::Release { command: Some(ReleaseCommand::Verify { release, keys }), .. } => {
            verify::verify(context, &release, &keys)
        }
        Command::Release { command: None, options } => release::release(context, options),
        Command::Upgrade { plan: Some(plan), wait, waiting, making, .. } => {
            planned::upgrade(context, &plan, wait, waiting, &making)
        }
        Command::Upgrade { newest: true, force, confirm_within, wait, waiting, .. } => {
            newest::upgrade(context, Wish { force, confirm_within, wait, planned: None }, waiting)
        }
        Command::Upgrade { release, force, dry_run, out, confirm_within, wait, waiting, making, .. }
            if context.is_elsewhere() =>
        {
            let wish = Wish { force, confirm_within, wait, planned: None };
            let (release, making, has_out) = (release.as_deref(), &making, out.is_some());
            remote::run(context, &Errand { release, wish, dry_run, has_out, waiting, making, serving: None })
        }
        Command::Upgrade { release, force, dry_run: true, out, confirm_within, making, .. } => {
            let wish = Wish { force, confirm_within, ..Wish::default() };
            dry_run::dry_run(context, release.as_deref(), wish, out.as_deref(), &making)
        }
        Command::Upgrade { release, force, confirm_within, wait, waiting, making, .. } => {
            let wish = Wish { force, confirm_within, wait, planned: None };
            upgrade::upgrade(context, release.as_deref(), wish, waiting, &making)
        }
        Command::Deploy(options) => deploy(context, options),
        Command::Rollback { version, force, dry_run: true, .. } => dry_run::rollback(context, version, force),
        Command::Rollback { version, force, waiting, .. } => rollback::rollback(context, version, force, waiting),
        Command::Confirm { waiting } => confirm::confirm(context, waiting),
        Command::Check => check::check(context),
        Command::Keys { command } => keys::keys(context, &command),
        Command::Status => status::status(context),
        Command::Ps { which, all } => ps::ps(context, &which, all),
        Command::Info { pid } => info::info(context, pid),
        Command::Top { which, once, interval } => top::top(context, &which, once, interval),
        Command::Tree => tree::tree(context),
        Command::Stack { pid } => stack::stack(context, pid),
        Command::Log { command, options } => log::log(context, command, &options),
        Command::Metrics => metrics::metrics(context),
        Command::Trace(options) => trace::trace(context, options),
        Command::Profile(options) => profile::profile(context, &options),
        Command::Kill { pid, reason } => kill::kill(context, pid, reason),
        Command::Console => console::console(context),
        Command::Eval { expression, timeout } => console::eval(context, &expression, timeout),
        Command::Inspect { release, keys } => inspect::inspect(context, &release, &keys),
        Command::Releases => releases::releases(context),
        Command::History { count } => history::history(context, count),
        Command::Stop { grace } => stop::stop(context, grace),
        Command::Ping => ping::ping(context),
        Command::Version => version::version(context),
        Command::Pid => version::pid(context),
        Command::Start { serving } => run::start(context, &serving),
        Command::Daemon { serving, timeout } => daemon::daemon(context, serving, timeout),
        Command::Restart { grace, timeout } => daemon::restart(context, grace, timeout),
        Command::Service { user } => service::service(context, user.as_deref()),
        Command::Completions { shell } => shells::completions(context, shell),
        Command::Schema => schema::schema(),
        Command::Man { folder } => shells::man(context, &folder),
        Command::Describe { file, begin } => describe::describe(&file, begin),
        Command::Node { root, detach, serving } => node::node(root, detach, &serving),
    }
}

/// Onto other machines, where one serves already or not.
fn deploy(context: &Context, options: DeployOptions) -> Result<(), Failure> {
    let DeployOptions { release, force, confirm_within, wait, waiting, making, serving } = options;
    let wish = Wish { force, confirm_within, wait, planned: None };
    let (release, making, serving) = (release.as_deref(), &making, Some(serving));
    remote::run(context, &Errand { release, wish, dry_run: false, has_out: false, waiting, making, serving })
}

/// A release has no sources.
fn refuse_builds_of_releases(context: &Context, command: &Command) -> Result<(), Failure> {
    let Some(root) = &context.global.release_root else { return Ok(()) };
    let own = release_command(root);
    let hint = match command {
        Command::Run { .. } | Command::Watch { .. } => format!("{own} start"),
        Command::New { .. } => "cargo system new".to_owned(),
        Command::Release { command: None, .. } => "cargo system release, in the workspace".to_owned(),
        Command::Check => "cargo system check, in the workspace".to_owned(),
        Command::Deploy(DeployOptions { release: None, .. }) => format!("{own} deploy --release FILE"),
        Command::Upgrade { plan: None, release: None, newest: false, .. } => format!("{own} upgrade --release FILE"),
        _ => return Ok(()),
    };
    Err(Failure::new(ExitCode::Usage, "a release has no sources to build").hint(hint))
}
