//! `cargo xtask test`: everything that has to hold before a change is taken.
//!
//! ```text
//! install ─► format ─► lints ─► what it is built on, and by ─► documentation ─► packages ─► build the binary once ─► all tests ─► documentation's examples
//! ```

use crate::shell::{call, complain, succeeds};
use crate::{book, deny, oldest, packages};
use anyhow::Result;
use std::path::Path;
use std::process::Command;
use system_tests::{seed, workspace};

/// The packages that are for others.
const PUBLISHED: [&str; 4] = ["plugin-abi-derive", "plugin-abi", "cargo-system-runtime", "cargo-system"];

/// Runs it all; stops at the first part that fails.
pub(crate) fn run() -> Result<()> {
    install();
    let root = workspace::root();
    call(cargo(&root).args(["fmt", "--all", "--check"]))?;
    call(cargo(&root).args(["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]))?;
    deny::check(&root)?;
    oldest::check(&root)?;
    document(&root)?;
    book::check(&root)?;
    package(&root)?;
    // Built here, so that no test's time-out counts it.
    let binary = workspace::binary()?;
    let tests = &mut cargo(&root);
    tests.env(workspace::BINARY_VARIABLE, binary).env("INSTA_UPDATE", "no");
    // A release takes five times as long to build as users build it. One test builds and starts one so (`reproducible`), and so do benchmarks.
    tests.env(seed::RELEASES_OPTIMISED, "0");
    if succeeds("cargo", &["nextest", "--version"]) {
        let config = root.join("tests/nextest.toml");
        call(tests.args(["nextest", "run", "--workspace", "--no-fail-fast", "--config-file"]).arg(config))?;
    } else {
        call(tests.args(["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"]))?;
    }
    call(cargo(&root).args(["test", "--workspace", "--doc"]))
}

/// The documentation that users read, and the one that the developers have in their editors: no link of either leads nowhere.
fn document(root: &Path) -> Result<()> {
    for items in [&[][..], &["--document-private-items"]] {
        let mut doc = cargo(root);
        doc.args(["doc", "--workspace", "--no-deps", "--all-features"]).args(items).env("RUSTDOCFLAGS", "-D warnings");
        call(&mut doc)?;
    }
    Ok(())
}

/// What is to be published can be packed, and builds from what was packed, on dependencies that tests need built as well.
fn package(root: &Path) -> Result<()> {
    let mut package = cargo(root);
    package.args(["package", "--allow-dirty"]);
    call(package.args(PUBLISHED.iter().flat_map(|name| ["--package", name])))
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(workspace::cargo());
    command.current_dir(root);
    command
}

/// Installs what is missing, where that is allowed; else says what to install.
fn install() {
    for (component, command) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !succeeds("cargo", &[command, "--version"])
            && let Err(error) = call(Command::new("rustup").args(["component", "add", component]))
        {
            complain(&format!("{error:#}; install {component} for your toolchain by hand"));
        }
    }
    packages::install(&[
        packages::WRK,
        packages::CHROMIUM,
        packages::STRACE,
        packages::OPENMETRICS,
        packages::SSH,
        packages::SSHD,
    ]);
}
