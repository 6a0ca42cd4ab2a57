//! A type that holds itself: where it does, its shape says "the type of that name, around this".

use quote::format_ident;
use syn::visit_mut::{self, VisitMut};
use syn::{Ident, Type, parse_quote};

/// The field's type with each mention of its own type replaced by a type whose shape is "back".
pub(crate) fn without_itself(of: &Ident, ty: &Type) -> (Type, bool) {
    let mut ty = ty.clone();
    let mut replace = Replace { of, found: false };
    replace.visit_type_mut(&mut ty);
    (ty, replace.found)
}

/// The name of the type whose shape is "back".
pub(crate) fn back() -> Ident {
    format_ident!("__Back")
}

struct Replace<'a> {
    of: &'a Ident,
    found: bool,
}

impl VisitMut for Replace<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if self.is_own(ty) {
            let back = back();
            *ty = parse_quote!(#back);
            self.found = true;
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}

impl Replace<'_> {
    fn is_own(&self, ty: &Type) -> bool {
        let Type::Path(path) = ty else { return false };
        let mut segments = path.path.segments.iter();
        match (segments.next(), segments.next(), &path.qself) {
            (Some(only), None, None) => only.ident == *self.of || only.ident == "Self",
            _ => false,
        }
    }
}
