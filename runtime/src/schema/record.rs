//! A state's record, as `plugin_abi::state` writes it. Read from a file it is an allegation: [`StateRecord::parse`] validates it.
//!
//! Invariants of one that was parsed: versions begin with 1 and go down in `before`; each `Back` names a type around it, and between the two
//! stands more than a `Newtype` or an `Option`, so that whoever follows it comes to something.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A declared state: one version of it, and those that it can be made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateRecord {
    /// By which one image finds another's.
    pub name: String,
    /// Which version it is.
    pub version: u32,
    /// What it looks like.
    pub shape: Shape,
    /// What it can be made of, the version just before first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Earlier>,
}

/// A version that the one after it can be made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Earlier {
    /// Whether the one after it can be written as this one.
    pub way_down: bool,
    /// Which version it is.
    pub version: u32,
    /// What it looks like.
    pub shape: Shape,
}

/// What serde writes of a type and reads as it. Primitive types have serde's names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "primitive types are Rust's")]
pub enum Shape {
    Bool,
    U8,
    U16,
    U32,
    U64,
    U128,
    I8,
    I16,
    I32,
    I64,
    I128,
    #[serde(rename = "nonzero_u8")]
    NonZeroU8,
    #[serde(rename = "nonzero_u16")]
    NonZeroU16,
    #[serde(rename = "nonzero_u32")]
    NonZeroU32,
    #[serde(rename = "nonzero_u64")]
    NonZeroU64,
    #[serde(rename = "nonzero_i8")]
    NonZeroI8,
    #[serde(rename = "nonzero_i16")]
    NonZeroI16,
    #[serde(rename = "nonzero_i32")]
    NonZeroI32,
    #[serde(rename = "nonzero_i64")]
    NonZeroI64,
    F32,
    F64,
    Char,
    String,
    Unit,
    /// Known by this text alone.
    Opaque(String),
    /// The innermost type of that name around this.
    Back(String),
    /// A struct without fields.
    UnitStruct(String),
    /// Nothing, or that.
    Option(Box<Shape>),
    /// Any number of them.
    Seq(Box<Shape>),
    /// Keys and values.
    Map(Box<Shape>, Box<Shape>),
    /// So many of them.
    Array(Box<Shape>, u64),
    /// Another name for what is inside.
    Newtype(Newtype),
    /// One after the other, without names.
    Tuple(Tuple),
    /// Fields with names.
    Struct(Struct),
    /// One of several.
    Enum(Enum),
}

/// A struct of one field without a name, or a transparent one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Newtype {
    /// The type's.
    pub name: String,
    /// As a field it may be missing when the inner type may.
    #[serde(default, skip_serializing_if = "is_false")]
    pub transparent: bool,
    /// The inner type, as it was written; empty: as its shape is called.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Of the inner type.
    pub shape: Box<Shape>,
}

/// A tuple, a tuple struct, or what a tuple variant holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tuple {
    /// Empty: it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// One after the other.
    pub elements: Vec<Element>,
}

/// Of a tuple.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Element {
    /// It may be missing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub default: bool,
    /// Its type, as it was written; empty: as its shape is called.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// What it looks like.
    pub shape: Shape,
}

/// A struct, or what a struct variant holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Struct {
    /// Empty: it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Reading refuses what it does not know.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deny_unknown_fields: bool,
    /// In the order in which they are written.
    pub fields: Vec<Field>,
}

/// Of a struct.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// As it is written; none: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The names by which it is read; none: as it is written; an empty list: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Vec<String>>,
    /// It is written at times only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sometimes: bool,
    /// An option that is written only when it is something.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_some: bool,
    /// It may be missing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub default: bool,
    /// Its type, as it was written; empty: as its shape is called.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// What it looks like.
    pub shape: Shape,
}

/// An enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Enum {
    /// The type's.
    pub name: String,
    /// The field with the variant's name; none: the name stands around what it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The field with what it holds; none: among the variant's fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Reading refuses fields that it does not know.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deny_unknown_fields: bool,
    /// In their order.
    pub variants: Vec<Variant>,
}

