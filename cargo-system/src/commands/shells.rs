//! `completions` and `man`: the command line for shells and for `man`, from its one definition. What `--help` hides they do not show.

use crate::cli;
use crate::context::{Context, release_command};
use crate::failure::{Failure, OrHint as _};
use crate::output;
use anyhow::Context as _;
use clap_complete::Shell;
use std::fs;
use std::path::Path;

/// The executable's name: cargo finds it by that, and shells complete by it.
const EXECUTABLE: &str = "cargo-system";
const FOLDER_HINT: &str = "give a folder that you may write to";

pub(super) fn completions(context: &Context, shell: Shell) -> Result<(), Failure> {
    let (mut script, name) = (Vec::new(), name(context));
    clap_complete::generate(shell, &mut visible(&definition(context)), &name, &mut script);
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
    fs::create_dir_all(folder).with_context(unwritten).or_hint(FOLDER_HINT)?;
    let pages = definition(context).display_name(name(context));
    clap_mangen::generate_to(pages, folder).with_context(unwritten).or_hint(FOLDER_HINT)?;
    output::note(&format!("manual pages are in {}", folder.display()));
    Ok(())
}

/// Of one word: what shells look for is no two.
fn definition(context: &Context) -> clap::Command {
    cli::definition(context.global.release_root.as_deref()).name(name(context))
}

/// Without what is hidden: clap_complete 4.6 would offer hidden options and commands as any others.
fn visible(command: &clap::Command) -> clap::Command {
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set()).cloned();
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set()).map(visible);
    let shown = clap::Command::new(command.get_name().to_owned()).args(arguments).subcommands(commands);
    let shown = shown.visible_aliases(command.get_visible_aliases().map(str::to_owned));
    let shown = command.get_version().map(str::to_owned).into_iter().fold(shown, clap::Command::version);
    command.get_about().cloned().into_iter().fold(shown, clap::Command::about)
}

/// By which a shell knows it, and `man` its pages.
fn name(context: &Context) -> String {
    let command = context.global.release_root.as_deref().map(release_command);
    let file = command.as_deref().map_or(EXECUTABLE, |command| command.trim_start_matches("bin/"));
    file.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_visible_is_a_sound_definition() {
        let shown = visible(&cli::definition(None).name(EXECUTABLE));
        shown.clone().debug_assert();
        assert!(shown.find_subcommand("upgrade").is_some() && shown.find_subcommand("node").is_none());
        assert!(shown.get_arguments().all(|argument| argument.get_id() != "release_root"));
    }
}
