//! Random schedules of starts, messages, ends, upgrades and roll-backs in a real node, against a model: which servers there are, what each
//! knows, and which version runs them. `SYSTEM_TESTS_STEPS` makes a schedule as long as one likes, `SYSTEM_TESTS_SEED` another one.
//!
//! Three releases differ in what a server adds; the third refuses some states, so whether an upgrade to it takes effect is the model's answer
//! too. Some of the upgrades happen while senders are at work, whose messages are counted.

use std::collections::BTreeMap;
use system_tests::cli::Cli;
use system_tests::counter;
use system_tests::node::Node;
use system_tests::random::Random;
use system_tests::release::ReleaseFolder;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;

const STEPS: usize = 100;
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
        (self.current, self.served[release]) = (release, true);
        self.servers.values_mut().for_each(|server| server.release = release);
    }

    fn another(&self, random: &mut Random) -> usize {
        (self.current + 1 + random.below(FACTORS.len() - 1)) % FACTORS.len()
    }
}

/// A node, and those who talk to it.
struct Real<'a> {
    sandbox: &'a Sandbox,
    node: Node,
    releases: [ReleaseFolder; 3],
    versions: [String; 3],
    talk: Talk,
    load: Talk,
}

impl Real<'_> {
    /// Whether it took effect.
    fn upgrade(&self, to: usize) -> bool {
        let cli = self.sandbox.cli(["upgrade", "--force", "--drain-wait", "0", "--release"]);
        self.took_effect(cli.args([self.releases[to].root()]))
    }

    fn roll_back(&self, to: usize) -> bool {
        self.took_effect(self.sandbox.cli(["rollback", "--force", "--drain-wait", "0", &self.versions[to]]))
    }

    /// Refused is as good an answer as done, for the reason that the model knows; anything else is none.
    fn took_effect(&self, cli: Cli) -> bool {
        let said = cli.env("CARGO_SYSTEM_NODE", self.node.root()).run().expect("it ends");
        assert!(said.code == 0 || said.stderr.contains("not this one"), "ended with {}: {}", said.code, said.stderr);
        said.code == 0
    }
}

/// One step of both; what it was.
fn step(model: &mut Model, real: &mut Real<'_>, random: &mut Random) -> String {
    let name = NAMES[random.below(NAMES.len())];
    match random.below(20) {
        0..=4 => {
            let said = real.talk.ask(&format!("start {name}"));
            let is_new = !model.servers.contains_key(name);
            model.servers.entry(name).or_default();
            assert_eq!(said.starts_with('<'), is_new, "start {name}: {said}");
            format!("start {name}")
        }
        5..=12 => {
            let number = random.below(9) as u64 + 1;
            let expected = model.servers.get_mut(name).map(|server| server.add(number).to_string());
            real.talk.expect(&format!("add {name} {number}"), expected.as_deref().unwrap_or("nobody"));
            format!("add {name} {number}")
        }
        13 => {
            let expected = model.servers.remove(name).map_or("nobody", |_| "ok");
            real.talk.expect(&format!("stop {name}"), expected);
            format!("stop {name}")
        }
        kind => change_version(model, real, random, kind == 14),
    }
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

fn releases(sandbox: &Sandbox) -> [ReleaseFolder; 3] {
    let edit = |from: &str, to: &str| sandbox.edit("src/counter.rs", from, to).expect("an edit");
    let release = |name: &str| sandbox.release(name).expect("a release");
    let first = release("first");
    edit("const FACTOR: u64 = 1;", "const FACTOR: u64 = 100;");
    let second = release("second");
    edit("const FACTOR: u64 = 100;", "const FACTOR: u64 = 7;");
    counter::convert(sandbox, "if before.sum % 5 == 3 { return Err(\"not this one\") }");
    [first, second, release("third")]
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

#[test]
fn any_schedule_of_messages_ends_and_upgrades_is_as_the_model_says() {
    let sandbox = Sandbox::releasable("moving").expect("the fixture builds");
    // A node's own folder says what boots there: what is upgraded to stands elsewhere.
    let own = sandbox.release("own").expect("a release");
    let releases = releases(&sandbox);
    let node = sandbox.start(&own).expect("it serves");
    let versions = releases.each_ref().map(version);
    let (mut talk, load) = (Talk::open(node.address()), Talk::open(node.address()));
    talk.expect(&format!("swarm {SWARM}"), &SWARM.to_string());
    let mut real = Real { sandbox: &sandbox, node, releases, versions, talk, load };
    let mut model = Model { servers: BTreeMap::new(), current: 0, served: [true, false, false], numbered: 0 };
    let seed = number("SYSTEM_TESTS_SEED").unwrap_or(1);
    let mut random = Random(seed);
    show(&format!("schedule {seed}:"));
    let mut changes = [0, 0];
    for _ in 0..number("SYSTEM_TESTS_STEPS").map_or(STEPS, |steps| usize::try_from(steps).expect("few")) {
        let did = step(&mut model, &mut real, &mut random);
        show(&did);
        if let Some((_, is_done)) = did.split_once(": ") {
            changes[usize::from(is_done == "true")] += 1;
            compare(&model, &mut real);
        }
    }
    compare(&model, &mut real);
    assert!(changes.iter().all(|count| *count > 0), "refused and done: {changes:?}");
}
