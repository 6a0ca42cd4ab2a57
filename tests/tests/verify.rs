//! A release is what its manifest says and nothing else, or `release verify` says where it is not.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use system_tests::cli::Said;
use system_tests::elf;
use system_tests::release::ReleaseFolder;
use system_tests::sandbox::Sandbox;

/// "Refused before anything changed".
const REFUSED: i32 = 14;

/// A release of `greet`, signed, and its key.
struct Shipped {
    sandbox: Sandbox,
    folder: PathBuf,
    archive: PathBuf,
    secret: PathBuf,
    public: PathBuf,
}

impl Shipped {
    fn new() -> Self {
        let sandbox = Sandbox::releasable("greet").expect("the fixture builds");
        let secret = sandbox.beside("ours");
        let _ = sandbox.cli(["keys", "generate"]).args([&secret]).expect(0);
        let folder = sandbox.beside("made").join("release");
        let release = sandbox.cli(["release", "--json", "--out"]).args([&folder]);
        let said = release.args(["--sign".as_ref(), secret.as_os_str()]).expect(0).json();
        let archive = PathBuf::from(said["archive"].as_str().expect("an archive"));
        Self { public: secret.with_extension("pub"), sandbox, folder, archive, secret }
    }

    fn verify(&self, release: &Path, words: &[&str], code: i32) -> Said {
        self.sandbox.cli(["release", "verify"]).args([release]).args(words).expect(code)
    }

    /// A copy of the folder in which something is done to the files.
    fn spoiled(&self, name: &str, spoil: impl FnOnce(&Path)) -> PathBuf {
        let copy = self.sandbox.beside(name);
        assert!(Command::new("cp").arg("-a").args([&self.folder, &copy]).status().expect("cp").success());
        spoil(&copy);
        copy
    }

    /// Where it differs, each as path and what.
    #[track_caller]
    fn differs(&self, release: &Path) -> Vec<(String, String)> {
        let said = self.verify(release, &["--json"], REFUSED);
        let differing = said.json()["differs"].as_array().expect("differences").clone();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let differing: Vec<_> = differing.iter().map(|one| (text(&one["path"]), text(&one["what"]))).collect();
        let (error, hint) = said.complaint();
        let (path, what) = differing.first().expect("a difference");
        assert!(error.is_some_and(|error| error.contains(&format!("{path} {what}"))), "{}", said.stderr);
        assert!(hint.is_some(), "{}", said.stderr);
        differing
    }
}

#[test]
fn a_release_that_is_whole_is_said_to_be_in_one_line() {
    let shipped = Shipped::new();
    let public = shipped.public.display().to_string();
    for release in [&shipped.folder, &shipped.archive] {
        let said = shipped.verify(release, &["--key", &public], 0);
        assert_eq!((said.stdout.lines().count(), said.stderr.as_str()), (1, ""), "{said:?}");
        assert!(said.stdout.contains(": 4 files are as its manifest says, signed by "), "{}", said.stdout);
        let json = shipped.verify(release, &["--json"], 0).json();
        assert_eq!(
            (&json["outcome"], &json["files"], &json["signature"]["checked"]),
            (&"whole".into(), &4.into(), &false.into())
        );
    }
    // Whoever signs by default can verify, too.
    let verify = shipped.sandbox.cli(["release", "verify"]).args([&shipped.archive]);
    let _ = verify.env("CARGO_SYSTEM_SIGN", &shipped.secret).expect(0);
    let taken = shipped.sandbox.cli(["upgrade", "--release"]).args([&shipped.archive]);
    let said = taken.env("CARGO_SYSTEM_SIGN", &shipped.secret).expect(1).stderr;
    assert!(!said.contains("cannot be used with"), "to take one that is signed is no wrong usage: {said}");
    // As the release's own command does.
    let own = system_tests::cli::Cli::of(&shipped.folder.join("bin/greet"));
    let _ = own.args(["release", "verify"]).args([&shipped.archive]).expect(0);
}

