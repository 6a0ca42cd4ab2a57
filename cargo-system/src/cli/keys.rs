//! The commands of `keys`.

use clap::Subcommand;
use std::path::PathBuf;

/// `keys …`
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a secret key, and the public one beside it
    #[command(after_help = "Example:\n  cargo system keys generate ~/release.key --password")]
    Generate {
        /// The secret key's file, which must not exist; the public one ends with .pub
        file: PathBuf,
        /// Protect it with a password, asked for or taken from CARGO_SYSTEM_KEY_PASSWORD
        #[arg(long)]
        password: bool,
    },
    /// List the keys that the node trusts, and those that are revoked
    #[command(after_help = "Example:\n  cargo system keys list --node /srv/app")]
    List,
    /// Have the node take releases signed with this key, and no unsigned ones from then on
    #[command(after_help = "Example:\n  cargo system keys trust release.pub")]
    Trust {
        /// A public key's file, or the key itself
        key: String,
    },
    /// Have the node never again take a release signed with this key
    #[command(after_help = "Example:\n  cargo system keys revoke E7620F1842B4E81F")]
    Revoke {
        /// The key's number, its file, or the key itself
        key: String,
    },
}
