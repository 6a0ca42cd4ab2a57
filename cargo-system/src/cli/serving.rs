//! How a node listens, runs and logs: options of whatever starts one.

use clap::Args;
use runtime::node::{FilesMax, ListenOverride, LogConfig, PROCESSES_MAX};
use std::ffi::OsString;
use std::net::SocketAddr;

/// How the node listens and runs.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Serving {
    /// Listen here instead of where the application says; without a name, for its first listener
    #[arg(long, value_name = "[NAME=]ADDRESS", value_parser = parse_listen)]
    pub(crate) listen: Vec<ListenOverride>,
    /// The port of the first listener, on 127.0.0.1
    #[arg(long, hide = true, env = "PORT", value_name = "PORT", value_parser = parse_port)]
    pub(crate) port: Option<Port>,
    /// Scheduler threads; without it, one a core
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) schedulers: Option<u16>,
    /// Answer scrapers of metrics here, at /metrics; without it, nowhere
    #[arg(long, value_name = "IP:PORT", env = "CARGO_SYSTEM_METRICS", value_parser = parse_metrics)]
    pub(crate) metrics: Option<MetricsAddress>,
    /// So many processes may be alive at once; a spawn beyond is refused
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(64..=i64::from(PROCESSES_MAX)))]
    pub(crate) processes_max: Option<u32>,
    /// How the log is written on standard error
    #[arg(long, value_enum, value_name = "FORMAT", env = "CARGO_SYSTEM_LOG_FORMAT", default_value_t)]
    pub(crate) log_format: LogFormat,
    /// What is logged, such as debug or my_app::orders=debug; without it, info
    #[arg(long = "log", value_name = "[MODULE=]LEVEL")]
    pub(crate) log_levels: Vec<String>,
    /// Write the log into files, so many at the most, in the node's folder log/, as JSON
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) log_files: Option<u32>,
    /// No file of the log is larger, in MiB
    #[arg(long, value_name = "MIB", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) log_size: u32,
}

/// How the log is written for people, or for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// Text, in colours on a terminal
    #[default]
    Pretty,
    /// JSON, a line each
    Json,
}

/// An address, or an empty `CARGO_SYSTEM_METRICS`, which is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetricsAddress(pub(crate) Option<SocketAddr>);

/// A port, or an empty `PORT`, which is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Port(pub(super) Option<u16>);

pub(super) fn parse_listen(text: &str) -> Result<ListenOverride, String> {
    let (name, address) = match text.split_once('=') {
        Some((name, address)) => (Some(name.to_owned()), address),
        None => (None, text),
    };
    let address = address.parse().map_err(|_| format!("{address:?} is not IP:PORT, such as 127.0.0.1:4000"))?;
    Ok(ListenOverride { name, address })
}

fn parse_metrics(text: &str) -> Result<MetricsAddress, String> {
    if text.is_empty() {
        return Ok(MetricsAddress(None));
    }
    let address = text.parse().map_err(|_| format!("{text:?} is not IP:PORT, such as 127.0.0.1:9464"))?;
    Ok(MetricsAddress(Some(address)))
}

pub(super) fn parse_port(text: &str) -> Result<Port, String> {
    if text.is_empty() {
        return Ok(Port(None));
    }
    text.parse().map(|port| Port(Some(port))).map_err(|_| format!("{text:?} is not a port from 0 to 65535"))
}

impl Serving {
    /// All overrides; `--listen` before `PORT`.
    pub(crate) fn overrides(&self) -> Vec<ListenOverride> {
        let port = self.port.and_then(|port| port.0);
        let first = port.map(|port| ListenOverride { name: None, address: ([127, 0, 0, 1], port).into() });
        first.into_iter().chain(self.listen.iter().cloned()).collect()
    }

    /// The same options for another call of this executable.
    pub(crate) fn to_args(&self) -> Vec<OsString> {
        let mut args = Vec::new();
        for listen in self.overrides() {
            let name = listen.name.map(|name| format!("{name}=")).unwrap_or_default();
            args.extend(["--listen".into(), format!("{name}{}", listen.address).into()]);
        }
        if let Some(schedulers) = self.schedulers {
            args.extend(["--schedulers".into(), schedulers.to_string().into()]);
        }
        if let Some(metrics) = self.metrics() {
            args.extend(["--metrics".into(), metrics.to_string().into()]);
        }
        if let Some(processes) = self.processes_max {
            args.extend(["--processes-max".into(), processes.to_string().into()]);
        }
        if self.log_format == LogFormat::Json {
            args.extend(["--log-format".into(), "json".into()]);
        }
        for directive in &self.log_levels {
            args.extend(["--log".into(), directive.into()]);
        }
        if let Some(files) = self.log_files {
            args.extend(["--log-files".into(), files.to_string().into()]);
            args.extend(["--log-size".into(), self.log_size.to_string().into()]);
        }
        args
    }

    /// How the node logs.
    pub(crate) fn log(&self) -> LogConfig {
        let max = |count| FilesMax { len: u64::from(self.log_size) << 20, count };
        LogConfig {
            json: self.log_format == LogFormat::Json,
            files: self.log_files.map(max),
            levels: self.log_levels.clone(),
        }
    }

    /// Where scrapers are answered, if they are.
    pub(crate) fn metrics(&self) -> Option<SocketAddr> {
        self.metrics.and_then(|metrics| metrics.0)
    }
}
