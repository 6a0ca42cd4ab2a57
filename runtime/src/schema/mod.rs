//! Schemas: what the states of a plugin look like, and whether two versions of one understand each other. Pure: no I/O, no clock.
//!
//! ```text
//! record.rs   the record in a plugin's file ─► StateRecord, validated
//! reads.rs    does one shape read all that another writes? As serde does, with MessagePack, structs as maps by field name
//! compare.rs  (old record, new record) ─► Same | Compatible | OneWay | Incompatible
//! render.rs   a shape for people; stub.rs: the code that a change lacks
//! ```
//!
//! A process moves in the lower version of the two: the image that knows more converts. So a way from `a` to `b` is: `a` writes version
//! `min(a, b)`, and `b` reads it.
//!
//! Where it cannot be told, it is a difference: what is called compatible is.

mod compare;
mod number;
mod reads;
mod record;
mod render;
mod side_by_side;
mod stub;

pub use compare::{NoWay, Verdict, compare};
pub use reads::{Difference, Reason, reads};
pub use record::{Earlier, Element, Enum, Field, Newtype, Shape, StateRecord, Struct, Tuple, Variant};
pub use render::render;
pub use side_by_side::side_by_side;
pub use stub::stub;
