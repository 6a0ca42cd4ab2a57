//! Random schedules of starts, messages, ends, upgrades and roll-backs in a real node, against a model: which servers there are, what each
//! knows, and which version runs them. `SYSTEM_TESTS_STEPS` makes a schedule as long as one likes, `SYSTEM_TESTS_SEED` has one alone, of that seed.
//!
//! Servers end by themselves, are killed, or panic. Three releases differ in what a server adds; the third refuses some states, so whether an upgrade to
//! it takes effect is the model's answer too; a fourth is found bad by its own health check. A version on probation is confirmed, told to go
//! back, or crashes and goes back by itself. Some of the upgrades happen while senders are at work, whose messages are counted.

use std::collections::BTreeMap;
use std::time::Duration;
use system_tests::cli::Cli;
use system_tests::counter;
use system_tests::node::Node;
use system_tests::random::Random;
use system_tests::release::ReleaseFolder;
use system_tests::sandbox::Sandbox;
use system_tests::seed::{Copy, copy_tree};
use system_tests::talk::Talk;
use system_tests::wait;

const SEEDS: [u64; 3] = [1, 2, 3];
const STEPS: usize = 60;
/// What the node does by itself, it does within this time.
const PATIENCE: Duration = Duration::from_secs(30);
/// "Failed and rolled back".
const ROLLED_BACK: i32 = 10;
const NAMES: &[&str] = &["a", "b", "c", "d", "e"];
const SWARM: u64 = 100;
const SENDERS: u64 = 2;
const EACH: u64 = 40;
/// What each release's servers multiply by.
const FACTORS: [u64; 3] = [1, 100, 7];
/// The one that refuses sums which leave 3 when divided by 5.
const PICKY: usize = 2;

/// What ought to be.
struct Model {
    servers: BTreeMap<&'static str, Server>,
    current: usize,
    /// Releases that have served: what can be gone back to.
    served: [bool; 3],
    /// Messages to the swarm.
    numbered: u64,
}

/// One begins in the version of who starts it: here of the connection, which stays with the first.
#[derive(Default)]
struct Server {
    sum: u64,
    release: usize,
}

impl Server {
    fn add(&mut self, number: u64) -> u64 {
        self.sum += number * FACTORS[self.release];
        self.sum
    }

    /// Also away from the picky release, which could not be gone back to.
    fn accepts(&self, release: usize) -> bool {
        self.release == release || ![self.release, release].contains(&PICKY) || self.sum % 5 != 3
    }
}

impl Model {
    fn accepts(&self, release: usize) -> bool {
        self.servers.values().all(|server| server.accepts(release))
    }

    fn changes(&mut self, release: usize) {
        self.served[release] = true;
        self.returns(release);
    }

    /// That one is current, and all are there, and that is not for good.
    fn returns(&mut self, release: usize) {
        self.current = release;
        self.servers.values_mut().for_each(|server| server.release = release);
    }

    /// What goes to another release and is not kept there comes back to the current one, wherever it was.
    fn can_come_back(&self) -> bool {
        self.current != PICKY || self.servers.values().all(|server| server.sum % 5 != 3)
    }

    fn another(&self, random: &mut Random) -> usize {
        (self.current + 1 + random.below(FACTORS.len() - 1)) % FACTORS.len()
    }
}

/// A node, and those who talk to it.
struct Real<'a> {
    sandbox: &'a Sandbox,
    node: Node,
    releases: &'a [ReleaseFolder; 3],
    sick: &'a ReleaseFolder,
    versions: &'a [String; 3],
    talk: Talk,
    load: Talk,
}

impl Real<'_> {
    fn cli<const N: usize>(&self, words: [&str; N]) -> Cli {
        self.sandbox.cli(words).env("CARGO_SYSTEM_NODE", self.node.root())
    }

    /// Whether it took effect.
    fn upgrade(&self, to: usize) -> bool {
        self.took_effect(
            self.cli(["upgrade", "--force", "--drain-wait", "0", "--release"]).args([self.releases[to].root()]),
        )
    }

    fn roll_back(&self, to: usize) -> bool {
        self.took_effect(self.cli(["rollback", "--force", "--drain-wait", "0", &self.versions[to]]))
    }

    /// Refused is as good an answer as done, for the reason that the model knows; anything else is none.
    fn took_effect(&self, cli: Cli) -> bool {
        let said = cli.run().expect("it ends");
        assert!(said.code == 0 || said.stderr.contains("not this one"), "ended with {}: {}", said.code, said.stderr);
        said.code == 0
    }

    /// Nobody answers to that name any more.
    fn is_gone(&mut self, name: &str) {
        let report = format!("report {name}");
        let gone = || (self.talk.ask(&report) == "nobody").then_some(());
        wait::until("it is gone", PATIENCE, gone).expect("it has ended");
    }

    fn goes_back(&self, to: usize) {
        let back =
            || (self.node.version() == self.versions[to] && self.node.status()["probation"].is_null()).then_some(());
        wait::until("it goes back", PATIENCE, back).expect("it crashes");
    }
}

