//! The code that a changed state lacks: the earlier version's type as it was shipped, and both conversions, ready to be pasted and filled in.

use super::reads::reads;
use super::record::{Enum, Field, Shape, StateRecord, Struct, Tuple, Variant};
use super::render::{collect, one_line};
use std::fmt::Write as _;

/// What stands where a person has to decide. Spelled so that nobody takes it for unfinished work in this file.
const DECIDE: &str = concat!("todo", "!");
const DERIVE: &str = "#[derive(serde::Serialize, serde::Deserialize, plugin_abi::State)]\n";

/// Rust for a plugin that declares the state as `new`, and shall take over processes of `old`. `None`: `new` is the earlier version.
#[must_use]
pub fn stub(old: &StateRecord, new: &StateRecord) -> Option<String> {
    let later =
        new.before.iter().map(|earlier| (earlier.version, &earlier.shape)).rfind(|(version, _)| *version > old.version);
    let (version, shape) = later.unwrap_or((new.version, &new.shape));
    if version < old.version {
        return None;
    }
    let now = type_name(shape).unwrap_or_else(|| identifier(&new.name).0);
    let version = version.max(old.version + 1);
    let before = root_name(old, &now);
    let names =
        Names { version: old.version, kept: types(shape), old: types(&old.shape), root: (&old.shape, before.clone()) };
    let name =
        if now == new.name || version < new.version { String::new() } else { format!("name = {:?}, ", new.name) };
    let mut text = format!("// On {now}: #[state({name}version = {version}, from = {before})]\n\n");
    text.push_str(&names.root(&old.shape, &before));
    for shape in names.old.iter().filter(|shape| !std::ptr::eq(**shape, &raw const old.shape) && !names.is_kept(shape))
    {
        let _ = write!(text, "\n{}", names.definition(shape, &names.of(shape), ""));
    }
    let (up, down) = (conversion(&names, &old.shape, shape, "before"), conversion(&names, shape, &old.shape, "now"));
    let _ = write!(
        text,
        "\nimpl From<{before}> for {now} {{\n    fn from(before: {before}) -> Self {{\n        {up}\n    }}\n}}\n\
         \n/// For the way back. If there is none: #[state(one_way)] on {now}.\n\
         impl TryFrom<{now}> for {before} {{\n    type Error = String;\n\n    fn try_from(now: {now}) -> Result<Self, String> {{\n        Ok({down})\n    }}\n}}\n"
    );
    Some(text)
}

fn types(shape: &Shape) -> Vec<&Shape> {
    let mut types = Vec::new();
    collect(shape, &mut types);
    types
}

fn type_name(shape: &Shape) -> Option<String> {
    match shape {
        Shape::UnitStruct(name) => Some(name.clone()),
        other => other.name().map(str::to_owned),
    }
}

/// An expression of `to`, made of `from`, which is called `source`.
fn conversion(names: &Names<'_>, from: &Shape, to: &Shape, source: &str) -> String {
    let (Shape::Struct(from), Shape::Struct(to)) = (from, to) else {
        return format!("{DECIDE}(\"make it of `{source}`\")");
    };
    let mut text = "Self {\n".to_owned();
    for field in &to.fields {
        let name = field_name(field);
        let same = from.fields.iter().find(|of| field_name(of) == name);
        let value = match same {
            Some(of) if of.shape == field.shape && names.is_shared(&of.shape) => {
                format!("{source}.{}", identifier(&name).0)
            }
            Some(of) => {
                let what = format!("`{name}` is {} in `{source}`", one_line(&of.shape));
                format!("{DECIDE}({:?})", what)
            }
            None => format!("{DECIDE}({:?})", format!("`{name}` is not in `{source}`")),
        };
        let _ = writeln!(text, "            {}: {value},", identifier(&name).0);
    }
    text + "        }"
}

fn field_name(field: &Field) -> String {
    field.name.clone().or(field.read_names().first().map(ToString::to_string)).unwrap_or_default()
}

/// What the types of the earlier version are called: as they are now, if they have not changed.
struct Names<'a> {
    version: u32,
    kept: Vec<&'a Shape>,
    old: Vec<&'a Shape>,
    /// The state's own type is never the one that is there now.
    root: (&'a Shape, String),
}

fn root_name(old: &StateRecord, now: &str) -> String {
    let name = type_name(&old.shape).map_or_else(|| now.to_owned(), |name| identifier(&name).0);
    let version = format!("V{}", old.version);
    if name.ends_with(&version) { name } else { name + version.as_str() }
}

fn has_way_back(shape: &Shape) -> bool {
    matches!(shape, Shape::Back(_)) || shape.parts().into_iter().any(has_way_back)
}

