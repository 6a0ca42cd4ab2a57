//! `new`: a plugin project that runs, upgrades and tests at once: a small chat.
//!
//! cargo makes the package (names, workspaces and version control are its business), and this fills it.

use crate::answers::{Answer, Created, Done};
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, OrHint as _};
use crate::{hints, interrupt, output};
use anyhow::Context as _;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the package has, beside what goes to the end of its Cargo.toml.
const FILES: [(&str, &str); 5] = [
    ("src/lib.rs", include_str!("../../template/src/lib.rs")),
    ("src/chat.rs", include_str!("../../template/src/chat.rs")),
    ("src/history.rs", include_str!("../../template/src/history.rs")),
    ("src/room.rs", include_str!("../../template/src/room.rs")),
    ("src/page.html", include_str!("../../template/src/page.html")),
];
const MANIFEST: &str = include_str!("../../template/manifest.toml");
/// Where cargo's Cargo.toml has its dependencies.
const DEPENDENCIES: &str = "[dependencies]";
/// Where this tool's sources were when it was built; the SDK's stand beside them.
const OWN_FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// Where the project finds the SDK.
#[derive(Debug, PartialEq, Eq)]
enum Sdk {
    Folder(PathBuf),
    Published,
}

pub(super) fn new(context: &Context, path: &Path, name: Option<&str>, sdk: Option<&Path>) -> Result<(), Failure> {
    let sdk = Sdk::find(sdk, Path::new(OWN_FOLDER))?;
    make(path, name)?;
    fill(path, &sdk).with_context(|| format!("{} is not whole: remove it and try again", path.display()))?;
    let name = package_name(path, name);
    if context.json() {
        output::json(Answer::Created(Done::new(Created { name, path: path.display().to_string() })));
    } else {
        output::line(&format!("created {name}, a chat that one can talk in"));
        output::note(&format!(
            "  cd {} && cargo system run    # http://127.0.0.1:4000\n  cargo system upgrade          # in another terminal, after a change\n  cargo test",
            path.display()
        ));
    }
    Ok(())
}

/// The package as cargo makes one. What keeps it from that it says itself.
fn make(path: &Path, name: Option<&str>) -> Result<(), Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["new", "--quiet", "--lib"]).args(name.map(|name| format!("--name={name}"))).arg("--").arg(path);
    // In a group of its own: it is done at once, and a Ctrl-C for both would leave half of it.
    command.process_group(0);
    let status = command.stdin(Stdio::null()).status().context("cargo cannot be run").or_hint(hints::CARGO)?;
    // What is there now is filled, whoever has pressed what: that is soon done, and half a project is nobody's wish.
    if status.success() {
        return Ok(());
    }
    interrupt::check()?;
    Err(Failure::error(format!("cargo made no package in {}", path.display()))
        .hint("name a folder that is not there yet; its name is the package's, unless --name gives one: cargo system new chat"))
}

fn fill(path: &Path, sdk: &Sdk) -> anyhow::Result<()> {
    let manifest = path.join("Cargo.toml");
    let made = fs::read_to_string(&manifest)?;
    fs::write(&manifest, filled(&made, sdk))?;
    for (file, text) in FILES {
        fs::write(path.join(file), text)?;
    }
    Ok(())
}

/// cargo's Cargo.toml, which has an empty table of dependencies, with what a plugin needs.
fn filled(made: &str, sdk: &Sdk) -> String {
    let (package, rest) = made.split_once(DEPENDENCIES).unwrap_or((made, ""));
    let sdk = match sdk {
        Sdk::Folder(folder) => format!("path = {}", toml::Value::from(folder.display().to_string())),
        Sdk::Published => format!("version = {:?}", env!("CARGO_PKG_VERSION")),
    };
    let (package, rest) = (package.trim_end(), rest.trim_start());
    let gap = if rest.is_empty() { "" } else { "\n" };
    format!(
        "{package}\n{MANIFEST}\n{DEPENDENCIES}\naxum = {{ version = \"0.8\", default-features = false }}\n\
         plugin-abi = {{ {sdk}, features = [\"http\", \"websocket\"] }}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\nserde_json = \"1\"\n{gap}{rest}"
    )
}

fn package_name(path: &Path, name: Option<&str>) -> String {
    let folder = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.map_or_else(folder, str::to_owned)
}

impl Sdk {
    /// Where one says, else beside this tool's own sources if they are there still, else where packages are published.
    fn find(given: Option<&Path>, own: &Path) -> Result<Self, Failure> {
        let Some(given) = given else {
            let beside = own.parent().map(|repository| repository.join("plugin-abi"));
            return Ok(beside.filter(|folder| is_sdk(folder)).map_or(Self::Published, Self::Folder));
        };
        if !is_sdk(given) {
            return Err(Failure::new(ExitCode::Usage, format!("{} is not the folder of plugin-abi", given.display()))
                .hint("--path takes the folder plugin-abi of cargo-system's repository"));
        }
        let folder = std::path::absolute(given).with_context(|| given.display().to_string())?;
        Ok(Self::Folder(folder))
    }
}

/// Is it the SDK's package?
fn is_sdk(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).ok().and_then(|text| text.parse::<toml::Table>().ok());
    manifest.is_some_and(|manifest| {
        manifest.get("package").and_then(|package| package.get("name")?.as_str()) == Some("plugin-abi")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADE: &str = "[package]\nname = \"chat\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n";

    #[test]
    fn what_a_plugin_needs_goes_into_cargos_manifest() {
        let text = filled(MADE, &Sdk::Folder(PathBuf::from("/a \"quoted\"/ä")));
        let table: toml::Table = text.parse().expect("a manifest");
        assert_eq!(table["package"]["edition"].as_str(), Some("2024"));
        assert_eq!(table["lib"]["crate-type"][0].as_str(), Some("cdylib"));
        assert_eq!(table["dependencies"]["plugin-abi"]["path"].as_str(), Some("/a \"quoted\"/ä"));
        let lints = "[lints]\nworkspace = true\n";
        let table: toml::Table = filled(&format!("{MADE}\n{lints}"), &Sdk::Published).parse().expect("a manifest");
        assert_eq!(table["lints"]["workspace"].as_bool(), Some(true));
        let text = filled(MADE, &Sdk::Published);
        assert!(text.contains(concat!("version = \"", env!("CARGO_PKG_VERSION"), "\", features")), "{text}");
    }

    #[test]
    fn the_sdk_is_found_beside_this_tool_or_is_the_published_one() {
        let own = Path::new(OWN_FOLDER);
        let beside = own.parent().expect("the repository").join("plugin-abi");
        assert_eq!(Sdk::find(None, own).expect("found"), Sdk::Folder(beside.clone()));
        assert_eq!(Sdk::find(None, Path::new("/nonexistent/tool")).expect("found"), Sdk::Published);
        assert_eq!(Sdk::find(Some(&beside), Path::new("/")).expect("found"), Sdk::Folder(beside));
        let wrong = Sdk::find(Some(own), own).expect_err("another package");
        assert_eq!(wrong.code, ExitCode::Usage);
    }
}
