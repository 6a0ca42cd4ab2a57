//! Trouble made on purpose: a full disk, a read-only folder, a user without rights, an interrupt.
//!
//! Where the machine does not allow it, a test says so and is over: `None`.

use std::fs::File;
use std::io::{Read as _, copy, repeat};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use system_tests::cli::{Cli, Said};

/// No disk of these tests is larger.
const FILLER_MAX: u64 = 1 << 28;

/// A small file system in memory.
#[derive(Debug)]
pub(crate) struct FullDisk {
    path: PathBuf,
}

impl FullDisk {
    /// One that is too small for a release.
    pub(crate) fn mount(path: &Path) -> Option<Self> {
        Self::mount_of(path, "256k")
    }

    /// One of this size.
    pub(crate) fn mount_of(path: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(path).expect("a folder to mount on");
        let options = format!("size={size}");
        let mounted = succeeds(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path));
        if !mounted {
            skipped("mounting a file system needs root");
            return None;
        }
        Some(Self { path: path.to_owned() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves no room.
    pub(crate) fn fill(&self) {
        let filler = self.path.join("filler");
        // Ends with an error, when the disk is full.
        let copied = File::create(&filler).and_then(|mut file| copy(&mut repeat(0).take(FILLER_MAX), &mut file));
        assert!(copied.is_err(), "the disk is not full");
    }

    /// Leaves no room, on one that has grown.
    pub(crate) fn shrink(&self) {
        let used = Command::new("df").args(["--output=used", "-k"]).arg(&self.path).output().expect("df");
        let used = String::from_utf8_lossy(&used.stdout);
        let used: u64 = used.lines().nth(1).and_then(|line| line.trim().parse().ok()).expect("a number");
        let size = format!("remount,size={}k", used + 64);
        assert!(succeeds(Command::new("mount").args(["-o", &size]).arg(&self.path)), "a disk of ours shrinks");
        self.fill();
    }

    /// Makes room.
    pub(crate) fn grow(&self) {
        // Only some tests fill it.
        let _: std::io::Result<()> = std::fs::remove_file(self.path.join("filler"));
        let grown = succeeds(Command::new("mount").args(["-o", "remount,size=256m"]).arg(&self.path));
        assert!(grown, "a disk of ours grows");
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        // Lazily: a node that is about to be killed may have files open.
        succeeds(Command::new("umount").arg("--lazy").arg(&self.path));
    }
}

/// A folder that nobody writes to, root neither.
#[derive(Debug)]
pub(crate) struct ReadOnly {
    path: PathBuf,
}

impl ReadOnly {
    pub(crate) fn mount(path: &Path) -> Option<Self> {
        if !succeeds(Command::new("mount").arg("--bind").args([path, path])) {
            skipped("mounting a folder needs root");
            return None;
        }
        let mounted = Self { path: path.to_owned() };
        assert!(succeeds(Command::new("mount").args(["-o", "remount,bind,ro"]).arg(path)), "a mount of ours changes");
        Some(mounted)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        succeeds(Command::new("umount").arg(&self.path));
    }
}

/// Calls the program as the user "nobody".
pub(crate) fn as_nobody(program: &Path, arguments: &[&str], node: &Path) -> Option<Said> {
    let ids = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    if !succeeds(Command::new("setpriv").args(ids).arg("true")) {
        skipped("another user's rights need root and setpriv");
        return None;
    }
    let cli = Cli::of(Path::new("setpriv")).args(ids).args([program]).args(arguments);
    Some(cli.env("CARGO_SYSTEM_NODE", node).in_folder(Path::new("/")).run().expect("it ends"))
}

/// Ctrl-C.
pub(crate) fn interrupt(os_pid: u32) {
    assert!(succeeds(Command::new("kill").args(["-INT", &os_pid.to_string()])), "a process of ours");
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[expect(clippy::print_stderr, reason = "a test that did not run has to say so")]
fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
