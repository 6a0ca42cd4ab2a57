//! A release travels as one file, and a node with keys takes it only from whom it trusts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use system_tests::cli::Said;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::tarball::{self, Tarball};

/// "Refused before anything changed".
const REFUSED: i32 = 14;

/// A running `greet`.
struct Greeter {
    sandbox: Sandbox,
    node: Node,
    version: String,
}

impl Greeter {
    fn new() -> Self {
        let sandbox = Sandbox::releasable("greet").expect("the fixture builds");
        let node = sandbox.run().expect("the fixture runs");
        let version = node.version();
        Self { sandbox, node, version }
    }

    /// Changes the code, makes a release with these words, and returns its archive.
    fn release(&self, name: &str, words: &[&str]) -> PathBuf {
        let file = self.sandbox.package().join("src/lib.rs");
        let text = fs::read_to_string(&file).expect("readable");
        let line = text.lines().find(|line| line.contains(" from {}")).expect("the greeting").to_owned();
        let greeting = format!("    let greeting = format!(\"{name} from {{}}\\n\", plugin_abi::version());");
        fs::write(&file, text.replace(&line, &greeting)).expect("written");
        let folder = self.sandbox.beside(name).join("release").display().to_string();
        let words = ["release", "--json", "--out", &folder].into_iter().chain(words.iter().copied());
        let said = self.sandbox.cli(words).expect(0).json();
        let archive = PathBuf::from(said["archive"].as_str().expect("an archive"));
        assert!(archive.exists(), "{}", archive.display());
        archive
    }

    fn upgrade(&self, release: &Path, code: i32) -> Said {
        self.sandbox.cli(["upgrade", "--drain-wait", "0", "--release", &release.display().to_string()]).expect(code)
    }

    /// It is refused in one sentence, which contains this, and the node and its folder are as before.
    fn refuses(&mut self, release: &Path, expected: &str) {
        let before = files(&self.sandbox.root());
        let said = self.upgrade(release, REFUSED);
        assert!(error(&said).contains(expected), "{expected:?} is not in {}", said.stderr);
        assert_eq!(said.stderr.matches("error: ").count(), 1, "{}", said.stderr);
        assert!(self.node.is_alive());
        assert_eq!(self.node.version(), self.version, "the same version serves");
        assert_eq!(files(&self.sandbox.root()), before, "nothing is left behind");
    }

    /// It is taken.
    fn takes(&mut self, release: &Path) {
        let _ = self.upgrade(release, 0);
        assert_ne!(self.node.version(), self.version);
        self.version = self.node.version();
    }

    fn keys(&self, words: &[&str], code: i32) -> Said {
        self.sandbox.cli(["keys"].into_iter().chain(words.iter().copied())).expect(code)
    }

    /// A new key: the secret one's file and the public one's.
    fn key(&self, name: &str) -> [String; 2] {
        let files = [name.to_owned() + ".key", name.to_owned() + ".pub"];
        let [secret, public] = files.map(|file| self.sandbox.beside(&file).display().to_string());
        assert_eq!(self.keys(&["generate", &secret], 0).stdout.trim(), public);
        [secret, public]
    }
}

fn error(said: &Said) -> &str {
    said.complaint().0.unwrap_or_else(|| panic!("no error in {}", said.stderr))
}

/// All files and folders in a folder, but for what a running node writes.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        found.push(path.display().to_string());
        if path.is_dir() {
            found.extend(files(&path));
        }
    }
    found.sort();
    found
}

#[test]
fn an_archive_is_upgraded_to_without_a_build() {
    let mut greeter = Greeter::new();
    let archive = greeter.release("good-day", &[]);
    fs::remove_dir_all(greeter.sandbox.workspace().join("greet/src")).expect("no build is possible");
    greeter.takes(&archive);
    let said = greeter.upgrade(&archive, 0);
    assert!(said.stdout.contains("nothing to do"), "{}", said.stdout);

    let place = greeter.sandbox.beside("elsewhere");
    fs::create_dir(&place).expect("a folder");
    let unpack = format!("zstd -dc '{}' | tar -xC '{}'", archive.display(), place.display());
    assert!(Command::new("sh").arg("-c").arg(unpack).status().expect("tar").success(), "tar and zstd can read it");
    let start = system_tests::cli::Cli::of(&place.join("bin/greet")).args(["start", "--listen", "127.0.0.1:0"]);
    let node = Node::start(start.into_command(), &place).expect("what tar unpacks can be started");
    assert_eq!(node.version(), greeter.version);
}

