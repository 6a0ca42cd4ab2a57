//! A release of two plugins, `fixtures/shop`, is swapped whole or not at all, whatever the record says when the node is killed.

use crate::calls::{self, Call, Spoil, Strace};
use std::path::{Path, PathBuf};
use std::time::Duration;
use system_tests::cli::{Cli, Said};
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::seed::{Copy, copy_tree};
use system_tests::store::Folder;
use system_tests::talk::Talk;
use system_tests::{strace, wait};

const PATIENCE: Duration = Duration::from_secs(30);

/// What serves: the release, the stock and the till.
type Serving = [String; 3];

/// Two releases that differ in both plugins: folders of a node, where the first boots, and of the second.
struct Shop {
    sandbox: Sandbox,
    base: PathBuf,
    next: PathBuf,
    before: Serving,
    after: Serving,
}

fn copy(from: &Path, to: &Path) {
    for (part, how) in [("lib", Copy::Link), ("releases", Copy::Bytes)] {
        copy_tree(&from.join(part), &to.join(part), &|_| how).expect("a node's folder is copied");
    }
}

/// Buys one, and says who has served: the answer begins with what is left and what was sold.
fn serving(node: &Node, talk: &mut Talk) -> Serving {
    let sells = || Some(talk.ask("1")).filter(|said| !said.starts_with("there is no"));
    let said = wait::until("the shop is open", PATIENCE, sells).expect("its trees start");
    let words: Vec<&str> = said.split(' ').collect();
    let [left, sold, stock, till, _] = words[..] else { panic!("{said}") };
    let number = |word: &str| word.parse::<u64>().expect("a number");
    assert_eq!(number(left) + number(sold), 1000, "nothing is lost: {said}");
    let release = node.status()["release"].as_str().expect("text").to_owned();
    [release, stock.to_owned(), till.to_owned()]
}

fn talk(node: &Node) -> Talk {
    Talk::open(node.listener("shop").expect("it listens"))
}

impl Shop {
    fn build() -> Self {
        let sandbox = Sandbox::new("shop").expect("the fixture builds");
        let node = sandbox.run().expect("the fixture runs");
        let (base, next) = (sandbox.beside("base"), sandbox.beside("next"));
        let before = serving(&node, &mut talk(&node));
        copy(&sandbox.root(), &base);
        sandbox
            .edit("src/till.rs", "self.sold += count;", "self.sold += std::hint::black_box(count);")
            .expect("an edit");
        sandbox
            .edit("../stock/src/shelf.rs", "self.left -= count;", "self.left -= std::hint::black_box(count);")
            .expect("an edit");
        sandbox.upgrade().expect("an upgrade");
        let after = serving(&node, &mut talk(&node));
        assert!(before.iter().zip(&after).all(|(before, after)| before != after), "{before:?}, {after:?}");
        copy(&sandbox.root(), &next);
        // It is unpacked already: what is watched is the node.
        let unpacked = Path::new("releases").join(&after[0]);
        copy_tree(&next.join(&unpacked), &base.join(&unpacked), &|_| Copy::Bytes).expect("copied");
        copy_tree(&next.join("lib"), &base.join("lib"), &|_| Copy::Link).expect("copied");
        Self { sandbox, base, next, before, after }
    }

    fn cli(&self, root: &Path, words: &[&str]) -> Cli {
        Cli::new(words.iter().copied()).expect("the binary").env("CARGO_SYSTEM_NODE", root).in_folder(&self.base)
    }

    fn boot(&self, root: &Path) -> (Node, Talk) {
        let start = self.cli(root, &["start", "--listen", "127.0.0.1:0"]).into_command();
        let node = Node::start(start, root).expect("it boots");
        let talk = talk(&node);
        (node, talk)
    }

    fn upgrade(&self, root: &Path) -> Said {
        let next = self.next.display().to_string();
        let words = ["upgrade", "--json", "--drain-wait", "0", "--timeout", "20", "--release", &next];
        self.cli(root, &words).run().expect("it ends")
    }

    /// A node's folder for a case.
    fn root(&self) -> PathBuf {
        let root = self.sandbox.beside("case");
        if root.exists() {
            std::fs::remove_dir_all(&root).expect("the last case's folder");
        }
        copy(&self.base, &root);
        root
    }

    /// An upgrade that nobody spoils: the first call that changes something of each thing that the record says.
    fn cuts(&self) -> Vec<Call> {
        let root = self.root();
        let (node, mut talk) = self.boot(&root);
        assert_eq!(serving(&node, &mut talk), self.before);
        let strace = Strace::attach(node.os_pid(), &root, Spoil::Nothing);
        let said = self.upgrade(&root);
        assert_eq!(said.code, 0, "{}", said.stderr);
        let states = calls::states(&strace.calls(), &calls::steps(&said));
        states.into_iter().filter_map(|(_, calls)| calls.into_iter().find(Call::changes)).collect()
    }

    /// Whether both boot as they are in the next release; they do in one or in the other.
    fn killed_at(&self, call: &Call) -> bool {
        let root = self.root();
        let (mut node, mut talk) = self.boot(&root);
        assert_eq!(serving(&node, &mut talk), self.before);
        let strace = Strace::attach(node.os_pid(), &root, Spoil::Kill(call));
        let _said = self.upgrade(&root);
        node.ended().expect("the node is killed");
        drop(strace);
        Folder::check(&root).unwrap_or_else(|error| panic!("{}: {error:#}", call.shown));
        let (node, mut talk) = self.boot(&root);
        let served = serving(&node, &mut talk);
        assert!([&self.before, &self.after].contains(&&served), "{}: {served:?}", call.shown);
        let again = self.upgrade(&root);
        assert_eq!(again.code, 0, "{}: {}", call.shown, again.stderr);
        assert_eq!(serving(&node, &mut talk), self.after, "{}", call.shown);
        Folder::check_settled(&root).unwrap_or_else(|error| panic!("{}: {error:#}", call.shown));
        served == self.after
    }
}

#[test]
fn both_plugins_of_a_release_boot_in_one_version_of_it_whatever_was_cut() {
    if !strace::is_possible() {
        return;
    }
    let shop = Shop::build();
    let cuts = shop.cuts();
    let new: Vec<_> = cuts.iter().map(|call| shop.killed_at(call)).collect();
    assert!(new.is_sorted() && !new[0] && new[new.len() - 1], "old, then new: {new:?}");
}
