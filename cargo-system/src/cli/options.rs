//! Options of several commands.

use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// The node's folder; without it, the workspace's own
    #[arg(long, global = true, value_name = "PATH", env = "CARGO_SYSTEM_NODE")]
    pub(crate) node: Option<PathBuf>,
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
        let values = [
            named("--node", self.node.as_ref().map(|path| path.as_os_str())),
            named("--package", self.package.as_ref().map(|name| name.as_ref())),
            named("--manifest-path", self.manifest_path.as_ref().map(|path| path.as_os_str())),
        ];
        let json = self.json.then(|| "--json".into());
        json.into_iter().chain(values.into_iter().flatten().flatten()).collect()
    }
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Waiting {
    /// How long to follow the old version's processes as they finish
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    pub(crate) drain_wait: u32,
    /// How long to wait for the node
    #[arg(long, value_name = "SECONDS", default_value = "120")]
    pub(crate) timeout: u32,
}

/// Who signs a release.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Signing {
    /// Sign the release with this secret key (cargo system keys generate makes one)
    #[arg(long = "sign", value_name = "KEY", env = "CARGO_SYSTEM_SIGN")]
    pub(crate) key: Option<PathBuf>,
    /// The release's counter, above that of every release before; without it, the time in milliseconds
    #[arg(long, value_name = "N", requires = "key")]
    pub(crate) counter: Option<u64>,
}

impl Signing {
    /// What the environment says, for a command without these options.
    pub(crate) fn from_environment() -> Self {
        let key = std::env::var_os("CARGO_SYSTEM_SIGN").filter(|key| !key.is_empty());
        Self { key: key.map(Into::into), counter: None }
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