/// One step of both; what it was.
fn step(model: &mut Model, real: &mut Real<'_>, random: &mut Random) -> String {
    let name = NAMES[random.below(NAMES.len())];
    match random.below(26) {
        0..=4 => start(model, real, name),
        5..=12 => add(model, real, random, name),
        kind @ 13..=15 => end(model, real, name, ["stop", "kill", "panic"][kind - 13]),
        16 | 17 if model.can_come_back() => fall_ill(model, real),
        18 | 19 if model.current != PICKY => on_probation(model, real, random),
        kind => change_version(model, real, random, kind == 20),
    }
}

fn start(model: &mut Model, real: &mut Real<'_>, name: &'static str) -> String {
    let said = real.talk.ask(&format!("start {name}"));
    let is_new = !model.servers.contains_key(name);
    model.servers.entry(name).or_default();
    assert_eq!(said.starts_with('<'), is_new, "start {name}: {said}");
    format!("start {name}")
}

fn add(model: &mut Model, real: &mut Real<'_>, random: &mut Random, name: &str) -> String {
    let number = random.below(9) as u64 + 1;
    let expected = model.servers.get_mut(name).map(|server| server.add(number).to_string());
    real.talk.expect(&format!("add {name} {number}"), expected.as_deref().unwrap_or("nobody"));
    format!("add {name} {number}")
}

fn end(model: &mut Model, real: &mut Real<'_>, name: &str, how: &str) -> String {
    let is_there = model.servers.remove(name).is_some();
    match how {
        "kill" if is_there => {
            let pid = real.talk.ask(&format!("pid {name}"));
            let _said = real.cli(["kill", &pid]).expect(0);
        }
        "kill" => {}
        _ => real.talk.expect(&format!("{how} {name}"), if is_there { "ok" } else { "nobody" }),
    }
    if is_there {
        real.is_gone(name);
    }
    format!("{how} {name}")
}

/// To the release that its own health check finds bad, and back.
fn fall_ill(model: &mut Model, real: &Real<'_>) -> String {
    let said = real.cli(["upgrade", "--force", "--drain-wait", "0", "--release"]).args([real.sick.root()]);
    let said = said.run().expect("it ends");
    let is_bad = said.code == ROLLED_BACK && said.stderr.contains("no route");
    assert!(is_bad, "ended with {}: {}", said.code, said.stderr);
    model.returns(model.current);
    "fall ill: false".to_owned()
}

/// To the other release that takes any state, on probation, which ends one way or another.
fn on_probation(model: &mut Model, real: &mut Real<'_>, random: &mut Random) -> String {
    let (from, to) = (model.current, 1 - model.current);
    let upgrade = ["upgrade", "--force", "--drain-wait", "0", "--confirm-within", "10m", "--release"];
    let _said = real.cli(upgrade).args([real.releases[to].root()]).expect(0);
    model.returns(to);
    compare(model, real);
    for name in NAMES {
        add(model, real, random, name);
    }
    let end = match random.below(3) {
        0 => {
            let mut new = Talk::open(real.node.address());
            new.expect("crash 300", "300");
            real.goes_back(from);
            "crashes"
        }
        1 => {
            let _said = real.cli(["rollback", "--drain-wait", "0"]).expect(0);
            "told to go back"
        }
        _ => {
            let _said = real.cli(["confirm", "--drain-wait", "0"]).expect(0);
            model.changes(to);
            "confirmed"
        }
    };
    if end != "confirmed" {
        model.returns(from);
    }
    format!("on probation, {end}: {}", end == "confirmed")
}

fn change_version(model: &mut Model, real: &mut Real<'_>, random: &mut Random, goes_back: bool) -> String {
    let to = model.another(random);
    let goes_back = goes_back && model.served[to];
    let is_loaded = random.below(2) == 0;
    if is_loaded {
        // Other ones each time: each numbers its messages from 1.
        let first = model.numbered / (SWARM * EACH);
        real.load.tell(&format!("load {first} {} {EACH}", first + SENDERS));
    }
    let is_done = if goes_back { real.roll_back(to) } else { real.upgrade(to) };
    if is_loaded {
        assert_eq!(real.load.hear(), "0", "sends that were refused");
        model.numbered += SWARM * SENDERS * EACH;
    }
    assert_eq!(is_done, model.accepts(to), "release {to}");
    if is_done {
        model.changes(to);
    }
    format!("{} to {to}: {is_done}", if goes_back { "roll back" } else { "upgrade" })
}