#[test]
fn an_archive_that_is_not_whole_is_refused() {
    let mut greeter = Greeter::new();
    let archive = greeter.release("good-day", &[]);
    let good = fs::read(&archive).expect("readable");
    let bad = greeter.sandbox.beside("bad.tar.zst");
    for len in [0, 3, good.len() / 2, good.len() - 1] {
        fs::write(&bad, &good[..len]).expect("written");
        greeter.refuses(&bad, " is ");
    }
    let mut changed = good.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    fs::write(&bad, changed).expect("written");
    greeter.refuses(&bad, "bad.tar.zst ");
    greeter.refuses(&greeter.sandbox.beside("none.tar.zst"), "none.tar.zst is not there");
    greeter.takes(&archive);
}

/// What is wrong with each is refused before any of it is taken, and the same command takes the good one.
#[test]
fn an_archive_with_a_way_out_a_link_or_a_bomb_in_it_is_refused() {
    const ZEROS: usize = 256 << 20;
    let mut greeter = Greeter::new();
    let archive = greeter.release("good-day", &[]);
    let good = Tarball::read(&archive).expect("an archive");
    let bad = greeter.sandbox.beside("release.tar.zst");
    type Spoil = fn(&mut tarball::Header);
    let spoils: [(Spoil, &str); 5] = [
        (
            |header| tarball::rename(header, "../../outside"),
            "holds \"../../outside\", which its manifest does not name",
        ),
        (|header| tarball::rename(header, "/tmp/outside"), "holds \"/tmp/outside\", which its manifest does not name"),
        (|header| tarball::link(header, b'1', "/etc/passwd"), "which is a link, and a release holds files only"),
        (|header| tarball::link(header, b'2', "/etc"), "which is a link, and a release holds files only"),
        (tarball::swell, "with 8589934591 bytes, where "),
    ];
    for (spoil, says) in spoils {
        let mut spoiled = good.clone();
        spoiled.change(1, spoil).expect("an entry");
        spoiled.write(&bad, 0).expect("written");
        let around = files(&greeter.sandbox.beside(""));
        greeter.refuses(&bad, says);
        assert_eq!(files(&greeter.sandbox.beside("")), around, "nothing is outside of it: {says}");
    }
    good.write(&bad, ZEROS).expect("written");
    assert!(fs::metadata(&bad).expect("there").len() < ZEROS as u64 / 4, "a bomb is small");
    greeter.refuses(&bad, "goes on after its end");
    fs::copy(&archive, &bad).expect("copied");
    greeter.takes(&bad);
}

/// The first counter is of a clock that was a day ahead; then that was put right.
#[test]
fn a_clock_that_is_set_back_makes_a_release_look_old_and_a_higher_counter_helps() {
    const DAY_MS: u128 = 86_400_000;
    let mut greeter = Greeter::new();
    let [secret, public] = greeter.key("ours");
    let _ = greeter.keys(&["trust", &public], 0);
    let ahead = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis() + DAY_MS;
    let counter = |more: u128| (ahead + more).to_string();
    let first = greeter.release("first", &["--sign", &secret, "--counter", &counter(0)]);
    greeter.takes(&first);
    let second = greeter.release("second", &["--sign", &secret]);
    greeter.refuses(&second, &format!("has been permanent here with {ahead}"));
    let third = greeter.release("third", &["--sign", &secret, "--counter", &counter(1)]);
    greeter.takes(&third);
    // Who signs for a node's folder knows its last counter, whatever the clock says.
    greeter.sandbox.edit("src/lib.rs", "third from", "fourth from").expect("an edit");
    let _ = greeter.sandbox.cli(["upgrade", "--sign", &secret, "--drain-wait", "0"]).expect(0);
    assert_ne!(greeter.node.version(), greeter.version);
}

#[test]
fn a_node_with_keys_takes_only_what_is_signed_with_one() {
    let mut greeter = Greeter::new();
    let [secret, public] = greeter.key("ours");
    let [other_secret, other_public] = greeter.key("theirs");
    let mode = fs::metadata(&secret).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
    let _ = greeter.keys(&["trust", &public], 0);

    let unsigned = greeter.release("unsigned", &[]);
    greeter.refuses(&unsigned, "is not signed, and this node takes only releases that are signed");
    greeter.refuses(&unsigned.with_file_name("release"), "is not signed, and this node takes only");
    let strange = greeter.release("strange", &["--sign", &other_secret]);
    greeter.refuses(&strange, "which this node does not trust");
    let first = greeter.release("first", &["--sign", &secret]);
    let second = greeter.release("second", &["--sign", &secret]);
    greeter.takes(&second);
    greeter.refuses(&first, "has been permanent here with");

    let _ = greeter.keys(&["trust", &other_public], 0);
    let _ = greeter.keys(&["revoke", &public], 0);
    let third = greeter.release("third", &["--sign", &secret]);
    greeter.refuses(&third, "which is revoked");
    greeter.refuses(&strange, "has been permanent here with");
    let fourth = greeter.release("fourth", &["--sign", &other_secret]);
    greeter.takes(&fourth);
    let said = greeter.keys(&["trust", &public], REFUSED);
    assert!(error(&said).ends_with(" is revoked"), "{}", said.stderr);
}

