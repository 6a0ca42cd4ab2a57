//! Declared states, as a plugin's author writes them: the versions' conversions, and what the record in the file says.

use plugin_abi::__private::{Chain, state_record, state_record_len, text_len};
use plugin_abi::abi::{RECORD_STATE, split_record};
use plugin_abi::state::State;
use plugin_abi::{Address, Pid, ReplyTo};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::num::TryFromIntError;

#[derive(Debug, PartialEq, Serialize, Deserialize, State)]
#[state(name = "counter", version = 3, from = CounterV2)]
struct Counter {
    count: u64,
    #[serde(default)]
    step: u64,
}

#[derive(Serialize, Deserialize, State)]
#[state(version = 2, from = CounterV1)]
struct CounterV2 {
    count: u32,
}

#[derive(Serialize, Deserialize, State)]
struct CounterV1(u8);

impl TryFrom<CounterV1> for CounterV2 {
    type Error = &'static str;

    fn try_from(before: CounterV1) -> Result<Self, &'static str> {
        if before.0 == 13 { Err("13 is no count") } else { Ok(Self { count: before.0.into() }) }
    }
}

impl TryFrom<CounterV2> for CounterV1 {
    type Error = TryFromIntError;

    fn try_from(counter: CounterV2) -> Result<Self, TryFromIntError> {
        counter.count.try_into().map(Self)
    }
}

impl From<CounterV2> for Counter {
    fn from(before: CounterV2) -> Self {
        Self { count: before.count.into(), step: 1 }
    }
}

impl TryFrom<Counter> for CounterV2 {
    type Error = TryFromIntError;

    fn try_from(counter: Counter) -> Result<Self, TryFromIntError> {
        Ok(Self { count: counter.count.try_into()? })
    }
}

#[test]
fn a_state_is_read_from_each_version_and_written_as_each() {
    let counter = Counter { count: 7, step: 1 };
    for version in 1..=3 {
        let bytes = counter.to_version(version).expect("a way down");
        assert_eq!(Counter::from_version(version, &bytes).as_ref(), Ok(&counter), "version {version}");
    }
    assert_eq!(counter.to_version(1).expect("a way down"), [7], "the version's own bytes");
    let without = rmp_serde::to_vec_named(&BTreeMap::from([("count", 8)])).expect("bytes");
    assert_eq!(Counter::from_version(3, &without), Ok(Counter { count: 8, step: 0 }), "a field with a default");
}

#[test]
fn what_cannot_be_converted_says_why() {
    let says = |result: Result<_, plugin_abi::state::StateError>| {
        result.map(|_: Counter| ()).expect_err("it fails").to_string()
    };
    let big = Counter { count: 300, step: 1 };
    assert!(big.to_version(2).is_ok());
    let error = big.to_version(1).expect_err("it does not fit").to_string();
    assert_eq!(error, "CounterV2 does not become CounterV1: out of range integral type conversion attempted");
    assert_eq!(says(Counter::from_version(1, &[13])), "CounterV1 does not become CounterV2: 13 is no count");
    assert_eq!(says(Counter::from_version(4, &[0])), "counter of version 3 knows no version 4");
    assert_eq!(says(Counter::from_version(0, &[0])), "CounterV1 of version 1 knows no version 0");
    assert!(big.to_version(4).is_err() && big.to_version(0).is_err());
    let error = says(Counter::from_version(3, &[0xC0]));
    assert!(error.starts_with("what was written is no counter of version 3: "), "{error}");
}

#[derive(Serialize, Deserialize, State)]
#[state(version = 2, from = Before, one_way)]
struct OneWay {}

#[derive(Serialize, Deserialize, State)]
struct Before;

impl From<Before> for OneWay {
    fn from(_: Before) -> Self {
        Self {}
    }
}

#[test]
fn one_way_has_no_way_back() {
    assert!(OneWay::from_version(1, &[0x90]).is_ok());
    let error = OneWay {}.to_version(1).expect_err("one way").to_string();
    assert_eq!(error, "OneWay of version 2 is declared one_way: it is not written as version 1");
}

/// The text of a state's record.
macro_rules! text {
    ($type:ty) => {{
        const CHAIN: &Chain = <$type as State>::CHAIN;
        static RECORD: [u8; state_record_len(CHAIN)] = state_record::<{ text_len(CHAIN) }, _>(RECORD_STATE, CHAIN);
        let (record, rest) = split_record(&RECORD).expect("a record");
        assert_eq!((record.kind, rest.len()), (RECORD_STATE, 0));
        str::from_utf8(record.text).expect("text").to_owned()
    }};
}

