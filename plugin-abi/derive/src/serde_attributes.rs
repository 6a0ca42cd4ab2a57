//! `#[serde(…)]`, as far as it says what is written and read. An attribute that a shape cannot express is kept as the error that it is
//! unless the shape is opaque.

use crate::case::Rule;
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Expr, Ident, LitStr, Result, Token, parenthesized};

/// On a type.
#[derive(Debug, Default)]
pub(crate) struct OfType {
    /// For its fields, or for its variants.
    pub(crate) rename_all: Names<Rule>,
    /// For the fields of its variants.
    pub(crate) rename_all_fields: Names<Rule>,
    pub(crate) deny_unknown_fields: bool,
    pub(crate) default: bool,
    pub(crate) transparent: bool,
    pub(crate) tag: Option<String>,
    pub(crate) content: Option<String>,
    pub(crate) unsayable: Option<Error>,
}

/// On a variant.
#[derive(Debug, Default)]
pub(crate) struct OfVariant {
    pub(crate) names: Renamed,
    pub(crate) rename_all: Names<Rule>,
    pub(crate) skipped: Skipped,
    pub(crate) other: bool,
    pub(crate) unsayable: Option<Error>,
}

/// On a field.
#[derive(Debug, Default)]
pub(crate) struct OfField {
    pub(crate) names: Renamed,
    pub(crate) skipped: Skipped,
    /// Written only if a function says so.
    pub(crate) sometimes: bool,
    /// That function is `Option::is_none`.
    pub(crate) is_some: bool,
    pub(crate) default: bool,
    pub(crate) unsayable: Option<Error>,
}

/// One for writing and one for reading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Names<T> {
    pub(crate) write: T,
    pub(crate) read: T,
}

/// Names that were given.
#[derive(Debug, Default)]
pub(crate) struct Renamed {
    write: Option<String>,
    read: Vec<String>,
    aliases: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skipped {
    pub(crate) write: bool,
    pub(crate) read: bool,
}

impl Renamed {
    /// The name that is written, and those that are read.
    pub(crate) fn or(self, write: String, read: String) -> (String, Vec<String>) {
        let mut names = if self.read.is_empty() { vec![read] } else { self.read };
        for alias in self.aliases {
            if !names.contains(&alias) {
                names.push(alias);
            }
        }
        (self.write.unwrap_or(write), names)
    }
}

impl OfType {
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        for_each(attributes, |name, meta| found.take(name, meta))?;
        Ok(found)
    }

    fn take(&mut self, name: &str, meta: &ParseNestedMeta<'_>) -> Result<()> {
        match name {
            "rename_all" => self.rename_all = rules(meta)?,
            "rename_all_fields" => self.rename_all_fields = rules(meta)?,
            "deny_unknown_fields" => self.deny_unknown_fields = true,
            "default" => {
                self.default = true;
                skip_value(meta)?;
            }
            "transparent" => self.transparent = true,
            "tag" => self.tag = Some(text(meta)?),
            "content" => self.content = Some(text(meta)?),
            // None of these is in what is written.
            "rename" | "bound" | "crate" | "expecting" => skip_value(meta)?,
            "untagged" => self.cannot(
                meta,
                "which variant of an untagged enum is read depends on the bytes, which no shape can say",
            )?,
            "from" | "try_from" | "into" => self.cannot(meta, "what is written is another type's")?,
            "remote" | "field_identifier" | "variant_identifier" => self.cannot(meta, "this is no state by itself")?,
            _ => self.cannot(meta, "this attribute of serde's is not known here")?,
        }
        Ok(())
    }

    fn cannot(&mut self, meta: &ParseNestedMeta<'_>, why: &str) -> Result<()> {
        cannot(
            &mut self.unsayable,
            meta,
            why,
            "say #[state(opaque = \"…\")] on the type, and change that text whenever what is written changes",
        )
    }
}

impl OfVariant {
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        for_each(attributes, |name, meta| found.take(name, meta))?;
        Ok(found)
    }

    fn take(&mut self, name: &str, meta: &ParseNestedMeta<'_>) -> Result<()> {
        match name {
            "rename" => rename(&mut self.names, meta)?,
            "alias" => self.names.aliases.push(text(meta)?),
            "rename_all" => self.rename_all = rules(meta)?,
            "skip" => self.skipped = Skipped { write: true, read: true },
            "skip_serializing" => self.skipped.write = true,
            "skip_deserializing" => self.skipped.read = true,
            "other" => self.other = true,
            "bound" | "borrow" => skip_value(meta)?,
            _ => {
                let instead =
                    "say #[state(opaque = \"…\")] on the enum, and change that text whenever what is written changes";
                cannot(&mut self.unsayable, meta, "no shape of a variant can say this", instead)?;
            }
        }
        Ok(())
    }
}