/// All that the model knows is so.
fn compare(model: &Model, real: &mut Real<'_>) {
    assert_eq!(real.node.version(), real.versions[model.current]);
    for name in NAMES {
        let report = real.talk.ask(&format!("report {name}"));
        match model.servers.get(name) {
            Some(Server { sum, release }) => {
                let expected = format!("version: {:?}, sum: {sum},", real.versions[*release]);
                assert!(report.contains(&expected), "{name}: {report}, not {expected}");
            }
            None => assert_eq!(report, "nobody", "{name}"),
        }
    }
    assert_eq!(real.talk.ask("swarm-report"), format!("{} 0 [{SWARM}]", model.numbered));
}

/// The three, and the one that is found bad.
fn releases(sandbox: &Sandbox) -> ([ReleaseFolder; 3], ReleaseFolder) {
    const SOUND: &str = "Application::new()";
    const SICK: &str = "Application::new().health_check(\"db\", Duration::from_secs(60), || async {
        Err::<(), String>(\"no route\".to_owned())
    })";
    let edit = |from: &str, to: &str| sandbox.edit("src/counter.rs", from, to).expect("an edit");
    let application = |from: &str, to: &str| sandbox.edit("src/lib.rs", from, to).expect("an edit");
    let release = |name: &str| sandbox.release(name).expect("a release");
    let first = release("first");
    edit("const FACTOR: u64 = 1;", "const FACTOR: u64 = 100;");
    let second = release("second");
    edit("const FACTOR: u64 = 100;", "const FACTOR: u64 = 7;");
    application(SOUND, SICK);
    let sick = release("sick");
    application(SICK, SOUND);
    counter::convert(sandbox, "if before.sum % 5 == 3 { return Err(\"not this one\") }");
    ([first, second, release("third")], sick)
}

/// A copy of a release, for a node.
fn own(sandbox: &Sandbox, release: &ReleaseFolder, seed: u64) -> ReleaseFolder {
    let folder = sandbox.beside(&format!("node-{seed}"));
    copy_tree(release.root(), &folder, &|_| Copy::Bytes).expect("copied");
    ReleaseFolder::new(folder)
}

fn version(release: &ReleaseFolder) -> String {
    let (_, manifest) = release.manifest().expect("a manifest");
    manifest["version"].as_str().expect("a version").to_owned()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[expect(clippy::print_stdout, reason = "what led to a failure is to be seen")]
fn show(did: &str) {
    println!("{did}");
}

/// Refused, and done.
fn run(seed: u64, real: &mut Real<'_>) -> [u64; 2] {
    real.talk.expect(&format!("swarm {SWARM}"), &SWARM.to_string());
    let served = [true, false, false];
    let mut model = Model { servers: BTreeMap::new(), current: 0, served, numbered: 0 };
    let mut random = Random(seed);
    show(&format!("SYSTEM_TESTS_SEED={seed}:"));
    let mut changes = [0, 0];
    for _ in 0..number("SYSTEM_TESTS_STEPS").map_or(STEPS, |steps| usize::try_from(steps).expect("few")) {
        let did = step(&mut model, real, &mut random);
        show(&did);
        if let Some((_, is_done)) = did.split_once(": ") {
            changes[usize::from(is_done == "true")] += 1;
            compare(&model, real);
        }
    }
    compare(&model, real);
    changes
}

#[test]
fn any_schedule_of_messages_ends_and_upgrades_is_as_the_model_says() {
    let sandbox = Sandbox::releasable("moving").expect("the fixture builds");
    let (releases, sick) = releases(&sandbox);
    let versions = releases.each_ref().map(version);
    let seeds = number("SYSTEM_TESTS_SEED").map_or(SEEDS.to_vec(), |seed| vec![seed]);
    for seed in seeds {
        // A node's own folder says what boots there: what is upgraded to stands elsewhere.
        let own = own(&sandbox, &releases[0], seed);
        let node = sandbox.start(&own).expect("it serves");
        let (talk, load) = (Talk::open(node.address()), Talk::open(node.address()));
        let mut real =
            Real { sandbox: &sandbox, node, releases: &releases, sick: &sick, versions: &versions, talk, load };
        let changes = run(seed, &mut real);
        assert!(changes.iter().all(|count| *count > 0), "refused and done: {changes:?}");
    }
}
