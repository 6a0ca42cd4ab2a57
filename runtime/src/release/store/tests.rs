//! The store's promises, each tried on a folder of its own.

use super::*;
use crate::release::files::hex_sha256;
use crate::release::history::{By, Kind, Outcome};
use crate::release::manifest::{PluginEntry, RuntimeEntry};
use crate::release::settings::Settings;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A folder of this test alone, gone at its end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let place = Self(std::env::temp_dir().join(format!("store-{name}-{}", std::process::id())));
        fs::create_dir_all(&place.0).expect("a folder");
        place
    }

    fn store(&self) -> Store {
        Store::new(Layout::new(self.0.join("node")))
    }

    /// Files below, with their paths from here.
    fn files(&self) -> Vec<String> {
        let (mut folders, mut files) = (vec![self.0.join("node")], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        let mut files: Vec<_> =
            files.iter().map(|path| path.strip_prefix(&self.0).expect("inside").display().to_string()).collect();
        files.sort();
        files
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _: io::Result<()> = fs::remove_dir_all(&self.0);
    }
}

fn facts(bytes: &[u8]) -> PluginFacts {
    PluginFacts {
        name: "my-app".to_owned(),
        version: Version::new(1, 2, 3),
        abi_major: 1,
        abi_minor: 0,
        target: "x86_64-unknown-linux-gnu".to_owned(),
        compiler: "rustc".to_owned(),
        hash: hex_sha256(bytes),
        states: Vec::new(),
        messages: Vec::new(),
        config: None,
        declaration: Vec::new(),
    }
}

fn manifest(version: Version, plugin: PluginEntry) -> Manifest {
    let runtime = RuntimeEntry { version: Version::new(0, 1, 0), file: String::new() };
    Manifest {
        schema: MANIFEST_SCHEMA,
        name: "my-app".to_owned(),
        version,
        runtime,
        plugins: vec![plugin],
        settings: Settings::default(),
        files: Vec::new(),
    }
}

#[test]
fn what_was_added_is_read_back_and_nothing_else_is_left() {
    let place = Place::new("added");
    let store = place.store();
    assert_eq!(store.permanent().expect("readable"), None);
    let facts = facts(b"code");
    let plugin = store.add_plugin(b"code", &facts).expect("added");
    let version: Version = "1.2.3+3f2a91bc".parse().expect("a version");
    let manifest = manifest(version.clone(), plugin.clone());
    store.add_release(&version, &manifest.to_bytes().expect("bytes"), None).expect("added");
    store.set_permanent(&version).expect("set");
    assert_eq!(store.permanent_manifest().expect("readable"), Some(manifest));
    let hash = &facts.hash[..8];
    assert_eq!(plugin.file, format!("lib/my-app-1.2.3-{hash}/libmy_app.so"));
    let file = format!("node/{}", plugin.file);
    assert_eq!(place.files(), [&file, "node/releases/1.2.3+3f2a91bc/manifest.json", "node/releases/RELEASES"]);
}

#[test]
fn a_file_that_is_there_is_left_alone_and_a_damaged_one_gives_way() {
    let place = Place::new("again");
    let store = place.store();
    let facts = facts(b"code");
    let file = store.layout().root().join(store.add_plugin(b"code", &facts).expect("added").file);
    let inode = |path: &Path| fs::metadata(path).expect("there").ino();
    let first = inode(&file);
    store.add_plugin(b"code", &facts).expect("there already");
    assert_eq!(inode(&file), first);

    let mapped = File::open(&file).expect("a node's view of it");
    let other_name = file.with_extension("damaged");
    fs::rename(&file, &other_name).expect("renamed");
    fs::write(&file, b"c").expect("cut short");
    store.add_plugin(b"code", &facts).expect("mended");
    assert_eq!(fs::read(&file).expect("readable"), b"code");
    assert_eq!(io::read_to_string(&mapped).expect("readable"), "code", "what is mapped has not changed");
}

#[test]
fn what_cannot_be_written_leaves_nothing_and_names_the_file() {
    let place = Place::new("denied");
    let store = place.store();
    let releases = store.layout().record().parent().expect("a folder").to_owned();
    // A folder in place of the file: no rename can succeed, whoever the user is.
    fs::create_dir_all(store.layout().record().join("in-the-way")).expect("made");
    let error = store.set_permanent(&Version::new(1, 0, 0)).expect_err("in the way").to_string();
    assert!(error.contains("RELEASES cannot be read: "), "{error}");
    let error = write_json(&store.layout().record(), &1).expect_err("in the way").to_string();
    assert!(error.contains("RELEASES cannot be written: "), "{error}");
    assert_eq!(fs::read_dir(&releases).expect("readable").count(), 1, "no half-written file is left");
}

