//! How a node listens, runs and logs: options of whatever starts one.

use clap::Args;
use runtime::node::{FilesMax, ListenOverride, LogConfig, PROCESSES_MAX};
use std::ffi::OsString;
use std::net::SocketAddr;

/// No file of the log is larger, in MiB, if nothing else is said.
const LOG_SIZE: u32 = 10;

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
    #[arg(long, value_name = "MIB", default_value_t = LOG_SIZE, value_parser = clap::value_parser!(u32).range(1..=1024))]
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
        }
        // Whoever is called may have files of its own accord.
        if self.log_files.is_some() || self.log_size != LOG_SIZE {
            args.extend(["--log-size".into(), self.log_size.to_string().into()]);
        }
        args
    }

    /// What was given in these words. What this machine's environment says is no other machine's business.
    pub(crate) fn given_in(&self, words: &[OsString]) -> Self {
        let is_given = |option: &str| {
            let mut rests = words.iter().filter_map(|word| word.to_str()?.strip_prefix(option));
            rests.any(|rest| rest.is_empty() || rest.starts_with('='))
        };
        Self {
            port: self.port.filter(|_| is_given("--port")),
            metrics: self.metrics.filter(|_| is_given("--metrics")),
            log_format: if is_given("--log-format") { self.log_format } else { LogFormat::default() },
            ..self.clone()
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn args(serving: &Serving) -> Vec<String> {
        serving.to_args().into_iter().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_size_of_the_logs_files_goes_on_without_their_number() {
        let serving = Serving { log_size: LOG_SIZE, ..Serving::default() };
        assert_eq!(args(&serving), [""; 0]);
        assert_eq!(args(&Serving { log_size: 50, ..serving.clone() }), ["--log-size", "50"]);
        assert_eq!(args(&Serving { log_files: Some(3), ..serving }), ["--log-files", "3", "--log-size", "10"]);
    }

    #[test]
    fn what_the_environment_says_stays_on_this_machine() {
        let serving = Serving {
            port: Some(Port(Some(80))),
            metrics: parse_metrics("127.0.0.1:9464").ok(),
            log_format: LogFormat::Json,
            log_levels: vec!["debug".to_owned()],
            log_size: LOG_SIZE,
            ..Serving::default()
        };
        let given = |words: &[&str]| {
            let words: Vec<_> = ["cargo-system", "deploy"].iter().chain(words).map(OsString::from).collect();
            args(&serving.given_in(&words))
        };
        assert_eq!(given(&["--log", "debug"]), ["--log", "debug"]);
        let words = ["--log-format=json", "--log", "debug", "--metrics", "127.0.0.1:9464"];
        assert_eq!(given(&words), ["--metrics", "127.0.0.1:9464", "--log-format", "json", "--log", "debug"]);
        assert_eq!(given(&["--port", "80"]), ["--listen", "127.0.0.1:80", "--log", "debug"]);
    }
}
