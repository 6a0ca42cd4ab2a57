//! Each finding, as people read it.

use super::*;

const OLD: &str = r#"{"name":"counter","version":1,"shape":{"struct":{"name":"Counter","fields":[
    {"name":"count","shape":"u32"},{"name":"rooms","shape":{"seq":{"struct":{"name":"Room","fields":[{"name":"id","shape":"u8"}]}}}},
    {"name":"owner","shape":{"opaque":"plugin_abi::Pid"}},{"name":"kind","shape":{"enum":{"name":"Kind","variants":[{"name":"A"}]}}}]}}}"#;
const NEW: &str = r#"{"name":"counter","version":1,"shape":{"struct":{"name":"Counter","fields":[
    {"name":"count","shape":"u64"},{"name":"rooms","shape":{"seq":{"struct":{"name":"Room","fields":[{"name":"id","shape":"string"}]}}}},
    {"name":"owner","shape":{"opaque":"plugin_abi::Pid"}},{"name":"kind","shape":{"enum":{"name":"Kind","variants":[{"name":"A"}]}}},
    {"name":"step","shape":"u64"}]}}}"#;

fn state(text: &str) -> StateRecord {
    StateRecord::parse(text.as_bytes()).expect("a record")
}

fn declared<'a>(version: &str, states: &'a [StateRecord]) -> Declared<'a> {
    Declared {
        version: version.parse().expect("a version"),
        abi: "1.0".to_owned(),
        target: "x86_64-unknown-linux-gnu",
        states,
    }
}

/// As a terminal shows it.
fn show(findings: &[Finding]) -> String {
    let show = |finding: &Finding| {
        let kind = if finding.refuses { "error" } else { "warning" };
        format!("{kind}: {}\n{}\nhint: {}\n", finding.message, finding.details(), finding.hint)
    };
    findings.iter().map(show).collect()
}

#[test]
fn what_is_the_same_or_reads_back_is_no_finding() {
    let old = [state(OLD)];
    assert_eq!(check(&declared("1.0.0+a", &old), &declared("1.0.0+b", &old)), []);
    assert_eq!(check(&declared("1.0.0+a", &[]), &declared("1.1.0", &old)), [], "a state that is new");
}

#[test]
fn a_change_without_a_conversion_shows_both_shapes_and_the_code_that_is_missing() {
    let findings = check(&declared("1.0.0+a", &[state(OLD)]), &declared("1.1.0+b", &[state(NEW)]));
    insta::assert_snapshot!(show(&findings));
}

#[test]
fn a_way_without_return_and_a_state_that_is_gone_are_warnings() {
    let two = r#"{"name":"counter","version":2,"shape":"u64","before":[{"way_down":false,"version":1,"shape":"u32"}]}"#;
    let one = [
        state(r#"{"name":"counter","version":1,"shape":"u32"}"#),
        state(r#"{"name":"room","version":1,"shape":"unit"}"#),
    ];
    let findings = check(&declared("1.0.0+a", &one), &declared("1.1.0+b", &[state(two)]));
    assert!(findings.iter().all(|finding| !finding.refuses));
    insta::assert_snapshot!(show(&findings));
}

#[test]
fn another_abi_another_target_and_an_older_version_are_refused() {
    let from = declared("1.1.0+a", &[]);
    let to = Declared { abi: "2.0".to_owned(), target: "aarch64-unknown-linux-gnu", ..declared("1.0.9+b", &[]) };
    let findings = check(&from, &to);
    assert!(findings.iter().all(|finding| finding.refuses));
    insta::assert_snapshot!(show(&findings));
    assert_eq!(check(&from, &declared("1.1.0+b", &[])), [], "another build of the same version");
}

#[test]
fn a_state_that_goes_back_without_a_way_is_refused_without_code_to_paste() {
    let findings = states(
        &declared("1.1.0", &[state(r#"{"name":"counter","version":2,"shape":"u64"}"#)]),
        &declared("1.0.0", &[state(r#"{"name":"counter","version":1,"shape":"u32"}"#)]),
    );
    insta::assert_snapshot!(show(&findings));
}
