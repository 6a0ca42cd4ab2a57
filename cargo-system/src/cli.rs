//! The command line.

mod deploy;
mod inside;
mod keys;
mod log;
mod numbers;
mod options;
mod release;
mod serving;

pub(crate) use deploy::DeployOptions;
pub(crate) use inside::{ProfileOptions, TraceOptions};
pub(crate) use keys::KeysCommand;
pub(crate) use log::{LogCommand, LogOptions};
pub(crate) use numbers::count;
pub(crate) use options::{Global, Making, Place, Signing, Waiting};
pub(crate) use release::{ReleaseCommand, ReleaseOptions};
pub(crate) use serving::Serving;

use crate::context::release_command;
use crate::exit_code;
use crate::which::{Which, parse_interval};
use clap::builder::Resettable;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;
use numbers::parse_seconds;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Hot code upgrade for native Rust: run, release and upgrade a node while it serves.
#[derive(Debug, Parser)]
#[command(name = "cargo system", bin_name = "cargo system", version, after_long_help = exit_code::help(), max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a plugin project that runs, upgrades and tests at once: a small chat
    #[command(after_help = "Example:\n  cargo system new chat && cd chat && cargo system run")]
    New {
        /// The folder to make
        folder: PathBuf,
        /// The package's name; without it, the folder's
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// The SDK's folder, plugin-abi of cargo-system's repository; without it, the one beside this tool's sources, or the published one
        #[arg(long = "path", value_name = "DIR")]
        sdk: Option<PathBuf>,
    },
    /// Build and start the workspace's application, in the foreground
    #[command(after_help = "Example:\n  cargo system run --listen 127.0.0.1:5000")]
    Run {
        #[command(flatten)]
        serving: Serving,
    },
    /// The same, and build and upgrade in whatever is saved
    #[command(after_help = "Example:\n  cargo system watch --listen 127.0.0.1:5000")]
    Watch {
        #[command(flatten)]
        serving: Serving,
        /// Watch for the node that is this OS process, and end with it
        #[arg(long, hide = true, value_name = "OS_PID")]
        beside: Option<u32>,
    },
    /// Build a self-contained release: a folder, and an archive of it beside
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Example:\n  cargo system release --out /srv/app && /srv/app/bin/app start\n  cargo system release verify /srv/app"
    )]
    Release {
        #[command(subcommand)]
        command: Option<ReleaseCommand>,
        #[command(flatten)]
        options: ReleaseOptions,
    },
    /// Build the change and say what would refuse its upgrade; changes nothing
    #[command(after_help = "Example:\n  cargo system check && cargo system upgrade")]
    Check,
    /// Build the change and swap it into the running node
    #[command(
        after_help = "Example:\n  cargo system upgrade\n  cargo system upgrade --dry-run --out plan.json && cargo system upgrade plan.json\n  cargo system upgrade --release app-1.2.0+3f2a91bc.tar.zst\n  cargo system upgrade --node ssh://www@a.example.org/srv/app --node ssh://www@b.example.org/srv/app"
    )]
    Upgrade {
        /// Do what this plan says, a file that --dry-run --out has written: refused if the node has moved on, or if what is built is something else
        #[arg(value_name = "PLAN", conflicts_with_all = ["release", "newest", "force", "dry_run", "confirm_within"])]
        plan: Option<PathBuf>,
        /// Take this release, an archive or a folder, instead of building
        #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "counter", "target"])]
        release: Option<PathBuf>,
        /// Take the newest release in the node's folder
        #[arg(long, conflicts_with_all = ["release", "key", "counter", "target", "dry_run"])]
        newest: bool,
        /// Also to a release that was rolled back
        #[arg(long)]
        force: bool,
        /// Say what the upgrade would do, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Write the plan into this file, to be upgraded by later
        #[arg(long, value_name = "FILE", requires = "dry_run")]
        out: Option<PathBuf>,
        /// Go back by itself after this time, such as 5m, unless cargo system confirm is called before
        #[arg(long, value_name = "TIME", value_parser = options::parse_probation, allow_hyphen_values = true)]
        confirm_within: Option<Duration>,
        /// Wait for the end of the probation, too, by --confirm-within or by the release: exit code 10 if it went back
        #[arg(long, conflicts_with = "dry_run")]
        wait: bool,
        #[command(flatten)]
        waiting: Waiting,
        #[command(flatten)]
        making: Making,
    },
    /// Put a release onto another machine, by ssh, and start it there; where one serves already, upgrade it
    #[command(
        after_help = "Example:\n  cargo system deploy --node ssh://www@example.org/srv/app --listen 0.0.0.0:80\n  cargo system deploy --node ssh://a/srv/app --node ssh://b/srv/app --release app-1.2.0+3f2a91bc.tar.zst"
    )]
    Deploy(DeployOptions),
    /// Have the version stay that is on probation (upgrade --confirm-within)
    #[command(
        after_help = "Example:\n  cargo system upgrade --confirm-within 5m && ./smoke-test && cargo system confirm"
    )]
    Confirm {
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Make the release before current again, or another one, while everything runs
    #[command(after_help = "Example:\n  cargo system rollback\n  cargo system rollback 1.2.0+3f2a91bc --dry-run")]
    Rollback {
        /// Which release; without it, the last one that was permanent before and was not rolled back
        version: Option<String>,
        /// Also to a release that was rolled back
        #[arg(long, requires = "version")]
        force: bool,
        /// Say what the roll-back would do, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Show what the node runs
    #[command(after_help = "Example:\n  cargo system status --json | jq .processes")]
    Status,
    /// List processes: those that have used most processor time, or by what one asks for
    #[command(after_help = "Example:\n  cargo system ps --sort mailbox -n 5\n  cargo system ps --all --json")]
    Ps {
        #[command(flatten)]
        which: Which,
        /// All of them, in no order
        #[arg(long, conflicts_with_all = ["count", "sort"])]
        all: bool,
    },
    /// Show all that is known of a process
    #[command(after_help = "Example:\n  cargo system info '<12.1>'\n  cargo system info 12.1 --json")]
    Info {
        /// Its pid, with or without the brackets
        pid: String,
    },
    /// Show who uses the processors
    #[command(after_help = "Example:\n  cargo system top\n  cargo system top --once --sort memory")]
    Top {
        #[command(flatten)]
        which: Which,
        /// Measure once and print, also on a terminal
        #[arg(long)]
        once: bool,
        /// How long to measure each time
        #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = parse_interval, allow_hyphen_values = true)]
        interval: Duration,
    },
    /// Show who has started whom, in each version that lives
    #[command(after_help = "Example:\n  cargo system tree")]
    Tree,
    /// Show where a process stands: functions, files and lines
    #[command(after_help = "Example:\n  cargo system stack '<12.1>'")]
    Stack {
        /// Its pid, with or without the brackets
        pid: String,
    },
    /// Print what can be counted, as OpenMetrics text: what a scraper gets (run --metrics)
    #[command(after_help = "Example:\n  cargo system metrics | grep mailbox")]
    Metrics,
    /// Show what happens to a process: messages, polls, exit signals, links
    #[command(
        after_help = "Example:\n  cargo system trace '<12.1>'\n  cargo system trace 12.1 --for 1m --count 20 --json"
    )]
    Trace(TraceOptions),
    /// Sample where processes spend their time: a flame graph, or folded stacks
    #[command(
        after_help = "Example:\n  cargo system profile\n  cargo system profile '<12.1>' --for 10s --out flames.svg\n  cargo system profile --version 1.2.0+3f2a91bc --folded"
    )]
    Profile(ProfileOptions),
    /// End a process
    #[command(after_help = "Example:\n  cargo system kill '<12.1>'\n  cargo system kill 12.1 --reason shutdown")]
    Kill {
        /// Its pid, with or without the brackets
        pid: String,
        /// Send an exit signal with this reason, which it may trap: shutdown, or any text
        #[arg(long, value_name = "REASON")]
        reason: Option<String>,
    },
    /// Evaluate expressions in the node: a console on a terminal, else what comes on standard input
    #[command(
        visible_alias = "remote",
        after_help = "Example:\n  cargo system console\n  echo 'top()[0].pid' | cargo system console"
    )]
    Console,
    /// Evaluate one expression in the node and print its value
    #[command(after_help = "Example:\n  cargo system eval 'processes().filter(|p| p.mailbox > 100).len()'")]
    Eval {
        /// Such as 1 + 2; help() lists what there is
        expression: String,
        /// For so long at the most
        #[arg(long, value_name = "SECONDS", value_parser = parse_interval, allow_hyphen_values = true)]
        timeout: Option<Duration>,
    },
    /// Show what the node has logged
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Example:\n  cargo system log -f\n  cargo system log -n 20 --level warn --json\n  cargo system log level my_app::orders=debug"
    )]
    Log {
        #[command(subcommand)]
        command: Option<LogCommand>,
        #[command(flatten)]
        options: LogOptions,
    },
    /// List the releases in the node's folder: unpacked, permanent, old, and what runs
    #[command(after_help = "Example:\n  cargo system releases --json | jq '.releases[].version'")]
    Releases,
    /// Check a release whole, and show what it is made of: plugins, states, files, signature
    #[command(after_help = "Example:\n  cargo system inspect chat-0.1.0+3f2a91bc.tar.zst --key release.pub")]
    Inspect {
        /// An archive, a release's folder, or a node's: of that, what boots
        release: PathBuf,
        /// It must be signed by this public key, or by another one that is given
        #[arg(long = "key", value_name = "FILE")]
        keys: Vec<PathBuf>,
    },
    /// Show which upgrades were tried, and what came of them
    #[command(after_help = "Example:\n  cargo system history --count 3")]
    History {
        /// How many, from the last one on
        #[arg(short = 'n', long, value_name = "N", default_value = "20", value_parser = numbers::count::<usize>(0..=i64::from(u32::MAX)), allow_negative_numbers = true)]
        count: usize,
    },
    /// Make keys to sign releases with, and say whose releases the node takes
    #[command(after_help = "Example:\n  cargo system keys generate release.key && cargo system keys trust release.pub")]
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Stop the node in order
    #[command(after_help = "Example:\n  cargo system stop --grace 30")]
    Stop {
        /// How long processes may take to finish
        #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds, allow_negative_numbers = true)]
        grace: u32,
    },
    /// Ask whether the node answers
    #[command(after_help = "Example:\n  cargo system ping && echo up")]
    Ping,
    /// Print the version that the node runs
    #[command(after_help = "Example:\n  cargo system version")]
    Version,
    /// Print the node's OS process id
    #[command(after_help = "Example:\n  kill -TERM $(cargo system pid)")]
    Pid,
    /// Start the release that this command belongs to, in the foreground
    #[command(after_help = "Example:\n  bin/app start --listen 0.0.0.0:80", hide = true)]
    Start {
        #[command(flatten)]
        serving: Serving,
    },
    /// Start it in the background, and return when it serves
    #[command(after_help = "Example:\n  bin/app daemon --listen 0.0.0.0:80 && bin/app log -f", hide = true)]
    Daemon {
        #[command(flatten)]
        serving: Serving,
        /// How long to wait until it serves
        #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = parse_seconds, allow_negative_numbers = true)]
        timeout: u32,
    },
    /// Stop it in order, and start it in the background as it was started before
    #[command(after_help = "Example:\n  bin/app restart --grace 30", hide = true)]
    Restart {
        /// How long processes may take to finish
        #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds, allow_negative_numbers = true)]
        grace: u32,
        /// How long to wait until it serves again
        #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = parse_seconds, allow_negative_numbers = true)]
        timeout: u32,
    },
    /// Print a unit by which systemd starts, watches, upgrades and stops it
    #[command(after_help = "Example:\n  bin/app service --user www > /etc/systemd/system/app.service", hide = true)]
    Service {
        /// As whom it runs; without it, root
        #[arg(long, value_name = "NAME", value_parser = parse_user)]
        user: Option<String>,
    },
    /// Print what a shell needs to complete this command's words
    #[command(
        after_help = "Example:\n  cargo system completions bash > ~/.local/share/bash-completion/completions/cargo-system"
    )]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the JSON schema of all that --json prints
    #[command(after_help = "Example:\n  cargo system schema > cargo-system.schema.json")]
    Schema,
    /// Write manual pages, one a command, into a folder
    #[command(after_help = "Example:\n  cargo system man ~/.local/share/man/man1 && man cargo-system-upgrade")]
    Man {
        /// The folder; it is made if need be, and pages of earlier versions there are replaced
        folder: PathBuf,
    },
    /// Say what a plugin declares when it is initialised: runs its code, in this OS process
    #[command(hide = true)]
    Describe {
        /// Its shared object
        file: PathBuf,
        /// Do all that is done before its first process runs, with the configuration on standard input
        #[arg(long)]
        begin: bool,
    },
    /// Be a node
    #[command(hide = true)]
    Node {
        /// The node's folder
        #[arg(long)]
        root: PathBuf,
        /// In the background
        #[arg(long)]
        detach: bool,
        #[command(flatten)]
        serving: Serving,
    },
}