#[test]
fn a_workspaces_build_is_signed_where_the_node_demands_it() {
    let greeter = Greeter::new();
    let [secret, public] = greeter.key("ours");
    let _ = greeter.keys(&["trust", &public], 0);
    greeter.sandbox.edit("src/lib.rs", "hello from", "good day from").expect("an edit");
    let said = greeter.sandbox.cli(["upgrade"]).expect(REFUSED);
    assert!(error(&said).starts_with("this node takes only releases that are signed"), "{}", said.stderr);
    assert!(!said.stderr.contains("Compiling"), "before anything is built: {}", said.stderr);
    assert_eq!(greeter.node.version(), greeter.version);

    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).expect("for all to read");
    let said = greeter.sandbox.cli(["upgrade", "--sign", &secret]).expect(REFUSED);
    assert!(error(&said).ends_with("can be read by others (mode 644)"), "{}", said.stderr);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("ours alone");
    let _ = greeter.sandbox.cli(["upgrade", "--sign", &secret, "--drain-wait", "0"]).expect(0);
    let second = greeter.node.version();
    assert_ne!(second, greeter.version);
    greeter.sandbox.edit("src/lib.rs", "good day from", "good evening from").expect("an edit");
    let _ = greeter.sandbox.cli(["upgrade", "--drain-wait", "0"]).env("CARGO_SYSTEM_SIGN", &secret).expect(0);
    assert_ne!(greeter.node.version(), second);
}

/// The client looks too, but it is the node that must not be fooled.
#[test]
fn a_node_refuses_what_was_changed_in_its_folder() {
    let mut greeter = Greeter::new();
    let [secret, public] = greeter.key("ours");
    let signed = greeter.release("signed", &["--sign", &secret]);
    greeter.takes(&signed);
    let again = greeter.release("again", &["--sign", &secret]);
    let _ = greeter.keys(&["trust", &public], 0);
    // Staged by a client that does not look: by copying.
    let folder = again.with_file_name("release");
    let copy = format!(
        "cp -a '{0}/lib/.' '{1}/lib/' && cp -a '{0}/releases/'*+* '{1}/releases/'",
        folder.display(),
        greeter.sandbox.root().display()
    );
    assert!(Command::new("sh").arg("-c").arg(copy).status().expect("sh").success());
    let manifest =
        fs::read_dir(folder.join("releases")).expect("readable").flatten().find(|entry| entry.path().is_dir());
    let version = manifest.expect("a release").file_name().into_string().expect("text");
    let manifest = greeter.sandbox.root().join("releases").join(&version).join("manifest.json");
    let text = fs::read_to_string(&manifest).expect("readable");
    fs::write(&manifest, text.replace("\"keep_releases\": 5", "\"keep_releases\": 6")).expect("written");
    let answer = ask(&greeter.node, &version);
    assert!(
        answer.contains("\"kind\":\"refused\"") && answer.contains("does not have the bytes that were signed"),
        "{answer}"
    );
    assert_eq!(greeter.node.version(), greeter.version);
    fs::write(&manifest, text).expect("written");
    assert!(ask(&greeter.node, &version).contains("\"reply\":\"done\""));
}

/// What the node answers to who asks it to upgrade to that version.
fn ask(node: &Node, version: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::os::unix::net::UnixStream::connect(node.root().join("run/control.sock")).expect("connected");
    writeln!(stream, "{{\"schema\":1,\"command\":\"upgrade\",\"release\":\"{version}\",\"follow_drain_ms\":0}}")
        .expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn a_key_with_a_password_signs_with_it_alone() {
    let sandbox = Sandbox::releasable("greet").expect("the fixture builds");
    let secret = sandbox.beside("ours.key").display().to_string();
    let generate =
        || sandbox.cli(["keys", "generate", "--password", &secret]).env("CARGO_SYSTEM_KEY_PASSWORD", "open sesame");
    let _ = generate().expect(0);
    let said = generate().expect(1);
    assert!(error(&said).ends_with("exists already, and no key is overwritten"), "{}", said.stderr);
    let out = sandbox.beside("made").display().to_string();
    let release = |password| {
        sandbox.cli(["release", "--out", &out, "--sign", &secret]).env("CARGO_SYSTEM_KEY_PASSWORD", password)
    };
    let said = release("wrong").expect(1);
    assert!(error(&said).contains("cannot be used: Wrong password for that key"), "{}", said.stderr);
    assert!(!Path::new(&out).exists());
    let _ = release("open sesame").expect(0);
}
