//! Processes talk to each other: within a version, and between versions.

use std::time::Duration;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;
use system_tests::wait;

fn fixture() -> (Sandbox, Node) {
    let sandbox = Sandbox::new("messages").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    (sandbox, node)
}

/// Another version: another factor, a field more in one type, a field of another type in the other.
fn upgrade(sandbox: &Sandbox) {
    for (from, to) in [
        ("const FACTOR: u64 = 10;", "const FACTOR: u64 = 20;"),
        ("// A field is added here.", "#[serde(default)]\n    height: u64,"),
        ("    Shape { width }", "    Shape { width, height: 3 }"),
        ("struct Rigid {\n    size: u64,", "struct Rigid {\n    size: String,"),
        ("    Rigid { size }", "    Rigid { size: size.to_string() }"),
    ] {
        sandbox.edit("src/service.rs", from, to).expect("an edit");
    }
    sandbox.upgrade().expect("an upgrade");
}

#[test]
fn scenes_within_one_version() {
    let (_sandbox, mut node) = fixture();
    let mut talk = Talk::open(node.address());
    let notices = r#"(["down error: sentinel", "exit error: sentinel"], [1])"#;
    let names = r#"["Ok(())", "Err(Taken)", "Err(Taken)", "true", "None", "Err(Dead)", "Ok(())", "true false"]"#;
    for (scene, said) in [
        ("select", "(60, Some(30), [1, 2, 4, 5, 7])"),
        ("select-inner", "(50, 5, [1, 2, 3, 4, 6])"),
        ("select-dropped", "(true, [1, 2, 3, 4])"),
        ("select-notices", notices),
        ("calls-inner", "([Ok(10), Ok(200), Ok(400), Err(Timeout)], [1, 2, 2, 2, 2])"),
        ("calls-joined", "(Ok(300), Err(Timeout), 3)"),
        ("call-late", "(Err(Timeout), Ok(600), [])"),
        ("call-dead", "Err(Send(Dead(..)))"),
        ("call-dying", "[Err(NoReply), Err(NoReply), Err(NoReply)]"),
        ("call-behind", r#""true Ok(50) [1, 2]""#),
        ("bounded", "([true, true, true, false, true], Some(5))"),
        ("bounded-kept", "(8, 8)"),
        ("room", "([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19], true, true)"),
        ("names", names),
        ("names-race", "(true, true, None)"),
        ("groups", "(6, [1, 2, 3, 10, 20, 30], 0, true)"),
        ("last", "[1, 2, 3, 4]"),
    ] {
        talk.expect(&format!("scene {scene}"), said);
    }
    talk.expect("wire readable", "early false, 5 bytes, again false, end true");
    assert!(node.is_alive());
}

#[test]
fn times_priorities_and_schedulers_online() {
    let (sandbox, node) = fixture();
    let mut talk = Talk::open(node.address());
    for (scene, said) in [
        ("after", "(true, true, true, true, true)"),
        ("after-in-order", "true"),
        ("interval", "(true, true, true)"),
        ("send-interval", "(true, true, true, true)"),
        ("online", "(true, true, [true, true, true, true, true])"),
        ("shared", "true"),
        ("priorities", "(true, true)"),
        ("next", "true"),
    ] {
        talk.expect(&format!("time {scene}"), said);
    }
    let status = node.status();
    assert_eq!(status["schedulers_online"], status["schedulers"]);
    // Of a machine with one processor: "1 scheduler, ".
    let shown = sandbox.cli(["status"]).expect(0).stdout;
    assert!(shown.contains(&format!("{} scheduler", status["schedulers"])), "{shown}");
}

#[test]
fn messages_calls_and_answers_cross_versions_both_ways() {
    let (sandbox, mut node) = fixture();
    let mut old = Talk::open(node.address());
    old.expect("start old", "ok");
    upgrade(&sandbox);
    let mut new = Talk::open(node.address());
    new.expect("start new", "ok");

    for talk in [&mut old, &mut new] {
        talk.expect("multiply old 7", "Ok(70)");
        talk.expect("multiply new 7", "Ok(140)");
        talk.expect("ignore old", "Err(NoReply)");
        talk.expect("ignore new", "Err(NoReply)");
        // Each version asks the other, in the name of whoever asked it.
        talk.expect("ask old new", "Ok(141)");
        talk.expect("ask new old", "Ok(71)");
        // The question is given on, and so is where its answer goes.
        talk.expect("forward old new", "Ok(140)");
        talk.expect("forward new old", "Ok(70)");
        // What is given on and refused has its answer all the same: not after the time-out.
        for (from, to) in [("old", "new"), ("new", "old")] {
            talk.expect(&format!("forward-hard {from} {to}"), "Err(NoReply)");
            talk.expect(&format!("forward-hard-later {from} {to}"), "Err(NoReply)");
        }
        talk.expect("forward-hard old old", "Ok(10)");
    }

    // A field that only one of them knows.
    old.expect("draw old 2", "Ok(Shape { width: 20 })");
    old.expect("draw new 2", "Ok(Shape { width: 40 })");
    new.expect("draw old 2", "Ok(Shape { width: 20, height: 0 })");
    new.expect("draw new 2", "Ok(Shape { width: 40, height: 3 })");

    // What cannot be understood, or must not cross, is refused; neither side suffers.
    old.expect("rigid new 5", "Err(Untranslatable(..))");
    new.expect("rigid old 5", "Err(Untranslatable(..))");
    new.expect("rigid new 5", "Ok(())");
    for (talk, own, other) in [(&mut old, "old", "new"), (&mut new, "new", "old")] {
        talk.expect(&format!("wrong {own} 5"), "Some(Err(WrongType(..)))");
        talk.expect(&format!("wrong {other} 5"), "Some(Err(WrongType(..)))");
        talk.expect(&format!("local {other} 5"), "Some(Err(WrongType(..)))");
        talk.expect(&format!("borrow {other}"), "Err(Unreadable)");
    }
    // Of one that takes such messages, and nothing else.
    old.expect("start-local locals", "Ok(())");
    old.expect("local locals 5", "Some(Ok(()))");
    new.expect("local locals 5", "Some(Err(WrongType(..)))");
    // A mailbox is as full for the other version, and what is not understood takes no room in it.
    old.expect("start-narrow narrow", "Ok(())");
    for _ in 0..5 {
        new.expect("rigid narrow 5", "Err(Untranslatable(..))");
    }
    new.expect("say narrow one", "Ok(())");
    old.expect("say narrow two", "Ok(())");
    for talk in [&mut old, &mut new] {
        talk.expect("say narrow three", "Err(Full(..))");
        talk.expect("multiply narrow 7", "Err(Send(Full(..)))");
    }
    old.expect("kill narrow", "true");
    old.expect("borrow old", "Ok(Local(10))");
    new.expect("borrow new", "Ok(Local(20))");
    assert!(node.is_alive());
}

#[test]
fn names_groups_and_timers_are_of_all_versions() {
    let (sandbox, node) = fixture();
    let mut old = Talk::open(node.address());
    old.expect("start old", "ok");
    upgrade(&sandbox);
    let mut new = Talk::open(node.address());
    new.expect("start old", "Taken");
    new.expect("start new", "ok");

    old.expect("join new", "true");
    new.expect("join old", "true");
    new.expect("join old", "true");
    for talk in [&mut old, &mut new] {
        talk.expect("members old", "2");
    }
    new.expect("publish one", "2");
    old.expect("publish two", "2");
    old.expect("leave new", "true");
    new.expect("publish three", "1");
    old.expect("heard new", r#"Ok(["one", "two"])"#);
    new.expect("heard old", r#"Ok(["one", "two", "three"])"#);

    old.expect("listen old", "true");
    new.expect("listen new", "true");
    for (talk, text) in [(&mut old, "from-old"), (&mut new, "from-new")] {
        talk.expect(&format!("news {text}"), "2");
    }
    for talk in [&mut old, &mut new] {
        for name in ["old", "new"] {
            let mut all = String::new();
            let heard = wait::until("both news", Duration::from_secs(10), || {
                all += &talk.ask(&format!("heard {name}"));
                (all.contains("from-old") && all.contains("from-new")).then_some(())
            });
            heard.expect("they came");
            // For the other's look.
            talk.expect(&format!("say {name} from-old"), "Ok(())");
            talk.expect(&format!("say {name} from-new"), "Ok(())");
        }
    }

    new.expect("later old four", "ok");
    let heard = wait::until("a message that was sent later", Duration::from_secs(10), || {
        Some(new.ask("heard old")).filter(|heard| heard.contains("four"))
    });
    heard.expect("it came");

    old.expect("stop old", "Ok(())");
    let gone =
        wait::until("the name goes", Duration::from_secs(10), || (new.ask("multiply old 7") == "nobody").then_some(()));
    gone.expect("it went");
    new.expect("members new", "0");
    new.expect("start old", "ok");
    new.expect("multiply old 7", "Ok(140)");
}
