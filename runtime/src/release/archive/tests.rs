//! Archives as they are made, and as mistakes and attacks make them.

use super::pack::mode_of;
use super::*;
use crate::release::files::hex_sha256;
use crate::release::keys::{Key, Keys};
use crate::release::layout::Layout;
use crate::release::manifest::{
    FileEntry, MANIFEST_LEN_MAX, MANIFEST_SCHEMA, Manifest, PluginEntry, RuntimeEntry, plugin_file, release_version,
    sbom_file,
};
use crate::release::settings::Settings;
use crate::release::store::Store;
use semver::Version;
use std::fs;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

const RUNTIME: &str = "runtime/0.1.0/cargo-system";
/// Of a tar: a header is one, and a content as many as it needs.
const BLOCK: usize = 512;

/// A place with a release's folder, `made`, and a node's, `node`.
struct Place {
    folder: TempDir,
    manifest: Manifest,
}

/// What stands in an archive, in its order.
type Entries = Vec<(String, EntryType, Vec<u8>)>;

fn entry(path: &str, content: &[u8]) -> FileEntry {
    let executable = !path.starts_with("lib/");
    FileEntry { path: path.to_owned(), hash: hex_sha256(content), size: content.len() as u64, executable }
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (plugin, runtime) = (b"code".repeat(10_000), b"runtime".repeat(30_000));
        let (version, hash) = (Version::new(1, 2, 3), hex_sha256(&plugin));
        let file = plugin_file("my-app", &version, &hash);
        let contents: [(&str, &[u8]); 3] = [("bin/my-app", b"#!/bin/sh\n"), (&file, &plugin), (RUNTIME, &runtime)];
        let made = folder.path().join("made");
        for (path, content) in contents {
            let path = made.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, content).expect("written");
        }
        let target = "x86_64-unknown-linux-gnu".to_owned();
        let entries = contents.map(|(path, content)| entry(path, content)).to_vec();
        let plugin = PluginEntry {
            states: Vec::new(),
            messages: Vec::new(),
            name: "my-app".to_owned(),
            version: version.clone(),
            hash: hash.clone(),
            file: file.clone(),
            abi: "1.0".to_owned(),
            target,
            compiler: String::new(),
        };
        let manifest = Manifest {
            schema: MANIFEST_SCHEMA,
            name: "my-app".to_owned(),
            version: release_version(&version, &hash),
            runtime: RuntimeEntry { version: Version::new(0, 1, 0), file: RUNTIME.to_owned() },
            plugins: vec![plugin],
            settings: Settings::default(),
            files: entries,
        };
        let bytes = manifest.to_bytes().expect("bytes");
        Store::new(Layout::new(&made)).add_release(&manifest.version, &bytes, None).expect("added");
        Self { folder, manifest }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pack(&self, name: &str) -> PathBuf {
        let archive = self.path(name);
        pack(&Layout::new(self.path("made")), &self.manifest, &archive).expect("packed");
        archive
    }

    /// What is in a good archive.
    fn entries(&self) -> Entries {
        let bytes = zstd::decode_all(fs::File::open(self.pack("good.tar.zst")).expect("there")).expect("zstd");
        let mut archive = tar::Archive::new(bytes.as_slice());
        let entries = archive.entries().expect("tar").map(|entry| {
            let mut entry = entry.expect("an entry");
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).expect("its content");
            (entry.path().expect("a path").display().to_string(), entry.header().entry_type(), content)
        });
        entries.collect()
    }

    /// The sentence for an archive with these entries.
    fn refuses(&self, entries: &Entries) -> String {
        self.refuses_bytes(&zstd::encode_all(tar_of(entries).as_slice(), 1).expect("zstd"))
    }

    fn refuses_bytes(&self, bytes: &[u8]) -> String {
        let archive = self.path("bad.tar.zst");
        fs::write(&archive, bytes).expect("written");
        self.refuses_file(&archive, &Keys::default())
    }

    fn refuses_file(&self, archive: &Path, keys: &Keys) -> String {
        let sentence = unpack(archive, &self.store(), keys, Wanted::Plugins).expect_err("refused").to_string();
        assert_eq!(files(&self.path("node")), Vec::<String>::new(), "something is left behind: {sentence}");
        assert!(!sentence.contains('\n'), "{sentence}");
        sentence.replace(&format!("{} ", archive.display()), "")
    }

    fn manifest_bytes(&self, change: impl FnOnce(&mut Manifest)) -> Vec<u8> {
        let mut manifest = self.manifest.clone();
        change(&mut manifest);
        manifest.to_bytes().expect("bytes")
    }

    fn store(&self) -> Store {
        Store::new(Layout::new(self.path("node")))
    }
}