/// Of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Variant {
    /// As it is written; none: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The names by which it is read; none: as it is written; an empty list: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Vec<String>>,
    /// It stands for those that are not known.
    #[serde(default, skip_serializing_if = "is_false")]
    pub other: bool,
    /// What it holds; a struct or tuple without a name are the variant's own fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Shape>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Field {
    /// The names by which it is read.
    #[must_use]
    pub fn read_names(&self) -> Vec<&str> {
        names(self.name.as_deref(), self.read.as_deref())
    }
}

impl Variant {
    /// The names by which it is read.
    #[must_use]
    pub fn read_names(&self) -> Vec<&str> {
        names(self.name.as_deref(), self.read.as_deref())
    }
}

fn names<'a>(written: Option<&'a str>, read: Option<&'a [String]>) -> Vec<&'a str> {
    match read {
        Some(read) => read.iter().map(String::as_str).collect(),
        None => written.into_iter().collect(),
    }
}

impl Shape {
    /// The type's name, if it has one by which what is inside may come back to it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let name = match self {
            Self::Newtype(newtype) => &newtype.name,
            Self::Tuple(tuple) => &tuple.name,
            Self::Struct(fields) => &fields.name,
            Self::Enum(variants) => &variants.name,
            _ => return None,
        };
        Some(name.as_str()).filter(|name| !name.is_empty())
    }

    /// What it is made of.
    pub(super) fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Option(inner) | Self::Seq(inner) | Self::Array(inner, _) => vec![inner],
            Self::Newtype(newtype) => vec![&newtype.shape],
            Self::Map(key, value) => vec![key, value],
            Self::Tuple(tuple) => tuple.elements.iter().map(|element| &element.shape).collect(),
            Self::Struct(fields) => fields.fields.iter().map(|field| &field.shape).collect(),
            Self::Enum(variants) => variants.variants.iter().filter_map(|variant| variant.held.as_ref()).collect(),
            _ => Vec::new(),
        }
    }
}

impl StateRecord {
    /// Reads and validates the text of a record.
    ///
    /// # Errors
    /// It is no such record, or says what cannot be.
    pub fn parse(text: &[u8]) -> Result<Self, &'static str> {
        let record: Self =
            serde_json::from_slice(text).map_err(|_| "a state in it is not declared as this runtime reads it")?;
        record.validate()?;
        Ok(record)
    }

    /// Says what cannot be, if it does: for records that come from elsewhere than a plugin's file.
    ///
    /// # Errors
    /// What cannot be.
    pub fn validate(&self) -> Result<(), &'static str> {
        if self.name.is_empty() {
            return Err("a state in it has no name");
        }
        let versions: Vec<_> =
            std::iter::once(self.version).chain(self.before.iter().map(|earlier| earlier.version)).collect();
        if versions.last() == Some(&0) || versions.windows(2).any(|pair| pair[0] <= pair[1]) {
            return Err("the versions of a state in it do not go down to 1");
        }
        let mut shapes = std::iter::once(&self.shape).chain(self.before.iter().map(|earlier| &earlier.shape));
        if shapes.all(|shape| is_closed(shape, &mut Vec::new())) {
            Ok(())
        } else {
            Err("a state in it comes back to a type that is not there")
        }
    }

    /// What it looks like as that version, and whether the record knows a way down to it; `None`: it knows no such version.
    #[must_use]
    pub fn version(&self, version: u32) -> Option<(&Shape, bool)> {
        if version == self.version {
            return Some((&self.shape, true));
        }
        let at = self.before.iter().position(|earlier| earlier.version == version)?;
        Some((&self.before[at].shape, self.before[..=at].iter().all(|earlier| earlier.way_down)))
    }
}

/// Does each way back lead to a type around it, past more than newtypes and options? Those leave nothing in what is written: serde would read
/// such a type for ever.
fn is_closed<'a>(shape: &'a Shape, around: &mut Vec<(&'a str, bool)>) -> bool {
    if let Shape::Back(name) = shape {
        let found = around.iter().rposition(|(of, _)| of == name);
        return found.is_some_and(|at| around[at..].iter().any(|(_, is_more)| *is_more));
    }
    let is_more = !matches!(shape, Shape::Newtype(_) | Shape::Option(_));
    around.push((shape.name().unwrap_or_default(), is_more));
    let closed = shape.parts().into_iter().all(|part| is_closed(part, around));
    around.pop();
    closed
}
