//! `node`: be a node. What `run` and `start` become.

use crate::cli::Serving;
use crate::failure::Failure;
use runtime::node::{NodeConfig, run};
use std::path::PathBuf;

pub(super) fn node(root: PathBuf, serving: &Serving) -> Result<(), Failure> {
    let config = NodeConfig {
        root,
        listen: serving.overrides(),
        schedulers: serving.schedulers.map(usize::from),
        processes_max: serving.processes_max,
        metrics: serving.metrics(),
        log: serving.log(),
    };
    run(config).map_err(|error| {
        let failure = Failure::error(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}
