//! Options of `log`.

use super::numbers::count;
use clap::{Args, Subcommand};
use runtime::protocol::LogLevel;

/// `log`
#[derive(Clone, Debug, Args)]
pub(crate) struct LogOptions {
    /// Go on with what is logged from now on
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// So many events at the most, the last ones
    #[arg(short = 'n', long, value_name = "N", default_value = "100", value_parser = count::<u32>(0..=10_000), allow_negative_numbers = true)]
    pub(crate) count: u32,
    /// Those alone that matter as much: error, warn, info, debug or trace
    #[arg(short, long, value_name = "LEVEL")]
    pub(crate) level: Option<LogLevel>,
}

/// `log …`
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Change what the node logs from now on, or show it
    #[command(
        after_help = "Example:\n  cargo system log level debug\n  cargo system log level my_app::orders=trace\n  cargo system log level my_app::orders="
    )]
    Level {
        /// off, error, warn, info, debug or trace; for a module, or for all that have none of their own. MODULE= takes one back
        #[arg(value_name = "[MODULE=]LEVEL")]
        set: Vec<String>,
    },
}
