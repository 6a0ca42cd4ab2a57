//! A release is looked at without being run: whole, or refused.

use std::fs;
use std::path::{Path, PathBuf};
use system_tests::cli::Said;
use system_tests::sandbox::Sandbox;

/// "Refused before anything changed".
const REFUSED: i32 = 14;

/// A release of `moving`, signed, and another public key.
struct Shipped {
    sandbox: Sandbox,
    folder: PathBuf,
    archive: PathBuf,
    public: PathBuf,
    other: PathBuf,
}

impl Shipped {
    fn new() -> Self {
        let sandbox = Sandbox::releasable("moving").expect("the fixture builds");
        let key = |name: &str| {
            let file = sandbox.beside(name);
            let _ = sandbox.cli(["keys", "generate"]).args([&file]).expect(0);
            (file.clone(), file.with_extension("pub"))
        };
        let ((secret, public), (_, other)) = (key("ours"), key("theirs"));
        let folder = sandbox.beside("made").join("release");
        let release =
            sandbox.cli(["release", "--json", "--out"]).args([&folder]).args(["--sign".as_ref(), secret.as_os_str()]);
        let archive = PathBuf::from(release.expect(0).json()["archive"].as_str().expect("an archive"));
        Self { sandbox, folder, archive, public, other }
    }

    fn inspect(&self, release: &Path, key: Option<&Path>, code: i32) -> Said {
        let key = key.map(|key| ["--key".as_ref(), key.as_os_str()]);
        self.sandbox.cli(["inspect"]).args([release]).args(key.into_iter().flatten()).expect(code)
    }

    /// It is refused in one sentence, which contains this.
    #[track_caller]
    fn refuses(&self, release: &Path, key: Option<&Path>, expected: &str) {
        let said = self.inspect(release, key, REFUSED);
        let (error, hint) = said.complaint();
        assert!(error.is_some_and(|error| error.contains(expected)) && hint.is_some(), "{}", said.stderr);
        assert_eq!(said.stdout, "");
    }
}

#[test]
fn a_release_says_what_it_is_made_of() {
    let shipped = Shipped::new();
    for release in [&shipped.archive, &shipped.folder] {
        let said = shipped.inspect(release, Some(&shipped.public), 0).stdout;
        for part in [
            "moving 0.1.0+",
            "signed by ",
            ", counter ",
            "state ",
            "sum: u64",
            "lib/moving-0.1.0-",
            "bin/moving",
            "it is whole: 4 files",
            "linked of ",
        ] {
            assert!(said.contains(part), "{part:?} is not in {said}");
        }
        let unchecked = shipped.inspect(release, None, 0).stdout;
        assert!(unchecked.contains("which was not checked: --key FILE checks it"), "{unchecked}");
    }
    let json = shipped.sandbox.ask(&["inspect", &shipped.archive.display().to_string()]);
    assert_eq!(
        (json["outcome"].as_str(), json["signature"]["checked"].as_bool()),
        (Some("whole"), Some(false)),
        "{json}"
    );
    let state = &json["release"]["plugins"][0]["states"][0];
    assert!(state["name"].is_string() && state["shape"].is_object(), "{json}");
}

#[test]
fn what_is_not_whole_or_of_somebody_else_is_refused() {
    let shipped = Shipped::new();
    let (archive, folder) = (&shipped.archive, &shipped.folder);
    for release in [archive, folder] {
        shipped.refuses(release, Some(&shipped.other), "and not with one that was given");
    }
    let bytes = fs::read(archive).expect("there");
    let cut = shipped.sandbox.beside("cut.tar.zst");
    fs::write(&cut, &bytes[..bytes.len() / 2]).expect("written");
    shipped.refuses(&cut, None, "cut.tar.zst");
    let script = folder.join("bin/moving");
    let text = fs::read_to_string(&script).expect("there");
    fs::write(&script, format!("{text}# and more\n")).expect("written");
    shipped.refuses(folder, None, "is not as its manifest says: bin/moving has ");
    fs::remove_file(&script).expect("removed");
    shipped.refuses(folder, None, "bin/moving is not there");
    shipped.refuses(Path::new("/nonexistent"), None, "/nonexistent is not there");
    shipped.refuses(&shipped.sandbox.workspace(), None, "is no release folder or archive");
    let no_key = shipped.inspect(archive, Some(archive), 1);
    assert!(no_key.stderr.contains("is no public key"), "{}", no_key.stderr);
}
