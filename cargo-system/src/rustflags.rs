//! How to add flags for the compiler without losing the user's own.
//!
//! cargo takes its flags from the first of these that is there, and from no other:
//!
//! ```text
//! CARGO_ENCODED_RUSTFLAGS ─► RUSTFLAGS ─► target.*.rustflags (all that apply) ─► build.rustflags
//! ```
//!
//! Lists in configuration files are joined with what `--config` adds. Of a text, flags are what stands between its blanks, and one of ours may have a blank
//! in it: so the user's are taken out of it and go into the first variable, which has them apart, with ours.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that goes before all others, and what stands between two flags in it.
const ENCODED: (&str, &str) = ("CARGO_ENCODED_RUSTFLAGS", "\u{1f}");

/// Where the user's flags are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// In a text or the variable, as the variable has them.
    Encoded(OsString),
    /// `target.*.rustflags`, or nowhere.
    Target,
    /// `build.rustflags`, a list.
    BuildList,
}

/// Adds the flags to a call of cargo that is made in the current folder.
pub(crate) fn add(command: &mut Command, flags: &[String]) {
    let variables: Vec<_> = std::env::vars_os().collect();
    let variable = |wanted: &str| variables.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_os_str());
    let place = from_variables(&variable, variables.iter().map(|(name, _)| name.as_os_str()))
        .unwrap_or_else(|| from_files(&config_files(variable("CARGO_HOME"), variable("HOME"))));
    match place {
        Place::Encoded(mut value) => {
            for flag in flags {
                if !value.is_empty() {
                    value.push(ENCODED.1);
                }
                value.push(flag);
            }
            command.env(ENCODED.0, value);
        }
        Place::Target => config(command, "target.'cfg(all())'.rustflags", flags),
        Place::BuildList => config(command, "build.rustflags", flags),
    }
}

fn config(command: &mut Command, key: &str, flags: &[String]) {
    command.arg("--config").arg(format!("{key}={}", toml::Value::from(flags.to_vec())));
}

/// Flags of a text.
fn encoded(text: &OsStr) -> OsString {
    let blank = |byte: &u8| *byte == b' ';
    let flags: Vec<_> = text.as_bytes().split(blank).filter(|flag| !flag.is_empty()).collect();
    OsString::from_vec(flags.join(ENCODED.1.as_bytes()))
}

fn from_variables<'a>(
    variable: &impl Fn(&str) -> Option<&'a OsStr>,
    mut names: impl Iterator<Item = &'a OsStr>,
) -> Option<Place> {
    // An empty variable hides the others as well.
    let own = variable(ENCODED.0).map(OsStr::to_owned).or_else(|| variable("RUSTFLAGS").map(encoded));
    if own.is_some() {
        return own.map(Place::Encoded);
    }
    let is_target = |name: &OsStr| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_TARGET_") && name.ends_with("_RUSTFLAGS")
    };
    if names.any(is_target) {
        return Some(Place::Target);
    }
    variable("CARGO_BUILD_RUSTFLAGS").map(|_| Place::BuildList)
}

/// cargo's configuration files for the current folder, the nearest first.
fn config_files(cargo_home: Option<&OsStr>, home: Option<&OsStr>) -> Vec<PathBuf> {
    let current = std::env::current_dir().unwrap_or_default();
    let home = cargo_home.map(PathBuf::from).or_else(|| Some(Path::new(home?).join(".cargo")));
    let folders = current.ancestors().map(|folder| folder.join(".cargo")).chain(home);
    folders.flat_map(|folder| ["config", "config.toml"].map(|name| folder.join(name))).collect()
}

fn from_files(files: &[PathBuf]) -> Place {
    // What cannot be read or parsed, cargo complains about.
    let tables = files.iter().filter_map(|file| std::fs::read_to_string(file).ok()?.parse().ok());
    from_tables(&tables.collect::<Vec<_>>())
}

fn from_tables(tables: &[toml::Table]) -> Place {
    let has_flags = |target: &toml::Value| target.get("rustflags").is_some();
    let targets = tables.iter().filter_map(|table| table.get("target")?.as_table());
    if targets.flat_map(toml::Table::values).any(has_flags) {
        return Place::Target;
    }
    match tables.iter().find_map(|table| table.get("build")?.get("rustflags")) {
        Some(toml::Value::String(text)) => Place::Encoded(encoded(text.as_ref())),
        Some(_) => Place::BuildList,
        None => Place::Target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(files: &[&str]) -> Place {
        from_tables(&files.iter().map(|text| text.parse().expect("TOML")).collect::<Vec<_>>())
    }

    #[test]
    fn the_flag_goes_where_the_files_have_flags() {
        assert_eq!(place_of(&[]), Place::Target);
        assert_eq!(place_of(&["[build]\njobs = 1"]), Place::Target);
        assert_eq!(place_of(&["", "[build]\nrustflags = [\"-Ctarget-cpu=native\"]"]), Place::BuildList);
        let texts = ["[build]\nrustflags = \"--cfg near\"", "[build]\nrustflags = \"--cfg far\""];
        assert_eq!(place_of(&texts), Place::Encoded("--cfg\u{1f}near".into()));
        let both = "[build]\nrustflags = [\"-g\"]\n[target.'cfg(unix)']\nrustflags = [\"-g\"]";
        assert_eq!(place_of(&[both]), Place::Target);
    }

    #[test]
    fn variables_hide_files_and_each_other() {
        let place = |given: &[(&str, &str)]| {
            let variable = |wanted: &str| given.iter().find(|(name, _)| *name == wanted).map(|(_, v)| OsStr::new(*v));
            from_variables(&variable, given.iter().map(|(name, _)| OsStr::new(*name)))
        };
        assert_eq!(place(&[("PATH", "/bin")]), None);
        let both = [("RUSTFLAGS", "-g"), ("CARGO_ENCODED_RUSTFLAGS", "")];
        assert_eq!(place(&both), Some(Place::Encoded("".into())));
        let build = [("CARGO_BUILD_RUSTFLAGS", "-g"), ("RUSTFLAGS", " -g  --cfg x")];
        assert_eq!(place(&build), Some(Place::Encoded("-g\u{1f}--cfg\u{1f}x".into())));
        assert_eq!(place(&build[..1]), Some(Place::BuildList));
        let target = [("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-g"), build[0]];
        assert_eq!(place(&target), Some(Place::Target));
    }
}
