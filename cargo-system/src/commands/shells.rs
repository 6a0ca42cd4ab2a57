//! `completions` and `man`: the command line for shells and for `man`, from its one definition.

use crate::cli;
use crate::context::{Context, release_command};
use crate::failure::Failure;
use crate::output;
use anyhow::Context as _;
use clap_complete::Shell;
use std::fs;
use std::path::Path;

/// The executable's name: cargo finds it by that, and shells complete by it.
const EXECUTABLE: &str = "cargo-system";

pub(super) fn completions(context: &Context, shell: Shell) -> Result<(), Failure> {
    let (mut script, name) = (Vec::new(), name(context));
    clap_complete::generate(shell, &mut definition(context), &name, &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Bash {
        // clap_complete 4.6 spells a dash in the command's name in one way where it goes to a state, and in another where that is.
        script = script.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"));
    }
    output::line(script.trim_end());
    Ok(())
}

pub(super) fn man(context: &Context, folder: &Path) -> Result<(), Failure> {
    let unwritten = || format!("{} cannot be written", folder.display());
    fs::create_dir_all(folder).with_context(unwritten)?;
    clap_mangen::generate_to(definition(context).display_name(name(context)), folder).with_context(unwritten)?;
    output::note(&format!("manual pages are in {}", folder.display()));
    Ok(())
}

/// Of one word: what shells look for is no two.
fn definition(context: &Context) -> clap::Command {
    cli::definition(context.global.release_root.as_deref()).name(name(context))
}

/// By which a shell knows it, and `man` its pages.
fn name(context: &Context) -> String {
    let command = context.global.release_root.as_deref().map(release_command);
    let file = command.as_deref().map_or(EXECUTABLE, |command| command.trim_start_matches("bin/"));
    file.to_owned()
}
