//! Releases of several plugins: only what has changed is swapped, in the order of what needs what, all of it or none.

use serde_json::Value;
use std::io::{BufRead as _, Read as _};
use std::net::TcpStream;
use std::time::Duration;
use system_tests::node::Node;
use system_tests::runaway::connect;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;
use system_tests::wait;

const LIMIT: Duration = Duration::from_secs(30);

/// A customer who stays.
struct Customer(Talk);

/// What a sale says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sale {
    left: u64,
    sold: u64,
    stock: String,
    till: String,
    connection: String,
}

impl Customer {
    /// When there is somebody to sell.
    fn of(node: &Node) -> Self {
        let mut talk = Talk::open(node.listener("shop").expect("it listens"));
        let sells = || (!talk.ask("0").starts_with("there is no")).then_some(());
        wait::until("the shop is open", LIMIT, sells).expect("its trees start");
        Self(talk)
    }

    fn buys(&mut self, count: u64) -> Sale {
        let said = self.0.ask(&count.to_string());
        let words: Vec<&str> = said.split(' ').collect();
        let [left, sold, stock, till, connection] = words[..] else { panic!("{said}") };
        let number = |word: &str| word.parse().expect("a number");
        let text = str::to_owned;
        Sale {
            left: number(left),
            sold: number(sold),
            stock: text(stock),
            till: text(till),
            connection: text(connection),
        }
    }
}

/// What the stock's own listener says.
fn stock_says(node: &Node) -> String {
    let mut line = String::new();
    connect(node.listener("stock").expect("it listens")).read_line(&mut line).expect("a version");
    line.trim().to_owned()
}

fn started() -> (Sandbox, Node) {
    let sandbox = Sandbox::new("shop").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    (sandbox, node)
}

fn version_of<'a>(status: &'a Value, plugin: &str, state: &str) -> Option<&'a Value> {
    let versions = status["versions"].as_array().expect("versions");
    versions.iter().find(|version| version["plugin"] == plugin && version["state"] == state)
}

/// The version of a plugin that serves.
fn serving(node: &Node, plugin: &str) -> String {
    let status = node.status();
    let version = version_of(&status, plugin, "current").unwrap_or_else(|| panic!("no {plugin} in {status:#}"));
    version["version"].as_str().expect("text").to_owned()
}

fn release(node: &Node) -> String {
    node.status()["release"].as_str().expect("text").to_owned()
}

fn change_shop(sandbox: &Sandbox) {
    sandbox.edit("src/till.rs", "self.sold += count;", "self.sold += std::hint::black_box(count);").expect("an edit");
}

fn change_stock(sandbox: &Sandbox) {
    sandbox
        .edit("../stock/src/shelf.rs", "self.left -= count;", "self.left -= std::hint::black_box(count);")
        .expect("an edit");
}

#[test]
fn only_the_plugin_that_changed_is_swapped() {
    let (sandbox, node) = started();
    let mut customer = Customer::of(&node);
    let first = customer.buys(10);
    assert_eq!((first.left, first.sold), (990, 10));
    assert_eq!(stock_says(&node), first.stock, "a plugin that is needed listens, too");
    let (shop, stock, before) = (serving(&node, "shop"), serving(&node, "stock"), release(&node));
    assert_eq!((&first.stock, &first.till), (&stock, &shop));
    assert!(before != shop && before != stock, "a release of several has a version of its own: {before}");

    change_shop(&sandbox);
    let to = sandbox.upgrade().expect("upgraded");
    assert_eq!(release(&node), to);
    let second = customer.buys(5);
    assert_eq!((second.left, second.sold), (985, 15), "nothing is lost");
    assert_eq!(second.stock, stock, "it stays what it was");
    assert_eq!(second.till, serving(&node, "shop"), "what has a state has moved");
    assert_ne!(second.till, shop);
    assert_eq!(second.connection, shop, "a connection finishes where it is");
    assert_eq!(Customer::of(&node).buys(0).connection, second.till);

    change_stock(&sandbox);
    let last = sandbox.upgrade().expect("upgraded");
    let third = customer.buys(5);
    assert_eq!((third.left, third.sold, &third.till), (980, 20, &second.till));
    assert_eq!(third.stock, serving(&node, "stock"));
    assert_ne!(third.stock, stock);
    assert_eq!(stock_says(&node), third.stock);

    let back = sandbox.cli(["rollback", "--json"]).expect(0).json();
    assert_eq!((back["from"].as_str(), back["to"].as_str()), (Some(last.as_str()), Some(to.as_str())));
    let fourth = customer.buys(0);
    assert_eq!((fourth.left, fourth.sold, &fourth.stock, &fourth.till), (980, 20, &stock, &second.till));
    let releases = sandbox.ask(&["releases"]);
    let running = |version: &str| {
        let all = releases["releases"].as_array().expect("releases");
        all.iter().find(|release| release["version"] == version).expect("it is there")["running"].clone()
    };
    assert_eq!(running(&to), "current");
    assert_eq!(running(&before), "draining", "a connection of it is open");
    drop(customer);
    let is_gone = || version_of(&node.status(), "shop", "draining").is_none().then_some(());
    wait::until("the first shop is gone", LIMIT, is_gone).expect("nobody holds it");
}