impl Names<'_> {
    fn is_kept(&self, shape: &Shape) -> bool {
        let is_same = |now: &Shape| {
            type_name(now) == type_name(shape) && reads(now, shape).is_empty() && reads(shape, now).is_empty()
        };
        self.kept.iter().any(|now| is_same(now))
    }

    /// Are all named types in it the same now?
    fn is_shared(&self, shape: &Shape) -> bool {
        !has_way_back(shape) && types(shape).into_iter().all(|part| self.is_kept(part))
    }

    fn of(&self, shape: &Shape) -> String {
        if std::ptr::eq(shape, self.root.0) {
            return self.root.1.clone();
        }
        let name = identifier(&type_name(shape).unwrap_or_default()).0;
        if self.is_kept(shape) { name } else { format!("{name}V{}", self.version) }
    }

    fn root(&self, shape: &Shape, name: &str) -> String {
        let attribute =
            if self.version == 1 { String::new() } else { format!("#[state(version = {})]\n", self.version) };
        match shape {
            Shape::Newtype(_) | Shape::Tuple(_) | Shape::Struct(_) | Shape::Enum(_) | Shape::UnitStruct(_) => {
                self.definition(shape, name, &attribute)
            }
            other => format!("{DERIVE}{attribute}#[serde(transparent)]\nstruct {name}({});\n", self.ty(other)),
        }
    }

    fn definition(&self, shape: &Shape, name: &str, attribute: &str) -> String {
        let head = format!("{DERIVE}{attribute}");
        match shape {
            Shape::Newtype(newtype) => {
                let transparent = if newtype.transparent { "#[serde(transparent)]\n" } else { "" };
                format!("{head}{transparent}struct {name}({});\n", self.source(&newtype.source, &newtype.shape))
            }
            Shape::Tuple(tuple) => format!("{head}struct {name}{};\n", self.elements(tuple)),
            Shape::Struct(fields) => format!(
                "{head}{}struct {name} {{\n{}}}\n",
                deny(fields.deny_unknown_fields),
                self.fields(fields, "    ")
            ),
            Shape::Enum(variants) => self.variants(&head, name, variants),
            _ => format!("{head}struct {name};\n"),
        }
    }

    fn fields(&self, fields: &Struct, indent: &str) -> String {
        fields.fields.iter().fold(String::new(), |mut text, field| {
            let name = field_name(field);
            let (name, written) = identifier(&name);
            let mut serde: Vec<String> = field.default.then(|| "default".to_owned()).into_iter().collect();
            serde.extend(written.map(|written| format!("rename = {written:?}")));
            let aliases = field
                .read_names()
                .into_iter()
                .filter(|read| Some(*read) != field.name.as_deref() && field.name.is_some());
            serde.extend(aliases.map(|alias| format!("alias = {alias:?}")));
            let opaque =
                opaque(&field.shape).map_or_else(String::new, |text| format!("{indent}#[state(opaque = {text:?})]\n"));
            let _ = writeln!(
                text,
                "{}{opaque}{indent}{name}: {},",
                attribute(indent, &serde),
                self.source(&field.source, &field.shape)
            );
            text
        })
    }

    fn variants(&self, head: &str, name: &str, of: &Enum) -> String {
        let tag = of.tag.as_ref().map(|tag| format!("tag = {tag:?}"));
        let content = of.content.as_ref().map(|content| format!("content = {content:?}"));
        let serde: Vec<_> = tag.into_iter().chain(content).collect();
        let mut text = format!("{head}{}{}enum {name} {{\n", attribute("", &serde), deny(of.deny_unknown_fields));
        for variant in &of.variants {
            text.push_str(&self.variant(variant));
        }
        text + "}\n"
    }

    fn variant(&self, variant: &Variant) -> String {
        let name = variant.name.clone().or(variant.read_names().first().map(ToString::to_string)).unwrap_or_default();
        let (name, written) = identifier(&name);
        let mut serde: Vec<String> = written.map(|written| format!("rename = {written:?}")).into_iter().collect();
        serde.extend(variant.other.then(|| "other".to_owned()));
        let held = match &variant.held {
            None => String::new(),
            Some(Shape::Struct(fields)) if fields.name.is_empty() => {
                format!(" {{\n{}    }}", self.fields(fields, "        "))
            }
            Some(Shape::Tuple(tuple)) if tuple.name.is_empty() => self.elements(tuple),
            Some(held) => format!("({})", self.ty(held)),
        };
        format!("{}    {name}{held},\n", attribute("    ", &serde))
    }

    fn elements(&self, tuple: &Tuple) -> String {
        let element = |element: &super::record::Element| {
            let default = if element.default { "#[serde(default)] " } else { "" };
            let opaque =
                opaque(&element.shape).map_or_else(String::new, |text| format!("#[state(opaque = {text:?})] "));
            format!("{default}{opaque}{}", self.source(&element.source, &element.shape))
        };
        format!("({})", tuple.elements.iter().map(element).collect::<Vec<_>>().join(", "))
    }

    /// A field's type, as it was written, but for the types that have changed since.
    fn source(&self, source: &str, shape: &Shape) -> String {
        let is_type = |letter: char| letter.is_alphanumeric() || "_:<>,;&'()[] +-=".contains(letter);
        if source.is_empty() || !source.chars().all(is_type) {
            return self.ty(shape);
        }
        let changed: Vec<_> = types(shape).into_iter().filter(|part| !self.is_kept(part)).collect();
        let mut text = String::new();
        for word in source.split_inclusive(|letter: char| !letter.is_alphanumeric() && letter != '_') {
            let name = word.trim_end_matches(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let target = changed.iter().find(|part| type_name(part).as_deref() == Some(name));
            let renamed = target.map(|target| self.of(target)).or_else(|| self.around(name, shape));
            text.push_str(&renamed.map_or_else(|| word.to_owned(), |renamed| word.replacen(name, &renamed, 1)));
        }
        text
    }

    /// A type that holds itself calls itself so within.
    fn around(&self, name: &str, shape: &Shape) -> Option<String> {
        let back = if has_way_back(shape) { self.old.iter().find(|of| of.name() == Some(name)) } else { None };
        back.map(|target| self.of(target))
    }

    /// A field's type.
    fn ty(&self, shape: &Shape) -> String {
        match shape {
            Shape::Back(name) => {
                let target = self.old.iter().find(|shape| shape.name() == Some(name));
                target.map_or_else(|| identifier(name).0, |target| self.of(target))
            }
            Shape::UnitStruct(name) if name == "PhantomData" => "std::marker::PhantomData<()>".to_owned(),
            Shape::Opaque(text) => {
                if is_path(text) {
                    text.clone()
                } else {
                    "()".to_owned()
                }
            }
            Shape::Option(inner) => format!("Option<{}>", self.boxed(inner)),
            Shape::Seq(inner) => format!("Vec<{}>", self.ty(inner)),
            Shape::Map(key, value) => format!("std::collections::HashMap<{}, {}>", self.ty(key), self.ty(value)),
            Shape::Array(inner, len) => format!("[{}; {len}]", self.ty(inner)),
            Shape::Enum(result) if result.name == "Result" && result.variants.len() == 2 => {
                let held =
                    |at: usize| result.variants[at].held.as_ref().map_or_else(|| "()".to_owned(), |held| self.ty(held));
                format!("Result<{}, {}>", held(0), held(1))
            }
            Shape::Tuple(tuple) if tuple.name.is_empty() => {
                let inside: Vec<_> = tuple.elements.iter().map(|element| self.ty(&element.shape)).collect();
                format!("({}{})", inside.join(", "), if inside.len() == 1 { "," } else { "" })
            }
            named if type_name(named).is_some() => self.of(named),
            primitive => match one_line(primitive).strip_prefix("NonZero") {
                Some(of) => format!("std::num::NonZero{of}"),
                None => one_line(primitive),
            },
        }
    }

    fn boxed(&self, inner: &Shape) -> String {
        if matches!(inner, Shape::Back(_)) { format!("Box<{}>", self.ty(inner)) } else { self.ty(inner) }
    }
}

