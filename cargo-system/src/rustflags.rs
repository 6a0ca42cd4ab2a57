//! How to add flags for the compiler without losing the user's own.
//!
//! cargo takes its flags from the first of these that is there, and from no other:
//!
//! ```text
//! CARGO_ENCODED_RUSTFLAGS ─► RUSTFLAGS ─► target.*.rustflags (all that apply) ─► build.rustflags
//! ```
//!
//! Of `target.*` those count that are for what is built: its triple, or a `cfg(…)` that holds for it. Lists in configuration files are joined with what
//! `--config` adds. Of a text, flags are what stands between its blanks, and one of ours may have a blank in it: so the user's are taken out of it and go into
//! the first variable, which has them apart, with ours.

use crate::rustc;
use cargo_metadata::cargo_platform::{Cfg, Platform};
use runtime::image::TARGET;
use std::cell::OnceCell;
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
    let variable = |wanted: &str| std::env::var_os(wanted);
    let files = config_files(variable("CARGO_HOME"), variable("HOME"));
    // What cannot be read or parsed, cargo complains about.
    let tables = files.iter().filter_map(|file| std::fs::read_to_string(file).ok()?.parse().ok());
    let holds = OnceCell::new();
    match place(&variable, &tables.collect::<Vec<_>>(), &|| holds.get_or_init(what_holds).clone()) {
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

/// What is true of the target, for `cfg(…)`. A compiler that does not say is complained about by cargo.
fn what_holds() -> Vec<Cfg> {
    let said = rustc::ask(&["--print", "cfg", "--target", TARGET]).unwrap_or_default();
    said.lines().filter_map(|line| line.parse().ok()).collect()
}

/// cargo's configuration files for the current folder, the nearest first.
fn config_files(cargo_home: Option<OsString>, home: Option<OsString>) -> Vec<PathBuf> {
    let current = std::env::current_dir().unwrap_or_default();
    let home = cargo_home.map(PathBuf::from).or_else(|| Some(Path::new(&home?).join(".cargo")));
    let folders = current.ancestors().map(|folder| folder.join(".cargo")).chain(home);
    folders.flat_map(|folder| ["config", "config.toml"].map(|name| folder.join(name))).collect()
}

fn place(variable: &impl Fn(&str) -> Option<OsString>, tables: &[toml::Table], holds: &impl Fn() -> Vec<Cfg>) -> Place {
    // An empty variable hides the others as well.
    let own = variable(ENCODED.0).or_else(|| variable("RUSTFLAGS").map(|text| encoded(&text, |byte| byte == b' ')));
    if let Some(own) = own {
        return Place::Encoded(own);
    }
    let of_target = format!("CARGO_TARGET_{}_RUSTFLAGS", TARGET.to_uppercase().replace('-', "_"));
    let is_blank = |byte: u8| byte.is_ascii_whitespace();
    match tables.iter().find_map(|table| table.get("build")?.get("rustflags")) {
        _ if variable(&of_target).is_some() || tables.iter().any(|table| has_target_flags(table, holds)) => {
            Place::Target
        }
        // It is joined with a list of the files.
        Some(toml::Value::String(text)) if variable("CARGO_BUILD_RUSTFLAGS").is_none() => {
            Place::Encoded(encoded(text.as_ref(), is_blank))
        }
        None if variable("CARGO_BUILD_RUSTFLAGS").is_none() => Place::Target,
        _ => Place::BuildList,
    }
}

/// Flags for what is built?
fn has_target_flags(table: &toml::Table, holds: &impl Fn() -> Vec<Cfg>) -> bool {
    let targets = table.get("target").and_then(toml::Value::as_table).into_iter().flatten();
    let mut with_flags = targets.filter(|(_, target)| target.get("rustflags").is_some()).map(|(key, _)| key);
    with_flags.any(|key| match key.parse() {
        Ok(Platform::Name(triple)) => triple == TARGET,
        Ok(Platform::Cfg(expression)) => expression.matches(&holds()),
        Err(_) => false,
    })
}

/// Flags of a text, which stand between what is a blank there.
fn encoded(text: &OsStr, is_blank: impl Fn(u8) -> bool) -> OsString {
    let flags = text.as_bytes().split(|byte| is_blank(*byte)).map(<[u8]>::trim_ascii);
    let flags: Vec<_> = flags.filter(|flag| !flag.is_empty()).collect();
    OsString::from_vec(flags.join(ENCODED.1.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_of(variables: &[(&str, &str)], files: &[&str]) -> Place {
        let variable =
            |wanted: &str| variables.iter().find(|(name, _)| *name == wanted).map(|(_, v)| OsString::from(*v));
        let tables: Vec<_> = files.iter().map(|text| text.parse().expect("TOML")).collect();
        place(&variable, &tables, &|| vec!["unix".parse().expect("a cfg")])
    }

    #[test]
    fn the_flag_goes_where_the_files_have_flags() {
        let place_of = |files| place_of(&[], files);
        assert_eq!(place_of(&[]), Place::Target);
        assert_eq!(place_of(&["[build]\njobs = 1"]), Place::Target);
        assert_eq!(place_of(&["", "[build]\nrustflags = [\"-Ctarget-cpu=native\"]"]), Place::BuildList);
        let texts = ["[build]\nrustflags = \"--cfg\tnear\\n\"", "[build]\nrustflags = \"--cfg far\""];
        assert_eq!(place_of(&texts), Place::Encoded("--cfg\u{1f}near".into()));
    }

    #[test]
    fn flags_of_the_target_hide_others_and_flags_of_another_target_do_not() {
        let with = |target: &str| format!("[build]\nrustflags = [\"-g\"]\n[target.{target}]\nrustflags = [\"-g\"]");
        let place_of = |target: &str| place_of(&[], &[&with(target)]);
        for target in ["'cfg(unix)'", "x86_64-unknown-linux-gnu"] {
            assert_eq!(place_of(target), Place::Target, "{target}");
        }
        for target in ["'cfg(windows)'", "x86_64-pc-windows-msvc"] {
            assert_eq!(place_of(target), Place::BuildList, "{target}");
        }
    }

    #[test]
    fn variables_hide_files_and_each_other() {
        fn own(variables: &[(&str, &str)]) -> Place {
            place_of(variables, &["[build]\nrustflags = [\"-g\"]"])
        }

        assert_eq!(own(&[("PATH", "/bin")]), Place::BuildList);
        let both = [("RUSTFLAGS", "-g"), ("CARGO_ENCODED_RUSTFLAGS", "")];
        assert_eq!(own(&both), Place::Encoded("".into()));
        let build = [("CARGO_BUILD_RUSTFLAGS", "-g"), ("RUSTFLAGS", " -g  --cfg x\n")];
        assert_eq!(own(&build), Place::Encoded("-g\u{1f}--cfg\u{1f}x".into()));
        assert_eq!(place_of(&build[..1], &[]), Place::BuildList);
        assert_eq!(place_of(&build[..1], &["[target.'cfg(unix)']\nrustflags = [\"-g\"]"]), Place::Target);
        let of = |target| [(target, "-g"), build[0]];
        assert_eq!(own(&of("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS")), Place::Target);
        assert_eq!(own(&of("CARGO_TARGET_X86_64_PC_WINDOWS_MSVC_RUSTFLAGS")), Place::BuildList);
    }
}
