//! Documentation leads somewhere: links and anchors of all Markdown files, and the book's summary.
//!
//! A link of the book to what is outside of it names the repository by its address on the net, since a built book stands elsewhere. Such links are
//! looked up here, in this repository.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use system_tests::workspace;

/// Folders without documentation of ours.
const SKIPPED: [&str; 2] = ["target", ".git"];
/// How links begin that lead into this repository, whichever way one looks at it.
const OURS: [&str; 2] = [
    "https://github.com/cargo-system/cargo-system/blob/main/",
    "https://github.com/cargo-system/cargo-system/tree/main/",
];
/// The chapters' folder.
const BOOK: &str = "docs/book/src";

/// A Markdown file.
#[derive(Debug, Default)]
struct Document {
    /// Where its links and pictures lead.
    links: Vec<String>,
    /// Its headings, as links name them.
    anchors: BTreeSet<String>,
    /// Languages of its fenced blocks.
    languages: BTreeSet<String>,
}

impl Document {
    fn read(text: &str) -> Self {
        let (mut document, mut heading) = (Self::default(), None::<String>);
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push(dest_url.into_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(text) | Event::Code(text) => heading.iter_mut().for_each(|heading| heading.push_str(&text)),
                Event::End(TagEnd::Heading(_)) => document.add_anchor(&heading.take().unwrap_or_default()),
                Event::Start(Tag::CodeBlock(pulldown_cmark::CodeBlockKind::Fenced(words))) => {
                    document.languages.extend(words.split(',').next().map(str::to_owned));
                }
                _ => {}
            }
        }
        document
    }

    /// As GitHub and mdBook make one of a heading: the second of a name has a number.
    fn add_anchor(&mut self, heading: &str) {
        let is_kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
        let anchor: String =
            heading.trim().to_lowercase().chars().filter(is_kept).collect::<String>().replace(' ', "-");
        let numbered = (1..).map(|number| format!("{anchor}-{number}"));
        let free = std::iter::once(anchor.clone()).chain(numbered).find(|name| !self.anchors.contains(name));
        self.anchors.extend(free);
    }
}

/// Every Markdown file of the repository, from its root.
fn documents() -> BTreeMap<PathBuf, Document> {
    let (root, mut documents) = (workspace::root(), BTreeMap::new());
    collect(&root, &root, &mut documents);
    assert!(documents.len() > 10, "the documentation was not found under {}", root.display());
    documents
}

fn collect(root: &Path, folder: &Path, into: &mut BTreeMap<PathBuf, Document>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !SKIPPED.contains(&name.as_str()) {
            collect(root, &path, into);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&path).expect("a readable document");
            into.insert(path.strip_prefix(root).expect("inside the root").to_owned(), Document::read(&text));
        }
    }
}

/// Where a link of that document leads within the repository, from its root, and to which anchor. `None`: elsewhere.
fn target(document: &Path, link: &str) -> Option<(PathBuf, Option<String>)> {
    let ours = OURS.iter().find_map(|ours| link.strip_prefix(ours));
    if ours.is_none() && (link.contains("://") || link.starts_with("mailto:")) {
        return None;
    }
    let link = ours.unwrap_or(link);
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor.to_owned())));
    let folder = if ours.is_some() { Path::new("") } else { document.parent().unwrap_or(Path::new("")) };
    let path = if path.is_empty() { document.to_owned() } else { plain(&folder.join(path)) };
    Some((path, anchor))
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, component| {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
        plain
    })
}

/// Why a link of that document leads nowhere.
fn fault(documents: &BTreeMap<PathBuf, Document>, document: &Path, link: &str) -> Option<String> {
    let (path, anchor) = target(document, link)?;
    let is_of_book = |path: &Path| path.starts_with(BOOK);
    let is_relative = !link.contains("://");
    if is_of_book(document) && is_relative && !is_of_book(&path) {
        return Some(format!("it leaves the book; write {}{}", OURS[0], path.display()));
    }
    if !workspace::root().join(&path).exists() {
        return Some(format!("there is no {}", path.display()));
    }
    let anchor = anchor?;
    match documents.get(&path) {
        Some(target) if target.anchors.contains(&anchor) => None,
        Some(_) => Some(format!("{} has no heading #{anchor}", path.display())),
        None => Some(format!("{} is no document with headings", path.display())),
    }
}

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    let links = documents.iter().flat_map(|(path, document)| document.links.iter().map(move |link| (path, link)));
    let faults: Vec<_> = links
        .filter_map(|(path, link)| Some(format!("{}: {link}: {}", path.display(), fault(&documents, path, link)?)))
        .collect();
    assert!(faults.is_empty(), "links that lead nowhere:\n{}", faults.join("\n"));
}