fn deny(unknown: bool) -> &'static str {
    if unknown { "#[serde(deny_unknown_fields)]\n" } else { "" }
}

fn attribute(indent: &str, serde: &[String]) -> String {
    if serde.is_empty() { String::new() } else { format!("{indent}#[serde({})]\n", serde.join(", ")) }
}

/// What has to be said of a field whose type is another crate's; the SDK knows std's and its own.
fn opaque(shape: &Shape) -> Option<&str> {
    match shape {
        Shape::Opaque(text) if !text.starts_with("std::") && !text.starts_with("plugin_abi::") => Some(text),
        _ => None,
    }
}

fn is_path(text: &str) -> bool {
    text.split("::").all(is_identifier)
}

fn is_identifier(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
}

const KEYWORDS: &[&str] = &[
    "as", "async", "await", "break", "const", "continue", "dyn", "else", "enum", "extern", "false", "fn", "for", "gen",
    "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "static", "struct",
    "trait", "true", "type", "unsafe", "use", "where", "while",
];

/// An identifier for that name, and the name, where they are not the same for serde.
fn identifier(name: &str) -> (String, Option<&str>) {
    if KEYWORDS.contains(&name) {
        return (format!("r#{name}"), None);
    }
    if is_identifier(name) && name != "_" && !["self", "Self", "super", "crate"].contains(&name) {
        return (name.to_owned(), None);
    }
    let letter = |letter: char| if letter.is_alphanumeric() { letter } else { '_' };
    (format!("x_{}", name.chars().map(letter).collect::<String>()), Some(name))
}
