//! The story that example-app tells, from the side of a page that is open all along: bugs that hurt nobody else, the culprit found to its line
//! and killed, the fix upgraded in, a change of the session's state, and a way back. Its changes are the example's own patches.

use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use system_tests::browser::{Browser, PICTURES_VARIABLE};
use system_tests::cli::Cli;
use system_tests::node::Node;
use system_tests::sandbox::{EXAMPLE, Sandbox};
use system_tests::websocket::{Frame, WebSocket};
use system_tests::{memory, wait, workspace};

const LIMIT: Duration = Duration::from_secs(30);

/// An open page: what its browser would get.
struct Page(WebSocket);

impl Page {
    fn open(node: &Node) -> Self {
        let mut page = Self(WebSocket::open(node.address(), "/ws/sum").expect("a page"));
        let view = page.next();
        assert!(view.starts_with("<div id=\"view\"><ol id=\"list\"></ol>"), "{view}");
        page
    }

    /// The next fragment.
    fn next(&mut self) -> String {
        match self.0.receive().expect("its WebSocket is never closed") {
            Frame::Text(text) => text,
            Frame::Close(code) => panic!("its WebSocket was closed: {code:?}"),
        }
    }

    fn submit(&mut self, to: &str) {
        self.0.send_text(&json!({ "to": to }).to_string()).expect("it is open");
    }

    /// What stands behind `∑(1..to) =` in the end.
    fn ask(&mut self, to: &str) -> String {
        self.submit(to);
        self.result(to)
    }

    fn result(&mut self, to: &str) -> String {
        loop {
            let fragment = self.next();
            if let Some(result) = shown(&fragment, to).filter(|result| *result != "calculating") {
                return result.to_owned();
            }
        }
    }
}

/// What a fragment shows for `to`.
fn shown<'a>(fragment: &'a str, to: &str) -> Option<&'a str> {
    let (_, rest) = fragment.split_once(&format!("∑(1..{to}) = "))?;
    rest.split_once('<').map(|(result, _)| result)
}

fn patch(name: &str) -> PathBuf {
    workspace::root().join(EXAMPLE).join("changes").join(name)
}

/// As a person applies it, at the workspace's root.
fn apply(sandbox: &Sandbox, name: &str) {
    let git = sandbox.surround(Cli::of("git".as_ref())).args(["apply"]).args([patch(name)]);
    let _said = git.expect(0);
}

/// What comes of an expression on the node's console.
fn console(sandbox: &Sandbox, expression: &str) -> Value {
    sandbox.ask(&["eval", expression])["value"].take()
}

/// The process that uses most, once it is a calculation.
fn culprit(sandbox: &Sandbox) -> String {
    let found = wait::until("a calculation is first", LIMIT, || {
        let first = &console(sandbox, "top(0.5, 1)")[0];
        let is_calculation = first["process_type"].as_str().is_some_and(|name| name.contains("calculation"));
        is_calculation.then(|| first["pid"].as_str().unwrap_or_default().to_owned())
    });
    found.expect("it spins")
}

/// The line of the example's loop that its stack may show: within the loop.
fn loop_lines(sandbox: &Sandbox) -> std::ops::RangeInclusive<u64> {
    let source = std::fs::read_to_string(sandbox.package().join("src/sum.rs")).expect("the example");
    let line = |text: &str| source.lines().position(|line| line.contains(text)).expect("its loop") as u64 + 1;
    line("while term != n")..=line("sum += i128::from(term)")
}

/// Finds what spins, to the line of its loop, and kills it: all on the console.
fn kill_culprit(sandbox: &Sandbox) {
    let spinning = culprit(sandbox);
    let stack = console(sandbox, &format!("stack({spinning:?})"));
    let frames = stack["stacks"].as_array().into_iter().flatten().filter_map(Value::as_array).flatten();
    let is_of_sum = |frame: &&Value| frame["file"].as_str().is_some_and(|file| file.ends_with("src/sum.rs"));
    let within = loop_lines(sandbox);
    let mut lines = frames.filter(is_of_sum).filter_map(|frame| frame["line"].as_u64());
    assert!(lines.any(|line| within.contains(&line)), "{stack}");
    assert_eq!(console(sandbox, &format!("kill({spinning:?})"))["has_ended"], true);
}

