//! `cargo system …`: hot code upgrade for native Rust.
//!
//! One executable is everything: the developer's command, the node (`cargo-system node`), and the command of a release
//! (`bin/<name>` calls it with `--release-root`).

mod answers;
mod builder;
mod cli;
mod client;
mod commands;
mod context;
mod counted;
#[cfg(test)]
mod documented;
mod exit_code;
mod failure;
mod github;
mod hints;
mod interrupt;
mod node_path;
mod origin;
mod output;
mod pauses;
mod plan_text;
mod progress;
mod remote;
mod rustc;
mod rustflags;
mod settings;
mod shown;
mod signer;
mod stage;
mod table;
mod which;
mod whole;
mod workspace;

use std::process::ExitCode;

/// Counts what an evaluation of the node's console holds.
#[global_allocator]
static ALLOCATOR: runtime::memory::Counting = runtime::memory::Counting;

fn main() -> ExitCode {
    let args = cli::without_cargo_word(std::env::args_os());
    commands::run(cli::parse(args))
}
