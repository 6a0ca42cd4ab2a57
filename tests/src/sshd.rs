//! Another machine, as far as ssh can tell: a real `sshd` on the loopback, with keys and a configuration of its own, and a wire that can be cut.
//!
//! ```text
//! ssh ─► our port ─► wire: counts, cuts, refuses ─► sshd -i, one a connection ─► the user's shell
//! ```
//!
//! sshd is called for each connection, as inetd does, so that nobody has to look for a free port for it.

use crate::cli::Cli;
use crate::tied;
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// sshd calls itself, by this name.
const SSHD: &str = "/usr/sbin/sshd";
/// Where sshd puts who has not logged in yet, when it is root.
const EMPTY: &str = "/run/sshd";

/// See the file's head.
#[derive(Debug)]
pub struct Sshd {
    place: tempfile::TempDir,
    port: u16,
    wire: Arc<Wire>,
}

/// What all connections share.
#[derive(Debug)]
struct Wire {
    /// Bytes that clients have sent.
    bytes: AtomicU64,
    /// So many may still pass before all is cut, once.
    budget: AtomicU64,
    refuses: AtomicBool,
    /// … from the next cut on.
    refuses_next: AtomicBool,
    is_over: AtomicBool,
    /// In what is written there.
    file_len_max: AtomicU64,
    open: Mutex<Vec<(TcpStream, UnixStream)>>,
}

impl Sshd {
    /// Starts; whoever logs in has these variables.
    ///
    /// # Errors
    /// When sshd is not installed, or a key cannot be made.
    pub fn start(variables: &[(&str, &str)]) -> Result<Self> {
        ensure!(Path::new(SSHD).exists(), "{SSHD} is not there: install openssh-server");
        if fs::create_dir(EMPTY).is_err() && rustix::process::getuid().is_root() {
            ensure!(Path::new(EMPTY).is_dir(), "{EMPTY} cannot be made");
        }
        let place = tempfile::Builder::new().prefix("csys-sshd-").tempdir()?;
        for key in ["host", "client"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(place.path().join(key));
            ensure!(keygen.stdin(Stdio::null()).status().context("ssh-keygen")?.success(), "ssh-keygen failed");
        }
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let wire = Arc::new(Wire {
            bytes: AtomicU64::new(0),
            budget: AtomicU64::new(u64::MAX),
            refuses: AtomicBool::new(false),
            refuses_next: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            file_len_max: AtomicU64::new(u64::MAX),
            open: Mutex::default(),
        });
        let sshd = Self { place, port, wire };
        sshd.configure(variables)?;
        let (config, wire) = (sshd.path("sshd_config"), Arc::clone(&sshd.wire));
        // It ends with the test, as its connections do.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if wire.is_over.load(Ordering::Relaxed) {
                    return;
                }
                // A connection that cannot be served is closed.
                let _: Result<()> = wire.serve(stream, &config);
            }
        });
        Ok(sshd)
    }

    /// Writes the configurations of both sides; for connections from then on.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn configure(&self, variables: &[(&str, &str)]) -> Result<()> {
        let path = |name: &str| self.path(name).display().to_string();
        fs::create_dir_all(self.path("home"))?;
        let set: String = variables.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        let server = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nSetEnv HOME={}{set}\n",
            path("host"),
            path("client.pub"),
            path("home"),
        );
        fs::write(self.path("sshd_config"), server)?;
        let host = fs::read_to_string(self.path("host.pub"))?;
        fs::write(self.path("known_hosts"), format!("[127.0.0.1]:{} {host}", self.port))?;
        let client = format!(
            "IdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n",
            path("client"),
            path("known_hosts"),
        );
        Ok(fs::write(self.path("ssh_config"), client)?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Where the client looks whether this is the right host.
    #[must_use]
    pub fn known_hosts(&self) -> PathBuf {
        self.path("known_hosts")
    }

    /// The address of a node's folder.
    #[must_use]
    pub fn node(&self, folder: &Path) -> String {
        format!("ssh://127.0.0.1:{}{}", self.port, folder.display().to_string().replace('%', "%25"))
    }

    /// The command, with this machine's way there; nobody is asked for anything.
    #[must_use]
    pub fn reach(&self, cli: Cli) -> Cli {
        let ssh = format!("ssh -F {}", self.path("ssh_config").display());
        cli.env("CARGO_SYSTEM_SSH", ssh).env("CI", "true").without("CARGO_SYSTEM_NODE")
    }

    /// Bytes that clients have sent so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.wire.bytes.load(Ordering::Relaxed)
    }

    /// All connections are cut, once, when so many more bytes have been sent.
    pub fn cut_after(&self, bytes: u64) {
        self.wire.budget.store(bytes, Ordering::Relaxed);
    }

    /// No file that is written there may be longer; for connections from then on.
    pub fn limit_files(&self, bytes: u64) {
        self.wire.file_len_max.store(bytes, Ordering::Relaxed);
    }

    /// From the next cut on, connections are cut at once.
    pub fn refuse_after_cut(&self) {
        self.wire.refuses_next.store(true, Ordering::Relaxed);
    }

    /// All connections are cut now.
    pub fn cut(&self) {
        self.wire.cut();
    }

    /// Whether connections from now on are cut at once.
    pub fn refuse(&self, refuses: bool) {
        self.wire.refuses.store(refuses, Ordering::Relaxed);
    }
}

