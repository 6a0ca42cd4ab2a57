//! The services' supervisor: a service that dies is started again, under its name.

use super::Service;
use plugin_abi::Pid;
use plugin_abi::supervisor::{Child, ChildError, Supervisor, SupervisorRef};
use std::time::Duration;

/// So many there may be.
const LEN_MAX: usize = 100;
/// One that is killed again and again is started again and again: by hand nobody is faster than this.
const KILLS_MAX: u32 = 1000;

pub(crate) fn child() -> Child {
    let services = Supervisor::dynamic().intensity(KILLS_MAX, Duration::from_secs(1));
    Child::supervisor(
        "services",
        services.template(|name: String| Child::server::<Service>(name.as_str(), name.clone())),
    )
}

/// A service that runs.
pub(super) struct Running {
    pub(super) name: String,
    /// `None`: it is being started again.
    pub(super) pid: Option<Pid>,
}

async fn supervisor() -> Result<SupervisorRef, ChildError> {
    SupervisorRef::root().ok_or(ChildError::NotFound)?.supervisor("services").await
}

/// All of them, by name.
pub(super) async fn list() -> Result<Vec<Running>, ChildError> {
    let children = supervisor().await?.which_children().await.map_err(ChildError::Call)?;
    let mut services: Vec<_> = children.into_iter().map(|child| Running { name: child.name, pid: child.pid }).collect();
    services.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(services)
}

/// Starts one.
pub(super) async fn start(name: &str) -> Result<(), String> {
    let services = list().await.map_err(|error| error.to_string())?;
    if services.iter().any(|service| service.name == name) {
        return Err(format!("a service is named {name} already"));
    }
    if services.len() >= LEN_MAX {
        return Err(format!("there are {LEN_MAX} services already"));
    }
    let supervisor = supervisor().await.map_err(|error| error.to_string())?;
    // Whoever was faster has the name.
    supervisor.start_from(name).await.map(drop).map_err(|error| format!("{name}: {error}"))
}

/// Stops one, for good.
pub(super) async fn stop(name: &str) -> Result<(), String> {
    let services = list().await.map_err(|error| error.to_string())?;
    let running = services.into_iter().find(|service| service.name == name).and_then(|service| service.pid);
    let pid = running.ok_or_else(|| format!("no service named {name} runs"))?;
    let supervisor = supervisor().await.map_err(|error| error.to_string())?;
    supervisor.stop_child(pid).await.map_err(|error| format!("{name}: {error}"))
}