/// The bugs are mended; the application's own tests pass.
fn fix(sandbox: &Sandbox) {
    apply(sandbox, "fix.patch");
    let tests = sandbox.surround(Cli::of("cargo".as_ref())).env("CARGO_TARGET_DIR", workspace::target().expect("ours"));
    let _said = tests.args(["test", "--lib"]).expect(0);
}

#[test]
fn a_page_lives_through_bugs_a_fix_a_change_of_state_and_a_way_back() {
    let sandbox = Sandbox::new(EXAMPLE).expect("the example builds");
    let mut node = sandbox.run().expect("the example runs");
    let mut page = Page::open(&node);
    assert_eq!(page.ask("10"), "55");
    for invalid in ["", "12ab", "1.5"] {
        assert_eq!(page.ask(invalid), "invalid input", "{invalid:?}");
    }
    page.submit("<b>1</b>");
    assert_eq!(page.result("&lt;b&gt;1&lt;/b&gt;"), "invalid input", "markup is text");
    assert_eq!(page.ask("13"), "error");

    // One calculates for a while, another one for ever: the page answers.
    page.submit("999999999");
    page.submit("-1");
    assert_eq!(page.ask("100"), "5050");
    assert_eq!(page.result("999999999"), "499999999500000000");
    kill_culprit(&sandbox);
    assert_eq!(page.result("-1"), "error");

    fix(&sandbox);
    let fixed = sandbox.upgrade().expect("the fix");
    let view = page.next();
    for (to, was) in [("10", "55"), ("12ab", "invalid input"), ("13", "error"), ("999999999", "499999999500000000")] {
        assert_eq!(shown(&view, to), Some(was), "the list is kept: {view}");
    }
    assert_eq!(shown(&view, "-1"), Some("error"), "{view}");
    assert!(view.contains(&format!("session on version {fixed}")), "{view}");
    assert_eq!(page.ask("13"), "91");
    assert_eq!(page.ask("-1"), "invalid input");
    assert_eq!(page.ask("0"), "invalid input");
    assert_eq!(page.ask("999999999"), "499999999500000000");
    assert_eq!(page.ask("9999999999"), "49999999995000000000", "more than 64 bits");

    // The session counts from here on: its state has a field more.
    apply(&sandbox, "count.patch");
    let counted = sandbox.upgrade().expect("the count");
    let view = page.next();
    assert!(view.contains(&format!("version {counted}, 0 ended")) && shown(&view, "10") == Some("55"), "{view}");
    page.submit("7");
    let ended = wait::until("it has ended", LIMIT, || Some(page.next()).filter(|shown| shown.contains("= 28<")));
    assert!(ended.expect("28").contains(", 1 ended<"));

    let _said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
    let view = page.next();
    assert!(view.contains(&format!("session on version {fixed}<")), "{view}");
    assert_eq!((shown(&view, "7"), shown(&view, "10")), (Some("28"), Some("55")), "{view}");
    assert_eq!(page.ask("13"), "91");
    assert!(node.is_alive());
}

const DESK: (u32, u32) = (900, 620);
const TALL: (u32, u32) = (900, 900);
const PHONE: (u32, u32) = (390, 760);

fn picture(browser: &mut Browser, name: &str, size: (u32, u32), is_dark: bool) {
    browser.show_as(size, is_dark).expect("shown");
    let taken = browser.picture().expect("a picture");
    assert!(taken.starts_with(b"\x89PNG"), "{} bytes", taken.len());
    if let Some(folder) = std::env::var_os(PICTURES_VARIABLE) {
        std::fs::write(PathBuf::from(folder).join(name), taken).expect("kept");
    }
}

/// What stands on the browser's page, newest first.
fn listed(browser: &mut Browser) -> Vec<String> {
    let list = browser.eval("[...document.querySelectorAll('#list > li')].map(item => item.textContent)");
    serde_json::from_value(list.expect("a page")).expect("texts")
}

/// Waits until the page shows that, as the newest or further down.
fn until_listed(browser: &mut Browser, item: &str) {
    let found =
        format!("[...document.querySelectorAll('#list > li')].some(item => item.textContent === {})", json!(item));
    browser.until(&found).expect("shown");
}

fn until_at_foot(browser: &mut Browser, text: &str) {
    browser.until(&format!("document.getElementById('view').innerText.includes({})", json!(text))).expect("shown");
}

fn enter(browser: &mut Browser, to: &str, shown: &str) {
    browser.enter(to).expect("typed");
    until_listed(browser, &format!("∑(1..{to}) = {shown}"));
}