impl Wire {
    fn serve(self: &Arc<Self>, client: TcpStream, config: &Path) -> Result<()> {
        if self.refuses.load(Ordering::Relaxed) {
            return Ok(());
        }
        let (ours, theirs) = UnixStream::pair()?;
        let mut sshd = match self.file_len_max.load(Ordering::Relaxed) {
            u64::MAX => Command::new(SSHD),
            bytes => {
                let mut limited = Command::new("prlimit");
                limited.args([&format!("--fsize={bytes}"), "--", SSHD]);
                limited
            }
        };
        sshd.args(["-i", "-f"]).arg(config);
        let mut sshd = tied::to_us(&sshd);
        sshd.stdin(OwnedFd::from(theirs.try_clone()?)).stdout(OwnedFd::from(theirs)).stderr(Stdio::null());
        let mut child = sshd.spawn()?;
        drop(sshd);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push((client.try_clone()?, ours.try_clone()?));
        let (wire, from, to) = (Arc::clone(self), client.try_clone()?, ours.try_clone()?);
        std::thread::spawn(move || {
            copy(from, &to, |len| wire.count(len));
            let _: std::io::Result<()> = to.shutdown(Shutdown::Both);
        });
        std::thread::spawn(move || {
            copy(ours, &client, |_| true);
            let _: std::io::Result<()> = client.shutdown(Shutdown::Both);
            let _: std::io::Result<_> = child.wait();
        });
        Ok(())
    }

    /// False: that was the last one.
    fn count(&self, len: u64) -> bool {
        self.bytes.fetch_add(len, Ordering::Relaxed);
        let budget = self.budget.load(Ordering::Relaxed);
        if budget == u64::MAX {
            return true;
        }
        if budget > len {
            self.budget.store(budget - len, Ordering::Relaxed);
            return true;
        }
        self.budget.store(u64::MAX, Ordering::Relaxed);
        self.cut();
        false
    }

    fn cut(&self) {
        if self.refuses_next.swap(false, Ordering::Relaxed) {
            self.refuses.store(true, Ordering::Relaxed);
        }
        for (client, sshd) in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // One may be closed already.
            let _: std::io::Result<()> = client.shutdown(Shutdown::Both);
            let _: std::io::Result<()> = sshd.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.wire.is_over.store(true, Ordering::Relaxed);
        self.cut();
        // So that it is noticed.
        let _: std::io::Result<_> = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn copy<W>(mut from: impl Read, to: &W, mut on_bytes: impl FnMut(u64) -> bool)
where
    for<'a> &'a W: Write,
{
    let mut to = to;
    let mut bytes = [0; 16 << 10];
    while let Ok(len @ 1..) = from.read(&mut bytes) {
        if !on_bytes(len as u64) || to.write_all(&bytes[..len]).is_err() {
            return;
        }
    }
}