#[test]
fn damaged_and_newer_files_are_said_to_be() {
    let place = Place::new("damaged");
    let store = place.store();
    let version = Version::new(1, 0, 0);
    let error = store.manifest(&version).expect_err("none").to_string();
    assert!(error.starts_with("there is no release 1.0.0 in "), "{error}");
    let path = store.layout().record();
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    let cases = [
        ("", "is damaged"),
        ("{}", "is damaged"),
        ("{\"schema\":1,\"permanent\":\"one\"}", "is damaged"),
        ("{\"schema\":2,\"permanent\":\"1.0.0\"}", "has schema 2, which is newer than this tool"),
        ("{\"schema\":9,\"permanent\":{\"app\":7}}", "has schema 9, which is newer than this tool"),
    ];
    for (text, expected) in cases {
        fs::write(&path, text).expect("written");
        let set = match store.set_permanent(&version).expect_err(text) {
            TrustError::Store(error) => error,
            other => panic!("{other}"),
        };
        for error in [store.permanent().expect_err(text), set] {
            let error = error.to_string();
            assert!(error.contains(expected) && error.contains("RELEASES"), "{error}");
        }
        assert_eq!(fs::read_to_string(&path).expect("readable"), text, "what is not understood is not overwritten");
    }
}

#[test]
fn an_attempt_that_the_node_did_not_live_to_end_is_found_at_the_next_boot() {
    let place = Place::new("recover");
    let store = place.store();
    let (before, wanted) = (Version::new(1, 0, 0), Version::new(1, 0, 1));
    store.set_permanent(&before).expect("set");
    assert_eq!(store.recover().expect("readable"), None);
    let by = By { uid: Some(1000), ..By::default() };
    let start = Start { kind: Kind::Upgrade, by, at_ms: 5, from: Some(before.clone()), to: wanted.clone() };
    assert_eq!(store.begin(start.clone()).expect("written"), 1);
    store.step("move").expect("written");

    let again = place.store();
    let entry = again.recover().expect("readable").expect("it was in progress");
    assert_eq!(
        (entry.outcome, entry.attempt.step.as_str(), entry.attempt.to),
        (Outcome::Crashed, "move", wanted.clone())
    );
    assert_eq!(again.permanent().expect("readable"), Some(before.clone()), "what boots has not changed");

    assert_eq!(again.begin(start).expect("written"), 2);
    let done = Conclusion { outcome: Some(Outcome::Done), permanent: Some(wanted.clone()), ..Conclusion::default() };
    again.end(done).expect("written");
    let record = store.record().expect("readable");
    assert_eq!((record.permanent, record.old), (Some(wanted), vec![before]));
    assert_eq!(record.history.iter().map(|entry| entry.outcome).collect::<Vec<_>>(), [Outcome::Crashed, Outcome::Done]);
}

#[test]
fn changes_at_once_are_all_kept() {
    let place = Place::new("at-once");
    let store = place.store();
    std::thread::scope(|scope| {
        for patch in 0..8 {
            let store = &store;
            scope.spawn(move || store.set_permanent(&Version::new(1, 0, patch)).expect("set"));
        }
    });
    assert_eq!(store.record().expect("readable").old.len(), 7);
}

#[test]
fn what_is_not_kept_goes_with_its_files_and_what_runs_stays() {
    let place = Place::new("retain");
    let store = place.store();
    let mut versions = Vec::new();
    for patch in 0..4u64 {
        let code = format!("code {patch}").into_bytes();
        let plugin = store.add_plugin(&code, &facts(&code)).expect("added");
        let manifest = manifest(Version::new(1, 0, patch), plugin);
        store.add_release(&manifest.version, &manifest.to_bytes().expect("bytes"), None).expect("added");
        store.set_permanent(&manifest.version).expect("set");
        versions.push(manifest.version);
    }
    store.add_plugin(b"nobody's", &facts(b"nobody's")).expect("added");
    let running = [versions[0].clone()].into();
    let gone = store.retain(&running, 1).expect("removed");
    assert_eq!((gone.releases, gone.plugins.len()), ([versions[1].clone()].into(), 2));
    assert_eq!(store.versions().expect("readable"), [&versions[0], &versions[2], &versions[3]].map(Clone::clone));
    assert_eq!(fs::read_dir(store.layout().plugins()).expect("readable").count(), 3);
    assert_eq!(store.record().expect("readable").old, [versions[2].clone(), versions[0].clone()]);
    assert_eq!(store.retain(&running, 1).expect("nothing to do"), crate::release::retention::Plan::default());

    fs::create_dir_all(store.layout().releases().join(".making-dead")).expect("made");
    store.clean().expect("cleaned");
    assert!(!store.layout().releases().join(".making-dead").exists());
    assert_eq!(store.versions().expect("readable").len(), 3);
}

#[test]
fn what_never_served_and_is_cut_short_goes_and_all_else_stays() {
    let place = Place::new("cut-short");
    let store = place.store();
    let [served, cut, whole] = ["served", "cut", "whole"].map(|code| {
        let plugin = store.add_plugin(code.as_bytes(), &facts(code.as_bytes())).expect("added");
        let version: Version = format!("1.2.3+{}", &plugin.hash[..8]).parse().expect("a version");
        let manifest = manifest(version.clone(), plugin.clone());
        store.add_release(&version, &manifest.to_bytes().expect("bytes"), None).expect("added");
        (version, store.layout().root().join(plugin.file))
    });
    store.set_permanent(&served.0).expect("set");
    for (_, file) in [&served, &cut] {
        fs::write(file, b"c").expect("cut short");
    }
    let gone = [&served, &cut, &whole].map(|(version, _)| store.remove_if_damaged(version).expect("readable"));
    assert_eq!(gone, [false, true, false]);
    let mut left = [served.0, whole.0];
    left.sort();
    assert_eq!(store.versions().expect("readable"), left);
}
