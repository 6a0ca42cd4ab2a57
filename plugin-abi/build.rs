//! Hands the target triple and the compiler's version to the declaration (`abi::declaration`).

use std::env;
use std::process::Command;

fn main() {
    let rustc = env::var("RUSTC").expect("cargo sets RUSTC for build scripts");
    let target = env::var("TARGET").expect("cargo sets TARGET for build scripts");
    let version = Command::new(&rustc).arg("--version").output();
    let version = version.expect("the compiler that runs this script can be run again");
    let version = String::from_utf8_lossy(&version.stdout);
    println!("cargo::rustc-env=PLUGIN_ABI_TARGET={target}");
    println!("cargo::rustc-env=PLUGIN_ABI_COMPILER={}", version.trim());
    println!("cargo::rerun-if-changed=build.rs");
}
