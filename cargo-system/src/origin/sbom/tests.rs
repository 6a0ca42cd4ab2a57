//! A bill of materials, as it is written.

use super::super::linked::Source;
use super::*;
use crate::workspace::Plugin;
use serde_json::{Value, json};
use std::path::PathBuf;

fn package(name: &str, source: Source, dependencies: &[usize]) -> Package {
    let checksum = (source == Source::CratesIo).then(|| "c0".repeat(32));
    Package {
        name: name.to_owned(),
        version: Version::new(1, 2, 3),
        source,
        checksum,
        licence: Some("MIT/Apache-2.0".to_owned()),
        dependencies: dependencies.to_vec(),
    }
}

/// Two plugins that share a package, of which one uses more of it.
fn origin() -> Origin {
    let local = |name: &str| Source::Local(name.to_owned());
    let shop = Linked {
        packages: vec![
            package("serde", Source::CratesIo, &[1]),
            package("serde_core", Source::CratesIo, &[]),
            package("shop", local("shop"), &[0]),
        ],
        root: 2,
    };
    let stock = Linked {
        packages: vec![package("serde", Source::CratesIo, &[]), package("stock", local("stock"), &[0])],
        root: 1,
    };
    let plugin = |name: &str| Plugin { name: name.to_owned(), manifest_path: name.into() };
    let plugins = [("stock", stock), ("shop", shop)].map(|(name, linked)| (plugin(name), linked, PathBuf::from(name)));
    Origin { flags: Vec::new(), plugins: plugins.into() }
}

fn plugin(name: &str) -> PluginEntry {
    PluginEntry {
        name: name.to_owned(),
        version: Version::new(1, 2, 3),
        hash: "ab".repeat(32),
        file: String::new(),
        abi: "1.0".to_owned(),
        target: String::new(),
        compiler: String::new(),
        states: Vec::new(),
        messages: Vec::new(),
    }
}

fn sbom() -> Value {
    let (version, executable) = ("1.2.3+3f2a91bc".parse().expect("a version"), "ee".repeat(32));
    let plugins = ["stock", "shop"].map(plugin);
    let release = Release { name: "shop", version: &version, plugins: &plugins, executable: &executable };
    let bytes = Sbom::of(release, &origin()).to_bytes().expect("bytes");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[test]
fn each_component_is_there_once_and_uses_all_that_any_plugin_has_it_use() {
    let sbom = sbom();
    assert_eq!(
        (&sbom["bomFormat"], &sbom["specVersion"], &sbom["version"]),
        (&"CycloneDX".into(), &"1.5".into(), &1.into())
    );
    assert!(sbom.get("serialNumber").is_none() && sbom["metadata"].get("timestamp").is_none());
    let names: Vec<_> = sbom["components"].as_array().expect("components").iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["cargo-system", "serde", "serde_core", "shop", "stock"]);
    let uses = |name: &str| {
        let all = sbom["dependencies"].as_array().expect("dependencies");
        all.iter().find(|dependency| dependency["ref"] == name).expect("it is there")["dependsOn"].clone()
    };
    let (serde, core) = ("pkg:cargo/serde@1.2.3", "pkg:cargo/serde_core@1.2.3");
    let (shop, stock) =
        ("pkg:cargo/shop@1.2.3?download_url=file://shop", "pkg:cargo/stock@1.2.3?download_url=file://stock");
    let host = format!("host:pkg:cargo/cargo-system@{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(uses("release:shop@1.2.3+3f2a91bc"), json!([host, shop, stock]));
    assert_eq!((uses(shop), uses(stock), uses(serde)), (json!([serde]), json!([serde]), json!([core])));
    assert_eq!((uses(core), uses(&host)), (json!([]), json!([])));
    assert_eq!(sbom["compositions"], json!([{ "aggregate": "unknown", "dependencies": [host] }]));
}

#[test]
fn a_component_says_where_it_comes_from() {
    let sbom = sbom();
    let of = |name: &str| {
        let all = sbom["components"].as_array().expect("components");
        all.iter().find(|component| component["name"] == name).expect("it is there").clone()
    };
    let expected = json!({
        "type": "library",
        "bom-ref": "pkg:cargo/serde@1.2.3",
        "name": "serde",
        "version": "1.2.3",
        "hashes": [{ "alg": "SHA-256", "content": "c0".repeat(32) }],
        "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        "purl": "pkg:cargo/serde@1.2.3",
    });
    assert_eq!(of("serde"), expected);
    assert_eq!(of("shop")["hashes"][0]["content"], "ab".repeat(32), "a plugin's hash is its file's");
    assert_eq!(of("cargo-system")["hashes"][0]["content"], "ee".repeat(32));
}
