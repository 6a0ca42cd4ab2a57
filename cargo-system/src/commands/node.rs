//! `node`: be a node. What `run` and `start` become.

use crate::cli::Serving;
use crate::failure::Failure;
use runtime::node::{NodeConfig, detach, run};
use std::path::PathBuf;

pub(super) fn node(root: PathBuf, is_detached: bool, serving: &Serving) -> Result<(), Failure> {
    if is_detached {
        detach().map_err(|error| Failure::error(format!("the terminal cannot be left: {error}")))?;
    }
    let config = NodeConfig {
        root,
        listen: serving.overrides(),
        schedulers: serving.schedulers.map(usize::from),
        processes_max: serving.processes_max,
        metrics: serving.metrics(),
        log: serving.log(),
        is_detached,
    };
    run(config).map_err(|error| {
        let failure = Failure::error(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}