#[test]
fn a_record_says_each_version() {
    assert_eq!(
        text!(Counter),
        concat!(
            r#"{"name":"counter","version":3,"shape":{"struct":{"name":"Counter","fields":[{"name":"count","shape":"u64"},"#,
            r#"{"name":"step","default":true,"shape":"u64"}]}},"before":["#,
            r#"{"way_down":true,"version":2,"shape":{"struct":{"name":"CounterV2","fields":[{"name":"count","shape":"u32"}]}}},"#,
            r#"{"way_down":true,"version":1,"shape":{"newtype":{"name":"CounterV1","shape":"u8"}}}]}"#
        )
    );
    assert!(text!(OneWay).contains(r#""before":[{"way_down":false,"version":1,"shape":{"unit_struct":"Before"}}]"#));
}

#[derive(Serialize, Deserialize, State)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Names {
    #[serde(alias = "old\"name\n", skip_serializing_if = "Option::is_none")]
    r#type: Option<u8>,
    #[serde(rename(serialize = "w", deserialize = "r"))]
    way_out: char,
    #[serde(skip)]
    _hidden: Unshaped,
    #[serde(skip_serializing, default)]
    _read_only: String,
    #[serde(skip_deserializing)]
    _written_only: (u8, bool),
    #[state(opaque = "a colour")]
    colour: Colour,
}

#[derive(Default)]
struct Unshaped;

#[derive(Serialize, Deserialize)]
struct Colour;

#[test]
fn a_record_says_what_serde_s_attributes_change() {
    assert_eq!(
        text!(Names),
        concat!(
            r#"{"name":"Names","version":1,"shape":{"struct":{"name":"Names","deny_unknown_fields":true,"fields":["#,
            r#"{"name":"type","read":["type","old\"name\u000a"],"sometimes":true,"is_some":true,"source":"Option<u8>","shape":{"option":"u8"}},"#,
            r#"{"name":"w","read":["r"],"shape":"char"},"#,
            r#"{"read":["readOnly"],"default":true,"source":"String","shape":"string"},"#,
            r#"{"name":"writtenOnly","read":[],"source":"(u8, bool)","shape":{"tuple":{"elements":[{"shape":"u8"},{"shape":"bool"}]}}},"#,
            r#"{"name":"colour","source":"Colour","shape":{"opaque":"a colour"}}]}}}"#
        )
    );
}

#[derive(Serialize, Deserialize, State)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "UPPERCASE")]
enum Inside {
    NoneAtAll,
    Some {
        count: u8,
    },
    #[serde(other)]
    Else,
}

#[derive(Serialize, Deserialize, State)]
enum Tree<T> {
    Leaf(T),
    Node(Vec<Tree<T>>, Option<Box<Self>>),
    #[serde(skip)]
    #[expect(dead_code, reason = "neither written nor read")]
    Gone(PhantomData<T>),
}

#[test]
fn a_record_says_enums_and_what_holds_itself() {
    assert_eq!(
        text!(Inside),
        concat!(
            r#"{"name":"Inside","version":1,"shape":{"enum":{"name":"Inside","tag":"kind","variants":["#,
            r#"{"name":"none_at_all"},"#,
            r#"{"name":"some","held":{"struct":{"fields":[{"name":"COUNT","shape":"u8"}]}}},"#,
            r#"{"name":"else","other":true}]}}}"#
        )
    );
    assert_eq!(
        text!(Tree<u8>),
        concat!(
            r#"{"name":"Tree","version":1,"shape":{"enum":{"name":"Tree","variants":["#,
            r#"{"name":"Leaf","held":"u8"},"#,
            r#"{"name":"Node","held":{"tuple":{"elements":[{"source":"Vec<Tree<T>>","shape":{"seq":{"back":"Tree"}}},"#,
            r#"{"source":"Option<Box<Self>>","shape":{"option":{"back":"Tree"}}}]}}}]}}}"#
        )
    );
}

#[derive(Serialize, Deserialize, State)]
struct Everything {
    a: HashMap<String, [u16; 3]>,
    b: (Pid, Address<u8>),
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<Wrapper>,
    d: std::time::Duration,
    e: Result<(), f32>,
}

#[derive(Serialize, Deserialize, State)]
#[serde(transparent)]
struct Wrapper {
    inner: i128,
    nothing: PhantomData<u8>,
}

#[test]
fn a_record_says_std_s_and_the_sdk_s_types() {
    let text = text!(Everything);
    for part in [
        r#"{"name":"a","source":"HashMap<String, [u16; 3]>","shape":{"map":["string",{"array":["u16",3]}]}}"#,
        r#"{"tuple":{"elements":[{"shape":{"opaque":"plugin_abi::Pid"}},{"shape":{"opaque":"plugin_abi::Pid"}}]}}"#,
        r#"{"option":{"newtype":{"transparent":true,"name":"Wrapper","shape":"i128"}}}"#,
        r#"{"opaque":"std::time::Duration"}"#,
        r#"{"enum":{"name":"Result","variants":[{"name":"Ok","held":"unit"},{"name":"Err","held":"f32"}]}}"#,
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

/// A reply can be kept in a state, though it is none by itself.
#[derive(Serialize, Deserialize, State)]
struct Waiting {
    callers: Vec<ReplyTo<u8>>,
}

#[test]
fn a_reply_is_part_of_a_state() {
    assert!(text!(Waiting).contains(r#"{"seq":{"opaque":"plugin_abi::ReplyTo"}}"#));
}