#[test]
fn the_summary_lists_each_chapter_once() {
    let documents = documents();
    let summary = Path::new(BOOK).join("SUMMARY.md");
    let mut listed: Vec<_> =
        documents[&summary].links.iter().filter_map(|link| target(&summary, link)).map(|(path, _)| path).collect();
    listed.sort();
    let chapters: Vec<_> =
        documents.keys().filter(|path| path.starts_with(BOOK) && **path != summary).cloned().collect();
    assert_eq!(listed, chapters);
}

#[test]
fn every_chapter_with_examples_is_compiled() {
    let library = fs::read_to_string(workspace::root().join("docs/book/lib.rs")).expect("the book's library");
    let is_compiled = |path: &Path| {
        let file = path.strip_prefix("docs/book").map_or_else(|_| Path::new("../..").join(path), Path::to_owned);
        library.contains(&format!("{:?}", file.display().to_string()))
    };
    let has_examples = |document: &Document| document.languages.contains("rust");
    let missing: Vec<_> = documents()
        .into_iter()
        .filter(|(path, document)| has_examples(document) && !is_compiled(path))
        .map(|(path, _)| path)
        .collect();
    assert!(missing.is_empty(), "docs/book/lib.rs does not list {missing:?}, which have examples in Rust");
}

#[test]
fn the_books_configuration_is_the_one_that_it_shows() {
    let book = workspace::root().join("docs/book");
    let shown = fs::read_to_string(book.join("src/configuration.md")).expect("the chapter");
    let used = fs::read_to_string(book.join("config.toml")).expect("what the example is compiled with");
    assert!(shown.contains(&format!("```toml\n{used}```")), "configuration.md shows another config.toml");
}

#[test]
fn the_actions_inputs_and_outputs_that_are_shown_are_there() {
    let root = workspace::root();
    let action = fs::read_to_string(root.join(".github/actions/upgrade/action.yml")).expect("the action");
    let chapter = fs::read_to_string(root.join(BOOK).join("ci.md")).expect("the chapter");
    let (_, with) = chapter.split_once("\n  with:\n").expect("the action, as it is called");
    let inputs = with.lines().map_while(|line| line.strip_prefix("    ")?.split_once(':')).map(|(input, _)| input);
    let outputs = chapter.split("steps.upgrade.outputs.").skip(1).filter_map(|output| output.split(' ').next());
    let names: Vec<_> = inputs.chain(outputs).collect();
    assert!(names.len() > 4, "{names:?}");
    let missing: Vec<_> = names.iter().filter(|name| !action.contains(&format!("\n  {name}:\n"))).collect();
    assert!(missing.is_empty(), "the action has no {missing:?}");
}

#[test]
fn what_leads_nowhere_is_found() {
    let document =
        Document::read("# One `two`, three!\n\n# One two three\n\n[a](b.md#c) ![d](e.png)\n\n```rust,x\n```\n");
    assert_eq!(document.links, ["b.md#c", "e.png"]);
    assert_eq!(document.anchors.iter().collect::<Vec<_>>(), ["one-two-three", "one-two-three-1"]);
    assert!(document.languages.contains("rust"));
    let documents = documents();
    let fault = |link: &str| fault(&documents, Path::new("docs/book/src/state.md"), link);
    assert_eq!(fault("https://example.org/nothing"), None);
    assert_eq!(fault("sessions.md"), None);
    for link in ["nothing.md", "sessions.md#nothing", "../../benchmarks.md", &format!("{}nothing", OURS[0])] {
        assert!(fault(link).is_some(), "{link}");
    }
    assert_eq!(fault(&format!("{}docs/benchmarks.md#method", OURS[0])), None);
}
