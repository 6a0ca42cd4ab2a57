//! What a state looks like to serde: data, made by the derive at compile time.

/// A version of a state.
#[derive(Debug)]
pub struct Chain {
    /// The state's name.
    pub name: &'static str,
    /// The type, with its module: as a message it has that name.
    pub path: &'static str,
    /// Which version it is.
    pub version: u32,
    /// What it looks like.
    pub shape: &'static Shape,
    /// What it can be made of.
    pub before: Option<&'static Before>,
}

impl Chain {
    /// As a message, which has no version of its own: what is sent is what it looks like now.
    #[must_use]
    pub const fn as_message(&self) -> Self {
        Self { name: self.path, path: self.path, version: self.version, shape: self.shape, before: None }
    }
}

/// The version before.
#[derive(Debug)]
pub struct Before {
    /// It. Its name does not matter.
    pub chain: &'static Chain,
    /// Whether the later version can be written as this one.
    pub has_way_down: bool,
}

/// A type whose shape is known. Derived with [`State`](super::State).
#[diagnostic::on_unimplemented(
    message = "what `{Self}` looks like is not known",
    label = "part of a state",
    note = "derive `plugin_abi::State` for it; if it is another crate's, say what it is with `#[state(opaque = \"{Self}\")]` on the field"
)]
pub trait Shaped {
    /// What serde writes of it and reads as it.
    const SHAPE: &'static Shape;
}

/// What serde writes of a type and reads as it.
#[derive(Debug)]
pub enum Shape {
    /// A number, text, truth value or unit, by the name that a record calls it.
    Primitive(&'static str),
    /// Known by this text alone: two are the same when it is.
    Opaque(&'static str),
    /// The type of that name around this, the innermost one.
    Back(&'static str),
    /// Nothing, or that.
    Option(&'static Shape),
    /// Any number of them: lists and sets.
    Seq(&'static Shape),
    /// Keys and values.
    Map(&'static Shape, &'static Shape),
    /// So many of them.
    Array(&'static Shape, usize),
    /// One after the other, without names.
    Tuple(&'static Tuple),
    /// A struct without fields, by its name.
    UnitStruct(&'static str),
    /// Another name for what is inside.
    Newtype(&'static Newtype),
    /// Fields with names.
    Struct(&'static Struct),
    /// One of several.
    Enum(&'static Enum),
}

/// A tuple, a tuple struct, or what a tuple variant holds.
#[derive(Debug)]
pub struct Tuple {
    /// Empty: it has none.
    pub name: &'static str,
    /// One after the other.
    pub elements: &'static [Element],
}

/// Of a tuple.
#[derive(Debug)]
pub struct Element {
    /// It may be missing.
    pub default: bool,
    /// Its type, as it was written; empty: it was not.
    pub source: &'static str,
    /// What it looks like.
    pub shape: &'static Shape,
}

/// A struct of one field without a name, or a transparent one.
#[derive(Debug)]
pub struct Newtype {
    /// The type's.
    pub name: &'static str,
    /// For serde it is the inner type: as a field it may be missing when the inner one may.
    pub transparent: bool,
    /// The inner type, as it was written.
    pub source: &'static str,
    /// Of the inner type.
    pub shape: &'static Shape,
}

/// A struct, or what a struct variant holds.
#[derive(Debug)]
pub struct Struct {
    /// Empty: it has none.
    pub name: &'static str,
    /// Reading refuses what it does not know.
    pub deny_unknown_fields: bool,
    /// In the order in which they are written.
    pub fields: &'static [Field],
}

/// Of a struct.
#[derive(Debug)]
pub struct Field {
    /// Its name; `None`: it is not written.
    pub written: Option<&'static str>,
    /// It is written at times only.
    pub sometimes: bool,
    /// An option that is written only when it is something.
    pub is_some: bool,
    /// The names by which it is read; none: it is not.
    pub read: &'static [&'static str],
    /// It may be missing.
    pub default: bool,
    /// Its type, as it was written; empty: it was not.
    pub source: &'static str,
    /// What it looks like.
    pub shape: &'static Shape,
}

/// An enum.
#[derive(Debug)]
pub struct Enum {
    /// The type's.
    pub name: &'static str,
    /// Where the variant's name stands.
    pub tag: Tag,
    /// Reading refuses fields that it does not know.
    pub deny_unknown_fields: bool,
    /// In their order.
    pub variants: &'static [Variant],
}

/// Where a variant's name stands: serde's representations of enums.
#[derive(Debug)]
pub enum Tag {
    /// Around what the variant holds.
    Outside,
    /// In a field of that name, among those of the variant.
    Inside(&'static str),
    /// In a field, and what it holds in another.
    Beside(&'static str, &'static str),
}

/// Of an enum.
#[derive(Debug)]
pub struct Variant {
    /// Its name; `None`: it is not written.
    pub written: Option<&'static str>,
    /// The names by which it is read; none: it is not.
    pub read: &'static [&'static str],
    /// It stands for those that are not known.
    pub other: bool,
    /// What it holds; of a variant with fields or with several values a struct or tuple without a name.
    pub held: Option<&'static Shape>,
}
