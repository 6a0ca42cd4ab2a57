//! What the documentation shows of this tool, held to what the tool is: a command, an option or a setting that is not there any more fails a test.
//!
//! ```text
//! sh, yaml ─ lines ─ shell words ─ `cargo system …`, `…/bin/<name> …` ─► parsed by the very definition, and not run
//! toml with [package.metadata.system] ─────────────────────────────────► read as settings (settings.rs)
//! text that the tool writes ───────────────────────────────────────────► compared with its snapshots
//! ```

use crate::cli::definition;
use crate::exit_code;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders without documentation of ours.
const SKIPPED: [&str; 2] = ["target", "fixtures"];
/// Between two commands of one line, or behind the last.
const OPERATORS: [&str; 6] = ["&&", "||", "|", ";", ">", ">>"];

/// A fenced block of a Markdown file.
#[derive(Debug)]
pub(crate) struct Block {
    /// File and line, for people.
    pub(crate) place: String,
    pub(crate) text: String,
}

/// The blocks in that language, of all Markdown files of the repository.
pub(crate) fn blocks(language: &str) -> Vec<Block> {
    let mut files = Vec::new();
    collect(&repository(), &mut files);
    assert!(files.len() > 10, "the documentation was not found: {files:?}");
    files.iter().flat_map(|file| blocks_of(&file.display().to_string(), &read(file), language)).collect()
}

fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package is a folder of the repository").to_owned()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            into.push(path);
        }
    }
}

fn blocks_of(file: &str, text: &str, language: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    // The open block's language, and itself.
    let mut open: Option<(String, Block)> = None;
    for (number, line) in text.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(words)) => {
                let language = words.split(',').next().unwrap_or_default().trim().to_owned();
                open = Some((language, Block { place: format!("{file}:{}", number + 1), text: String::new() }));
            }
            (None, None) => {}
            (Some((_, block)), None) => block.text.extend([line.trim_start(), "\n"]),
            (Some(_), Some(_)) => blocks.extend(open.take().filter(|(of, _)| of == language).map(|(_, block)| block)),
        }
    }
    blocks
}

/// The calls of this tool in a line: for a release's own command or not, and its words.
fn calls(line: &str) -> Vec<(bool, Vec<String>)> {
    let line = line.trim_start_matches("- ");
    let words = shlex::split(line).unwrap_or_else(|| panic!("a shell would not end this line: {line}"));
    let commands = words.split(|word| OPERATORS.contains(&word.as_str()));
    let call = |words: &[String]| match words {
        [cargo, system, rest @ ..] if cargo == "cargo" && system == "system" => Some((false, rest.to_vec())),
        [program, rest @ ..] if is_of_release(program) => Some((true, rest.to_vec())),
        _ => None,
    };
    commands.filter_map(call).collect()
}

/// `bin/app`, `/srv/app/bin/app`
fn is_of_release(program: &str) -> bool {
    Path::new(program).parent().is_some_and(|folder| folder.ends_with("bin") && !folder.starts_with("/usr"))
}

/// Why it would not be taken.
fn refusal(of_release: bool, words: &[String]) -> Option<String> {
    let definition = definition(of_release.then_some(Path::new("/nonexistent")));
    let arguments = std::iter::once("cargo-system").chain(words.iter().map(String::as_str));
    let matches = match definition.clone().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) => return Some(error.to_string()),
    };
    let command = matches.subcommand_name().and_then(|name| definition.find_subcommand(name));
    command.filter(|command| command.is_hide_set()).map(|command| format!("{} is not offered here", command.get_name()))
}

#[test]
fn every_command_that_is_shown_is_taken() {
    let (mut count, mut refused) = (0, Vec::new());
    for block in blocks("sh").into_iter().chain(blocks("yaml")) {
        for (of_release, words) in block.text.lines().flat_map(calls) {
            count += 1;
            let refusal = refusal(of_release, &words);
            refused.extend(refusal.map(|why| format!("{}: {}: {why}", block.place, words.join(" "))));
        }
    }
    assert!(count > 50, "only {count} commands were found");
    assert!(refused.is_empty(), "the documentation shows what is not taken:\n{}", refused.join("\n"));
}

#[test]
fn what_is_not_taken_is_found() {
    let refused =
        |line: &str| calls(line).iter().find_map(|(of_release, words)| refusal(*of_release, words)).unwrap_or_default();
    assert!(refused("cargo build && cargo system upgrade --dri-run # a slip").contains("--dri-run"));
    assert!(refused("echo 1 | cargo system evaluate").contains("evaluate"));
    assert!(refused("/srv/app/bin/app run").contains("not offered"));
    assert!(refused("cargo system daemon").contains("not offered"));
    assert_eq!(refused("- bin/app daemon --listen 0.0.0.0:80 && cargo system status --json > status.json"), "");
    let blocks = blocks_of("x.md", "a\n```sh\nb\n```\n   ```text\n   c\n   ```\n```sh,x\nd\n```\n", "sh");
    let found: Vec<_> = blocks.iter().map(|block| (block.place.as_str(), block.text.as_str())).collect();
    assert_eq!(found, [("x.md:2", "b\n"), ("x.md:8", "d\n")]);
}

/// A snapshot without its head.
fn body(snapshot: &str) -> &str {
    snapshot.splitn(3, "---\n").last().unwrap_or_default().trim_end()
}

#[test]
fn what_the_book_shows_is_what_the_tool_writes() {
    let chapter = |name: &str| read(&repository().join("docs/book/src").join(name));
    let plan = body(include_str!("snapshots/cargo_system__plan_text__tests__plan.snap"));
    assert!(chapter("upgrades.md").contains(plan), "upgrades.md shows another plan than\n{plan}");
    let help = exit_code::help();
    let (_, codes) = help.split_once('\n').expect("a head, and codes");
    assert!(chapter("upgrades.md").contains(codes), "upgrades.md shows other exit codes than\n{codes}");
    let unit = body(include_str!("commands/snapshots/cargo_system__commands__service__tests__unit.snap"));
    let service = unit.find("[Service]").and_then(|at| unit[at..].split("\n\n").next()).expect("a section");
    assert!(chapter("running.md").contains(service), "running.md shows another unit than\n{service}");
}
