//! Options of `deploy`.

use super::{Making, Serving, Waiting};
use crate::cli::options::parse_probation;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// `deploy …`
#[derive(Clone, Debug, Args)]
pub(crate) struct DeployOptions {
    /// Take this release, an archive or a folder, instead of building
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "counter", "target"])]
    pub(crate) release: Option<PathBuf>,
    /// Where one serves: also to a release that was rolled back
    #[arg(long)]
    pub(crate) force: bool,
    /// Where one serves: go back by itself after this time, such as 5m, unless cargo system confirm is called before
    #[arg(long, value_name = "TIME", value_parser = parse_probation, allow_hyphen_values = true)]
    pub(crate) confirm_within: Option<Duration>,
    /// Where one serves: wait for the end of the probation, too
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
    #[command(flatten)]
    pub(crate) making: Making,
    #[command(flatten)]
    pub(crate) serving: Serving,
}
