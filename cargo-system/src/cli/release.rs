//! `release`, and what can be done with one.

use super::Making;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `release`, without a command of its own.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ReleaseOptions {
    /// The folder to make; it must not exist, or be empty
    #[arg(short, long, value_name = "DIR", visible_alias = "output")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) making: Making,
}

/// `release …`
#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Check that a release is what its manifest says, and nothing else: files, plugins, signature
    #[command(
        after_help = "Example:\n  cargo system release verify chat-0.1.0+3f2a91bc.tar.zst --key release.pub\n  cargo system release verify /srv/app --json"
    )]
    Verify {
        /// An archive, or a release's folder as it was made
        release: PathBuf,
        /// It must be signed by this public key, or by another one that is given
        #[arg(long = "key", value_name = "FILE")]
        keys: Vec<PathBuf>,
    },
}
