//! A page of commands and what each said.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use system_tests::cli::Cli;
use system_tests::node::Node;

/// What stands before a sentence of cargo's.
const UNREADABLE: &str = "error: the workspace cannot be read: ";

/// See the file's head.
pub(crate) struct Page {
    folder: PathBuf,
    node: Option<PathBuf>,
    /// What differs from run to run, and what stands for it.
    replaced: Vec<(String, &'static str)>,
    text: String,
}

impl Page {
    /// For commands that are called in this folder.
    pub(crate) fn new(folder: &Path) -> Self {
        let replaced = vec![(folder.display().to_string(), "[here]")];
        Self { folder: folder.to_owned(), node: None, replaced, text: String::new() }
    }

    /// From here on they ask this node, which runs that version.
    pub(crate) fn at(&mut self, node: &Node) {
        self.replaced.extend([(node.root().display().to_string(), "[node]"), (node.version(), "[version]")]);
        self.node = Some(node.root().to_owned());
    }

    pub(crate) fn section(&mut self, heading: &str) {
        writeln!(self.text, "# {heading}\n").expect("text");
    }

    /// Calls each, and writes down what it said and its exit code.
    pub(crate) fn asks(&mut self, commands: &[&str]) {
        commands.iter().for_each(|command| self.ask(command));
    }

    fn ask(&mut self, command: &str) {
        let words = words(command);
        let mut cli = Cli::new(&words).expect("the binary under test builds").in_folder(&self.folder);
        if let Some(node) = &self.node {
            cli = cli.env("CARGO_SYSTEM_NODE", node);
        }
        let said = cli.run().expect("it ends");
        assert_ne!(said.code, 0, "{command} is wrong, and does: {}", said.stdout);
        // What cargo, or a progress, has said before is not ours, and another one says it otherwise.
        let ours = said.stderr.rfind("\nerror: ").map_or(0, |before| before + 1);
        let mut stderr = said.stderr[ours..].to_owned();
        // An expression's words are its own.
        let says_what_next = ["hint: ", "For more information, try '--help'"].iter().any(|text| stderr.contains(text));
        assert!(says_what_next || command.starts_with("eval "), "{command} does not say what next: {}", stderr);
        for (text, by) in &self.replaced {
            stderr = stderr.replace(text.as_str(), by);
        }
        if let Some((_, rest)) = stderr.split_once(UNREADABLE) {
            // The sentence is cargo's, what next is ours.
            let rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            stderr = format!("{UNREADABLE}[cargo's own words]\n{rest}");
        }
        writeln!(self.text, "$ cargo system {command}\n{}\n[{}]\n", stderr.trim_end(), said.code).expect("text");
    }

    pub(crate) fn text(&self) -> &str {
        self.text.trim_end()
    }
}

/// A command's words, of which one may stand in single quotes.
fn words(command: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (index, part) in command.split('\'').enumerate() {
        match index % 2 {
            0 => words.extend(part.split_whitespace()),
            _ => words.push(part),
        }
    }
    words
}
