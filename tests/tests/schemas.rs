//! The comparison of schemas against serde itself: random types and random changes of them are compiled, values of the one are written, and
//! read as the other.

mod random_types;

use random_types::{Def, Dice, changed, random, singly, text};
use serde_json::Value;
use std::fmt::Write as _;
use system_tests::cli::Cli;
use system_tests::sandbox::Sandbox;
use system_tests::workspace;

/// Pairs of types, unless `SCHEMA_PAIRS` says another number.
const PAIRS: usize = 70;
/// Where the types come from, unless `SCHEMA_SEED` says another number.
const SEED: u64 = 1;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Random types, and `all`, which compares them.
fn module() -> String {
    let mut dice = Dice::new(number("SCHEMA_SEED").unwrap_or(SEED));
    let pairs = number("SCHEMA_PAIRS").and_then(|pairs| usize::try_from(pairs).ok()).unwrap_or(PAIRS);
    let mut module =
        "//! Random types.\n\n#![allow(warnings, reason = \"nobody has written them\")]\n\nuse crate::make::{Make, Random};\nuse crate::{Recorded, all_pairs, both_ways, kind, record};\n\n".to_owned();
    let mut add = |def: &Def, name: &str| {
        module.push_str(&text(def, name));
        let _ = writeln!(
            module,
            "impl Recorded for {name} {{\n    fn record() -> runtime::schema::StateRecord {{\n        record!({name})\n    }}\n}}\n"
        );
    };
    let (mut singles, mut all) = (String::new(), String::new());
    for (at, single) in singly().iter().enumerate() {
        add(single, &format!("Single{at}"));
        let _ = write!(singles, "kind::<Single{at}>(\"Single{at}\"), ");
    }
    for at in 0..pairs {
        let old = random(&mut dice);
        let (new, is_plain) = changed(&old, &mut dice);
        add(&old, &format!("Old{at}"));
        add(&new, &format!("New{at}"));
        let _ =
            writeln!(all, "    both_ways(&kind::<Old{at}>(\"Old{at}\"), &kind::<New{at}>(\"New{at}\"), {is_plain});");
    }
    format!("{module}pub(crate) fn all() {{\n    all_pairs(&[{singles}]);\n{all}}}\n")
}

#[test]
fn what_is_called_compatible_is_read_and_what_is_not_is_refused() {
    let sandbox = Sandbox::unbuilt("schemas").expect("a workspace");
    let module = module();
    std::fs::write(sandbox.package().join("src/types.rs"), &module).expect("written");
    let cargo = Cli::of(&workspace::cargo()).args(["run", "--quiet"]).in_folder(&sandbox.workspace());
    // Most of what it needs has been built there, as these tests have.
    let said = cargo.env("CARGO_TARGET_DIR", workspace::target().expect("a target folder")).expect(0);
    let results = said.json_lines();
    let wrong: Vec<_> = results.iter().filter(|result| result["is_right"] != true).collect();
    wrong.iter().for_each(|result| show(&module, result));
    let count = |is: &dyn Fn(&Value) -> bool| results.iter().filter(|result| is(result)).count();
    let none = |result: &Value| result["differences"].as_array().is_some_and(Vec::is_empty);
    let (compatible, sure) = (count(&none), count(&|result| result["is_sure"] == true));
    assert!(wrong.is_empty(), "{} of {} are wrong", wrong.len(), results.len());
    assert!(compatible > 100 && sure > 200, "{compatible} read, {sure} not, of {}", results.len());
    let is_cautious = |result: &Value| !none(result) && result["refused"].is_null() && result["is_changed"] == false;
    let cautious = count(&is_cautious);
    assert!(cautious * 20 < results.len(), "{cautious} of {} are refused by us alone", results.len());
}

/// The two types, and what was said of them.
#[expect(clippy::print_stderr, reason = "what a failed test says")]
fn show(module: &str, result: &Value) {
    for name in [&result["old"], &result["new"]].into_iter().filter_map(Value::as_str) {
        let is_its = |part: &&str| {
            let defined = part.lines().find_map(|line| line.strip_prefix("pub(crate) ")?.split_once(' '));
            let word = defined
                .map(|(_, rest)| rest.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default());
            word.is_some_and(|word| word == name || word.starts_with(&format!("{name}Part")))
        };
        for part in module.split("#[derive").filter(is_its) {
            eprintln!("#[derive{}", part.split("impl Make").next().unwrap_or_default());
        }
    }
    eprintln!("{result:#}\n");
}
