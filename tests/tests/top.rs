//! `top` on a terminal: it shows, chooses, kills, and gives the terminal back.

use system_tests::runaway::{Control, LIMIT, node};
use system_tests::terminal::{Terminal, plain};
use system_tests::wait;

/// Leaves the screen that `top` has taken.
const GIVEN_BACK: &[u8] = b"\x1b[?1049l";
/// Before a screen of another size is drawn.
const CLEARED: &[u8] = b"\x1b[2J";

fn gives_back(terminal: &Terminal) -> bool {
    terminal.all().windows(GIVEN_BACK.len()).any(|window| window == GIVEN_BACK)
}

#[test]
fn a_spinner_is_shown_and_killed_on_a_narrow_terminal_without_colours() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    let spinner = control.start_spinner();
    let cli = sandbox.cli(["top", "--interval", "0.2"]);
    let mut terminal = Terminal::start(cli, 40, 12).expect("a terminal");
    terminal.until(&spinner);
    terminal.press("k");
    terminal.until(&format!("kill {spinner}?"));
    assert!(control.ask(&format!("info {spinner}")) != "dead", "it is asked about first");
    terminal.press("y");
    terminal.until("has ended");
    assert_eq!(control.ask(&format!("wait {spinner}")), "no such process");
    terminal.press("q");
    assert!(terminal.ended().expect("it ends").success());
    wait::until("the terminal is given back", LIMIT, || gives_back(&terminal).then_some(())).expect("given back");
    let colours = terminal.all().windows(5).any(|window| window == b"\x1b[31m" || window == b"\x1b[33m");
    assert!(!colours, "NO_COLOR is set");
}

#[test]
fn the_function_that_a_spinner_is_in_is_shown() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    let _ = control.start_spinner();
    let mut terminal = Terminal::start(sandbox.cli(["top", "--interval", "0.2"]), 100, 12).expect("a terminal");
    terminal.until("spin kinds.rs:");
    terminal.press("q");
    assert!(terminal.ended().expect("it ends").success());
}

#[test]
fn a_terminal_that_is_resized_is_filled_anew() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    let spinner = control.start_spinner();
    let mut terminal = Terminal::start(sandbox.cli(["top", "--interval", "0.2"]), 40, 12).expect("a terminal");
    terminal.until(&spinner);
    assert!(!plain(&terminal.all()).contains("kinds.rs:"), "there is no room for it");
    terminal.resize(100, 12).expect("resized");
    terminal.until("spin kinds.rs:");
    // Smaller than anybody can read, and back.
    for (columns, rows) in [(1, 1), (2, 40), (300, 2), (100, 12)] {
        let before = terminal.all().len();
        terminal.resize(columns, rows).expect("resized");
        let is_cleared =
            || terminal.all()[before..].windows(CLEARED.len()).any(|window| window == CLEARED).then_some(());
        wait::until("it is filled anew", LIMIT, is_cleared).expect("cleared");
    }
    terminal.until("spin kinds.rs:");
    terminal.press("q");
    assert!(terminal.ended().expect("it ends").success());
}

#[test]
fn a_node_that_goes_away_is_an_error_and_the_terminal_is_given_back() {
    let (sandbox, node) = node();
    let mut terminal = Terminal::start(sandbox.cli(["top", "--interval", "0.2"]), 80, 24).expect("a terminal");
    terminal.until("processes");
    drop(node);
    assert_eq!(terminal.ended().expect("it ends").code(), Some(1));
    wait::until("the terminal is given back", LIMIT, || gives_back(&terminal).then_some(())).expect("given back");
}