fn until_state(browser: &mut Browser, text: &str) {
    browser.until(&format!("document.getElementById('state').textContent === {}", json!(text))).expect("said");
}

/// A load page in a browser of its own.
struct LoadPage(Browser);

impl LoadPage {
    /// With ten thousand jobs that run.
    fn open(address: &str) -> Self {
        let mut browser = Browser::open(&format!("http://{address}/load")).expect("a browser");
        until_state(&mut browser, "connected");
        browser.enter("10000").expect("typed");
        browser.until("document.getElementById('figures').innerText.includes('10000')").expect("set");
        let mut page = Self(browser);
        page.until_jobs(|jobs| jobs > 1000.0);
        page
    }

    fn number(&mut self, chart: &str) -> f64 {
        let now = self.0.eval(&format!("parseFloat(document.querySelector('#{chart} .now')?.textContent)"));
        now.expect("a page").as_f64().unwrap_or_default()
    }

    /// Of one scheduler, in percent, over five seconds.
    fn usage(&mut self) -> f64 {
        self.number("usage-chart")
    }

    fn until_usage(&mut self, is_so: impl Fn(f64) -> bool) {
        let found =
            wait::until("schedulers are used so", LIMIT * 4, || Some(self.usage()).filter(|usage| is_so(*usage)));
        let _usage = found.expect("the chart shows it");
    }

    fn until_jobs(&mut self, is_so: impl Fn(f64) -> bool) {
        let found = wait::until("jobs are done", LIMIT * 4, || Some(self.jobs()).filter(|jobs| is_so(*jobs)));
        let _jobs = found.expect("the chart shows it");
    }

    /// Jobs a second, over five seconds.
    fn jobs(&mut self) -> f64 {
        self.number("jobs-chart")
    }

    /// The charts say which version, and the jobs go on in it as before. A machine that others use makes them slower, but not that much.
    fn expect_upgrade(&mut self, version: &str, before: f64) {
        let marked = format!("document.querySelector('#jobs-chart .mark text')?.textContent === {}", json!(version));
        self.0.until(&marked).expect("marked");
        let lowest = (0..20).map(|_| self.jobs()).fold(f64::INFINITY, f64::min);
        assert!(lowest > before / 3.0, "a dip from {before} to {lowest} jobs a second");
        self.0.eval("document.getElementById('jobs').click()").expect("a page");
        self.0.until("document.getElementById('jobs').ariaPressed === 'true'").expect("highlighted");
        self.0.eval("document.getElementById('jobs').click()").expect("a page");
        self.0.until("document.getElementById('jobs').ariaPressed === 'false'").expect("as before");
        picture(&mut self.0, "load.png", TALL, false);
        picture(&mut self.0, "load-dark.png", TALL, true);
        assert_eq!((self.0.sockets(), self.0.complaints()), (1, &[][..]));
    }

    /// The other pages, by their links.
    fn look_around(&mut self, address: &str) {
        for (page, shown) in [("top", "#processes td"), ("system", "#system table td"), ("services", "#services")] {
            self.0.eval(&format!("document.querySelector('nav a[href=\"/{page}\"]').click()")).expect("a link");
            let is_there = format!("location.href === 'http://{address}/{page}' && document.querySelector('{shown}')");
            self.0.until(&format!("!!({is_there})")).expect("shown");
            picture(&mut self.0, &format!("{page}.png"), DESK, false);
        }
        until_state(&mut self.0, "connected");
        self.0.enter("clock").expect("typed");
        self.0.until("!!document.querySelector('#services [name=invoke]')").expect("it has started");
        self.0.eval("document.querySelector('#services [name=invoke]').click()").expect("a button");
        self.0
            .until("document.getElementById('said').textContent === 'response from clock on example-app'")
            .expect("said");
        assert_eq!(self.0.complaints(), &[] as &[String]);
    }
}

