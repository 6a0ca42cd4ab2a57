//! A node under a service manager: what it tells of itself, as systemd hears it, and the unit that starts it.

use std::fs;
use std::io::Write as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime};
use system_tests::cli::{Cli, Said};
use system_tests::elsewhere::Elsewhere;
use system_tests::node::Node;
use system_tests::runaway::{Control, LIMIT, connect};
use system_tests::sandbox::Sandbox;
use system_tests::seed::{Copy, copy_tree};

const USAGE: i32 = 2;
/// "Refused before anything changed".
const REFUSED: i32 = 14;

/// What a manager hears, datagram by datagram. It always listens: what does not fit into its socket would be lost.
struct Heard(Receiver<String>);

impl Heard {
    fn at(socket: UnixDatagram) -> Self {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(len) = socket.recv(&mut bytes) {
                if sender.send(String::from_utf8_lossy(&bytes[..len]).into_owned()).is_err() {
                    return;
                }
            }
        });
        Self(receiver)
    }

    fn next(&self) -> String {
        self.0.recv_timeout(LIMIT).expect("the node says something")
    }

    /// The next one that is more than a sign of life.
    fn news(&self) -> String {
        let begun = Instant::now();
        let is_news = |said: &String| {
            assert!(begun.elapsed() < LIMIT, "signs of life and nothing else");
            said != "WATCHDOG=1"
        };
        std::iter::repeat_with(|| self.next()).find(is_news).expect("without end")
    }

    /// Whether a sign of life comes within that time, whatever has come before.
    fn beats_within(&self, time: Duration) -> bool {
        while self.0.try_recv().is_ok() {}
        self.0.recv_timeout(time).is_ok()
    }
}

fn under(cli: Cli, socket: &str) -> Cli {
    cli.env("NOTIFY_SOCKET", socket)
}

#[test]
fn a_manager_hears_when_it_serves_upgrades_lives_and_stops() {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let path = sandbox.beside("notify");
    let heard = Heard::at(UnixDatagram::bind(&path).expect("bound"));
    let cli = under(sandbox.cli(["run", "--listen", "127.0.0.1:0"]), &path.display().to_string());
    let node = Node::start(cli.env("WATCHDOG_USEC", "1000000").into_command(), &sandbox.root()).expect("it serves");
    let before = node.version();
    assert_eq!(heard.news(), format!("READY=1\nSTATUS=serves {before}"));
    let begun = Instant::now();
    (0..4).for_each(|_| assert_eq!(heard.next(), "WATCHDOG=1"));
    assert!(begun.elapsed() >= Duration::from_millis(1500), "twice in a second");

    sandbox.edit("src/counter.rs", "const FACTOR: u64 = 1;", "const FACTOR: u64 = 100;").expect("an edit");
    let after = sandbox.upgrade().expect("an upgrade");
    let reloading = heard.news();
    let lines: Vec<_> = reloading.lines().collect();
    assert_eq!((lines[0], lines[2]), ("RELOADING=1", format!("STATUS=upgrades to {after}").as_str()));
    let since = lines[1].strip_prefix("MONOTONIC_USEC=").and_then(|time| time.parse::<i64>().ok());
    assert!(since.is_some_and(|time| time > 0), "{reloading}");
    assert_eq!(heard.news(), format!("READY=1\nSTATUS=serves {after}"));
    let _: Said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
    assert!(heard.news().starts_with("RELOADING=1"));
    assert_eq!(heard.news(), format!("READY=1\nSTATUS=serves {before}"));
    let newest = sandbox.cli(["upgrade", "--newest", "--drain-wait", "0"]).expect(0);
    assert_eq!(node.version(), before, "what was rolled back is not taken again: {}", newest.stdout);
    assert!(heard.news().starts_with("RELOADING=1") && heard.news().starts_with("READY=1"));
    let _: Said = sandbox.cli(["upgrade", "--newest", "--force", "--drain-wait", "0"]).expect(0);
    assert_eq!(node.version(), after);
    assert!(heard.news().starts_with("RELOADING=1") && heard.news().starts_with("READY=1"));

    let _: Said = sandbox.cli(["stop"]).expect(0);
    assert_eq!(heard.news(), "STOPPING=1\nSTATUS=stops");
}

