//! A state as its record in the plugin's file says it: JSON, written at compile time.
//!
//! ```text
//! {"name":"Counter","version":2,"shape":SHAPE,"before":[{"version":1,"way_down":true,"shape":SHAPE}]}
//! SHAPE: "u64" | {"opaque":"…"} | {"back":"…"} | {"option":SHAPE} | {"seq":SHAPE} | {"map":[SHAPE,SHAPE]} | {"array":[SHAPE,4]}
//!      | {"unit_struct":"…"} | {"newtype":{"name":"…","shape":SHAPE}} | {"tuple":{"elements":[{"shape":SHAPE}]}}
//!      | {"struct":{"name":"…","fields":[{"name":"…","shape":SHAPE}]}}
//!      | {"enum":{"name":"…","variants":[{"name":"…","held":SHAPE}]}}
//! ```
//!
//! A message's record is the same: see [`Chain::as_message`].
//!
//! What is false, empty or nothing is not said. A field, an element and a newtype have the `source` of their type beside its shape, for people;
//! `before` begins with the version just before. Whoever reads it validates it.

use super::shape::{Chain, Element, Enum, Field, Shape, Struct, Tag, Tuple, Variant};
use super::text::{Writer, is_same};
use crate::abi::{RECORD_HEADER_LEN, record};

/// Bytes of a state's or a message's record.
#[must_use]
pub const fn state_record_len(chain: &Chain) -> usize {
    RECORD_HEADER_LEN + text_len(chain)
}

/// Builds a state's or a message's record; `kind`: which of them. `TEXT` must be [`text_len`] and `N` [`state_record_len`] of the same chain.
///
/// # Panics
/// At compile time, with what is wrong in the chain.
#[must_use]
pub const fn state_record<const TEXT: usize, const N: usize>(kind: u32, chain: &Chain) -> [u8; N] {
    let mut text = [0; TEXT];
    let mut writer = Writer::into(&mut text);
    writer.chain(chain);
    match str::from_utf8(&text) {
        Ok(text) => record(kind, &[text]),
        Err(_) => panic!("pieces of text make a text"),
    }
}

/// Bytes of a state's text.
///
/// # Panics
/// At compile time, with what is wrong in the chain.
#[must_use]
pub const fn text_len(chain: &Chain) -> usize {
    let mut writer = Writer::counting();
    writer.chain(chain);
    writer.len()
}

/// Looks whether a state can be declared.
///
/// ```compile_fail,E0080
/// // serde reads what stands beside a tag by way of a buffer, which has no numbers of 128 bits.
/// #[derive(serde::Serialize, serde::Deserialize, plugin_abi::State)]
/// #[serde(tag = "kind")]
/// enum Kind {
///     Number { number: u128 },
/// }
/// ```
///
/// ```compile_fail,E0080
/// #[derive(serde::Serialize, serde::Deserialize, plugin_abi::State)]
/// #[state(from = Before)]
/// struct NotLater(u8);
///
/// #[derive(serde::Serialize, serde::Deserialize, plugin_abi::State)]
/// struct Before(u8);
///
/// impl From<Before> for NotLater {
///     fn from(before: Before) -> Self {
///         Self(before.0)
///     }
/// }
///
/// impl From<NotLater> for Before {
///     fn from(now: NotLater) -> Self {
///         Self(now.0)
///     }
/// }
/// ```
///
/// # Panics
/// At compile time, with what is wrong.
pub const fn check(chain: &Chain) {
    assert!(text_len(chain) > 0);
}

/// No two states of a plugin have one name.
///
/// # Panics
/// At compile time, when two have.
pub const fn check_names(chains: &[&Chain]) {
    let mut first = 0;
    while first < chains.len() {
        let mut second = first + 1;
        while second < chains.len() {
            assert!(
                !is_same(chains[first].name.as_bytes(), chains[second].name.as_bytes()),
                "two states of this plugin have one name: give one of them another by #[state(name = \"…\")]"
            );
            second += 1;
        }
        first += 1;
    }
}

