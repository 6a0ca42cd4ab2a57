//! A type as Rust.

use super::{Def, Field, Held, Skip, Tag, Ty, Variant, def_has_default};
use std::fmt::Write as _;

/// The definitions of a type and of those in it, with what the harness needs of each. The type itself has that name.
pub(crate) fn text(def: &Def, name: &str) -> String {
    let mut writer = Writer { text: String::new(), count: 0, root: name.to_owned() };
    writer.define(def, name);
    writer.text
}

struct Writer {
    text: String,
    count: usize,
    root: String,
}

impl Writer {
    fn define(&mut self, def: &Def, name: &str) {
        let mut own = String::new();
        let default = if def_has_default(def) { ", Default" } else { "" };
        let _ = writeln!(own, "#[derive(serde::Serialize, serde::Deserialize, plugin_abi::State{default})]");
        let make = match def {
            Def::Struct { deny, fields } => {
                let _ = write!(
                    own,
                    "{}pub(crate) struct {name} {{\n{}}}\n",
                    deny_text(*deny),
                    self.fields(fields, name, "pub(crate) ")
                );
                format!("Self {}", made_fields(fields))
            }
            Def::Tuple { elements, defaults_from } => {
                let elements: Vec<_> =
                    elements.iter().enumerate().map(|(at, ty)| self.element(ty, name, at >= *defaults_from)).collect();
                let _ = writeln!(own, "pub(crate) struct {name}({});", elements.join(", "));
                format!("Self({})", made(elements.len()))
            }
            Def::Newtype { transparent, ty } => {
                let attribute = if *transparent { "#[serde(transparent)]\n" } else { "" };
                let _ = writeln!(own, "{attribute}pub(crate) struct {name}({});", self.ty(ty, name));
                "Self(Make::make(random))".to_owned()
            }
            Def::Unit => {
                let _ = writeln!(own, "pub(crate) struct {name};");
                "Self".to_owned()
            }
            Def::Enum { tag, deny, variants } => {
                let tag = match tag {
                    Tag::Outside => "",
                    Tag::Inside => "#[serde(tag = \"tag\")]\n",
                    Tag::Beside => "#[serde(tag = \"tag\", content = \"content\")]\n",
                };
                let _ = writeln!(own, "{tag}{}pub(crate) enum {name} {{\n    #[default]", deny_text(*deny));
                for variant in variants {
                    own.push_str(&self.variant(variant, name));
                }
                own.push_str("}\n");
                made_variant(variants)
            }
        };
        let unused = if make.contains("random") { "" } else { "_" };
        let _ = writeln!(
            own,
            "impl Make for {name} {{\n    fn make({unused}random: &mut Random) -> Self {{\n        {make}\n    }}\n}}\n"
        );
        self.text.push_str(&own);
    }

    fn fields(&mut self, fields: &[Field], around: &str, visible: &str) -> String {
        fields.iter().fold(String::new(), |mut text, field| {
            let mut serde = Vec::new();
            if field.default {
                serde.push("default".to_owned());
            }
            serde.extend(field.alias.as_ref().map(|alias| format!("alias = {alias:?}")));
            serde
                .extend(field.renamed.as_ref().map(|(w, r)| format!("rename(serialize = {w:?}, deserialize = {r:?})")));
            match field.skip {
                Skip::No => {}
                Skip::Nothing => serde.push("skip_serializing_if = \"Option::is_none\"".to_owned()),
                Skip::Writing => serde.push("skip_serializing".to_owned()),
                Skip::Reading => serde.push("skip_deserializing".to_owned()),
            }
            if !serde.is_empty() {
                let _ = writeln!(text, "    #[serde({})]", serde.join(", "));
            }
            let _ = writeln!(text, "    {visible}{}: {},", field.name, self.ty(&field.ty, around));
            text
        })
    }

    fn variant(&mut self, variant: &Variant, around: &str) -> String {
        let alias =
            variant.alias.as_ref().map_or_else(String::new, |alias| format!("    #[serde(alias = {alias:?})]\n"));
        let other = if variant.other { "    #[serde(other)]\n" } else { "" };
        let held = match &variant.held {
            Held::Nothing => String::new(),
            Held::One(ty) => format!("({})", self.ty(ty, around)),
            Held::Several(elements) => {
                format!("({})", elements.iter().map(|ty| self.ty(ty, around)).collect::<Vec<_>>().join(", "))
            }
            Held::Fields(fields) => format!(" {{\n{}    }}", self.fields(fields, around, "")),
        };
        format!("{alias}{other}    {}{held},\n", variant.name)
    }

    fn element(&mut self, ty: &Ty, around: &str, default: bool) -> String {
        format!("{}{}", if default { "#[serde(default)] " } else { "" }, self.ty(ty, around))
    }

    fn ty(&mut self, ty: &Ty, around: &str) -> String {
        match ty {
            Ty::Primitive(name) => (*name).to_owned(),
            Ty::Option(inner) => format!("Option<{}>", self.ty(inner, around)),
            Ty::Vec(inner) => format!("Vec<{}>", self.ty(inner, around)),
            Ty::Map(key, inner) => format!("std::collections::BTreeMap<{key}, {}>", self.ty(inner, around)),
            Ty::Array(inner, len) => format!("[{}; {len}]", self.ty(inner, around)),
            Ty::Tuple(elements) => {
                format!("({},)", elements.iter().map(|ty| self.ty(ty, around)).collect::<Vec<_>>().join(", "))
            }
            Ty::Own => format!("Option<Box<{around}>>"),
            Ty::Def(def) => {
                self.count += 1;
                let name = format!("{}Part{}", self.root, self.count);
                self.define(def, &name);
                name
            }
        }
    }
}

fn deny_text(deny: bool) -> &'static str {
    if deny { "#[serde(deny_unknown_fields)]\n" } else { "" }
}

fn made(count: usize) -> String {
    vec!["Make::make(random)"; count].join(", ")
}

fn made_fields(fields: &[Field]) -> String {
    let fields: Vec<_> = fields.iter().map(|field| format!("{}: Make::make(random)", field.name)).collect();
    format!("{{ {} }}", fields.join(", "))
}

fn made_variant(variants: &[Variant]) -> String {
    let mut text = format!("match random.below({}) {{\n", variants.len());
    for (at, variant) in variants.iter().enumerate().rev() {
        let made = match &variant.held {
            Held::Nothing => String::new(),
            Held::One(_) => "(Make::make(random))".to_owned(),
            Held::Several(elements) => format!("({})", made(elements.len())),
            Held::Fields(fields) => format!(" {}", made_fields(fields)),
        };
        let arm = if at == 0 { "_".to_owned() } else { at.to_string() };
        let _ = writeln!(text, "            {arm} => Self::{}{made},", variant.name);
    }
    text + "        }"
}
