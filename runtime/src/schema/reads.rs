//! Does one shape read all that another writes? The rules are those of serde's derive and of MessagePack as rmp-serde has it; a test builds
//! random types and asks serde itself.
//!
//! Names of types do not matter, and a newtype is what is inside. A type that holds itself is compared once: while a pair is being compared, it
//! is taken to be right.

use super::number::Number;
use super::record::{Element, Enum, Field, Shape, Struct, Variant};
use std::collections::{HashMap, HashSet};

/// A place where what is written is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// From the state's own fields on, such as `rooms[].name`; empty: the state itself.
    pub path: String,
    /// Why.
    pub reason: Reason,
}

/// Why a place is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Another type, of which some values are not read, or not as themselves.
    Type {
        /// Its type for the reader.
        reads: String,
        /// Its type for the writer.
        writes: String,
        /// False: some values may be read after all; whether that is meant nobody can tell.
        is_sure: bool,
    },
    /// The reader needs the field, and it is not written.
    Missing,
    /// The reader needs the field, and it is not always written.
    SometimesMissing,
    /// Two written fields stand for one of the reader's.
    Twice,
    /// The reader refuses fields that it does not know.
    UnknownField,
    /// The reader does not know the variant.
    UnknownVariant,
}

/// All places where `reader` does not read what `writer` writes, both from validated records.
#[must_use]
pub fn reads(reader: &Shape, writer: &Shape) -> Vec<Difference> {
    let mut targets = HashMap::new();
    note_targets(reader, &mut Vec::new(), &mut targets);
    note_targets(writer, &mut Vec::new(), &mut targets);
    let mut comparison = Comparison { targets, compared: HashSet::new(), path: Vec::new(), found: Vec::new() };
    comparison.shape(reader, writer);
    comparison.found
}

/// Where a shape stands in memory: its identity.
type Place = usize;

fn place(shape: &Shape) -> Place {
    std::ptr::from_ref(shape).addr()
}

/// Where each `Back` leads to.
fn note_targets<'a>(shape: &'a Shape, around: &mut Vec<&'a Shape>, targets: &mut HashMap<Place, &'a Shape>) {
    if let Shape::Back(name) = shape
        && let Some(target) = around.iter().rev().find(|outer| outer.name() == Some(name))
    {
        targets.insert(place(shape), target);
    }
    around.push(shape);
    for part in shape.parts() {
        note_targets(part, around, targets);
    }
    around.pop();
}

struct Comparison<'a> {
    targets: HashMap<Place, &'a Shape>,
    compared: HashSet<(Place, Place)>,
    path: Vec<String>,
    found: Vec<Difference>,
}

