//! The schema of all that `--json` prints: draft 2020-12, made of the types that are printed.
//!
//! ```text
//! Line's variants, and theirs ─► one object each, with "schema" and all its names ─┐
//! what types these consist of ─► $defs ────────────────────────────────────────────┴─► closed: no other names
//! ```
//!
//! It is stricter than a reader should be, who skips names that he does not know: it says what this version of the tool prints.

use super::{Line, PlanFile};
use runtime::protocol::SCHEMA;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema as _, Schema, json_schema};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Where definitions stand.
const DEFINITIONS: &str = "#/$defs/";

/// The file that the schema has an entry for, which is no line.
const FILE: &str = "PlanFile";

type Object = Map<String, Value>;

/// See the file's head.
pub(crate) fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let line = Line::json_schema(&mut generator);
    generator.subschema_for::<PlanFile>();
    let mut definitions = generator.take_definitions(true);
    let lines: Vec<_> = alternatives(line.as_object().cloned().unwrap_or_default(), &definitions)
        .into_iter()
        .map(|line| Value::Object(numbered(line)))
        .collect();
    let lines = Value::Array(lines);
    let used = used(&lines, &definitions);
    definitions.retain(|name, _| used.contains(name));
    let mut schema = json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What cargo system prints with --json",
        "description": format!(
            "One JSON object a line of standard output: events as they come, and what the command came to as the last. \
             `schema` is the version of these shapes; a later version of the tool may add names, so skip those that you do not know. \
             {DEFINITIONS}{FILE} is the file that upgrade --dry-run --out writes."
        ),
        "oneOf": lines,
        "$defs": definitions,
    });
    RecursiveTransform(close).transform(&mut schema);
    schema.to_value()
}

/// What a schema leaves open, each with all that is said of it: by itself, by what it refers to, and by what stands around its alternatives.
fn alternatives(mut schema: Object, definitions: &Object) -> Vec<Object> {
    if let Some(Value::String(reference)) = schema.remove("$ref") {
        let name = reference.trim_start_matches(DEFINITIONS);
        let of_type = definitions.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        return alternatives(merged(schema, of_type), definitions);
    }
    let Some(Value::Array(open)) = schema.remove("oneOf").or_else(|| schema.remove("anyOf")) else {
        return vec![schema];
    };
    let open = open.into_iter().filter_map(|one| if let Value::Object(one) = one { Some(one) } else { None });
    open.flat_map(|one| alternatives(merged(one, schema.clone()), definitions)).collect()
}

/// Names of both; else the first one says.
fn merged(mut first: Object, second: Object) -> Object {
    for (key, value) in second {
        match (first.get_mut(&key), value) {
            (Some(Value::Object(names)), Value::Object(more)) => names.extend(more),
            (Some(Value::Array(names)), Value::Array(more)) => names.extend(more),
            (Some(_), _) => {}
            (None, value) => drop(first.insert(key, value)),
        }
    }
    first
}

/// With the version that each line has.
fn numbered(line: Object) -> Object {
    let schema = json!({ "description": "Version of these shapes.", "const": SCHEMA });
    merged(
        line,
        Object::from_iter([
            ("properties".to_owned(), json!({ "schema": schema })),
            ("required".to_owned(), json!(["schema"])),
        ]),
    )
}

/// The definitions that lines and the file lead to.
fn used(lines: &Value, definitions: &Object) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let mut next = references(lines);
    next.push(FILE.to_owned());
    while let Some(name) = next.pop() {
        if let Some(definition) = definitions.get(&name)
            && used.insert(name)
        {
            next.extend(references(definition));
        }
    }
    used
}

fn references(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(members) => {
            let own =
                members.get("$ref").and_then(Value::as_str).map(|name| name.trim_start_matches(DEFINITIONS).to_owned());
            own.into_iter().chain(members.values().flat_map(references)).collect()
        }
        Value::Array(elements) => elements.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// An object has the names that are described, and no others. What it would be if it were missing says nothing of what is printed.
fn close(schema: &mut Schema) {
    schema.remove("default");
    if schema.get("properties").is_some() {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All schemas of objects, wherever they stand.
    fn objects(value: &Value) -> Vec<&Object> {
        match value {
            Value::Object(members) => {
                let own = Some(members).filter(|members| members.get("properties").is_some_and(Value::is_object));
                own.into_iter().chain(members.values().flat_map(objects)).collect()
            }
            Value::Array(elements) => elements.iter().flat_map(objects).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_name_is_described_in_words_and_there_are_no_others() {
        let schema = schema();
        let all = objects(&schema);
        assert!(all.len() > 60, "{schema:#}");
        for object in all {
            assert_eq!(object.get("additionalProperties"), Some(&false.into()), "{object:#?}");
            for (name, property) in object["properties"].as_object().expect("names") {
                let is_told_by_its_name = property.get("const").is_some()
                    || object["properties"].as_object().is_some_and(|all| all.len() == 1);
                let description = property["description"].as_str().unwrap_or_default();
                assert!(is_told_by_its_name || !description.is_empty(), "{name} of {object:#?}");
                assert!(
                    !description.contains("[`") && !description.contains("`None`"),
                    "{name}: {description} is Rust"
                );
            }
        }
    }

    #[test]
    fn a_line_is_described_once() {
        let schema = schema();
        let lines = schema["oneOf"].as_array().expect("lines");
        let mut names = BTreeSet::new();
        for line in lines {
            assert_eq!(line["properties"]["schema"]["const"], SCHEMA, "{line:#}");
            assert!(line["description"].is_string(), "{line:#}");
            let mut required: Vec<_> =
                line["required"].as_array().expect("names").iter().map(ToString::to_string).collect();
            required.sort();
            let tags = ["outcome", "event"].map(|tag| line["properties"][tag]["const"].to_string());
            assert!(names.insert((tags, required)), "two of {line:#}");
        }
    }
}