#[test]
fn both_are_swapped_or_neither() {
    let (sandbox, node) = started();
    let mut customer = Customer::of(&node);
    let before = customer.buys(1);
    change_shop(&sandbox);
    change_stock(&sandbox);
    sandbox.upgrade().expect("upgraded");
    let both = customer.buys(1);
    assert_eq!((both.left, both.sold), (998, 2));
    assert!(both.stock != before.stock && both.till != before.till, "{both:?}");
    let versions = |node: &Node| (release(node), serving(node, "stock"), serving(node, "shop"));
    let served = versions(&node);

    // The last plugin's check fails when the other one has moved.
    let check =
        ".health_check(\"open\", std::time::Duration::from_secs(5), async || Err::<(), _>(\"closed\".to_owned()))";
    sandbox.edit("src/lib.rs", "Application::new()", &format!("Application::new(){check}")).expect("an edit");
    sandbox
        .edit("../stock/src/shelf.rs", "black_box(count)", "black_box(std::hint::black_box(count))")
        .expect("an edit");
    let failed = sandbox.cli(["upgrade"]).expect(10);
    assert!(failed.stderr.contains("the health check \"open\" failed: closed"), "{}", failed.stderr);
    assert_eq!(versions(&node), served);
    assert_eq!(customer.buys(1), Sale { left: 997, sold: 3, ..both.clone() }, "all is back");

    // One plugin's state cannot be converted: that is found out before anything changes.
    sandbox.edit("src/lib.rs", check, "").expect("an edit");
    let (old, new) = ("// A version is edited in here.", "#[state(version = 2, from = OldTill, one_way)]");
    sandbox.edit("src/till.rs", old, new).expect("an edit");
    let conversion = "\n#[derive(Serialize, Deserialize, State)]\n#[state(name = \"Till\")]\nstruct OldTill {\n    sold: u64,\n}\n\n\
        impl TryFrom<OldTill> for Till {\n    type Error = String;\n\n    fn try_from(_: OldTill) -> Result<Self, String> {\n        \
        Err(\"no way\".to_owned())\n    }\n}\n\n#[derive(Serialize, Deserialize)]\npub(crate) enum Call {";
    let derive = "\n#[derive(Serialize, Deserialize)]\npub(crate) enum Call {";
    sandbox.edit("src/till.rs", derive, conversion).expect("an edit");
    let failed = sandbox.cli(["upgrade"]).expect(14);
    assert!(failed.stderr.contains("no way"), "{}", failed.stderr);
    assert_eq!(versions(&node), served);
    assert_eq!(customer.buys(1), Sale { left: 996, sold: 4, ..both }, "nothing has changed");
}