/// Everything in a folder, folders too but for that of releases.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if !path.is_dir() || path.file_name().is_none_or(|name| name != "releases") {
            found.push(path.display().to_string());
        }
        found.extend(files(&path));
    }
    found.sort();
    found
}

/// As nobody's tool would write it: any name, any kind.
fn tar_of(entries: &Entries) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (path, kind, content) in entries {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("/etc/passwd").expect("a name");
        }
        header.set_size(content.len() as u64);
        header.set_mode(mode_of([RUNTIME, "bin/my-app"].contains(&path.as_str())));
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        tar.append(&header, content.as_slice()).expect("appended");
    }
    tar.into_inner().expect("finished")
}

#[test]
fn the_same_release_gives_the_same_bytes() {
    let place = Place::new();
    let first = fs::read(place.pack("first.tar.zst")).expect("there");
    let made = place.path("made");
    let now = std::time::SystemTime::now();
    let plugin = made.join(&place.manifest.plugins[0].file);
    fs::File::options().append(true).open(plugin).and_then(|file| file.set_modified(now)).expect("touched");
    assert_eq!(fs::read(place.pack("second.tar.zst")).expect("there"), first);
}

#[test]
fn what_was_packed_is_unpacked_as_far_as_a_node_needs_it() {
    let place = Place::new();
    let archive = place.pack("release.tar.zst");
    let unpacked = unpack(&archive, &place.store(), &Keys::default(), Wanted::Plugins).expect("unpacked");
    assert_eq!(unpacked.manifest, place.manifest);
    let layout = unpacked.layout();
    let plugin = &place.manifest.plugins[0].file;
    let content = |root: &Path| fs::read(root.join(plugin)).expect("there");
    assert_eq!(content(layout.root()), content(&place.path("made")));
    let version = place.manifest.version.to_string();
    assert!(layout.manifest(&version).exists() && !layout.root().join(RUNTIME).exists());
    drop(unpacked);
    assert_eq!(files(&place.path("node")), Vec::<String>::new(), "it goes when nobody wants it");
    let whole = unpack(&archive, &place.store(), &Keys::default(), Wanted::All).expect("unpacked");
    let runtime = |root: &Path| fs::read(root.join(RUNTIME)).expect("there");
    assert_eq!(runtime(whole.layout().root()), runtime(&place.path("made")));
}

#[test]
fn what_is_linked_into_a_release_is_unpacked_with_it() {
    let mut place = Place::new();
    let version = place.manifest.version.clone();
    place.manifest.files.push(FileEntry::holding(&sbom_file(&version), b"{}"));
    let bytes = place.manifest.to_bytes().expect("bytes");
    let made = Store::new(Layout::new(place.path("made")));
    made.add_release_with(&version, &bytes, None, Some(b"{}")).expect("added");
    let unpacked =
        unpack(&place.pack("release.tar.zst"), &place.store(), &Keys::default(), Wanted::Plugins).expect("unpacked");
    let there = Store::new(unpacked.layout()).sbom_bytes(&version).expect("readable");
    assert_eq!(there.as_deref(), Some(b"{}".as_slice()));
}

