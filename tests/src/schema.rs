//! The published schema of `--json`: whatever a command prints in a test is held against it, line by line (see `cli`).

use crate::workspace;
use anyhow::{Context, Result, anyhow, bail, ensure};
use jsonschema::Validator;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

/// The schema, and what it is compiled to.
struct Published {
    schema: Value,
    line: Validator,
}

/// Where it is published.
#[must_use]
pub fn file() -> PathBuf {
    workspace::root().join("docs/schema.json")
}

/// Holds standard output against it: all lines that are whole. A command that was killed may leave half of one. Returns the exit code that it speaks of,
/// if it does.
///
/// # Errors
/// When a line is no JSON, or not as the schema says; the error names what is wrong with it.
pub fn check(stdout: &str) -> Result<Option<i64>> {
    let whole = stdout.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    whole.filter(|line| !line.trim().is_empty()).try_fold(None, |code, line| Ok(check_line(line)?.or(code)))
}

fn check_line(text: &str) -> Result<Option<i64>> {
    let line: Value = serde_json::from_str(text).with_context(|| format!("no JSON: {text}"))?;
    let published = published()?;
    ensure!(
        published.line.is_valid(&line),
        "not as docs/schema.json says: {text}\n{}",
        nearest(&published.schema, &line)?
    );
    Ok(line["exit_code"].as_i64())
}

/// Holds a file against a definition of the schema's.
///
/// # Errors
/// When it is not as that says.
pub fn check_file(definition: &str, text: &str) -> Result<()> {
    let value = serde_json::from_str(text).context("no JSON")?;
    let reference = json!({ "$ref": format!("#/$defs/{definition}") });
    match &*faults(&published()?.schema, &reference, &value)? {
        [] => Ok(()),
        faults => bail!("not as {definition} in docs/schema.json says: {}", faults.join("; ")),
    }
}

fn published() -> Result<&'static Published> {
    static PUBLISHED: OnceLock<Published> = OnceLock::new();
    if let Some(published) = PUBLISHED.get() {
        return Ok(published);
    }
    let text = fs::read(file()).with_context(|| file().display().to_string())?;
    let schema: Value = serde_json::from_slice(&text).context("docs/schema.json is no JSON")?;
    let line = compiled(&schema)?;
    Ok(PUBLISHED.get_or_init(|| Published { schema, line }))
}

fn compiled(schema: &Value) -> Result<Validator> {
    jsonschema::draft202012::new(schema).map_err(|error| anyhow!("docs/schema.json is no schema: {error}"))
}

/// What is wrong with a line, as the kind of line that it is most like.
fn nearest(schema: &Value, line: &Value) -> Result<String> {
    let kinds = schema["oneOf"].as_array().context("docs/schema.json has no lines")?;
    // What has an event may have an outcome as well, of which that tells.
    let tag = if line.get("event").is_some() { "event" } else { "outcome" };
    let is_called_so = |kind: &&Value| kind["properties"][tag]["const"] == line[tag];
    let faults =
        kinds.iter().filter(is_called_so).map(|kind| faults(schema, kind, line)).collect::<Result<Vec<_>>>()?;
    Ok(match faults.into_iter().min_by_key(Vec::len) {
        None => "no kind of line has that outcome or event".to_owned(),
        Some(none) if none.is_empty() => "it is of two kinds".to_owned(),
        Some(fewest) => fewest.join("\n"),
    })
}

/// What is wrong with a value, by a part of the schema.
fn faults(schema: &Value, part: &Value, value: &Value) -> Result<Vec<String>> {
    let mut part = part.clone();
    part["$defs"] = schema["$defs"].clone();
    let part = compiled(&part)?;
    Ok(part.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect())
}
