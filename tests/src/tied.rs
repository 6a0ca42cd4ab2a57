//! Programs that end with whoever started them: a run of tests or benchmarks that is killed has no time to end its own,
//! and what it leaves behind takes the processors of the next.

use std::process::{Command, Stdio};

/// The same command, whose process the kernel kills as soon as the thread that starts it is gone. It reads nothing.
#[must_use]
pub fn to_us(command: &Command) -> Command {
    let mut tied = Command::new("setpriv");
    tied.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(name, value),
            None => tied.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        tied.current_dir(folder);
    }
    tied
}