#[test]
fn a_browser_shows_the_story_and_never_connects_again() {
    let sandbox = Sandbox::new(EXAMPLE).expect("the example builds");
    let node = sandbox.run().expect("the example runs");
    let address = node.address().to_string();
    let mut load = LoadPage::open(&address);
    let mut browser = Browser::open(&format!("http://{address}/")).expect("a browser");
    until_state(&mut browser, "connected");
    enter(&mut browser, "10", "55");
    enter(&mut browser, "12ab", "invalid input");
    enter(&mut browser, "<b>1</b>", "invalid input");
    enter(&mut browser, "13", "error");
    enter(&mut browser, "999999999", "calculating");
    let _panic = node.log_line("13 brings bad luck").expect("the panic is in the log");
    let (before, quiet) = (load.usage(), node.log());
    enter(&mut browser, "-1", "calculating");
    enter(&mut browser, "100", "5050");
    picture(&mut browser, "calculating.png", DESK, false);
    until_listed(&mut browser, "∑(1..999999999) = 499999999500000000");
    load.until_usage(|usage| usage > before + 10.0);
    let log = node.log();
    // What is indented belongs to the panic before.
    let news = log[quiet.len()..].lines().find(|line| !line.starts_with(' '));
    assert_eq!(news, None, "one processor is busy, and nothing in the log says so");
    let busy = load.usage();
    kill_culprit(&sandbox);
    until_listed(&mut browser, "∑(1..-1) = error");
    load.until_usage(|usage| usage < f64::midpoint(before, busy));

    let before = listed(&mut browser);
    fix(&sandbox);
    let jobs = load.jobs();
    let fixed = sandbox.upgrade().expect("the fix");
    until_at_foot(&mut browser, &fixed);
    assert_eq!(listed(&mut browser), before, "the list is kept");
    load.expect_upgrade(&fixed, jobs);
    browser.set_latency(Duration::from_millis(200)).expect("throttled");
    enter(&mut browser, "13", "91");
    enter(&mut browser, "-1", "invalid input");
    enter(&mut browser, "999999999", "499999999500000000");
    picture(&mut browser, "fixed.png", DESK, false);
    picture(&mut browser, "dark.png", DESK, true);
    picture(&mut browser, "phone.png", PHONE, false);
    browser.set_latency(Duration::ZERO).expect("as it was");

    apply(&sandbox, "count.patch");
    let _counted = sandbox.upgrade().expect("the count");
    until_at_foot(&mut browser, ", 0 ended");
    enter(&mut browser, "7", "28");
    until_at_foot(&mut browser, ", 1 ended");
    let _said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
    browser.until("!document.getElementById('view').innerText.includes('ended')").expect("rolled back");
    enter(&mut browser, "8", "36");
    assert_eq!((browser.sockets(), browser.complaints()), (1, &[][..]));
    load.look_around(&address);

    // A connection that is lost is said to be, and resumes; what was shown stays.
    drop(node);
    until_state(&mut browser, "connection lost, trying again");
    let _node = sandbox.run_at(&address).expect("it runs again");
    until_state(&mut browser, "connected");
    enter(&mut browser, "9", "45");
    let earlier = browser.eval("document.querySelector('#earlier > li').textContent").expect("a page");
    assert_eq!(earlier, "∑(1..8) = 36");
}

const PAGES: u64 = 1000;

/// What each page takes, as far as the node has grown.
fn bytes_a_page(node: &Node, before_kib: u32) -> u64 {
    let now = memory::resident_kib(node.os_pid()).expect("a process of ours");
    u64::from(now.saturating_sub(before_kib)) * 1024 / PAGES
}

#[test]
#[expect(clippy::print_stdout, reason = "what a session takes is the test's result")]
fn a_thousand_pages_keep_their_lists() {
    let sandbox = Sandbox::new(EXAMPLE).expect("the example builds");
    let mut node = sandbox.run().expect("the example runs");
    drop(Page::open(&node));
    let before = memory::resident_kib(node.os_pid()).expect("a process of ours");
    let mut pages: Vec<_> = (0..PAGES).map(|_| Page::open(&node)).collect();
    println!("a page takes {} bytes", bytes_a_page(&node, before));
    for (to, page) in (100_u64..).zip(&mut pages) {
        assert_eq!(page.ask(&to.to_string()), (to * (to + 1) / 2).to_string());
    }
    println!("with a result on its list {} bytes", bytes_a_page(&node, before));
    apply(&sandbox, "fix.patch");
    let fixed = sandbox.upgrade().expect("the fix");
    for (to, page) in (100_u64..).zip(&mut pages) {
        let view = page.next();
        assert_eq!(shown(&view, &to.to_string()), Some((to * (to + 1) / 2).to_string().as_str()), "{view}");
        assert!(view.contains(&fixed), "{view}");
        assert_eq!(page.ask("13"), "91");
    }
    println!("on the new version {} bytes", bytes_a_page(&node, before));
    assert!(node.is_alive());
}
