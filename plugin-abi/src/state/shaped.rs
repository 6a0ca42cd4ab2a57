//! The shapes of std's types, as serde writes them.

use super::shape::{Element, Enum, Shape, Shaped, Tag, Tuple, Variant};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroIsize};
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize, Saturating, Wrapping};
use std::path::PathBuf;
use std::sync::{Mutex, RwLock};
use std::time::{Duration, SystemTime};

macro_rules! shaped {
    ($($shape:ident($name:literal): $($type:ty),+;)+) => {$($(
        impl Shaped for $type {
            const SHAPE: &'static Shape = &Shape::$shape($name);
        }
    )+)+};
}

shaped! {
    Primitive("bool"): bool;
    Primitive("u8"): u8;
    Primitive("u16"): u16;
    Primitive("u32"): u32;
    Primitive("u64"): u64, usize;
    Primitive("u128"): u128;
    Primitive("i8"): i8;
    Primitive("i16"): i16;
    Primitive("i32"): i32;
    Primitive("i64"): i64, isize;
    Primitive("i128"): i128;
    Primitive("nonzero_u8"): NonZeroU8;
    Primitive("nonzero_u16"): NonZeroU16;
    Primitive("nonzero_u32"): NonZeroU32;
    Primitive("nonzero_u64"): NonZeroU64, NonZeroUsize;
    Primitive("nonzero_i8"): NonZeroI8;
    Primitive("nonzero_i16"): NonZeroI16;
    Primitive("nonzero_i32"): NonZeroI32;
    Primitive("nonzero_i64"): NonZeroI64, NonZeroIsize;
    Primitive("f32"): f32;
    Primitive("f64"): f64;
    Primitive("char"): char;
    Primitive("string"): String, Box<str>, PathBuf;
    Primitive("unit"): ();
    Opaque("std::time::Duration"): Duration;
    Opaque("std::time::SystemTime"): SystemTime;
    Opaque("std::net::IpAddr"): IpAddr;
    Opaque("std::net::Ipv4Addr"): Ipv4Addr;
    Opaque("std::net::Ipv6Addr"): Ipv6Addr;
    Opaque("std::net::SocketAddr"): SocketAddr;
    Opaque("std::net::SocketAddrV4"): SocketAddrV4;
    Opaque("std::net::SocketAddrV6"): SocketAddrV6;
}

/// For serde these are what is inside.
macro_rules! transparent {
    ($($type:ident),+) => {$(
        impl<T: Shaped> Shaped for $type<T> {
            const SHAPE: &'static Shape = T::SHAPE;
        }
    )+};
}

transparent!(Box, Cell, RefCell, Mutex, RwLock, Wrapping, Saturating);

macro_rules! seq {
    ($($type:ident),+) => {$(
        impl<T: Shaped> Shaped for $type<T> {
            const SHAPE: &'static Shape = &Shape::Seq(T::SHAPE);
        }
    )+};
}

seq!(Vec, VecDeque, LinkedList, BinaryHeap, BTreeSet);

impl<T: Shaped, H> Shaped for HashSet<T, H> {
    const SHAPE: &'static Shape = &Shape::Seq(T::SHAPE);
}

impl<T: Shaped> Shaped for Box<[T]> {
    const SHAPE: &'static Shape = &Shape::Seq(T::SHAPE);
}

impl<K: Shaped, V: Shaped, H> Shaped for HashMap<K, V, H> {
    const SHAPE: &'static Shape = &Shape::Map(K::SHAPE, V::SHAPE);
}

impl<K: Shaped, V: Shaped> Shaped for BTreeMap<K, V> {
    const SHAPE: &'static Shape = &Shape::Map(K::SHAPE, V::SHAPE);
}

impl<T: Shaped> Shaped for Option<T> {
    const SHAPE: &'static Shape = &Shape::Option(T::SHAPE);
}

impl<T: Shaped, const N: usize> Shaped for [T; N] {
    const SHAPE: &'static Shape = &Shape::Array(T::SHAPE, N);
}

impl<T: ?Sized> Shaped for PhantomData<T> {
    const SHAPE: &'static Shape = &Shape::UnitStruct("PhantomData");
}

impl<T: Shaped, E: Shaped> Shaped for Result<T, E> {
    const SHAPE: &'static Shape = &Shape::Enum(&Enum {
        name: "Result",
        tag: Tag::Outside,
        deny_unknown_fields: false,
        variants: &[
            Variant { written: Some("Ok"), read: &["Ok"], other: false, held: Some(T::SHAPE) },
            Variant { written: Some("Err"), read: &["Err"], other: false, held: Some(E::SHAPE) },
        ],
    });
}

macro_rules! tuple {
    ($($($type:ident),+;)+) => {$(
        impl<$($type: Shaped),+> Shaped for ($($type,)+) {
            const SHAPE: &'static Shape = &Shape::Tuple(&Tuple {
                name: "",
                elements: &[$(Element { default: false, source: "", shape: $type::SHAPE }),+],
            });
        }
    )+};
}

tuple! {
    A;
    A, B;
    A, B, C;
    A, B, C, D;
    A, B, C, D, E;
    A, B, C, D, E, F;
    A, B, C, D, E, F, G;
    A, B, C, D, E, F, G, H;
    A, B, C, D, E, F, G, H, I;
    A, B, C, D, E, F, G, H, I, J;
    A, B, C, D, E, F, G, H, I, J, K;
    A, B, C, D, E, F, G, H, I, J, K, L;
}
