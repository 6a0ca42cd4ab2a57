//! From a saved edit of the example to the first answer by the new code, each way in each round:
//!
//! ```text
//! upgrade            `cargo system upgrade` of a node that serves
//! cargo build        of the same edit in the same profile; which only builds
//! reload             the same build, and a program that reloads the library by hot-lib-reloader, with its settings as they come
//! restart            the same build, and the same program, killed and started again
//! ```

use super::report::{Better, Measurement};
use crate::shell::complain;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use system_tests::cli::Cli;
use system_tests::example;
use system_tests::hot_reload::HotReload;
use system_tests::node::Node;
use system_tests::peer::Peer;
use system_tests::sandbox::{EXAMPLE, Sandbox};
use system_tests::{http, workspace};

const ROUNDS: u32 = 7;
/// What may come on top of `cargo build`.
const BEYOND_AIM_MS: f64 = 200.0;
/// Where cargo puts what `upgrade` builds, in the target folder.
const BUILT: &str = "system-upgrade";
/// Begins what the example does not have: a function that a reloader of functions can call.
const EDITION: &str = "\n// Which edit this is.\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Upgrade,
    Build,
    Reload,
    Restart,
}

const WAYS: [Way; 4] = [Way::Upgrade, Way::Build, Way::Reload, Way::Restart];

/// Measures.
pub(super) fn run() -> Result<Vec<Measurement>> {
    let mut ways = Ways::prepare()?;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let mut took = [0.0; WAYS.len()];
        // One after the other is the first.
        for turn in 0..WAYS.len() {
            let at = (turn + round as usize) % WAYS.len();
            took[at] = ways.measure(WAYS[at])?;
        }
        complain(&format!("  round {}: {WAYS:?} {took:.0?}", round + 1));
        rounds.push(took);
    }
    let beside = |way: Way| rounds.iter().map(|took| (took[0], took[way as usize])).collect::<Vec<_>>();
    let beyond: Vec<_> = rounds.iter().map(|took| (took[0] - took[Way::Build as usize], BEYOND_AIM_MS)).collect();
    let row = |name: &str, rounds: &[(f64, f64)]| Measurement::new(name, "ms", Better::Less, rounds);
    Ok(vec![
        row("save_to_served", &beside(Way::Build)),
        row("save_to_served beyond cargo build (peer: the aim)", &beyond),
        row("save_to_served hot-lib-reloader", &beside(Way::Reload)),
        row("save_to_served restart", &beside(Way::Restart)),
    ])
}

/// The workspaces, and what runs their code.
struct Ways {
    upgraded: Sandbox,
    node: Node,
    built: Sandbox,
    loaded: Sandbox,
    program: HotReload,
    /// None while it is started again.
    peer: Option<Peer>,
    /// The words that cargo is called with to build.
    build: Vec<String>,
    /// The last edit.
    edit: u32,
}

impl Ways {
    /// All have built an edit before: the first one fills the compiler's caches.
    fn prepare() -> Result<Self> {
        let [upgraded, built, loaded] = [prepared()?, prepared()?, prepared()?];
        let node = upgraded.run()?;
        let build = recorded_build(&upgraded)?;
        let program = HotReload::build()?;
        cargo_build(&loaded, &build)?;
        let peer = program.start(&loaded.target().join(BUILT))?;
        let mut ways = Self { upgraded, node, built, loaded, program, peer: Some(peer), build, edit: 0 };
        WAYS.into_iter().try_for_each(|way| ways.measure(way).map(drop))?;
        Ok(ways)
    }

    /// Milliseconds from the next edit until that way is through.
    fn measure(&mut self, way: Way) -> Result<f64> {
        self.edit += 1;
        let sandbox = match way {
            Way::Upgrade => &self.upgraded,
            Way::Build => &self.built,
            Way::Reload | Way::Restart => &self.loaded,
        };
        let before = match way {
            Way::Upgrade => version(self.node.address())?,
            Way::Build => String::new(),
            Way::Reload | Way::Restart => version(self.address()?)?,
        };
        let saved = Instant::now();
        edit(sandbox, self.edit)?;
        match way {
            Way::Upgrade => upgrade(sandbox, self.node.address(), &before, saved),
            Way::Build => cargo_build(sandbox, &self.build).map(|()| saved.elapsed()),
            Way::Reload => {
                cargo_build(sandbox, &self.build)?;
                other(self.address()?, &before, &AtomicBool::new(false)).map(|at| at - saved)
            }
            Way::Restart => {
                cargo_build(sandbox, &self.build)?;
                self.peer = None;
                self.peer = Some(self.program.start(&sandbox.target().join(BUILT))?);
                other(self.address()?, &before, &AtomicBool::new(false)).map(|at| at - saved)
            }
        }
        .map(milliseconds)
    }

    /// The program's.
    fn address(&self) -> Result<SocketAddr> {
        self.peer.as_ref().and_then(|peer| peer.listener("http")).context("the program says where it listens")
    }
}

/// The example, with a function that says which edit it is of.
fn prepared() -> Result<Sandbox> {
    let sandbox = Sandbox::new(EXAMPLE)?;
    // What is called by its name alone is not safe code.
    sandbox.edit("src/lib.rs", "#![forbid(unsafe_code)]", "#![allow(unsafe_code)]")?;
    edit(&sandbox, 0)?;
    Ok(sandbox)
}

/// The same edit each way.
fn edit(sandbox: &Sandbox, number: u32) -> Result<()> {
    example::edit_code(sandbox, number)?;
    let path = sandbox.package().join("src/sum.rs");
    let text = fs::read_to_string(&path)?;
    let own = text.split_once(EDITION).map_or(text.as_str(), |(own, _)| own);
    let attribute = concat!("#[", "unsafe", "(no_mangle)]");
    let function = format!("{attribute}\nfn edition() -> u64 {{\n    {number}\n}}\n");
    Ok(fs::write(&path, format!("{own}{EDITION}{function}"))?)
}

/// Upgrades, and sees meanwhile when another version answers than before.
fn upgrade(sandbox: &Sandbox, address: SocketAddr, before: &str, saved: Instant) -> Result<Duration> {
    let given_up = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| other(address, before, &given_up));
        let upgraded = sandbox.upgrade();
        // A moment more for the last look.
        let patience = Instant::now() + Duration::from_secs(5);
        while !watch.is_finished() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
        given_up.store(true, Ordering::Relaxed);
        upgraded?;
        watch.join().ok().context("the watcher does not panic")?.map(|at| at - saved)
    })
}

/// When another version answers than that one; looked for each millisecond.
fn other(address: SocketAddr, before: &str, given_up: &AtomicBool) -> Result<Instant> {
    /// A build is not meant: it is done, or somebody else gives up.
    const PATIENCE: Duration = Duration::from_secs(60);
    let begun = Instant::now();
    while !given_up.load(Ordering::Relaxed) && begun.elapsed() < PATIENCE {
        if version(address)? != before {
            return Ok(Instant::now());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(anyhow::anyhow!("the new code never answered"))
}

fn version(address: SocketAddr) -> Result<String> {
    let answer = http::get(address, "/api/version")?.json()?;
    Ok(answer["version"].as_str().context("a version")?.to_owned())
}

fn cargo_build(sandbox: &Sandbox, build: &[String]) -> Result<()> {
    let cargo = Cli::of(&workspace::cargo()).args(build);
    let said = sandbox.surround(cargo).in_folder(&sandbox.package()).run()?;
    ensure!(said.code == 0, "cargo build failed:\n{}", said.stderr);
    Ok(())
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
