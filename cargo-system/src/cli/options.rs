//! Options of several commands.

use super::numbers::parse_seconds;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::remote::Address;
use crate::signer::Signer;
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// The node's folder, or ssh://user@host:port/path; without it, the workspace's own. upgrade and deploy take several
    #[arg(long, global = true, value_name = "PATH", env = "CARGO_SYSTEM_NODE", value_parser = place())]
    pub(crate) node: Vec<Place>,
    /// Print JSON: one object, or one event a line for what takes time
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The plugin's package; needed when the workspace has several
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(crate) package: Option<String>,
    /// The workspace's Cargo.toml
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) manifest_path: Option<PathBuf>,
    /// The folder of the release that this command belongs to
    #[arg(long, global = true, hide = true, value_name = "PATH")]
    pub(crate) release_root: Option<PathBuf>,
}

impl Global {
    /// The same options for another call of this executable in a workspace.
    pub(crate) fn to_args(&self) -> Vec<OsString> {
        let named = |name: &str, value: Option<&std::ffi::OsStr>| value.map(|value| [name.into(), value.to_owned()]);
        let node = self.node.first().map(Place::to_arg);
        let values = [
            named("--node", node.as_deref()),
            named("--package", self.package.as_ref().map(|name| name.as_ref())),
            named("--manifest-path", self.manifest_path.as_ref().map(|path| path.as_os_str())),
        ];
        let json = self.json.then(|| "--json".into());
        json.into_iter().chain(values.into_iter().flatten().flatten()).collect()
    }
}

/// Where a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Its folder, on this machine.
    Folder(PathBuf),
    /// On another one.
    Remote(Address),
}

impl Place {
    /// As it can be given again.
    pub(crate) fn to_arg(&self) -> OsString {
        match self {
            Self::Folder(path) => path.into(),
            Self::Remote(address) => address.to_string().into(),
        }
    }
}

fn place() -> impl TypedValueParser<Value = Place> {
    OsStringValueParser::new().try_map(|text| match text.to_str().filter(|text| Address::is_meant(text)) {
        Some(address) => address.parse().map(Place::Remote),
        None => Ok(Place::Folder(text.into())),
    })
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Waiting {
    /// How long to follow the old version's processes as they finish
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = parse_seconds, allow_negative_numbers = true)]
    pub(crate) drain_wait: u32,
    /// How long to wait for the node
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = parse_seconds, allow_negative_numbers = true)]
    pub(crate) timeout: u32,
}

/// Who signs a release.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Signing {
    /// Sign the release with this secret key (cargo system keys generate makes one); without it, with that of CARGO_SYSTEM_SIGN
    // Not clap's `env`: to clap a variable is an option that was given, and not to be beside --release.
    #[arg(long = "sign", value_name = "KEY")]
    key: Option<PathBuf>,
    /// The release's counter, above that of every release before; without it, the time in milliseconds
    #[arg(long, value_name = "N")]
    counter: Option<u64>,
}

/// How a release is made.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Making {
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// Build for this target triple; without it, for what cargo is configured for
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Option<String>,
}

impl Signing {
    /// The key, of the command line or the environment.
    pub(crate) fn key(&self) -> Option<PathBuf> {
        let variable = || std::env::var_os("CARGO_SYSTEM_SIGN").filter(|key| !key.is_empty()).map(Into::into);
        self.key.clone().or_else(variable)
    }

    /// Opens the key, if there is one.
    pub(crate) fn signer(&self) -> Result<Option<Signer>, Failure> {
        match self.key() {
            Some(key) => Signer::open(&key, self.counter).map(Some),
            None if self.counter.is_some() => {
                let message = "--counter is a signature's, and there is no key to sign with";
                Err(Failure::new(ExitCode::Usage, message).hint("give one with --sign KEY, or in CARGO_SYSTEM_SIGN"))
            }
            None => Ok(None),
        }
    }
}

/// The longest probation: nobody waits longer for anything.
const PROBATION_MAX: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn parse_probation(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| format!("{error}; write 30s, 5m or 1h"))?;
    match time {
        Duration::ZERO => Err("nobody confirms within no time".to_owned()),
        time if time > PROBATION_MAX => Err("a probation is no longer than 24h".to_owned()),
        time => Ok(time),
    }
}
