//! What a manifest may say, and what it may not.

use super::*;

const HASH: &str = "3f2a91bc00000000000000000000000000000000000000000000000000000000";

fn file(path: &str) -> FileEntry {
    FileEntry { path: path.to_owned(), hash: HASH.to_owned(), size: 1, executable: false }
}

fn manifest(files: &[&str]) -> Manifest {
    let version = Version::new(1, 2, 3);
    let plugin = PluginEntry {
        states: Vec::new(),
        messages: Vec::new(),
        name: "my-app".to_owned(),
        version: version.clone(),
        hash: HASH.to_owned(),
        file: "lib/my-app-1.2.3-3f2a91bc/libmy_app.so".to_owned(),
        abi: "1.0".to_owned(),
        target: String::new(),
        compiler: String::new(),
    };
    Manifest {
        schema: MANIFEST_SCHEMA,
        name: "my-app".to_owned(),
        version: release_version(&version, HASH),
        runtime: RuntimeEntry { version, file: String::new() },
        files: files.iter().map(|path| file(path)).chain([file(&plugin.file)]).collect(),
        plugins: vec![plugin],
        settings: Settings::default(),
    }
}

#[test]
fn a_release_version_carries_the_hash_as_build_metadata() {
    let version = release_version(&Version::new(1, 2, 3), "3f2a91bc00ff");
    assert_eq!(version.to_string(), "1.2.3+3f2a91bc");
    let again = release_version(&version, "00000001ffff");
    assert_eq!(again.to_string(), "1.2.3+3f2a91bc.00000001");
}

#[test]
fn files_stand_in_the_releases_folders() {
    assert_eq!(manifest(&["bin/my-app", "runtime/0.1.0/cargo-system"]).check(), Ok(()));
    let outside = [
        "/lib/x",
        "../lib/x",
        "lib/../x",
        "lib/../../x",
        "lib",
        "lib/",
        "lib//x",
        "./lib/x",
        "lib/./x",
        "keys/a.pub",
        "hooks/before",
        "releases/RELEASES",
        "",
        ".",
        "lib/x\n",
        "lib/\0",
    ];
    for path in outside {
        assert_eq!(manifest(&[path]).check(), Err(ManifestError::Outside(path.to_owned())), "{path:?}");
    }
}

#[test]
fn what_is_linked_into_a_release_stands_beside_its_own_manifest() {
    let own = sbom_file(&manifest(&[]).version);
    assert_eq!(own, "releases/1.2.3+3f2a91bc/sbom.cdx.json");
    let with = manifest(&[&own]);
    assert_eq!((with.check(), with.sbom().map(|file| file.path.as_str())), (Ok(()), Some(own.as_str())));
    assert_eq!(manifest(&[]).sbom(), None);
    for path in ["releases/1.2.4+3f2a91bc/sbom.cdx.json", "releases/1.2.3+3f2a91bc/manifest.json"] {
        assert_eq!(manifest(&[path]).check(), Err(ManifestError::Outside(path.to_owned())));
    }
}

#[test]
fn no_path_is_named_twice() {
    assert_eq!(manifest(&["bin/a", "bin/a"]).check(), Err(ManifestError::Twice("bin/a".to_owned())));
    assert_eq!(manifest(&["bin/a", "bin/a/b"]).check(), Err(ManifestError::Twice("bin/a/b".to_owned())));
    assert_eq!(manifest(&["bin/a/b", "bin/a"]).check(), Err(ManifestError::Twice("bin/a/b".to_owned())));
}

#[test]
fn what_belongs_to_the_release_is_among_its_files() {
    let mut unnamed = manifest(&[]);
    unnamed.runtime.file = "runtime/0.1.0/cargo-system".to_owned();
    assert_eq!(unnamed.check(), Err(ManifestError::Unnamed(unnamed.runtime.file.clone())));
    let mut other_hash = manifest(&[]);
    other_hash.files[0].hash = "00".to_owned();
    assert_eq!(other_hash.check(), Err(ManifestError::Unnamed(other_hash.plugins[0].file.clone())));
    for (name, hash) in [("my-app", "3f2a91bc"), ("my/../../app", HASH), ("other", HASH), ("my-app", "")] {
        let mut misplaced = manifest(&[]);
        misplaced.plugins[0].name = name.to_owned();
        misplaced.plugins[0].hash = hash.to_owned();
        assert_eq!(misplaced.check(), Err(ManifestError::Misplaced(name.to_owned())));
    }
}

#[test]
fn a_release_is_bounded() {
    let mut many = manifest(&[]);
    many.files = (0..=FILES_MAX).map(|number| file(&format!("lib/{number}"))).collect();
    assert!(matches!(many.check(), Err(ManifestError::TooLarge { .. })));
    let mut long = manifest(&["bin/a", "bin/b"]);
    long.files[0].size = u64::MAX;
    assert!(matches!(long.check(), Err(ManifestError::TooLarge { bytes: u64::MAX, .. })));
    long.files[0].size = FILES_LEN_MAX;
    assert!(matches!(long.check(), Err(ManifestError::TooLarge { .. })));
}