/// Builds of one version: which was put there last, their files' times say, unless one of these is still to come.
#[test]
fn a_clock_that_was_set_back_has_no_older_build_taken_for_the_newest() {
    let sandbox = Sandbox::releasable("greet").expect("the fixture builds");
    let node = sandbox.run().expect("it serves");
    let before = node.version();
    // Puts it there, as a copy of its folder would.
    let put = |from: &str, to: &str| {
        sandbox.edit("src/lib.rs", from, to).expect("an edit");
        let release = sandbox.release(&to.replace(' ', "-")).expect("a release");
        let (manifest, said) = release.manifest().expect("a manifest");
        let version = said["version"].as_str().expect("text").to_owned();
        let copy = |part: &Path| copy_tree(&release.root().join(part), &sandbox.root().join(part), &|_| Copy::Bytes);
        copy(Path::new("lib")).and_then(|()| copy(&Path::new("releases").join(&version))).expect("copied");
        (version, sandbox.root().join(manifest.strip_prefix(release.root()).expect("in it")))
    };
    let (second, manifest) = put("hello from", "good day from");
    let (third, _) = put("good day from", "good night from");
    let put_at = |time| fs::File::open(&manifest).and_then(|file| file.set_modified(time)).expect("a file of ours");
    let (now, day) = (SystemTime::now(), Duration::from_secs(86_400));
    put_at(now + day);
    let said = sandbox.cli(["upgrade", "--newest"]).expect(REFUSED);
    let expected = format!("the newest build cannot be told: {second} was put there at a time that is still to come");
    assert!(said.complaint().0.is_some_and(|error| error.starts_with(&expected)), "{}", said.stderr);
    assert_eq!(node.version(), before);
    put_at(now - day);
    let _: Said = sandbox.cli(["upgrade", "--newest", "--drain-wait", "0"]).expect(0);
    assert_eq!(node.version(), third);
}

#[test]
fn a_node_whose_schedulers_are_all_held_gives_no_sign_of_life() {
    let sandbox = Sandbox::new("runaway").expect("the fixture builds");
    let name = format!("cargo-system-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(name.as_bytes()).expect("a name");
    let heard = Heard::at(UnixDatagram::bind_addr(&address).expect("bound"));
    let cli = under(sandbox.cli(["run", "--listen", "127.0.0.1:0", "--schedulers", "1"]), &format!("@{name}"));
    let node = Node::start(cli.env("WATCHDOG_USEC", "200000").into_command(), &sandbox.root()).expect("it serves");
    assert!(heard.news().starts_with("READY=1"));
    let mut control = Control::open(&node);
    let spinner = control.start("spin");
    control.until_it_has_used(Duration::from_millis(50), &spinner);
    assert!(heard.beats_within(LIMIT), "one that does not give way holds up nobody");
    let mut other = connect(node.listener("control").expect("it listens"));
    writeln!(other.get_mut(), "many 1100 sleep").expect("sent");
    let begun = Instant::now();
    // Those that may block on threads of their own do; then the scheduler itself is held, and others wait for it.
    while heard.beats_within(Duration::from_secs(3)) {
        assert!(begun.elapsed() < 4 * LIMIT, "signs of life, though nobody is served");
    }
}

#[test]
fn a_socket_that_nobody_has_keeps_nobody_from_serving() {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    for socket in ["/nonexistent/notify", "@nobody-has-this", &"x".repeat(200)] {
        let cli = under(sandbox.cli(["run", "--listen", "127.0.0.1:0"]), socket);
        let node = Node::start(cli.into_command(), &sandbox.root()).expect("it serves");
        node.log_line("the service manager").expect("it says so");
    }
}

#[test]
fn a_unit_is_what_systemd_takes() {
    let release = Elsewhere::new();
    let unit = release.expect(&["service", "--user", "daemon"], 0).stdout;
    let command = release.root().join("bin/example-app");
    assert!(unit.contains(&format!("ExecStart=\"{}\" start\n", command.display())), "{unit}");
    assert!(unit.contains("Type=notify\n") && unit.contains("User=daemon\n"), "{unit}");
    assert_eq!(release.expect(&["service", "--json"], 0).json()["file"], "example-app.service");
    let _: Said = release.expect(&["service", "--user", "a b"], USAGE);
    let file = release.beside("example-app.service");
    std::fs::write(&file, unit).expect("written");
    // Where there is no systemd nobody can say whether it takes it.
    let Ok(verified) = Command::new("systemd-analyze").arg("verify").arg(&file).output() else { return };
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !said.contains("example-app.service"), "{said}");
}
