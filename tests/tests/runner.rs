//! A job in CI: what a runner of GitHub Actions gives a step, and what it finds of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use system_tests::cli::{Cli, Said};
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;
use system_tests::{wait, workspace};

/// What a runner leaves between SIGINT and SIGTERM.
const GRACE: Duration = Duration::from_secs(7);

/// A step's surroundings.
struct Runner {
    sandbox: Sandbox,
    node: Node,
}

impl Runner {
    fn new() -> Self {
        let sandbox = Sandbox::new("moving").expect("the fixture builds");
        let node = sandbox.run().expect("the fixture runs");
        Self { sandbox, node }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.sandbox.beside(name)
    }

    /// The variables of a step.
    fn step(&self, cli: Cli) -> Cli {
        let cli = self.sandbox.surround(cli).env("CI", "true").env("GITHUB_ACTIONS", "true");
        cli.env("GITHUB_OUTPUT", self.file("output")).env("GITHUB_STEP_SUMMARY", self.file("summary"))
    }

    /// The action's step as action.yml has it, with these inputs; the others have their defaults, but that the tool is the one under test.
    fn action(&self, inputs: &[(&str, &str)]) -> Cli {
        let folder = workspace::root().join(".github/actions/upgrade");
        let action = fs::read_to_string(folder.join("action.yml")).expect("the action");
        assert!(action.contains("run: '\"$GITHUB_ACTION_PATH/upgrade.sh\"'"), "{action}");
        let mut values = defaults(&action);
        values.insert("tool", workspace::binary().expect("the binary under test builds").display().to_string());
        for (input, value) in inputs {
            let known = values.insert(input, (*value).to_owned());
            assert!(known.is_some(), "the action has no input {input}");
        }
        let variables = variables(&action);
        assert!(variables.len() > 5, "{variables:?}");
        let script = self.step(Cli::of(&folder.join("upgrade.sh")));
        variables.into_iter().fold(script, |cli, (variable, input)| cli.env(variable, &values[input]))
    }

    /// What the step has put out, and its summary; both are a later step's then.
    fn left(&self) -> (BTreeMap<String, String>, String) {
        let take = |name| {
            let text = fs::read_to_string(self.file(name)).unwrap_or_default();
            fs::remove_file(self.file(name)).map_or_else(|_| String::new(), |()| text)
        };
        let outputs = take("output");
        let outputs = outputs.lines().map(|line| line.split_once('=').expect("a value"));
        (outputs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(), take("summary"))
    }
}

/// The inputs of an action, with their defaults.
fn defaults(action: &str) -> BTreeMap<&str, String> {
    let (_, behind) = action.split_once("\ninputs:\n").expect("inputs");
    let (inputs, _) = behind.split_once("\noutputs:\n").expect("outputs");
    let (mut defaults, mut input) = (BTreeMap::new(), "");
    for line in inputs.lines() {
        match line.strip_prefix("    ") {
            None => input = line.trim().trim_end_matches(':'),
            Some(said) => {
                if let Some(default) = said.strip_prefix("default: ") {
                    defaults.insert(input, default.trim_matches('"').to_owned());
                }
            }
        }
    }
    defaults
}

/// The variables of an action's step, and whose value each has.
fn variables(action: &str) -> Vec<(&str, &str)> {
    let behind = action.lines().skip_while(|line| line.trim() != "env:").skip(1);
    let pairs = behind.map_while(|line| line.trim().split_once(": ${{ inputs."));
    pairs.map(|(variable, input)| (variable, input.trim_end_matches(" }}"))).collect()
}

fn annotations(said: &Said) -> Vec<&str> {
    said.stderr.lines().chain(said.stdout.lines()).filter(|line| line.trim_start().starts_with("::")).collect()
}