impl<'a> Comparison<'a> {
    /// What is inside of newtypes, and behind ways back.
    fn open(&self, shape: &'a Shape) -> &'a Shape {
        match shape {
            Shape::Newtype(newtype) => self.open(&newtype.shape),
            Shape::Back(_) => self.targets.get(&place(shape)).map_or(shape, |target| self.open(target)),
            _ => shape,
        }
    }

    fn differ(&mut self, reason: Reason) {
        self.found.push(Difference { path: self.path.concat().trim_start_matches('.').to_owned(), reason });
    }

    fn other_type(&mut self, reader: &Shape, writer: &Shape, is_sure: bool) {
        let (reads, writes) = (super::render::one_line(reader), super::render::one_line(writer));
        self.differ(Reason::Type { reads, writes, is_sure });
    }

    fn at(&mut self, step: String, compare: impl FnOnce(&mut Self)) {
        self.path.push(step);
        compare(self);
        self.path.pop();
    }

    fn shape(&mut self, reader: &'a Shape, writer: &'a Shape) {
        let (reader, writer) = (self.open(reader), self.open(writer));
        if !self.compared.insert((place(reader), place(writer))) {
            return;
        }
        match (reader, writer) {
            // Nothing is written as nil, and so is the unit.
            (Shape::Option(reader), Shape::Option(writer)) => self.shape(reader, writer),
            (Shape::Option(_) | Shape::Unit | Shape::UnitStruct(_), Shape::Unit)
            | (Shape::UnitStruct(_), Shape::UnitStruct(_))
            | (Shape::Bool, Shape::Bool)
            | (Shape::Char, Shape::Char)
            | (Shape::String, Shape::String | Shape::Char) => {}
            (Shape::Option(reader), _) => self.shape(reader, writer),
            (Shape::Unit | Shape::UnitStruct(_), Shape::Option(writer)) => self.shape(reader, writer),
            (_, Shape::Option(_)) | (Shape::Char, Shape::String) => self.other_type(reader, writer, true),
            (Shape::Seq(inner), Shape::Seq(writer)) => self.at("[]".to_owned(), |this| this.shape(inner, writer)),
            (Shape::Seq(inner), Shape::Array(writer, len)) => {
                if *len > 0 {
                    self.at("[]".to_owned(), |this| this.shape(inner, writer));
                }
            }
            (Shape::Seq(inner), Shape::Tuple(writer)) => {
                for (at, element) in writer.elements.iter().enumerate() {
                    self.at(format!(".{at}"), |this| this.shape(inner, &element.shape));
                }
            }
            (Shape::Array(inner, len), Shape::Array(writer_inner, writer_len)) if len == writer_len => {
                if *len > 0 {
                    self.at("[]".to_owned(), |this| this.shape(inner, writer_inner));
                }
            }
            (Shape::Array(..) | Shape::Tuple(_), Shape::Array(..) | Shape::Tuple(_)) => self.elements(reader, writer),
            (Shape::Array(..) | Shape::Tuple(_), Shape::Seq(_)) => self.other_type(reader, writer, true),
            (Shape::Map(key, value), Shape::Map(writer_key, writer_value)) => {
                self.at("{key}".to_owned(), |this| this.shape(key, writer_key));
                self.at("{}".to_owned(), |this| this.shape(value, writer_value));
            }
            (Shape::Struct(fields), Shape::Struct(written)) => self.fields(fields, written),
            (Shape::Struct(fields), Shape::Tuple(_) | Shape::Array(..)) => self.fields_in_order(fields, reader, writer),
            (Shape::Enum(reader), Shape::Enum(writer)) if is_tagged_alike(reader, writer) => {
                self.variants(reader, writer)
            }
            (Shape::String | Shape::Char, Shape::Enum(written)) if is_text(reader, written) => {}
            (Shape::Opaque(known), Shape::Opaque(written)) if known == written => {}
            _ => self.other_kind(reader, writer),
        }
    }

    /// Numbers, and what is of another kind.
    fn other_kind(&mut self, reader: &Shape, writer: &Shape) {
        match (Number::of(reader), Number::of(writer)) {
            (Some(reads), Some(writes)) if reads.reads(writes) => {}
            (Some(_), Some(_)) => self.other_type(reader, writer, true),
            _ => self.other_type(reader, writer, false),
        }
    }

    /// By position; as many as there are, but for those with a default.
    fn elements(&mut self, reader: &'a Shape, writer: &'a Shape) {
        let (len, written) = (len(reader), len(writer));
        let missing = |at| default(reader, at);
        if written > len || (written..len).any(|at| !missing(at)) {
            return self.other_type(reader, writer, true);
        }
        for at in 0..written {
            let (Some(inner), Some(writer)) = (element(reader, at), element(writer, at)) else { return };
            self.at(format!(".{at}"), |this| this.shape(inner, writer));
            // The rest of two arrays is the same again.
            if matches!((reader, writer), (Shape::Array(..), Shape::Array(..))) {
                return;
            }
        }
    }

    fn fields(&mut self, reader: &'a Struct, writer: &'a Struct) {
        for field in &reader.fields {
            self.field(field, writer);
        }
        if !reader.deny_unknown_fields {
            return;
        }
        for written in writer.fields.iter().filter_map(|field| field.name.as_deref()) {
            if !reader.fields.iter().any(|field| field.read_names().contains(&written)) {
                self.at(format!(".{written}"), |this| this.differ(Reason::UnknownField));
            }
        }
    }

    fn field(&mut self, field: &'a Field, writer: &'a Struct) {
        let names = field.read_names();
        let Some(name) = field.name.as_deref().or(names.first().copied()).filter(|_| !names.is_empty()) else { return };
        let is_written = |written: &&Field| written.name.as_deref().is_some_and(|name| names.contains(&name));
        let written: Vec<_> = writer.fields.iter().filter(is_written).collect();
        let may_be_missing = field.default || self.may_be_missing(&field.shape);
        self.at(format!(".{name}"), |this| match written.as_slice() {
            [] if may_be_missing => {}
            [] => this.differ(Reason::Missing),
            [written] if written.sometimes && !may_be_missing => this.differ(Reason::SometimesMissing),
            [written] => match this.open(&written.shape) {
                Shape::Option(something) if written.is_some => this.shape(&field.shape, something),
                _ => this.shape(&field.shape, &written.shape),
            },
            _ => this.differ(Reason::Twice),
        });
    }

    /// serde makes nothing of a field that is missing, if it is an option.
    fn may_be_missing(&self, shape: &'a Shape) -> bool {
        match shape {
            Shape::Option(_) => true,
            Shape::Newtype(newtype) => newtype.transparent && self.may_be_missing(&newtype.shape),
            Shape::Back(_) => self.targets.get(&place(shape)).is_some_and(|target| self.may_be_missing(target)),
            _ => false,
        }
    }

    /// A struct that is read from what has no names.
    fn fields_in_order(&mut self, fields: &'a Struct, reader: &'a Shape, writer: &'a Shape) {
        let read: Vec<_> = fields.fields.iter().filter(|field| !field.read_names().is_empty()).collect();
        let written = usize::try_from(len(writer)).unwrap_or(usize::MAX);
        if written > read.len() || read[written..].iter().any(|field| !field.default) {
            return self.other_type(reader, writer, true);
        }
        for (at, field) in (0..).zip(&read[..written]) {
            let Some(writer) = element(writer, at) else { return };
            self.at(format!(".{at}"), |this| this.shape(&field.shape, writer));
        }
    }

    fn variants(&mut self, reader: &'a Enum, writer: &'a Enum) {
        for variant in &writer.variants {
            let Some(name) = variant.name.as_deref() else { continue };
            let mut read = reader.variants.iter().filter(|variant| !variant.read_names().is_empty());
            let known = read
                .clone()
                .find(|known| known.read_names().contains(&name))
                .or_else(|| read.find(|known| known.other));
            self.at(format!("::{name}"), |this| match known {
                Some(known) => this.held(reader, known, variant),
                None => this.differ(Reason::UnknownVariant),
            });
        }
    }

    /// What a variant holds.
    fn held(&mut self, of: &'a Enum, reader: &'a Variant, writer: &'a Variant) {
        let is_inside = of.tag.is_some() && of.content.is_none();
        match (&reader.held, &writer.held) {
            (None, None) => {}
            (None, Some(_)) if is_inside => {}
            (None, Some(held)) => {
                if !matches!(self.open(held), Shape::Unit) {
                    self.other_type(&Shape::Unit, held, true);
                }
            }
            (Some(held), None) if is_inside => match self.open(held) {
                Shape::Struct(fields) => self.nothing(fields),
                _ => self.other_type(held, &Shape::Unit, false),
            },
            (Some(held), None) => {
                if of.content.is_none() || !self.may_be_missing(held) {
                    self.other_type(held, &Shape::Unit, true);
                }
            }
            (Some(held), Some(written)) => {
                let by_order = matches!(held, Shape::Struct(fields) if fields.name.is_empty()) && of.content.is_some();
                match self.open(written) {
                    // serde reads the fields of such a variant by their names alone.
                    Shape::Tuple(_) | Shape::Array(..) if by_order => self.other_type(held, written, true),
                    _ => self.shape(held, written),
                }
            }
        }
    }

    /// A struct that is read from no fields at all.
    fn nothing(&mut self, fields: &'a Struct) {
        for field in fields.fields.iter().filter(|field| !field.read_names().is_empty()) {
            if !field.default && !self.may_be_missing(&field.shape) {
                let name = field.name.clone().or(field.read_names().first().map(ToString::to_string));
                self.at(format!(".{}", name.unwrap_or_default()), |this| this.differ(Reason::Missing));
            }
        }
    }
}

/// Of an array or a tuple.
fn len(shape: &Shape) -> u64 {
    match shape {
        Shape::Array(_, len) => *len,
        Shape::Tuple(tuple) => tuple.elements.len() as u64,
        _ => 0,
    }
}

fn element(shape: &Shape, at: u64) -> Option<&Shape> {
    match shape {
        Shape::Array(inner, _) => Some(inner),
        Shape::Tuple(tuple) => of_tuple(&tuple.elements, at).map(|element| &element.shape),
        _ => None,
    }
}

fn default(shape: &Shape, at: u64) -> bool {
    matches!(shape, Shape::Tuple(tuple) if of_tuple(&tuple.elements, at).is_some_and(|element| element.default))
}

fn of_tuple(elements: &[Element], at: u64) -> Option<&Element> {
    elements.get(usize::try_from(at).ok()?)
}

fn is_tagged_alike(one: &Enum, other: &Enum) -> bool {
    (&one.tag, &one.content) == (&other.tag, &other.content)
}

/// Are all its variants written as text that this reads?
fn is_text(reader: &Shape, written: &Enum) -> bool {
    let fits = |name: &str| matches!(reader, Shape::String) || name.chars().count() == 1;
    written.tag.is_none()
        && written.variants.iter().all(|variant| variant.held.is_none() && variant.name.as_deref().is_none_or(fits))
}
