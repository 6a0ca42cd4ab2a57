//! The project's chores: `cargo xtask test` runs every test, `cargo xtask bench` measures, `cargo xtask sanitize` runs tests
//! under a sanitizer, `cargo xtask story` takes the pictures of the example's story, `cargo xtask tables` renews the book's tables of measurements.

mod bench;
mod book;
mod deny;
mod oldest;
mod packages;
mod sanitize;
mod shell;
mod story;
mod test;
mod tools;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <CHORE>

chores:
  test                                        install what tests need, check format and lints, run every test
  bench [--only NAME] [--json FILE] [--write] measure against a peer; --only takes the beginning of names, too; --write puts the
                                              results into docs/benchmarks.json, .md and .svg, and into the book
  sanitize [--address | --thread]             run unit tests and some end-to-end tests under that sanitizer (address)
  story                                       tell the example's story in a browser, and put its pictures into docs/story
  tables                                      make the book's tables of docs/benchmarks.json anew, as bench --write does
benchmarks:";

fn usage() -> String {
    format!("{USAGE}\n  {}", bench::names().join("\n  "))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test"] => test::run(),
        ["bench", options @ ..] => bench::Options::parse(options).and_then(|options| bench::run(&options)),
        ["sanitize", options @ ..] => sanitize::run(options),
        ["story"] => story::run(),
        ["tables"] => bench::book::renew(),
        ["help" | "--help" | "-h"] => {
            shell::say(&usage());
            return ExitCode::SUCCESS;
        }
        _ => {
            shell::complain(&usage());
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
