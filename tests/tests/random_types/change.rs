//! What a person may change in a type from one version to the next.

use super::{Def, Dice, Field, Held, Skip, Tag, Ty, Variant, field, held, is_valid, random, ty, variant};

/// Another version of it, and whether what stands by one name in both is the same thing.
pub(crate) fn changed(def: &Def, dice: &mut Dice) -> (Def, bool) {
    if dice.one_in(10) {
        return (random(dice), false);
    }
    let (mut now, mut is_plain) = (def.clone(), true);
    for _ in 0..=dice.below(2) {
        loop {
            let (mut next, mut plain) = (now.clone(), true);
            change_def(&mut next, dice, &mut plain);
            if is_valid(&next) {
                now = next;
                is_plain &= plain;
                break;
            }
        }
    }
    (now, is_plain)
}

fn change_def(def: &mut Def, dice: &mut Dice, plain: &mut bool) {
    match def {
        Def::Struct { deny, fields } if dice.one_in(12) => {
            if dice.one_in(2) {
                *deny = !*deny;
            } else {
                let elements = fields.drain(..).map(|field| field.ty).collect::<Vec<_>>();
                let defaults_from = dice.below(elements.len() + 1);
                *plain = false;
                *def = Def::Tuple { elements, defaults_from };
            }
        }
        Def::Struct { fields, .. } => change_fields(fields, dice, plain),
        Def::Tuple { elements, .. } if dice.one_in(6) => {
            let name = |at| format!("f{at}");
            let bare =
                |(at, ty)| Field { name: name(at), ty, default: false, alias: None, renamed: None, skip: Skip::No };
            let fields = elements.drain(..).enumerate().map(bare).collect();
            *plain = false;
            *def = Def::Struct { deny: false, fields };
        }
        Def::Tuple { elements, defaults_from } => {
            *plain = false;
            match dice.below(4) {
                0 => elements.push(ty(dice, 1)),
                1 => drop(elements.pop()),
                2 => *defaults_from = dice.below(elements.len() + 1),
                _ => change_one(elements, dice, plain),
            }
        }
        Def::Newtype { transparent, .. } if dice.one_in(3) => *transparent = !*transparent,
        Def::Newtype { ty, .. } => change_type(ty, dice, plain),
        Def::Unit => *def = Def::Struct { deny: false, fields: Vec::new() },
        Def::Enum { tag, deny, variants } => match dice.below(12) {
            0 => *tag = dice.pick(&[Tag::Outside, Tag::Inside, Tag::Beside]),
            1 => *deny = !*deny,
            _ => change_variants(*tag, variants, dice, plain),
        },
    }
}

fn change_fields(fields: &mut Vec<Field>, dice: &mut Dice, plain: &mut bool) {
    if fields.is_empty() || dice.one_in(5) {
        let name = format!("g{}", dice.below(5));
        return fields.push(field(dice, 1, name));
    }
    let at = dice.below(fields.len());
    match dice.below(12) {
        0 => drop(fields.remove(at)),
        1 => fields.reverse(),
        2 => fields[at].default = !fields[at].default,
        3..5 => {
            *plain = false;
            let name = format!("h{}", dice.below(5));
            let old = std::mem::replace(&mut fields[at].name, name);
            fields[at].alias = Some(old).filter(|_| dice.one_in(2));
        }
        5 => {
            *plain = false;
            fields[at].renamed = Some((format!("f{}", dice.below(4)), format!("f{}", dice.below(4))));
        }
        6 => {
            *plain = false;
            fields[at].skip = dice.pick(&[Skip::No, Skip::Nothing, Skip::Writing, Skip::Reading]);
        }
        7 => {
            *plain = false;
            fields[at].alias = Some(format!("f{}", dice.below(4)));
        }
        _ => change_type(&mut fields[at].ty, dice, plain),
    }
}

fn change_variants(tag: Tag, variants: &mut Vec<Variant>, dice: &mut Dice, plain: &mut bool) {
    let at = dice.below(variants.len());
    match dice.below(8) {
        0 => {
            let name = format!("W{}", dice.below(4));
            variants.push(variant(dice, 1, tag, name));
        }
        1 if at > 0 => drop(variants.remove(at)),
        2 => {
            let name = format!("X{}", dice.below(4));
            let old = std::mem::replace(&mut variants[at].name, name);
            variants[at].alias = Some(old).filter(|_| dice.one_in(2));
        }
        3 => {
            *plain = false;
            let last = variants.len() - 1;
            variants[last].other = !variants[last].other;
        }
        4 if at > 0 => variants[at].held = held(dice, 1, tag),
        _ => match &mut variants[at].held {
            Held::Nothing => {}
            Held::One(ty) => change_type(ty, dice, plain),
            Held::Several(elements) => change_one(elements, dice, plain),
            Held::Fields(fields) => change_fields(fields, dice, plain),
        },
    }
}

fn change_one(elements: &mut [Ty], dice: &mut Dice, plain: &mut bool) {
    let at = dice.below(elements.len());
    if let Some(element) = elements.get_mut(at) {
        change_type(element, dice, plain);
    }
}

fn change_type(of: &mut Ty, dice: &mut Dice, plain: &mut bool) {
    match of {
        Ty::Def(def) if !dice.one_in(5) => return change_def(def, dice, plain),
        Ty::Option(inner) | Ty::Vec(inner) | Ty::Map(_, inner) | Ty::Array(inner, _) if !dice.one_in(4) => {
            return change_type(inner, dice, plain);
        }
        Ty::Tuple(elements) if !dice.one_in(4) => return change_one(elements, dice, plain),
        _ => {}
    }
    let old = of.clone();
    *of = match (old, dice.below(6)) {
        (Ty::Option(inner), 0..3) => *inner,
        (Ty::Array(inner, _), 0..2) => Ty::Vec(inner),
        (Ty::Array(inner, len), 2) => Ty::Array(inner, len + 1),
        (Ty::Vec(inner), 0..3) => Ty::Array(inner, dice.below(3)),
        (Ty::Map(_, inner), 0..3) => Ty::Map(dice.pick(super::KEYS), inner),
        (old @ Ty::Own, 0..3) => Ty::Vec(Box::new(old)),
        (Ty::Primitive(_), 0..3) => Ty::Primitive(dice.pick(super::PRIMITIVES)),
        (old, 3) => Ty::Option(Box::new(old)),
        (old, 4) => Ty::Def(Box::new(Def::Newtype { transparent: false, ty: old })),
        _ => ty(dice, 1),
    };
}
