//! Options of commands that look inside a node for a while.

use super::numbers::count;
use crate::which::parse_watch;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// `trace`
#[derive(Clone, Debug, Args)]
pub(crate) struct TraceOptions {
    /// Its pid, with or without the brackets
    pub(crate) pid: String,
    /// For so long at the most
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = parse_watch, allow_hyphen_values = true)]
    pub(crate) time: Duration,
    /// So many events at the most
    #[arg(short = 'n', long, value_name = "N", default_value = "1000", value_parser = count::<u64>(1..=1_000_000), allow_negative_numbers = true)]
    pub(crate) count: u64,
}

/// `profile`
#[derive(Clone, Debug, Args)]
pub(crate) struct ProfileOptions {
    /// Of this process, with or without the brackets; without it, of the whole node
    pub(crate) pid: Option<String>,
    /// Of the processes of this version
    #[arg(long, value_name = "V", conflicts_with = "pid")]
    pub(crate) version: Option<String>,
    /// For so long
    #[arg(long = "for", value_name = "TIME", default_value = "5s", value_parser = parse_watch, allow_hyphen_values = true)]
    pub(crate) time: Duration,
    /// So many looks a second
    #[arg(long, value_name = "N", default_value = "99", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) hz: u32,
    /// Write the flame graph, as SVG, into this file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Folded stacks instead, for other tools: on standard output, or into the file
    #[arg(long)]
    pub(crate) folded: bool,
}
