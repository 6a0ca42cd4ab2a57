//! `node`: be a node. What `run` and `start` become.

use crate::cli::Serving;
use crate::failure::Failure;
use runtime::node::{NodeConfig, run};
use std::path::PathBuf;

pub(super) fn node(root: PathBuf, serving: &Serving) -> Result<(), Failure> {
    let (schedulers, processes_max) = (serving.schedulers.map(usize::from), serving.processes_max);
    let config = NodeConfig { root, listen: serving.overrides(), schedulers, processes_max };
    run(config).map_err(|error| {
        let failure = Failure::error(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}
