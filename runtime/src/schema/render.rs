//! A shape for people: as the Rust that it was derived from, as far as it is known. All text of a plugin's is escaped.

use super::record::{Element, Enum, Field, Shape, Struct, Variant};
use std::fmt::Write as _;

/// The types that a shape is made of, each once, outermost first.
#[must_use]
pub fn render(shape: &Shape) -> String {
    let mut types = Vec::new();
    collect(shape, &mut types);
    if types.first().is_none_or(|first| !std::ptr::eq(*first, shape)) {
        return one_line(shape);
    }
    types.into_iter().map(definition).collect::<Vec<_>>().join("\n\n")
}

/// The type's name, or what it is made of.
pub(super) fn one_line(shape: &Shape) -> String {
    if let Some(name) = shape.name() {
        return name.escape_debug().to_string();
    }
    match shape {
        Shape::Opaque(name) | Shape::Back(name) | Shape::UnitStruct(name) => name.escape_debug().to_string(),
        Shape::Option(inner) => format!("Option<{}>", one_line(inner)),
        Shape::Seq(inner) => format!("Vec<{}>", one_line(inner)),
        Shape::Map(key, value) => format!("HashMap<{}, {}>", one_line(key), one_line(value)),
        Shape::Array(inner, len) => format!("[{}; {len}]", one_line(inner)),
        Shape::Tuple(tuple) => elements(&tuple.elements),
        Shape::Struct(fields) => format!("{{ {} }}", fields.fields.iter().map(field).collect::<Vec<_>>().join(", ")),
        Shape::Unit => "()".to_owned(),
        Shape::String => "String".to_owned(),
        Shape::Newtype(newtype) => one_line(&newtype.shape),
        Shape::Enum(variants) => variants.name.escape_debug().to_string(),
        primitive => primitive_name(primitive),
    }
}

/// serde calls them as Rust does, nearly.
fn primitive_name(shape: &Shape) -> String {
    let name = serde_json::to_value(shape).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    match name.strip_prefix("nonzero_") {
        Some(inner) => format!("NonZero<{inner}>"),
        None => name,
    }
}

/// Named types in the order in which a reader meets them; the same one is met once.
pub(super) fn collect<'a>(shape: &'a Shape, into: &mut Vec<&'a Shape>) {
    let is_type = shape.name().is_some() || matches!(shape, Shape::UnitStruct(name) if name != "PhantomData");
    // Enums of std are known to everybody.
    let is_known = matches!(shape, Shape::Enum(variants) if variants.name == "Result");
    if is_type && !is_known {
        if into.contains(&shape) {
            return;
        }
        into.push(shape);
    }
    for part in shape.parts() {
        collect(part, into);
    }
}

fn definition(shape: &Shape) -> String {
    match shape {
        Shape::Newtype(newtype) => {
            let attribute = if newtype.transparent { "#[serde(transparent)]\n" } else { "" };
            format!("{attribute}struct {}({});", newtype.name.escape_debug(), one_line(&newtype.shape))
        }
        Shape::Tuple(tuple) => format!("struct {}{};", tuple.name.escape_debug(), elements(&tuple.elements)),
        Shape::Struct(fields) => of_struct(fields),
        Shape::Enum(variants) => of_enum(variants),
        Shape::UnitStruct(name) => format!("struct {};", name.escape_debug()),
        other => one_line(other),
    }
}

fn of_struct(fields: &Struct) -> String {
    let attribute = if fields.deny_unknown_fields { "#[serde(deny_unknown_fields)]\n" } else { "" };
    let mut text = format!("{attribute}struct {} {{\n", fields.name.escape_debug());
    for of in &fields.fields {
        let _ = writeln!(text, "    {},", field(of));
    }
    text.push('}');
    text
}

fn field(field: &Field) -> String {
    let mut attributes = Vec::new();
    if field.default {
        attributes.push("default".to_owned());
    }
    if field.sometimes {
        attributes.push("skip_serializing_if = …".to_owned());
    }
    attributes.extend(names(field.name.as_deref(), field.read.as_deref()));
    let name = field.name.as_deref().or(field.read_names().first().copied()).unwrap_or_default();
    format!("{}{}: {}", attribute(&attributes), name.escape_debug(), one_line(&field.shape))
}

fn of_enum(variants: &Enum) -> String {
    let mut attributes = Vec::new();
    attributes.extend(variants.tag.as_ref().map(|tag| format!("tag = {tag:?}")));
    attributes.extend(variants.content.as_ref().map(|content| format!("content = {content:?}")));
    if variants.deny_unknown_fields {
        attributes.push("deny_unknown_fields".to_owned());
    }
    let attribute = attribute(&attributes).trim_end().to_owned() + if attributes.is_empty() { "" } else { "\n" };
    let mut text = format!("{attribute}enum {} {{\n", variants.name.escape_debug());
    for of in &variants.variants {
        let _ = writeln!(text, "    {},", variant(of));
    }
    text.push('}');
    text
}

fn variant(variant: &Variant) -> String {
    let mut attributes: Vec<_> = variant.other.then(|| "other".to_owned()).into_iter().collect();
    attributes.extend(names(variant.name.as_deref(), variant.read.as_deref()));
    let name = variant.name.as_deref().or(variant.read_names().first().copied()).unwrap_or_default().escape_debug();
    let held = match &variant.held {
        None => String::new(),
        Some(Shape::Struct(fields)) if fields.name.is_empty() => {
            format!(" {}", one_line(&Shape::Struct(fields.clone())))
        }
        Some(Shape::Tuple(tuple)) if tuple.name.is_empty() => elements(&tuple.elements),
        Some(held) => format!("({})", one_line(held)),
    };
    format!("{}{name}{held}", attribute(&attributes))
}

/// What is to be said of names, when reading and writing have not the same one.
fn names(written: Option<&str>, read: Option<&[String]>) -> Vec<String> {
    match (written, read) {
        (_, None) => Vec::new(),
        (None, Some(_)) => vec!["skip_serializing".to_owned()],
        (Some(_), Some([])) => vec!["skip_deserializing".to_owned()],
        (Some(written), Some(read)) => {
            let aliases = read.iter().filter(|name| *name != written).map(|name| format!("alias = {name:?}"));
            let is_read = read.iter().any(|name| name == written);
            let renamed = (!is_read).then(|| format!("rename(serialize = {written:?})"));
            renamed.into_iter().chain(aliases).collect()
        }
    }
}

fn attribute(parts: &[String]) -> String {
    if parts.is_empty() { String::new() } else { format!("#[serde({})] ", parts.join(", ")) }
}

fn elements(elements: &[Element]) -> String {
    let element = |element: &Element| {
        let default = if element.default { "#[serde(default)] " } else { "" };
        format!("{default}{}", one_line(&element.shape))
    };
    let inside: Vec<_> = elements.iter().map(element).collect();
    let comma = if inside.len() == 1 { "," } else { "" };
    format!("({}{comma})", inside.join(", "))
}
