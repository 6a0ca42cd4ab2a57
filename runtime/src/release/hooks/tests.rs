//! Real executables, run and killed.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

const ABOUT: About<'static> = About { name: "my-app", from: "1.0.0", to: "1.0.1", outcome: "done" };
/// For hooks that end by themselves.
const LONG: Duration = Duration::from_secs(60);

struct Place(tempfile::TempDir);

impl Place {
    /// A node's folder with this script as its hook before.
    fn with(script: &str) -> Self {
        let place = Self::without();
        let path = Hook::Before.path(&place.layout());
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        // Not written by this process: while another test's thread starts a program, that would have it open to be written, too, and nobody could run it.
        let source = place.0.path().join("source");
        fs::write(&source, script).expect("written");
        let installed = Command::new("install").args(["-m", "755"]).args([&source, &path]).status().expect("install");
        assert!(installed.success());
        place
    }

    fn without() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn layout(&self) -> Layout {
        Layout::new(self.0.path())
    }

    fn run(&self, timeout: Duration) -> Result<(), String> {
        let path = Hook::Before.path(&self.layout()).display().to_string();
        run(&self.layout(), Hook::Before, &ABOUT, timeout).map_err(|error| error.to_string().replace(&path, "[hook]"))
    }
}

#[test]
fn what_is_not_there_is_not_run() {
    assert!(!Hook::Before.is_there(&Place::without().layout()));
    assert_eq!(Place::without().run(LONG), Ok(()));
}

#[test]
fn a_hook_is_told_what_it_is_about() {
    let place = Place::with(
        "#!/bin/sh\necho \"$CARGO_SYSTEM_HOOK $CARGO_SYSTEM_NAME $CARGO_SYSTEM_FROM $CARGO_SYSTEM_TO $CARGO_SYSTEM_OUTCOME\" > told\n\
         [ \"$(pwd -P)\" = \"$(cd \"$CARGO_SYSTEM_ROOT\" && pwd -P)\" ] && ! read line\n",
    );
    assert_eq!(place.run(LONG), Ok(()));
    let told = fs::read_to_string(place.0.path().join("told")).expect("it was run in the node's folder");
    assert_eq!(told, "before my-app 1.0.0 1.0.1 done\n");
}

#[test]
fn a_hook_that_fails_says_how_and_its_last_words() {
    let place = Place::with(
        "#!/bin/sh\nfor i in 1 2 3 4 5 6 7; do echo line $i; done\nprintf '\\033[31mno room' >&2\nexit 3\n",
    );
    let expected = "the hook [hook] ended with 3; it said: line 4 | line 5 | line 6 | line 7 | [31mno room";
    assert_eq!(place.run(LONG), Err(expected.to_owned()));
    assert_eq!(
        Place::with("#!/bin/sh\nkill -9 $$\n").run(LONG),
        Err("the hook [hook] was ended by signal 9".to_owned())
    );
}

#[test]
fn a_hook_that_cannot_be_run_says_why() {
    let place = Place::with("");
    let path = Hook::Before.path(&place.layout());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("not executable");
    assert_eq!(place.run(LONG), Err("the hook [hook] cannot be run: Permission denied (os error 13)".to_owned()));
}

#[test]
fn a_hook_out_of_time_is_killed_with_all_that_it_started() {
    let place = Place::with(
        "#!/bin/sh\n(while :; do date +%N > alive; sleep 0.01; done) &\necho $! > child\necho waiting\nwait\n",
    );
    // Time enough to begin, however busy the machine is.
    let expected = "the hook [hook] did not end within 3s and was killed; it said: waiting";
    assert_eq!(place.run(Duration::from_secs(3)), Err(expected.to_owned()));
    let child = fs::read_to_string(place.0.path().join("child")).expect("it has started a child");
    let stat = format!("/proc/{}/stat", child.trim());
    let is_gone = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    let until = Instant::now() + Duration::from_secs(10);
    while !is_gone() {
        assert!(Instant::now() < until, "its child lives");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_hook_that_says_without_end_is_heard_to_its_end() {
    let place = Place::with("#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' x\necho\necho the end\nexit 1\n");
    let error = place.run(LONG).expect_err("it fails");
    assert!(error.ends_with(" | the end"), "{error}");
    assert!(error.len() < 1000, "{} bytes", error.len());
}

#[test]
fn what_a_hook_leaves_behind_does_not_hold_the_upgrade() {
    let place = Place::with("#!/bin/sh\nsleep 60 &\necho $! > child\nexit 0\n");
    let begun = Instant::now();
    assert_eq!(place.run(LONG), Ok(()));
    assert!(begun.elapsed() < LONG / 2, "it was not waited for");
    let child = fs::read_to_string(place.0.path().join("child")).expect("a child");
    let killed = Command::new("kill").arg(child.trim()).status().expect("kill");
    assert!(killed.success(), "what it leaves behind is left alone");
}
