//! From a saved edit to the first answer by the new code; the peer is `cargo build` of the same edit in the same profile,
//! which only builds.

use super::report::{Better, Measurement};
use super::rounds::alternate;
use super::side::Which;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use system_tests::cli::Cli;
use system_tests::example;
use system_tests::sandbox::{EXAMPLE, Sandbox};
use system_tests::{http, workspace};

const ROUNDS: u32 = 7;
/// What may come on top of `cargo build`.
const BEYOND_AIM_MS: f64 = 200.0;

/// Measures.
pub(super) fn run() -> Result<Vec<Measurement>> {
    let (ours, theirs) = (Sandbox::new(EXAMPLE)?, Sandbox::new(EXAMPLE)?);
    let node = ours.run()?;
    // The first edit fills the incremental caches of both.
    let build = recorded_build(&ours)?;
    served(&ours, node.address(), 0)?;
    built(&theirs, &build, 0)?;
    let mut edits = 0..;
    let rounds = alternate(ROUNDS, |which| {
        // Two rounds' edits of one side must differ, the two sides' of one round need not.
        let edit = edits.next().map_or(0, |measured: u32| measured / 2 + 1);
        if which == Which::Ours { served(&ours, node.address(), edit) } else { built(&theirs, &build, edit) }
    })?;
    let beyond: Vec<_> = rounds.iter().map(|(served, built)| (served - built, BEYOND_AIM_MS)).collect();
    Ok(vec![
        Measurement::new("save_to_served", "ms", Better::Less, &rounds),
        Measurement::new("save_to_served beyond cargo build (peer: the aim)", "ms", Better::Less, &beyond),
    ])
}

/// Milliseconds from the edit to the first answer by another version than before.
fn served(sandbox: &Sandbox, address: SocketAddr, edit: u32) -> Result<f64> {
    let before = version(address)?;
    let given_up = AtomicBool::new(false);
    let saved = Instant::now();
    example::edit_code(sandbox, edit)?;
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while !given_up.load(Ordering::Relaxed) {
                if version(address)? != before {
                    return Ok(saved.elapsed());
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(anyhow::anyhow!("the new code never answered"))
        });
        let upgraded = sandbox.upgrade();
        // A moment more for the last look.
        let patience = Instant::now() + Duration::from_secs(5);
        while !watch.is_finished() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
        given_up.store(true, Ordering::Relaxed);
        upgraded?;
        watch.join().ok().context("the watcher does not panic")?.map(milliseconds)
    })
}

fn version(address: SocketAddr) -> Result<String> {
    let answer = http::get(address, "/api/version")?.json()?;
    Ok(answer["version"].as_str().context("a version")?.to_owned())
}

/// Milliseconds of `cargo build` after the edit.
fn built(sandbox: &Sandbox, build: &[String], edit: u32) -> Result<f64> {
    example::edit_code(sandbox, edit)?;
    let cargo = Cli::of(&workspace::cargo()).args(build);
    let begun = Instant::now();
    let said = sandbox.surround(cargo).in_folder(&sandbox.package()).run()?;
    let took = begun.elapsed();
    ensure!(said.code == 0, "cargo build failed:\n{}", said.stderr);
    Ok(milliseconds(took))
}

/// The words that `upgrade` calls cargo with to build, for the peer to use the same: profile, flags, all of it. Taken by
/// a stand-in for cargo that writes them down before it calls cargo.
fn recorded_build(sandbox: &Sandbox) -> Result<Vec<String>> {
    let (stand_in, record) = (sandbox.beside("cargo"), sandbox.beside("cargo.words"));
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = rustc ]; then printf '%s\\n' \"$@\" > '{}'; fi\nexec '{}' \"$@\"\n",
        record.display(),
        workspace::cargo().display()
    );
    fs::write(&stand_in, script)?;
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755))?;
    let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).env("CARGO", &stand_in).run()?;
    ensure!(said.code == 0, "upgrade ended with {}:\n{}", said.code, said.stderr);
    let words = fs::read_to_string(&record).context("upgrade did not call `cargo rustc`, which builds")?;
    // The package's place differs between the two sandboxes; each is called in its own.
    let mut build: Vec<String> = words.lines().map(str::to_owned).collect();
    if let Some(at) = build.iter().position(|word| word == "--manifest-path") {
        build.drain(at..=at + 1);
    }
    Ok(build)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
