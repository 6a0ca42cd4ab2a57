//! The same source gives the same bytes, whatever the folders are called that it was built in: whoever doubts a release can build it again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use system_tests::cli::Cli;
use system_tests::release::ReleaseFolder;
use system_tests::sandbox::Sandbox;
use system_tests::seed::{Copy, RELEASES_OPTIMISED, copy_tree};

/// Builds what is in that folder as users do, into a target folder of its own or one's own; returns the release's folder and its archive.
fn release(cli: Cli, folder: &Path) -> (PathBuf, PathBuf) {
    let said = cli.without(RELEASES_OPTIMISED).args(["release", "--json", "--out"]).args([folder]).expect(0).json();
    (folder.to_owned(), PathBuf::from(said["archive"].as_str().expect("an archive")))
}

/// Each file below that folder, by its path there.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_symlink() {
                let target = fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes();
                files.insert(path.strip_prefix(folder).expect("in it").to_owned(), target);
            } else if path.is_dir() {
                open.push(path);
            } else {
                files.insert(path.strip_prefix(folder).expect("in it").to_owned(), fs::read(&path).expect("readable"));
            }
        }
    }
    files
}

#[test]
fn another_folder_gives_the_same_release() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let other = sandbox.beside("another folder/of öther length");
    copy_tree(&sandbox.workspace(), &other, &|_| Copy::Bytes).expect("a copy");
    let (here, archive) = release(sandbox.cli([]), &sandbox.beside("here"));
    let elsewhere = sandbox.cli([]).in_folder(&other).env("CARGO_TARGET_DIR", sandbox.beside("elsewhere's target"));
    let (there, other_archive) = release(elsewhere, &sandbox.beside("there"));

    let (here, there) = (files(&here), files(&there));
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&here), names(&there));
    let differing: Vec<_> = here.iter().filter(|(path, bytes)| there[*path] != **bytes).map(|(path, _)| path).collect();
    assert!(differing.is_empty(), "{differing:?}");
    let bytes = |path: &Path| fs::read(path).expect("readable");
    assert!(bytes(&archive) == bytes(&other_archive), "the archives differ, and nothing in the folders does");
    // It is the one release among these tests that is optimised as users' are.
    let release = ReleaseFolder::new(sandbox.beside("here"));
    let (_, manifest) = release.manifest().expect("a manifest");
    assert_eq!(sandbox.start(&release).expect("it serves").version(), manifest["version"].as_str().expect("a version"));
}