/// `cargo system …` calls `cargo-system system …`.
pub(crate) fn without_cargo_word(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<_> = args.collect();
    if args.get(1).is_some_and(|word| word == "system") {
        args.remove(1);
    }
    args
}

/// Parses, or prints help or what is wrong and exits, as clap does.
pub(crate) fn parse(args: Vec<OsString>) -> Cli {
    let root = args.iter().position(|arg| arg == "--release-root").and_then(|at| args.get(at + 1));
    let matches = definition(root.map(Path::new)).get_matches_from(args);
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// All that can be said to it; in a release, to its own command.
pub(crate) fn definition(release_root: Option<&Path>) -> clap::Command {
    match release_root {
        Some(root) => of_release(Cli::command(), root),
        None => Cli::command(),
    }
}

/// What needs a workspace is not offered by a release, what starts one is; and the release's command speaks of its own node.
fn of_release(command: clap::Command, root: &Path) -> clap::Command {
    let name = release_command(root);
    let command = command
        .bin_name(&name)
        .display_name(name)
        .about("The command of this release: start, upgrade and stop its node")
        .mut_arg("node", |arg| {
            arg.env(Resettable::<clap::builder::OsStr>::Reset)
                .help("Another node than the release's own: its folder, or ssh://[user@]host[:port]/path")
        })
        .mut_arg("package", |arg| arg.hide(true))
        .mut_arg("manifest_path", |arg| arg.hide(true))
        .mut_subcommand("upgrade", |upgrade| upgrade.about("Swap another release into the running node"));
    let hide = |command: clap::Command, (name, is_hidden)| {
        command.mut_subcommand(name, |subcommand: clap::Command| subcommand.hide(is_hidden))
    };
    let hidden = ["new", "run", "watch", "release", "check", "deploy"].map(|name| (name, true));
    let offered = ["start", "daemon", "restart", "service"].map(|name| (name, false));
    hidden.into_iter().chain(offered).fold(command, hide)
}

/// A name that a unit takes as it is.
fn parse_user(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let is_name = !text.is_empty() && text.len() <= 32 && text.chars().all(is_plain) && !text.starts_with('-');
    if is_name { Ok(text.to_owned()) } else { Err(format!("{text:?} is no user's name")) }
}

#[cfg(test)]
mod tests;