#[test]
fn a_plugin_goes_and_comes_with_a_release() {
    let (sandbox, node) = started();
    let mut customer = Customer::of(&node);
    customer.buys(1);
    sandbox.edit("Cargo.toml", "needs = [\"stock\"]", "needs = []").expect("an edit");
    let planned = sandbox.cli(["upgrade", "--dry-run"]).expect(0).stdout;
    assert!(planned.contains("dropped  stock"), "{planned}");
    sandbox.upgrade().expect("upgraded");
    let status = node.status();
    assert!(version_of(&status, "stock", "current").is_none(), "{status:#}");
    let is_gone = || version_of(&node.status(), "stock", "draining").is_none().then_some(());
    wait::until("the stock's tree has stopped", LIMIT, is_gone).expect("nobody needs it");
    assert_eq!(customer.0.ask("1"), "there is no stock");
    assert!(node.listener("stock").is_none(), "it listens no more");

    // Its tree is there when the upgrade is done, and its listener too.
    sandbox.edit("Cargo.toml", "needs = []", "needs = [\"stock\"]").expect("an edit");
    sandbox.upgrade().expect("upgraded");
    assert_eq!(customer.buys(1).left, 999, "a new one");
    assert_eq!(stock_says(&node), serving(&node, "stock"));
    let _ = sandbox.cli(["rollback"]).expect(0);
    wait::until("it goes again", LIMIT, is_gone).expect("as it went before");
    assert_eq!(customer.0.ask("1"), "there is no stock");
}

#[test]
fn a_plugin_that_does_not_start_takes_the_release_back() {
    let (sandbox, node) = started();
    sandbox.edit("Cargo.toml", "needs = [\"stock\"]", "needs = []").expect("an edit");
    let without = sandbox.upgrade().expect("upgraded");
    sandbox.edit("Cargo.toml", "needs = []", "needs = [\"stock\"]").expect("an edit");
    sandbox
        .edit("../stock/src/shelf.rs", "Ok(Self { left: 1_000 })", "Err(ExitReason::Error(\"no room\".to_owned()))")
        .expect("an edit");
    let failed = sandbox.cli(["upgrade"]).expect(10);
    assert!(failed.stderr.contains("stock") && failed.stderr.contains("did not"), "{}", failed.stderr);
    assert_eq!(release(&node), without);
    assert!(node.listener("stock").is_none(), "{:#}", node.status());
}

#[test]
fn a_release_of_several_is_packed_started_and_upgraded_to() {
    let sandbox = Sandbox::releasable("shop").expect("the fixture builds");
    let first = sandbox.release("first").expect("packed");
    change_stock(&sandbox);
    let second = sandbox.release("second").expect("packed");
    let node = sandbox.start(&first).expect("it starts");
    let mut customer = Customer::of(&node);
    let before = customer.buys(3);
    let archive = std::fs::read_dir(second.root().parent().expect("a folder")).expect("read");
    let archive = archive
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "zst"));
    let newest = archive.max_by_key(|path| path.metadata().and_then(|data| data.modified()).ok()).expect("one");
    let own = |arguments: &[&str]| {
        let command = system_tests::cli::Cli::of(&first.root().join("bin/shop"));
        command.args(arguments).expect(0).stdout
    };
    own(&["upgrade", "--release", &newest.display().to_string()]);
    let after = customer.buys(3);
    assert_eq!((after.left, after.sold, &after.till), (994, 6, &before.till));
    assert_ne!(after.stock, before.stock);
    assert!(own(&["version"]).contains(&release(&node)));
    let status = own(&["status"]);
    assert!(status.contains(&format!("release {}", release(&node))) && status.contains("  stock"), "{status}");
}

#[test]
fn each_has_its_own_part_of_the_owners_configuration() {
    let (sandbox, node) = started();
    std::fs::write(sandbox.root().join("config.toml"), "[plugins.stock]\nmost = 0\n").expect("written");
    change_shop(&sandbox);
    sandbox.upgrade().expect("what is kept is not configured anew");
    change_stock(&sandbox);
    let refused = sandbox.cli(["upgrade"]).expect(14);
    assert!(refused.stderr.contains("stock: its configuration is refused: most is nothing"), "{}", refused.stderr);
    std::fs::write(sandbox.root().join("config.toml"), "most = 0\n[plugins.stock]\nmost = 5\n").expect("written");
    sandbox.upgrade().expect("its own part is good");
    assert_eq!(Customer::of(&node).buys(1).stock, serving(&node, "stock"));
}

