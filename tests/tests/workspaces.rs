//! Where the tool is called: folders without a workspace, workspaces without a plugin or with several, names and paths as people have them.

use std::fs;
use std::path::Path;
use system_tests::cli::Cli;
use system_tests::workspace;
use tempfile::TempDir;

/// "Error".
const ERROR: i32 = 1;
/// "The command line is wrong".
const USAGE: i32 = 2;
/// Commands that need to know the application.
const COMMANDS: [&[&str]; 6] = [&["run"], &["check"], &["release"], &["upgrade"], &["status"], &["history"]];

/// A folder with a space and letters that are not ASCII, in another one.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a folder"));
        fs::create_dir(place.folder()).expect("a folder");
        place
    }

    fn folder(&self) -> std::path::PathBuf {
        self.0.path().join("meine Öfen 窯")
    }

    /// A virtual workspace with these plugins.
    fn with(plugins: &[&str]) -> Self {
        let place = Self::new();
        let members: Vec<_> = plugins.iter().map(|name| format!("{name:?}")).collect();
        let manifest = format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", members.join(", "));
        fs::write(place.folder().join("Cargo.toml"), manifest).expect("written");
        let sdk = workspace::root().join("plugin-abi");
        let plugin = format!("[lib]\ncrate-type = [\"cdylib\"]\n\n[dependencies]\nplugin-abi = {{ path = {sdk:?} }}\n");
        plugins.iter().for_each(|name| package(&place.folder().join(name), name, &plugin));
        place
    }

    /// Calls it there, and returns its one sentence.
    fn says(&self, words: &[&str], code: i32) -> String {
        let cli = Cli::new(words).expect("the binary under test builds").in_folder(&self.folder());
        let said = cli.expect(code);
        assert_eq!(said.stderr.matches("error: ").count(), 1, "one sentence: {}", said.stderr);
        assert!(said.complaint().1.is_some(), "it says what next: {}", said.stderr);
        said.complaint().0.expect("an error").to_owned()
    }
}

fn package(folder: &Path, name: &str, rest: &str) {
    fs::create_dir_all(folder.join("src")).expect("a folder");
    let manifest = format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{rest}");
    fs::write(folder.join("Cargo.toml"), manifest).expect("written");
    fs::write(folder.join("src/lib.rs"), "").expect("written");
}

#[test]
fn a_folder_without_a_workspace_is_said_and_stays_empty() {
    let place = Place::new();
    for words in COMMANDS {
        let sentence = place.says(words, ERROR);
        assert!(sentence.starts_with("the workspace cannot be read: could not find `Cargo.toml` in "), "{sentence}");
        assert!(sentence.contains("meine Öfen 窯"), "{sentence}");
    }
    assert_eq!(fs::read_dir(place.folder()).expect("readable").count(), 0);
}

#[test]
fn a_workspace_without_a_plugin_is_said() {
    let place = Place::new();
    package(&place.folder(), "tool", "");
    for words in COMMANDS {
        assert_eq!(place.says(words, ERROR), format!("{} has no plugin", place.folder().display()));
    }
    let named = Cli::new(["status", "--package", "tool"]).expect("the binary under test builds");
    let said = named.in_folder(&place.folder()).expect(USAGE);
    assert_eq!(said.complaint().0, Some("tool is no plugin of this workspace, which has none"));
}

#[test]
fn of_several_plugins_one_has_to_be_named_by_its_name_or_by_where_one_stands() {
    let place = Place::with(&["one", "two-b", "three"]);
    for words in COMMANDS {
        let sentence = place.says(words, USAGE);
        assert!(sentence.starts_with("this workspace has several plugins: "), "{sentence}");
        assert!(["one", "two-b", "three"].iter().all(|name| sentence.contains(name)), "{sentence}");
    }
    let own = |name: &str| {
        let folder = place.folder().join("target/system").join(name);
        format!("no node runs in {} (the workspace's own)", folder.display())
    };
    assert_eq!(place.says(&["status", "--package", "two-b"], ERROR), own("two-b"));
    let inside = Cli::new(["status"]).expect("the binary under test builds").in_folder(&place.folder().join("three"));
    assert_eq!(inside.expect(ERROR).complaint().0, Some(own("three").as_str()));
}

#[test]
fn a_virtual_workspace_with_one_plugin_whose_name_has_a_dash_needs_no_name() {
    let place = Place::with(&["my-app"]);
    assert!(place.says(&["status"], ERROR).contains("target/system/my-app (the workspace's own)"));
    let manifest = place.folder().join("Cargo.toml");
    let elsewhere = Cli::new(["status", "--manifest-path"]).expect("the binary under test builds").args([manifest]);
    let said = elsewhere.in_folder(Path::new("/")).expect(ERROR);
    assert!(said.stderr.contains("meine Öfen 窯/target/system/my-app"), "{}", said.stderr);
}
