//! What a person changes, and what comes of it; and what serde itself says is in the tests' `schemas`.

use super::*;

fn record(version: u32, shape: &str, before: &str) -> StateRecord {
    let text = format!(r#"{{"name":"counter","version":{version},"shape":{shape},"before":[{before}]}}"#);
    StateRecord::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn fields(fields: &str) -> String {
    format!(r#"{{"struct":{{"name":"Counter","fields":[{fields}]}}}}"#)
}

const COUNT: &str = r#"{"name":"count","shape":"u64"}"#;
const STEP: &str = r#"{"name":"step","shape":"u64"}"#;
const STEP_DEFAULT: &str = r#"{"name":"step","default":true,"shape":"u64"}"#;

/// `Same`, `Compatible`, or why not.
fn verdict(old: &StateRecord, new: &StateRecord) -> String {
    let say = |no_way: &NoWay| {
        let differences: Vec<_> = no_way.differences().iter().map(ToString::to_string).collect();
        format!("{no_way} [{}]", differences.join("; "))
    };
    match compare(old, new) {
        Verdict::OneWay(no_way) => format!("one way: {}", say(&no_way)),
        Verdict::Incompatible(no_way) => format!("incompatible: {}", say(&no_way)),
        same => format!("{same:?}"),
    }
}

#[track_caller]
fn within_a_version(old: &str, new: &str, expected: &str) {
    assert_eq!(verdict(&record(1, old, ""), &record(1, new, "")), expected);
}

#[test]
fn a_field_that_is_added_needs_a_default() {
    let (old, new) = (fields(COUNT), fields(&format!("{COUNT},{STEP_DEFAULT}")));
    within_a_version(&old, &old, "Same");
    within_a_version(&old, &new, "Compatible");
    let without = fields(&format!("{COUNT},{STEP}"));
    within_a_version(
        &old,
        &without,
        "incompatible: version 1 is another type than it was [step: it is read, has no default, and is not written]",
    );
    let back = "one way: version 1 is another type than it was [step: it is read, has no default, and is not written]";
    within_a_version(&without, &old, back);
}

#[test]
fn numbers_get_wider_and_not_narrower() {
    let count = |ty: &str| fields(&format!(r#"{{"name":"count","shape":"{ty}"}}"#));
    within_a_version(
        &count("u32"),
        &count("u64"),
        "one way: version 1 is another type than it was [count: what is written as u64 is not always read as u32]",
    );
    within_a_version(
        &count("u64"),
        &count("i64"),
        "incompatible: version 1 is another type than it was [count: what is written as u64 is not always read as i64]",
    );
}

#[test]
fn a_version_moves_by_its_conversions() {
    let (one, two) = (fields(COUNT), fields(&format!("{COUNT},{STEP}")));
    let old = record(1, &one, "");
    let earlier = |way_down, shape: &str| format!(r#"{{"way_down":{way_down},"version":1,"shape":{shape}}}"#);
    assert_eq!(verdict(&old, &record(2, &two, &earlier(true, &one))), "Compatible");
    assert_eq!(verdict(&record(2, &two, &earlier(true, &one)), &old), "Compatible", "and down");
    let one_way = record(2, &two, &earlier(false, &one));
    assert_eq!(verdict(&old, &one_way), "one way: version 2 is not written as version 1 []");
    assert_eq!(verdict(&one_way, &old), "incompatible: version 2 is not written as version 1 []");
    assert_eq!(verdict(&old, &record(2, &two, "")), "incompatible: version 2 cannot be made of version 1 []");
    let other = fields(STEP);
    assert_eq!(
        verdict(&old, &record(2, &two, &earlier(true, &other))),
        "incompatible: what stands for version 1 is another type than that version was [step: it is read, has no default, and is not written]"
    );
    let three = format!(r#"{{"way_down":true,"version":2,"shape":{two}}},{}"#, earlier(false, &one));
    let three = record(3, &fields(""), &three);
    assert_eq!(verdict(&record(2, &two, ""), &three), "Compatible");
    assert_eq!(verdict(&old, &three), "one way: version 3 is not written as version 1 []");
}

#[test]
fn a_type_that_holds_itself_is_compared_once() {
    let tree = |inner: &str| {
        format!(
            r#"{{"struct":{{"name":"Tree","fields":[{{"name":"kids","shape":{{"seq":{inner}}}}},{{"name":"leaf","shape":"u8"}}]}}}}"#
        )
    };
    let (old, unrolled) = (tree(r#"{"back":"Tree"}"#), tree(&tree(r#"{"back":"Tree"}"#)));
    within_a_version(&old, &old, "Same");
    within_a_version(&old, &unrolled, "Compatible");
    let wrong = tree(&tree(r#"{"back":"Tree"}"#).replace(r#""leaf","shape":"u8""#, r#""leaf","shape":"bool""#));
    within_a_version(
        &old,
        &wrong,
        "incompatible: version 1 is another type than it was [kids[].leaf: what is written as u8 is not always read as bool]",
    );
}

#[test]
fn a_record_that_says_what_cannot_be_is_refused() {
    for text in [
        "",
        "[]",
        r#"{"name":"","version":1,"shape":"u8"}"#,
        r#"{"name":"a","version":0,"shape":"u8"}"#,
        r#"{"name":"a","version":1,"shape":"u7"}"#,
        r#"{"name":"a","version":1,"shape":{"back":"a"}}"#,
        r#"{"name":"a","version":1,"shape":{"newtype":{"name":"A","shape":{"back":"A"}}}}"#,
        r#"{"name":"a","version":1,"shape":{"newtype":{"name":"A","shape":{"option":{"back":"A"}}}}}"#,
        r#"{"name":"a","version":1,"shape":"u8","before":[{"way_down":true,"version":1,"shape":"u8"}]}"#,
        r#"{"name":"a","version":1,"shape":"u8","before":[{"way_down":true,"version":0,"shape":"u8"}]}"#,
        r#"{"name":"a","version":2,"shape":"u8","before":[{"way_down":true,"version":1,"shape":{"back":"a"}}]}"#,
    ] {
        assert!(StateRecord::parse(text.as_bytes()).is_err(), "{text}");
    }
    let deep =
        format!(r#"{{"name":"a","version":1,"shape":{}"u8"{}}}"#, r#"{"option":"#.repeat(10_000), "}".repeat(10_000));
    assert!(StateRecord::parse(deep.as_bytes()).is_err(), "no stack is used up");
    let own = r#"{"newtype":{"name":"A","shape":{"seq":{"back":"A"}}}}"#;
    within_a_version(own, own, "Same");
}