#[test]
fn a_path_that_leads_out_is_refused() {
    let place = Place::new();
    for path in
        ["../../outside", "/tmp/outside", "lib/../../outside", "keys/outside.pub", "./bin/my-app", "bin//my-app"]
    {
        let mut entries = place.entries();
        entries.insert(1, (path.to_owned(), EntryType::Regular, b"x".to_vec()));
        assert_eq!(place.refuses(&entries), format!("holds {path:?}, which its manifest does not name"));
        let mut entries = place.entries();
        entries[0].2 = place.manifest_bytes(|manifest| manifest.files.push(entry(path, b"x")));
        entries.insert(1, (path.to_owned(), EntryType::Regular, b"x".to_vec()));
        assert_eq!(place.refuses(&entries), format!("has a wrong manifest: it names a file outside: {path:?}"));
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let place = Place::new();
    let kinds = [
        (EntryType::Symlink, "a link"),
        (EntryType::Link, "a link"),
        (EntryType::Char, "a device"),
        (EntryType::Block, "a device"),
        (EntryType::Fifo, "a pipe"),
        (EntryType::Directory, "a folder"),
        (EntryType::GNULongName, "of a kind that releases do not have"),
        (EntryType::XHeader, "of a kind that releases do not have"),
        (EntryType::GNUSparse, "of a kind that releases do not have"),
    ];
    for (kind, name) in kinds {
        for at in [0, 1, 4] {
            let mut entries = place.entries();
            entries.insert(at, ("bin/my-app".to_owned(), kind, Vec::new()));
            let expected = format!("holds \"bin/my-app\", which is {name}, and a release holds files only");
            assert_eq!(place.refuses(&entries), expected, "{kind:?} at {at}");
        }
    }
}

#[test]
fn what_is_not_as_announced_is_refused() {
    let place = Place::new();
    let with = |change: &dyn Fn(&mut Entries)| {
        let mut entries = place.entries();
        change(&mut entries);
        place.refuses(&entries)
    };
    assert_eq!(with(&|entries| drop(entries.remove(0))), "is no release: it does not begin with a manifest");
    assert_eq!(with(&Vec::clear), "is no release: it does not begin with a manifest");
    assert_eq!(with(&|entries| drop(entries.remove(1))), "does not hold \"bin/my-app\", which its manifest names");
    assert_eq!(with(&|entries| entries.push(entries[1].clone())), "holds \"bin/my-app\" twice");
    assert_eq!(with(&|entries| entries.push(entries[4].clone())), "holds \"releases/RELEASES\" twice");
    assert_eq!(
        with(&|entries| entries[1].2[0] = b'x'),
        "holds \"bin/my-app\" with another hash than its manifest names"
    );
    let longer = with(&|entries| entries[1].2.push(b'x'));
    assert_eq!(longer, "holds \"bin/my-app\" with 11 bytes, where 10 are allowed");
    let elsewhere = with(&|entries| entries[0].0 = "releases/9.9.9/manifest.json".to_owned());
    assert!(elsewhere.starts_with("has the manifest of 1.2.3+") && elsewhere.contains("9.9.9"), "{elsewhere}");
}

#[test]
fn a_record_that_says_more_is_refused() {
    let place = Place::new();
    let mut entries = place.entries();
    let record = entries.iter_mut().find(|(path, ..)| path == "releases/RELEASES").expect("there");
    let text = String::from_utf8(record.2.clone()).expect("text");
    record.2 = text.replacen("\"last_number\": 0", "\"last_number\": 7", 1).into_bytes();
    assert_ne!(text.as_bytes(), record.2);
    assert_eq!(place.refuses(&entries), "has a record that says more than that this release boots");
}

#[test]
fn rights_that_a_release_does_not_give_are_refused() {
    let place = Place::new();
    let spoils: [fn(&mut Header); 4] = [
        |header| header.set_mode(0o4755),
        |header| header.set_mode(0o600),
        |header| header.set_uid(1),
        |header| header.set_gid(1),
    ];
    for (at, (path, ..)) in place.entries().iter().enumerate() {
        for spoil in spoils {
            let mut tar = tar_of(&place.entries());
            let at = header_at(&tar, at);
            let mut header = Header::from_byte_slice(&tar[at..at + BLOCK]).clone();
            spoil(&mut header);
            header.set_cksum();
            tar[at..at + BLOCK].copy_from_slice(header.as_bytes());
            let sentence = place.refuses_bytes(&zstd::encode_all(tar.as_slice(), 1).expect("zstd"));
            assert_eq!(sentence, format!("holds {path:?} with an owner or rights that a release does not give"));
        }
    }
}

fn header_at(tar: &[u8], entry: usize) -> usize {
    (0..entry).fold(0, |at, _| {
        let size = Header::from_byte_slice(&tar[at..at + BLOCK]).size().expect("a size");
        at + BLOCK + usize::try_from(size).expect("small").next_multiple_of(BLOCK)
    })
}

#[test]
fn a_manifest_that_is_not_understood_is_refused() {
    let place = Place::new();
    let with = |bytes: Vec<u8>| {
        let mut entries = place.entries();
        entries[0].2 = bytes;
        place.refuses(&entries)
    };
    let newer = with(br#"{"schema": 7, "files": "elsewhere"}"#.to_vec());
    assert_eq!(newer, "has a manifest of schema 7, which is newer than this tool");
    assert!(with(b"no json".to_vec()).starts_with("has a damaged manifest: "));
    assert!(with(Vec::new()).starts_with("has a damaged manifest: "));
    let odd = place.manifest_bytes(|_| ());
    let odd = String::from_utf8(odd).expect("text").replace("\"1.2.3\"", "\"1.2.3/../..\"");
    assert!(with(odd.into_bytes()).starts_with("has a damaged manifest: "), "an odd version is none");
}

#[test]
fn an_archive_bomb_is_left_alone() {
    let place = Place::new();
    let mut entries = place.entries();
    let announced = entries[2].2.len();
    entries[2].2 = vec![0; 64 << 20];
    let path = entries[2].0.clone();
    let sentence = place.refuses(&entries);
    assert_eq!(sentence, format!("holds {path:?} with {} bytes, where {announced} are allowed", 64 << 20));

    let mut entries = place.entries();
    entries[0].2 = vec![b' '; 64 << 20];
    let sentence = place.refuses(&entries);
    assert!(sentence.ends_with(&format!("bytes, where {MANIFEST_LEN_MAX} are allowed")), "{sentence}");

    let mut entries = place.entries();
    entries[0].2 = place.manifest_bytes(|manifest| manifest.files[1].size = 1 << 40);
    assert!(place.refuses(&entries).starts_with("has a wrong manifest: it names 3 files of "));

    let mut entries = place.entries();
    entries.extend((0..100_000).map(|number| (format!("lib/{number}"), EntryType::Regular, Vec::new())));
    assert_eq!(place.refuses(&entries), "holds \"lib/0\", which its manifest does not name");

    let mut endless = tar_of(&place.entries());
    endless.extend(vec![0; 64 << 20]);
    assert_eq!(place.refuses_bytes(&zstd::encode_all(endless.as_slice(), 1).expect("zstd")), "goes on after its end");
    let mut more = tar_of(&place.entries());
    more.extend(b"more");
    assert_eq!(place.refuses_bytes(&zstd::encode_all(more.as_slice(), 1).expect("zstd")), "goes on after its end");
}

#[test]
fn an_archive_cut_anywhere_or_changed_anywhere_is_refused() {
    let place = Place::new();
    let good = fs::read(place.pack("release.tar.zst")).expect("there");
    for len in (0..4).chain((4..good.len()).step_by(7)).chain([good.len() - 1, good.len() - 2, good.len() - 5]) {
        let sentence = place.refuses_bytes(&good[..len]);
        let is_clear = sentence.starts_with("is damaged or cut short: ") || sentence.starts_with("is no release: ");
        assert!(is_clear, "cut to {len} of {}: {sentence}", good.len());
    }
    for at in (0..good.len()).step_by(13) {
        let mut changed = good.clone();
        changed[at] ^= 0x55;
        place.refuses_bytes(&changed);
    }
    assert_eq!(place.refuses_bytes(b"PK"), "is no release folder or archive");
    assert!(
        place.refuses_file(&place.path("none.tar.zst"), &Keys::default()).starts_with("cannot be read: No such file")
    );
    assert_eq!(place.refuses_file(&place.path("made"), &Keys::default()), "cannot be read: it is not a file");
}

#[test]
fn a_node_with_keys_looks_at_the_signature_first() {
    let place = Place::new();
    let key =
        minisign::KeyPair::generate_unencrypted_keypair().expect("a key").pk.to_box().expect("text").into_string();
    let keys = Keys { trusted: vec![Key::parse(&key).expect("a key")], revoked: Vec::new() };
    let mut entries = place.entries();
    entries.truncate(1);
    let archive = place.path("unsigned.tar.zst");
    fs::write(&archive, zstd::encode_all(tar_of(&entries).as_slice(), 1).expect("zstd")).expect("written");
    let sentence = place.refuses_file(&archive, &keys);
    assert!(sentence.starts_with("is not signed, and this node takes only"), "{sentence}");
}

#[test]
fn what_an_archive_holds_does_not_break_the_sentence() {
    let quoted = std::io::Error::other(format!("no number: \x1b[2J\n{}", "x".repeat(1000)));
    let sentence = Reason::Damaged(quoted).to_string();
    assert!(!sentence.contains(char::is_control) && sentence.chars().count() < 300, "{sentence}");
}