impl Writer<'_> {
    const fn chain(&mut self, chain: &Chain) {
        self.open("{\"name\":");
        self.quoted(chain.name);
        self.version(chain);
        self.put(",\"shape\":");
        self.shape(chain.shape);
        self.before(chain);
        self.close("}");
    }

    const fn before(&mut self, chain: &Chain) {
        let mut later = chain;
        let mut separator = ",\"before\":[";
        while let Some(before) = later.before {
            assert!(
                before.chain.version < later.version,
                "a state's version must be higher than that of the type that `from` names"
            );
            self.put(separator);
            separator = ",";
            self.open("{\"way_down\":");
            self.put(if before.has_way_down { "true" } else { "false" });
            self.version(before.chain);
            self.put(",\"shape\":");
            self.shape(before.chain.shape);
            self.close("}");
            later = before.chain;
        }
        if chain.before.is_some() {
            self.put("]");
        }
    }

    const fn version(&mut self, chain: &Chain) {
        self.put(",\"version\":");
        self.number(chain.version as usize);
    }

    const fn shape(&mut self, shape: &Shape) {
        match shape {
            Shape::Primitive(name) => self.primitive(name),
            Shape::Opaque(name) => self.named("{\"opaque\":", name),
            Shape::Back(name) => self.named("{\"back\":", name),
            Shape::UnitStruct(name) => self.named("{\"unit_struct\":", name),
            Shape::Option(inner) => self.around("{\"option\":", inner),
            Shape::Seq(inner) => self.around("{\"seq\":", inner),
            Shape::Map(key, value) => {
                self.open("{\"map\":[");
                self.shape(key);
                self.put(",");
                self.shape(value);
                self.close("]}");
            }
            Shape::Array(inner, len) => {
                self.open("{\"array\":[");
                self.shape(inner);
                self.put(",");
                self.number(*len);
                self.close("]}");
            }
            Shape::Newtype(newtype) => {
                assert!(!is_itself(newtype.shape, newtype.name), "a type that is nothing but itself cannot be read");
                self.open("{\"newtype\":{");
                self.flag("\"transparent\":true,", newtype.transparent);
                self.put("\"name\":");
                self.quoted(newtype.name);
                self.put(",");
                self.source_and_shape(newtype.source, newtype.shape);
                self.close("}}");
            }
            Shape::Tuple(tuple) => self.tuple(tuple),
            Shape::Struct(fields) => self.fields(fields),
            Shape::Enum(variants) => self.variants(variants),
        }
    }

    const fn primitive(&mut self, name: &str) {
        let is_long = is_same(name.as_bytes(), b"u128") || is_same(name.as_bytes(), b"i128");
        assert!(
            !(self.is_buffered && is_long),
            "serde cannot read a number of 128 bits within an enum whose tag is a field: use a smaller one, or another representation"
        );
        self.quoted(name);
    }

    const fn named(&mut self, begin: &str, name: &str) {
        self.open(begin);
        self.quoted(name);
        self.close("}");
    }

    const fn around(&mut self, begin: &str, inner: &Shape) {
        self.open(begin);
        self.shape(inner);
        self.close("}");
    }

    const fn tuple(&mut self, tuple: &Tuple) {
        self.open("{\"tuple\":{");
        self.name_unless_empty(tuple.name);
        self.put("\"elements\":[");
        let mut at = 0;
        while at < tuple.elements.len() {
            let Element { default, source, shape } = &tuple.elements[at];
            self.flag(",", at > 0);
            self.open("{");
            self.flag("\"default\":true,", *default);
            self.source_and_shape(source, shape);
            self.close("}");
            at += 1;
        }
        self.close("]}}");
    }

    const fn fields(&mut self, of: &Struct) {
        self.open("{\"struct\":{");
        self.name_unless_empty(of.name);
        self.flag("\"deny_unknown_fields\":true,", of.deny_unknown_fields);
        self.put("\"fields\":[");
        let mut at = 0;
        while at < of.fields.len() {
            self.flag(",", at > 0);
            self.field(&of.fields[at]);
            at += 1;
        }
        self.close("]}}");
    }

    /// The type as it was written, unless its shape has that name.
    const fn source_and_shape(&mut self, source: &str, shape: &Shape) {
        let is_said = match shape {
            Shape::Primitive(name) => is_same(name.as_bytes(), source.as_bytes()),
            _ => false,
        };
        if !is_said && !source.is_empty() {
            self.put("\"source\":");
            self.quoted(source);
            self.put(",");
        }
        self.put("\"shape\":");
        self.shape(shape);
    }

    const fn field(&mut self, field: &Field) {
        self.open("{");
        self.names(field.written, field.read);
        self.flag(",\"sometimes\":true", field.sometimes);
        self.flag(",\"is_some\":true", field.is_some);
        self.flag(",\"default\":true", field.default);
        self.put(",");
        self.source_and_shape(field.source, field.shape);
        self.close("}");
    }

    const fn variants(&mut self, of: &Enum) {
        self.open("{\"enum\":{\"name\":");
        self.quoted(of.name);
        let was_buffered = self.is_buffered;
        match &of.tag {
            Tag::Outside => {}
            Tag::Inside(tag) => {
                self.put(",\"tag\":");
                self.quoted(tag);
                self.is_buffered = true;
            }
            Tag::Beside(tag, content) => {
                self.put(",\"tag\":");
                self.quoted(tag);
                self.put(",\"content\":");
                self.quoted(content);
            }
        }
        self.flag(",\"deny_unknown_fields\":true", of.deny_unknown_fields);
        self.put(",\"variants\":[");
        let mut at = 0;
        while at < of.variants.len() {
            let variant = &of.variants[at];
            assert!(
                !matches!(of.tag, Tag::Inside(_)) || is_fields(variant.held),
                "in an enum whose tag is a field, what a variant holds must be fields: a struct, or fields of its own"
            );
            self.flag(",", at > 0);
            self.variant(variant);
            at += 1;
        }
        self.is_buffered = was_buffered;
        self.close("]}}");
    }

    const fn variant(&mut self, variant: &Variant) {
        self.open("{");
        self.names(variant.written, variant.read);
        self.flag(",\"other\":true", variant.other);
        if let Some(held) = variant.held {
            self.put(",\"held\":");
            self.shape(held);
        }
        self.close("}");
    }

    /// The name that is written, and those that are read unless it is that one alone.
    const fn names(&mut self, written: Option<&str>, read: &[&str]) {
        if let Some(name) = written {
            self.put("\"name\":");
            self.quoted(name);
            if read.len() == 1 && is_same(read[0].as_bytes(), name.as_bytes()) {
                return;
            }
            self.put(",");
        }
        self.put("\"read\":[");
        let mut at = 0;
        while at < read.len() {
            self.flag(",", at > 0);
            self.quoted(read[at]);
            at += 1;
        }
        self.put("]");
    }

    const fn name_unless_empty(&mut self, name: &str) {
        if !name.is_empty() {
            self.put("\"name\":");
            self.quoted(name);
            self.put(",");
        }
    }
}

/// Past newtypes and options, which leave nothing in what is written.
const fn is_itself(mut shape: &Shape, name: &str) -> bool {
    loop {
        shape = match shape {
            Shape::Option(inner) => inner,
            Shape::Newtype(newtype) => newtype.shape,
            Shape::Back(back) => return is_same(back.as_bytes(), name.as_bytes()),
            _ => return false,
        };
    }
}

const fn is_fields(held: Option<&Shape>) -> bool {
    match held {
        None | Some(Shape::Struct(_)) => true,
        Some(Shape::Newtype(newtype)) => is_fields(Some(newtype.shape)),
        Some(_) => false,
    }
}
