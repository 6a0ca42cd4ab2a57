//! Programs that tests and benchmarks call, by Debian's packages: installed where that is allowed; else people are told.

use crate::shell::{call, complain, is_there, succeeds};
use std::process::Command;

/// A package, with the program, or the module of Python, by which it is known to be there.
pub(crate) type Package = (&'static str, &'static str);

/// Drives HTTP servers.
pub(crate) const WRK: Package = ("wrk", "wrk");
/// The browser in which the example's story is told.
pub(crate) const CHROMIUM: Package = ("chromium", "chromium");
/// Watches and spoils what a program asks of the system.
pub(crate) const STRACE: Package = ("strace", "strace");
/// Another machine, on the loopback.
pub(crate) const SSHD: Package = ("openssh-server", "/usr/sbin/sshd");
/// The way there.
pub(crate) const SSH: Package = ("openssh-client", "ssh");
/// Reads OpenMetrics, as the standard has it: a module, which has no program.
pub(crate) const OPENMETRICS: Package = ("python3-prometheus-client", "prometheus_client");
/// The benchmarks' peer, and its compiler.
pub(crate) const ERLANG: Package = ("erlang-base", "erlc");
/// Has `redis-benchmark`.
pub(crate) const REDIS: Package = ("redis-tools", "redis-benchmark");

/// Installs what is missing of these, where that is allowed; else says what to install.
pub(crate) fn install(packages: &[Package]) {
    let is_missing = |(package, program): &&Package| match package.starts_with("python3-") {
        true => !succeeds("/usr/bin/python3", &["-c", &format!("import {program}")]),
        false => !is_there(program, &["--version"]),
    };
    let missing: Vec<_> = packages.iter().filter(is_missing).map(|(package, _)| *package).collect();
    if missing.is_empty() {
        return;
    }
    let by_hand = format!(
        "install {} by your system's package manager; only some tests and benchmarks need it",
        missing.join(" ")
    );
    let is_root = succeeds("sh", &["-c", "test \"$(id -u)\" = 0"]);
    if !is_root || !is_there("apt-get", &["--version"]) {
        return complain(&by_hand);
    }
    let mut apt = Command::new("apt-get");
    apt.args(["install", "--yes", "--no-install-recommends"]).args(&missing).env("DEBIAN_FRONTEND", "noninteractive");
    let installed = call(&mut apt).or_else(|_| {
        call(Command::new("apt-get").arg("update"))?;
        call(&mut apt)
    });
    if let Err(error) = installed {
        complain(&format!("{error:#}; {by_hand}"));
    }
}