#[test]
fn what_needs_what_is_said_when_it_is_wrong() {
    let sandbox = Sandbox::unbuilt("shop").expect("laid out");
    let needs = |whose: &str, from: &str, to: &str| sandbox.edit(whose, from, to).expect("an edit");
    let usage = |arguments: &[&str]| sandbox.cli(arguments.iter().copied()).expect(2).stderr;
    needs("Cargo.toml", "[\"stock\"]", "[\"stok\"]");
    insta::assert_snapshot!(usage(&["check"]), @r"
    error: shop needs stok: stok is no plugin of this workspace, which has shop, stock
    hint: see needs in [package.metadata.system]
    ");
    needs("Cargo.toml", "[\"stok\"]", "[\"stock\"]");
    let package = "[lib]";
    needs("../stock/Cargo.toml", package, "[package.metadata.system]\nneeds = [\"shop\"]\n\n[lib]");
    insta::assert_snapshot!(usage(&["check"]), @r"
    error: plugins need each other in a ring: shop → stock → shop
    hint: see needs in [package.metadata.system]
    ");
    needs("../stock/Cargo.toml", "needs = [\"shop\"]", "needs = []");
    needs("Cargo.toml", "needs = [\"stock\"]", "needs = []");
    insta::assert_snapshot!(usage(&["check"]), @r"
    error: this workspace has several plugins: shop, stock
    hint: name one with --package
    ");
    let folder = sandbox.workspace().join("stock");
    let inside = sandbox.cli(["check", "--package", "stok"]).in_folder(&folder).expect(2).stderr;
    insta::assert_snapshot!(inside, @r#"
    error: stok is no plugin of this workspace, which has shop, stock
    hint: --package names a plugin: cargo's name of a package with crate-type = ["cdylib"] that depends on plugin-abi
    "#);
}

#[test]
fn what_plugins_would_not_understand_of_each_other_is_refused_and_said() {
    let (sandbox, node) = started();
    let mut customer = Customer::of(&node);
    let before = customer.buys(1);
    let api = "../stock-api/src/lib.rs";
    let change = |from: &str, to: &str| sandbox.edit(api, from, to).expect("an edit");
    change("// A field is added here.", "/// Where.\n    pub place: String,");
    let field = "Taken { left: self.left,";
    sandbox.edit("../stock/src/shelf.rs", field, &field.replace('{', "{ place: String::new(),")).expect("an edit");
    let checked = sandbox.cli(["check"]).expect(14);
    let said = format!("{}{}", checked.stdout, checked.stderr);
    assert!(said.contains("refused: the message \"stock_api::Taken\" changed: stock 0.1.0+"), "{said}");
    assert!(said.contains("would not read what stock 0.1.0+") && said.contains("place"), "{said}");
    let refused = sandbox.cli(["upgrade"]).expect(14).stderr;
    assert!(refused.contains("the message \"stock_api::Taken\" changed"), "{refused}");
    assert_eq!(customer.buys(0), Sale { ..before.clone() }, "nothing has changed");

    // With a default both understand both: who has a connection of the version before is answered by the new stock.
    change("/// Where.", "#[serde(default)]\n    /// Where.");
    sandbox.upgrade().expect("upgraded");
    let after = customer.buys(1);
    assert_eq!((after.left, after.sold, &after.connection), (before.left - 1, before.sold + 1, &before.connection));
    assert_ne!(after.stock, before.stock);
}

#[test]
fn a_node_that_boots_starts_first_what_others_need() {
    let (_sandbox, node) = started();
    // The till ends the node if there is no stock when it starts.
    assert_eq!(Customer::of(&node).buys(1).left, 999);
    let mut rest = String::new();
    let stream = TcpStream::connect(node.listener("stock").expect("it listens")).expect("connected");
    (&stream).read_to_string(&mut rest).expect("until it closes");
    assert_eq!(rest.trim(), serving(&node, "stock"));
}