#[test]
fn whatever_differs_is_named() {
    let shipped = Shipped::new();
    let release = shipped.spoiled("several", |folder| {
        fs::remove_file(folder.join("bin/greet")).expect("removed");
        fs::create_dir(folder.join("hooks")).expect("made");
        fs::write(folder.join("hooks/before"), "#!/bin/sh\n").expect("written");
        symlink("/etc/passwd", folder.join("lib/link")).expect("a link");
    });
    let expected = [
        ("bin/greet", "is not there"),
        ("hooks", "is not named by its manifest"),
        ("lib/link", "is not named by its manifest"),
    ];
    assert_eq!(shipped.differs(&release), expected.map(|(path, what)| (path.to_owned(), what.to_owned())));

    let one = |name: &str, spoil: &dyn Fn(&Path)| {
        let mut differing = shipped.differs(&shipped.spoiled(name, spoil));
        assert_eq!(differing.len(), 1, "{differing:?}");
        differing.remove(0)
    };
    let (path, what) = one("executable", &|folder| {
        let mode = fs::Permissions::from_mode(0o644);
        fs::set_permissions(folder.join("bin/greet"), mode).expect("changed");
    });
    assert_eq!((path.as_str(), what.as_str()), ("bin/greet", "may not be run, and its manifest says otherwise"));
    let (path, what) = one("changed", &|folder| {
        let script = folder.join("bin/greet");
        let text = fs::read_to_string(&script).expect("there");
        fs::write(script, text.replacen("The", "the", 1)).expect("written");
    });
    assert_eq!((path.as_str(), what.as_str()), ("bin/greet", "has another hash than its manifest names"));
    let (path, what) = one("linked", &|folder| {
        let script = folder.join("bin/greet");
        fs::rename(&script, shipped.sandbox.beside("script")).expect("moved");
        symlink(shipped.sandbox.beside("script"), script).expect("a link");
    });
    assert_eq!((path.as_str(), what.as_str()), ("bin/greet", "is no file"));
    let (path, what) = one("record", &|folder| {
        let record = folder.join("releases/RELEASES");
        let text = fs::read_to_string(&record).expect("there");
        fs::write(record, text.replace("\"last_number\": 0", "\"last_number\": 7")).expect("written");
    });
    assert_eq!((path.as_str(), what.as_str()), ("releases/RELEASES", "says more than that this release boots"));
}

#[test]
fn a_plugin_must_be_what_the_manifest_says_of_it() {
    let shipped = Shipped::new();
    let release = shipped.spoiled("another-abi", |folder| {
        let release = ReleaseFolder::new(folder);
        let plugin = fs::read(release.plugin().expect("a plugin")).expect("readable");
        let _ = release.replace_plugin(&elf::with_abi(&plugin, 9, 0).expect("a declaration")).expect("replaced");
    });
    let differing = shipped.differs(&release);
    assert!(differing.iter().any(|(_, what)| what.contains("it was built for ABI 9.0")), "{differing:?}");
    // What names files alone takes it for whole.
    let _ = shipped.sandbox.cli(["inspect"]).args([release]).expect(0);
}

#[test]
fn a_node_that_has_run_leaves_more_than_a_release() {
    let shipped = Shipped::new();
    let mut node = shipped.sandbox.start(&ReleaseFolder::new(&shipped.folder)).expect("it serves");
    let stop = system_tests::cli::Cli::of(&shipped.folder.join("bin/greet")).args(["stop"]);
    let _ = stop.expect(0);
    node.ended().expect("it stops");
    let differing = shipped.differs(&shipped.folder);
    assert!(differing.iter().all(|(path, _)| path == "run" || path == "releases/RELEASES"), "{differing:?}");
    let said = shipped.verify(&shipped.folder, &[], REFUSED);
    assert!(said.complaint().1.is_some_and(|hint| hint.contains("cargo system inspect")), "{}", said.stderr);
    let _ = shipped.sandbox.cli(["inspect"]).args([&shipped.folder]).expect(0);
    let _ = shipped.verify(&shipped.archive, &[], 0);
}

#[test]
fn what_is_no_release_or_not_from_whom_it_should_be_is_refused() {
    let shipped = Shipped::new();
    let other = shipped.sandbox.beside("other");
    let _ = shipped.sandbox.cli(["keys", "generate"]).args([&other]).expect(0);
    let other = other.with_extension("pub").display().to_string();
    for release in [&shipped.folder, &shipped.archive] {
        let said = shipped.verify(release, &["--key", &other], REFUSED);
        assert!(said.complaint().0.is_some_and(|error| error.contains("and not with one that was given")), "{said:?}");
    }
    let bytes = fs::read(&shipped.archive).expect("there");
    let cut = shipped.sandbox.beside("cut.tar.zst");
    fs::write(&cut, &bytes[..bytes.len() / 2]).expect("written");
    for none in [&cut, &shipped.sandbox.workspace(), Path::new("/nonexistent")] {
        let said = shipped.verify(none, &[], REFUSED);
        assert!(said.complaint().0.is_some() && said.complaint().1.is_some() && said.stdout.is_empty(), "{said:?}");
    }
    let said = shipped.sandbox.cli(["release", "--out", "x", "verify"]).args([&shipped.archive]).run().expect("called");
    assert_eq!(said.code, 2, "one or the other: {said:?}");
}
