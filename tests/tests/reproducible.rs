//! The same source gives the same release, byte for byte, wherever it is built: in another workspace folder, with another target folder, and with another home
//! of cargo's. And a release says what is linked into it, and nothing that only its workspace has.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use system_tests::cli::Cli;
use system_tests::release::ReleaseFolder;
use system_tests::sandbox::lay_out_whole;
use system_tests::workspace;
use tempfile::TempDir;

/// A workspace of `shop`, and the release that was made of it.
struct Built {
    folder: TempDir,
    cargo_home: PathBuf,
    archive: PathBuf,
}

impl Built {
    /// In a folder of that name, by the user's own cargo home or one of its own.
    fn of(name: &str, has_own_home: bool) -> Self {
        let folder = TempDir::with_prefix(name).expect("a folder");
        let workspace = folder.path().join("workspace");
        lay_out_whole("shop", &workspace).expect("a workspace");
        add_to(&workspace);
        let cargo_home = if has_own_home { other_cargo_home(folder.path()) } else { cargo_home() };
        let release = Cli::new(["release", "--json", "--package", "shop", "--out"]).expect("the binary under test");
        let release = release.args([folder.path().join("made/release")]).in_folder(&workspace);
        let release = release.env("CARGO_TARGET_DIR", folder.path().join("target of it"));
        let said = release.env("CARGO_HOME", &cargo_home).expect(0).json();
        let archive = PathBuf::from(said["archive"].as_str().expect("an archive"));
        Self { folder, cargo_home, archive }
    }

    fn release(&self) -> ReleaseFolder {
        ReleaseFolder::new(self.folder.path().join("made/release"))
    }

    /// The release's files, by path.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let release = self.release();
        let (path, manifest) = release.manifest().expect("a manifest");
        let own = path.strip_prefix(release.root()).expect("in it").display().to_string();
        let named = manifest["files"].as_array().expect("files").iter();
        let named = named.map(|file| file["path"].as_str().expect("a path").to_owned());
        let read = |path: String| (path.clone(), fs::read(release.root().join(path)).expect("readable"));
        [own].into_iter().chain(named).map(read).collect()
    }
}

/// Code that a build script writes, and that can panic; and a member that has more of the SDK than the plugins.
fn add_to(workspace: &Path) {
    let append = |file: &str, text: &str| {
        let path = workspace.join(file);
        let there = fs::read_to_string(&path).unwrap_or_default();
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, format!("{there}{text}")).expect("written");
    };
    let made = "//! Writes code.\nfn main() {\n    let out = std::env::var(\"OUT_DIR\").expect(\"cargo sets it\");\n    let code = \"/// Panics.\\n#[inline(never)]\\npub fn made(x: Option<u8>) -> u8 { x.expect(\\\"made\\\") }\\n\";\n    std::fs::write(format!(\"{out}/made.rs\"), code).expect(\"written\");\n}\n";
    append("stock-api/build.rs", made);
    append("stock-api/src/lib.rs", "\ninclude!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\n");
    append("shop/src/lib.rs", "\n#[used]\nstatic MADE: fn(Option<u8>) -> u8 = stock_api::made;\n");
    append("other/src/lib.rs", "//! Has more of the SDK.\n");
    append(
        "other/Cargo.toml",
        "[package]\nname = \"other\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\nplugin-abi = { workspace = true, features = [\"http\"] }\n",
    );
    let manifest = workspace.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("readable");
    fs::write(manifest, text.replacen("members = [", "members = [\"other\", ", 1)).expect("written");
}

fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").expect("a home")).join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from)
}

/// One that has what the user's has, under another name.
fn other_cargo_home(within: &Path) -> PathBuf {
    let other = within.join("home of cargo");
    fs::create_dir(&other).expect("made");
    for name in ["config.toml", "credentials.toml", "git", "registry"] {
        let there = cargo_home().join(name);
        if there.exists() {
            symlink(there, other.join(name)).expect("a link");
        }
    }
    other
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn sysroot() -> String {
    let said = Cli::of(Path::new("rustc")).args(["--print", "sysroot"]).expect(0).stdout;
    said.trim().to_owned()
}

/// The names of the packages that the release says are linked into it.
fn linked(files: &[(String, Vec<u8>)]) -> Vec<String> {
    let (_, bytes) = files.iter().find(|(path, _)| path.ends_with("/sbom.cdx.json")).expect("it says so");
    let sbom: Value = serde_json::from_slice(bytes).expect("JSON");
    let components = sbom["components"].as_array().expect("components").iter();
    components.map(|component| component["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn the_same_source_gives_the_same_release_wherever_it_is_built() {
    let (one, other) = (Built::of("one", false), Built::of("another one", true));
    let (files, others) = (one.files(), other.files());
    let paths = |files: &[(String, Vec<u8>)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(paths(&files), paths(&others));
    for ((path, bytes), (_, other)) in files.iter().zip(&others) {
        assert!(bytes == other, "{path} has other bytes");
    }
    let archive = |built: &Built| fs::read(&built.archive).expect("an archive");
    assert!(archive(&one) == archive(&other), "the archive has other bytes");

    let sysroot = sysroot();
    for built in [&one, &other] {
        let folders =
            [built.folder.path(), &built.cargo_home, Path::new(&sysroot)].map(|path| path.display().to_string());
        for (path, bytes) in built.files().iter().filter(|(path, _)| !path.starts_with("runtime/")) {
            let found = folders.iter().find(|folder| has(bytes, folder));
            assert_eq!(found, None, "{path} has a folder of this machine in it");
        }
    }
    let (_, shop) = files.iter().find(|(path, _)| path.ends_with("libshop.so")).expect("the application");
    for name in ["stock-api/src", "/cargo/target/system-release/build/stock-api-", "/cargo/registry/serde"] {
        assert!(has(shop, name), "no {name} in the application's debug information");
    }

    let linked = linked(&files);
    let is_linked = |name: &str| linked.iter().any(|other| other == name);
    assert!(is_linked("shop") && is_linked("stock") && is_linked("stock-api") && is_linked("serde"), "{linked:?}");
    for name in ["hyper", "other", "plugin-abi-derive", "serde_derive"] {
        assert!(!is_linked(name), "{name} is linked into nothing");
    }
    let lock = fs::read_to_string(workspace::root().join("Cargo.lock")).expect("readable");
    assert!(lock.contains("name = \"hyper\""), "hyper is what it could be taken for");
}