#[test]
fn a_step_has_outputs_a_summary_and_an_annotation_when_it_fails() {
    let runner = Runner::new();
    let before = runner.node.version();
    let mut talk = Talk::open(runner.node.address());
    talk.expect("swarm 1", "1");
    let edit = |from: &str, to: &str| runner.sandbox.edit("src/counter.rs", from, to).expect("an edit");
    edit("const FACTOR: u64 = 1;", "const FACTOR: u64 = 2;");
    let said = runner.action(&[]).expect(0);
    let after = runner.node.version();
    let (outputs, summary) = runner.left();
    assert_eq!(
        (outputs["outcome"].as_str(), outputs["changed"].as_str(), outputs["exit-code"].as_str()),
        ("upgraded", "true", "0")
    );
    assert_eq!((&outputs["from"], &outputs["to"], &outputs["serving"]), (&before, &after, &after));
    assert!(summary.contains(&format!("upgraded {before} → {after}")), "{summary}");
    assert_eq!(annotations(&said), Vec::<&str>::new());

    // What it says of a plugin's own words is no command.
    let start = "    Application::new().listen(\"moving\", \"127.0.0.1:4006\", serve)";
    let harm = "    panic!(\"50 %\\n::set-output name=serving::mine\")";
    runner.sandbox.edit("src/lib.rs", start, harm).expect("an edit");
    let said = runner.action(&[]).expect(14);
    let [annotation] = annotations(&said)[..] else { panic!("{}", said.stderr) };
    assert!(annotation.starts_with("::error title=cargo system::") && annotation.contains("50 %25"), "{annotation}");
    let (outputs, summary) = runner.left();
    let left = (outputs["outcome"].as_str(), outputs["exit-code"].as_str(), outputs["serving"].as_str());
    assert_eq!(left, ("failed", "14", after.as_str()));
    assert!(summary.contains("50 %") && summary.contains("- hint: ` "), "{summary}");
    talk.expect("swarm-report", "0 0 [1]");
}

#[test]
fn a_plan_is_in_the_summary_and_the_action_does_it() {
    let runner = Runner::new();
    runner.sandbox.edit("src/counter.rs", "const FACTOR: u64 = 1;", "const FACTOR: u64 = 2;").expect("an edit");
    let plan = runner.file("plan.json").display().to_string();
    let _ = runner.step(runner.sandbox.cli(["upgrade", "--dry-run", "--out", &plan])).expect(0);
    let (_, summary) = runner.left();
    assert!(summary.starts_with("### The plan\n\n```text\n"), "{summary}");
    let _ = runner.action(&[("plan", &plan)]).expect(0);
    assert_eq!(runner.left().0["serving"], runner.node.version());
    let again = runner.action(&[("plan", &plan)]).expect(0);
    assert_eq!(runner.left().0["changed"], "false", "{}", again.stdout);
}

#[test]
fn a_job_that_is_cancelled_ends_in_time_and_the_node_serves() {
    let runner = Runner::new();
    let signals = [rustix::process::Signal::INT, rustix::process::Signal::TERM];
    for (signal, factors) in signals.into_iter().zip([["1", "2"], ["2", "3"]]) {
        let before = runner.node.version();
        let [from, to] = factors.map(|factor| format!("const FACTOR: u64 = {factor};"));
        runner.sandbox.edit("src/counter.rs", &from, &to).expect("an edit");
        let error = fs::File::create(runner.file("stderr")).expect("a file");
        let mut step = runner.action(&[]).into_command();
        let mut step = step.stdout(Stdio::null()).stderr(error).spawn().expect("it starts");
        let said = || fs::read_to_string(runner.file("stderr")).expect("a file");
        let builds = || said().contains("Compiling").then_some(());
        wait::until("it builds", Duration::from_secs(60), builds).expect("a build");
        rustix::process::kill_process(rustix::process::Pid::from_child(&step), signal).expect("told");
        let begun = Instant::now();
        let ended = wait::until("it ends", GRACE, || step.try_wait().ok().flatten()).expect("before it is killed");
        assert_eq!(ended.code(), Some(130), "after {:?}: {}", begun.elapsed(), said());
        assert_eq!(runner.left().0["exit-code"], "130");
        assert_eq!(runner.node.version(), before);
        // The same again.
        let _ = runner.action(&[]).expect(0);
        assert_ne!(runner.node.version(), before);
        let _left: (BTreeMap<_, _>, String) = runner.left();
    }
}

#[test]
fn a_build_that_takes_long_gives_signs_of_life() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let slow = sandbox.beside("slow");
    fs::write(&slow, "#!/bin/sh\ncase \" $* \" in *' --crate-name greet '*) sleep 16;; esac\nexec \"$@\"\n")
        .expect("a script");
    fs::set_permissions(&slow, fs::Permissions::from_mode(0o755)).expect("executable");
    sandbox.edit("src/lib.rs", "hello from", "good day from").expect("an edit");
    let said = sandbox.cli(["check"]).env("RUSTC_WORKSPACE_WRAPPER", slow).expect(0);
    assert!(said.stderr.contains("building greet: for 15 s so far"), "{}", said.stderr);
}
