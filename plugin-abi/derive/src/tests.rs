//! What cannot be said does not compile, and the sentence says why.

use super::expand;
use crate::case::Rule;
use syn::LitStr;

#[track_caller]
fn refuses(input: &str, sentence: &str) {
    let input = syn::parse_str(input).expect("a type");
    let error = expand(&input).expect_err("it is refused").to_string();
    assert!(error.contains(sentence), "{sentence:?} is not in {error:?}");
}

#[test]
fn what_no_shape_can_say_is_refused_in_one_sentence() {
    refuses("#[serde(untagged)] enum E { A(u8) }", "untagged enum");
    refuses("#[serde(from = \"u8\")] struct S { a: u8 }", "another type's");
    refuses("#[serde(remote = \"u8\")] struct S { a: u8 }", "no state by itself");
    refuses("#[serde(tag = \"t\")] struct S { a: u8 }", "the tag of a struct");
    refuses("#[serde(news_of_tomorrow)] struct S { a: u8 }", "not known here");
    refuses("struct S { #[serde(flatten)] a: A }", "flattened");
    refuses("struct S { #[serde(flatten)] #[state(opaque = \"a\")] a: A }", "flattened");
    refuses("struct S { #[serde(with = \"hex\")] a: Vec<u8> }", "#[state(opaque = \"…\")] on the field");
    refuses("struct S { #[serde(getter = \"a\")] a: u8 }", "not known here");
    refuses("struct S(u8, #[serde(skip)] u8);", "give the fields names");
    refuses("enum E { #[serde(untagged)] A(u8) }", "no shape of a variant");
    refuses("enum E {}", "no values");
    refuses("union U { a: u8 }", "a union");
    refuses("#[serde(transparent)] struct S { a: u8, b: u8 }", "not the only one");
}

#[test]
fn what_is_wrong_in_the_declaration_is_refused() {
    refuses("#[state(version = 0)] struct S;", "begin with 1");
    refuses("#[state(name = \"\")] struct S;", "names nothing");
    refuses("#[state(one_way)] struct S;", "which is missing");
    refuses("#[state(colour = \"red\")] struct S;", "a state has name, version");
    refuses("struct S { #[state(version = 2)] a: u8 }", "opaque = \"…\" alone");
    refuses("enum E { #[state(opaque = \"a\")] A }", "on types and their fields");
    refuses("#[serde(rename_all = \"WhisperCase\")] struct S { a: u8 }", "no such rule");
}

#[test]
fn an_opaque_declaration_stands_for_what_no_shape_can_say() {
    for input in [
        "#[serde(untagged)] #[state(opaque = \"E 1\")] enum E { A(u8) }",
        "#[serde(into = \"u8\", from = \"u8\")] #[state(opaque = \"u8\")] struct S { a: u8 }",
        "struct S { #[serde(with = \"serde_bytes\")] #[state(opaque = \"bytes\")] a: Vec<u8> }",
    ] {
        let input = syn::parse_str(input).expect("a type");
        let expanded = expand(&input).expect("it is said").to_string();
        assert!(expanded.contains("Opaque"), "{expanded}");
    }
}

#[test]
fn a_type_is_said_as_a_person_writes_it() {
    for text in ["u8", "Vec<[u16; 3]>", "HashMap<String, (u8, a::B)>", "fn(u8) -> &'static str", "Box<dyn A + Send>"] {
        assert_eq!(crate::source::source(&syn::parse_str(text).expect("a type")), text);
    }
}

/// serde's own examples.
#[test]
fn names_are_made_as_serde_makes_them() {
    let rule = |name| Rule::parse(&LitStr::new(name, proc_macro2::Span::call_site())).expect("a rule of serde's");
    for (name, variant, field) in [
        ("lowercase", "verytasty", "very_tasty"),
        ("UPPERCASE", "VERYTASTY", "VERY_TASTY"),
        ("PascalCase", "VeryTasty", "VeryTasty"),
        ("camelCase", "veryTasty", "veryTasty"),
        ("snake_case", "very_tasty", "very_tasty"),
        ("SCREAMING_SNAKE_CASE", "VERY_TASTY", "VERY_TASTY"),
        ("kebab-case", "very-tasty", "very-tasty"),
        ("SCREAMING-KEBAB-CASE", "VERY-TASTY", "VERY-TASTY"),
    ] {
        assert_eq!(rule(name).of_variant("VeryTasty"), variant, "{name}");
        assert_eq!(rule(name).of_field("very_tasty"), field, "{name}");
    }
    assert_eq!(rule("SCREAMING_SNAKE_CASE").of_variant("Z42"), "Z42");
    assert_eq!(Rule::None.of_variant("AsItIs"), "AsItIs");
}