impl OfField {
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        for_each(attributes, |name, meta| found.take(name, meta))?;
        Ok(found)
    }

    fn take(&mut self, name: &str, meta: &ParseNestedMeta<'_>) -> Result<()> {
        match name {
            "rename" => rename(&mut self.names, meta)?,
            "alias" => self.names.aliases.push(text(meta)?),
            "default" => {
                self.default = true;
                skip_value(meta)?;
            }
            "skip" => self.skipped = Skipped { write: true, read: true },
            "skip_serializing" => self.skipped.write = true,
            "skip_deserializing" => self.skipped.read = true,
            "skip_serializing_if" => {
                self.sometimes = true;
                self.is_some = text(meta)?.replace(' ', "").ends_with("Option::is_none");
            }
            "bound" | "borrow" => skip_value(meta)?,
            "flatten" => {
                let why = "the fields of a flattened one are not known here";
                cannot(&mut self.unsayable, meta, why, "write them out, or keep it as a field of its own")?;
            }
            "with" | "serialize_with" | "deserialize_with" => {
                let instead =
                    "say #[state(opaque = \"…\")] on the field, and change that text whenever what is written changes";
                cannot(&mut self.unsayable, meta, "a function of its own decides what is written", instead)?;
            }
            _ => {
                let why = "this attribute of serde's is not known here";
                cannot(&mut self.unsayable, meta, why, "say #[state(opaque = \"…\")] on the type")?;
            }
        }
        Ok(())
    }

    /// What no text stands for: whether a field is there at all is said by its type's shape.
    pub(crate) fn flattens(attributes: &[Attribute]) -> bool {
        let mut found = false;
        let looked = for_each(attributes, |name, meta| {
            found |= name == "flatten";
            skip_value(meta)
        });
        looked.is_ok() && found
    }
}

/// Keeps the first.
fn cannot(into: &mut Option<Error>, meta: &ParseNestedMeta<'_>, why: &str, instead: &str) -> Result<()> {
    let error = meta.error(format!("{why}: {instead}"));
    into.get_or_insert(error);
    skip_value(meta)
}

fn for_each(attributes: &[Attribute], mut take: impl FnMut(&str, &ParseNestedMeta<'_>) -> Result<()>) -> Result<()> {
    let serdes = attributes.iter().filter(|attribute| attribute.path().is_ident("serde"));
    serdes.into_iter().try_for_each(|attribute| {
        attribute.parse_nested_meta(|meta| {
            let name = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
            take(&name, &meta)
        })
    })
}

/// `= value`, `(…)`, or nothing.
fn skip_value(meta: &ParseNestedMeta<'_>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        let _: Expr = meta.value()?.parse()?;
    } else if meta.input.peek(syn::token::Paren) {
        let inside;
        parenthesized!(inside in meta.input);
        let _: proc_macro2::TokenStream = inside.parse()?;
    }
    Ok(())
}

fn text(meta: &ParseNestedMeta<'_>) -> Result<String> {
    Ok(meta.value()?.parse::<LitStr>()?.value())
}

/// `= "…"`, or `(serialize = "…", deserialize = "…")`.
fn both(meta: &ParseNestedMeta<'_>, mut take: impl FnMut(Way, LitStr) -> Result<()>) -> Result<()> {
    if meta.input.peek(Token![=]) {
        let name: LitStr = meta.value()?.parse()?;
        take(Way::Write, name.clone())?;
        return take(Way::Read, name);
    }
    meta.parse_nested_meta(|way| {
        let name = way.value()?.parse()?;
        match way.path.get_ident().map(|ident| ident.unraw().to_string()).as_deref() {
            Some("serialize") => take(Way::Write, name),
            Some("deserialize") => take(Way::Read, name),
            _ => Err(way.error("serde knows serialize and deserialize here")),
        }
    })
}

enum Way {
    Write,
    Read,
}

fn rename(names: &mut Renamed, meta: &ParseNestedMeta<'_>) -> Result<()> {
    both(meta, |way, name| {
        match way {
            Way::Write => names.write = Some(name.value()),
            Way::Read => names.read.push(name.value()),
        }
        Ok(())
    })
}

fn rules(meta: &ParseNestedMeta<'_>) -> Result<Names<Rule>> {
    let mut rules = Names::default();
    both(meta, |way, rule| {
        match way {
            Way::Write => rules.write = Rule::parse(&rule)?,
            Way::Read => rules.read = Rule::parse(&rule)?,
        }
        Ok(())
    })?;
    Ok(rules)
}
