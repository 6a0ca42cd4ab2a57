//! Random Rust types as a person may write them for a state, and random changes of them, as text that compiles.

mod change;
mod text;

pub(crate) use change::changed;
pub(crate) use text::text;

/// Numbers that look random and are the same each time.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % end.max(1)
    }

    /// Once in so many times.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// Primitive types; those from [`WITHOUT_DEFAULT`] on have none.
const PRIMITIVES: &[&str] = &[
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "f32",
    "f64",
    "bool",
    "char",
    "String",
    "()",
    "std::num::NonZeroU8",
    "std::num::NonZeroU32",
    "std::num::NonZeroI16",
];
const WITHOUT_DEFAULT: usize = 16;
const KEYS: &[&str] = &["u8", "i32", "u64", "char", "String", "bool"];

/// A type as it is used.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ty {
    Primitive(&'static str),
    Option(Box<Ty>),
    Vec(Box<Ty>),
    Map(&'static str, Box<Ty>),
    Array(Box<Ty>, usize),
    Tuple(Vec<Ty>),
    /// The type around it, by a box or a list.
    Own,
    Def(Box<Def>),
}

/// A type as it is defined.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Def {
    Struct {
        deny: bool,
        fields: Vec<Field>,
    },
    /// Elements from that one on have a default.
    Tuple {
        elements: Vec<Ty>,
        defaults_from: usize,
    },
    Newtype {
        transparent: bool,
        ty: Ty,
    },
    Unit,
    /// The first variant holds nothing.
    Enum {
        tag: Tag,
        deny: bool,
        variants: Vec<Variant>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tag {
    Outside,
    Inside,
    Beside,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) ty: Ty,
    pub(crate) default: bool,
    pub(crate) alias: Option<String>,
    /// Written and read by other names.
    pub(crate) renamed: Option<(String, String)>,
    pub(crate) skip: Skip,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Skip {
    No,
    Nothing,
    Writing,
    Reading,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) alias: Option<String>,
    pub(crate) other: bool,
    pub(crate) held: Held,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Held {
    Nothing,
    One(Ty),
    Several(Vec<Ty>),
    Fields(Vec<Field>),
}

/// A random type that serde takes.
pub(crate) fn random(dice: &mut Dice) -> Def {
    loop {
        let depth = 1 + dice.below(3);
        let def = def(dice, depth);
        if is_valid(&def) {
            return def;
        }
    }
}

fn def(dice: &mut Dice, depth: usize) -> Def {
    match dice.below(10) {
        0..5 => Def::Struct { deny: dice.one_in(6), fields: fields(dice, depth) },
        5 => {
            let elements: Vec<_> = (0..dice.below(3) + 2).map(|_| ty(dice, depth)).collect();
            let defaults_from = if dice.one_in(2) { elements.len() } else { dice.below(elements.len() + 1) };
            Def::Tuple { elements, defaults_from }
        }
        6 => Def::Newtype { transparent: dice.one_in(2), ty: ty(dice, depth) },
        7 if depth < 3 => Def::Unit,
        _ => {
            let tag = dice.pick(&[Tag::Outside, Tag::Outside, Tag::Inside, Tag::Beside]);
            let first = Variant { name: "V0".to_owned(), alias: None, other: false, held: Held::Nothing };
            let rest: Vec<_> = (1..dice.below(4) + 1).map(|at| variant(dice, depth, tag, format!("V{at}"))).collect();
            Def::Enum { tag, deny: dice.one_in(6), variants: [vec![first], rest].concat() }
        }
    }
}

fn fields(dice: &mut Dice, depth: usize) -> Vec<Field> {
    (0..dice.below(4)).map(|at| field(dice, depth, format!("f{at}"))).collect()
}

fn field(dice: &mut Dice, depth: usize, name: String) -> Field {
    let ty = if dice.one_in(12) { Ty::Own } else { ty(dice, depth) };
    let mut field = Field { name, ty, default: dice.one_in(4), alias: None, renamed: None, skip: Skip::No };
    if matches!(field.ty, Ty::Option(_)) && dice.one_in(3) {
        field.skip = Skip::Nothing;
    }
    field
}

fn variant(dice: &mut Dice, depth: usize, tag: Tag, name: String) -> Variant {
    Variant { name, alias: None, other: false, held: held(dice, depth, tag) }
}

fn held(dice: &mut Dice, depth: usize, tag: Tag) -> Held {
    match dice.below(4) {
        0 => Held::Nothing,
        1 if tag == Tag::Inside => {
            Held::One(Ty::Def(Box::new(Def::Struct { deny: false, fields: fields(dice, depth.saturating_sub(1)) })))
        }
        1 => Held::One(ty(dice, depth)),
        2 if tag != Tag::Inside => Held::Several((0..dice.below(2) + 2).map(|_| ty(dice, depth)).collect()),
        _ => Held::Fields(fields(dice, depth)),
    }
}

fn ty(dice: &mut Dice, depth: usize) -> Ty {
    if depth == 0 {
        return Ty::Primitive(dice.pick(PRIMITIVES));
    }
    match dice.below(14) {
        0..6 => Ty::Primitive(dice.pick(PRIMITIVES)),
        6 | 7 => Ty::Option(Box::new(ty(dice, depth - 1))),
        8 => Ty::Vec(Box::new(ty(dice, depth - 1))),
        9 => Ty::Map(dice.pick(KEYS), Box::new(ty(dice, depth - 1))),
        10 => Ty::Array(Box::new(ty(dice, depth - 1)), dice.below(4)),
        11 => Ty::Tuple((0..dice.below(3) + 1).map(|_| ty(dice, depth - 1)).collect()),
        _ => Ty::Def(Box::new(def(dice, depth - 1))),
    }
}

/// Each primitive type alone, and a little of everything else: to be compared each with each.
pub(crate) fn singly() -> Vec<Def> {
    let number = || Box::new(Ty::Primitive("u8"));
    let others = [
        Ty::Option(number()),
        Ty::Option(Box::new(Ty::Primitive("()"))),
        Ty::Option(Box::new(Ty::Option(Box::new(Ty::Primitive("u64"))))),
        Ty::Vec(number()),
        Ty::Vec(Box::new(Ty::Primitive("String"))),
        Ty::Array(number(), 2),
        Ty::Array(number(), 0),
        Ty::Tuple(vec![Ty::Primitive("u8"), Ty::Primitive("u16")]),
        Ty::Tuple(vec![Ty::Primitive("u8")]),
        Ty::Map("String", number()),
        Ty::Map("u8", number()),
    ];
    let primitives = PRIMITIVES.iter().map(|name| Ty::Primitive(name));
    let newtypes = primitives.chain(others).map(|ty| Def::Newtype { transparent: false, ty });
    newtypes.chain([Def::Unit, Def::Struct { deny: false, fields: Vec::new() }]).collect()
}

/// What serde, the derive and the harness take.
pub(crate) fn is_valid(def: &Def) -> bool {
    match def {
        Def::Struct { fields, .. } => are_fields_valid(fields),
        Def::Tuple { elements, defaults_from } => {
            elements.len() != 1
                && elements.iter().all(is_type_valid)
                && elements.iter().skip(*defaults_from).all(has_default)
        }
        Def::Newtype { ty, .. } => is_type_valid(ty) && !is_itself(ty),
        Def::Unit => true,
        Def::Enum { tag, variants, .. } => are_variants_valid(*tag, variants),
    }
}

/// Nothing but the type around it: serde would read it for ever.
fn is_itself(ty: &Ty) -> bool {
    match ty {
        Ty::Own => true,
        Ty::Option(inner) => is_itself(inner),
        _ => false,
    }
}

fn are_fields_valid(fields: &[Field]) -> bool {
    let needs_default = |field: &Field| field.default || field.skip == Skip::Reading;
    let written = fields.iter().map(|field| field.renamed.as_ref().map_or(&field.name, |(write, _)| write));
    let read = fields.iter().flat_map(|field| {
        let name = field.renamed.as_ref().map_or(&field.name, |(_, read)| read);
        std::iter::once(name).chain(&field.alias)
    });
    let identifiers = fields.iter().map(|field| &field.name);
    fields.iter().all(|field| is_type_valid(&field.ty) && (!needs_default(field) || has_default(&field.ty)))
        && fields.iter().all(|field| field.skip != Skip::Nothing || matches!(field.ty, Ty::Option(_)))
        && are_different(written)
        && are_different(read)
        && are_different(identifiers)
}

fn are_variants_valid(tag: Tag, variants: &[Variant]) -> bool {
    let read = variants.iter().flat_map(|variant| std::iter::once(&variant.name).chain(&variant.alias));
    let (last, before) = variants.split_last().expect("an enum has a variant");
    let held = |variant: &Variant| match &variant.held {
        Held::Nothing => true,
        Held::One(ty) if tag == Tag::Inside => {
            matches!(ty, Ty::Def(def) if matches!(**def, Def::Struct { .. })) && is_type_valid(ty) && !is_long(ty)
        }
        Held::One(ty) => is_type_valid(ty),
        Held::Several(elements) => tag != Tag::Inside && elements.len() != 1 && elements.iter().all(is_type_valid),
        Held::Fields(fields) => {
            are_fields_valid(fields) && !(tag == Tag::Inside && fields.iter().any(|field| is_long(&field.ty)))
        }
    };
    variants[0].held == Held::Nothing
        && variants.iter().all(held)
        && are_different(read)
        && !before.iter().any(|variant| variant.other)
        && (!last.other
            || last.held == Held::Nothing && last.alias.is_none() && tag != Tag::Outside && variants.len() > 1)
}

fn are_different<'a>(names: impl Iterator<Item = &'a String>) -> bool {
    let names: Vec<_> = names.collect();
    names.iter().enumerate().all(|(at, name)| !names[..at].contains(name))
}

fn is_type_valid(ty: &Ty) -> bool {
    match ty {
        Ty::Primitive(_) | Ty::Own => true,
        Ty::Option(inner) | Ty::Vec(inner) | Ty::Map(_, inner) | Ty::Array(inner, _) => is_type_valid(inner),
        Ty::Tuple(elements) => !elements.is_empty() && elements.len() <= 3 && elements.iter().all(is_type_valid),
        Ty::Def(def) => is_valid(def),
    }
}

/// Has `Default` without more ado.
pub(crate) fn has_default(ty: &Ty) -> bool {
    match ty {
        Ty::Primitive(name) => PRIMITIVES.iter().position(|known| known == name).is_some_and(|at| at < WITHOUT_DEFAULT),
        Ty::Option(_) | Ty::Vec(_) | Ty::Map(..) | Ty::Own => true,
        Ty::Array(inner, _) => has_default(inner),
        Ty::Tuple(elements) => elements.iter().all(has_default),
        Ty::Def(def) => def_has_default(def),
    }
}

pub(crate) fn def_has_default(def: &Def) -> bool {
    match def {
        Def::Struct { fields, .. } => fields.iter().all(|field| has_default(&field.ty)),
        Def::Tuple { elements, .. } => elements.iter().all(has_default),
        Def::Newtype { ty, .. } => has_default(ty),
        Def::Unit | Def::Enum { .. } => true,
    }
}

/// Holds a number of 128 bits.
fn is_long(ty: &Ty) -> bool {
    match ty {
        Ty::Primitive(name) => name.ends_with("128"),
        Ty::Option(inner) | Ty::Vec(inner) | Ty::Map(_, inner) | Ty::Array(inner, _) => is_long(inner),
        Ty::Tuple(elements) => elements.iter().any(is_long),
        Ty::Own => false,
        Ty::Def(def) => match &**def {
            Def::Struct { fields, .. } => fields.iter().any(|field| is_long(&field.ty)),
            Def::Tuple { elements, .. } => elements.iter().any(is_long),
            Def::Newtype { ty, .. } => is_long(ty),
            Def::Unit => false,
            Def::Enum { variants, .. } => variants.iter().any(|variant| match &variant.held {
                Held::Nothing => false,
                Held::One(ty) => is_long(ty),
                Held::Several(elements) => elements.iter().any(is_long),
                Held::Fields(fields) => fields.iter().any(|field| is_long(&field.ty)),
            }),
        },
    }
}
