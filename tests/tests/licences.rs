//! On whose work this is built, and on what terms. `deny.toml` says what is allowed, to `cargo deny` where it can be had, and here everywhere: a dependency
//! that comes with another licence, or from elsewhere, is seen before anybody ships it.

use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};
use std::fs;
use std::process::Command;
use system_tests::workspace;

#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

/// What is allowed to one crate alone.
#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// `None`: it is one of ours.
    source: Option<String>,
}

fn rules() -> Rules {
    let path = workspace::root().join("deny.toml");
    toml::from_str(&fs::read_to_string(&path).expect("readable")).expect("deny.toml")
}

/// All that anything of this repository can be built on, on the system that is supported.
fn packages() -> Vec<Package> {
    let mut command = Command::new(workspace::cargo());
    command.args(["metadata", "--format-version", "1", "--all-features"]).current_dir(workspace::root());
    command.args(["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let said = command.output().expect("cargo metadata");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice::<Metadata>(&said.stdout).expect("JSON").packages
}

impl Rules {
    /// Why its licence is not allowed.
    fn refuses(&self, package: &Package) -> Option<String> {
        let Some(text) = &package.license else { return Some("names no licence".to_owned()) };
        let expression = match Expression::parse_mode(text, ParseMode::LAX) {
            Ok(expression) => expression,
            Err(error) => return Some(format!("has the licence {text:?}, which SPDX does not know: {}", error.reason)),
        };
        let own = self.licenses.exceptions.iter().filter(|exception| exception.name == package.name);
        let allowed = self.licenses.allow.iter().chain(own.flat_map(|exception| &exception.allow));
        let allowed: Vec<_> = allowed.map(|name| Licensee::parse(name).expect("deny.toml names licences")).collect();
        let is_allowed = expression.evaluate(|wanted| allowed.iter().any(|licensee| licensee.satisfies(wanted)));
        (!is_allowed).then(|| format!("has the licence {text}, which deny.toml does not allow"))
    }
}

#[test]
fn every_licence_is_allowed() {
    let (rules, packages) = (rules(), packages());
    let foreign = packages.iter().filter(|package| package.source.is_some());
    let of = |package: &Package| Some(format!("{} {} {}", package.name, package.version, rules.refuses(package)?));
    let findings: Vec<_> = foreign.filter_map(of).collect();
    assert!(findings.is_empty(), "licences:\n  {}", findings.join("\n  "));
    let is_used = |exception: &&Exception| packages.iter().any(|package| package.name == exception.name);
    let unused: Vec<_> = rules.licenses.exceptions.iter().filter(|exception| !is_used(exception)).collect();
    assert!(unused.is_empty(), "take {} out of deny.toml: nothing uses it", unused[0].name);
}

#[test]
fn everything_comes_from_where_deny_toml_says() {
    let allowed: Vec<_> = rules().sources.allow_registry.iter().map(|address| format!("registry+{address}")).collect();
    let foreign = |package: &Package| package.source.as_ref().is_some_and(|source| !allowed.contains(source));
    let findings: Vec<_> = packages().into_iter().filter(foreign).map(|package| package.name).collect();
    assert!(findings.is_empty(), "from elsewhere: {}", findings.join(", "));
}

#[test]
fn a_licence_that_is_not_allowed_is_found() {
    let rules = rules();
    let refuses = |name: &str, license: Option<&str>| {
        let (name, version, source) = (name.to_owned(), "1.0.0".to_owned(), Some(String::new()));
        rules.refuses(&Package { name, version, license: license.map(str::to_owned), source })
    };
    for good in ["MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT", "MIT AND BSD-3-Clause"] {
        assert_eq!(refuses("x", Some(good)), None, "{good}");
    }
    for bad in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "CDDL-1.0", "Ours alone"] {
        assert!(refuses("x", Some(bad)).is_some(), "{bad}");
    }
    assert!(refuses("x", None).is_some());
    assert_eq!(refuses("inferno", Some("CDDL-1.0")), None, "an exception is for one crate alone");
}
