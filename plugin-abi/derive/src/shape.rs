//! `Shaped`: what serde writes of a type and reads as it.

use crate::case::Rule;
use crate::recursion::{back, without_itself};
use crate::serde_attributes::{Names, OfField, OfType, OfVariant};
use crate::source::source;
use crate::state_attributes::{StateAttributes, opaque_field, refuse};
use proc_macro2::TokenStream;
use quote::quote;
use std::cell::Cell;
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, Path, Result, Type, Variant, parse_quote};

/// The implementation of `Shaped`.
pub(crate) fn shaped(input: &DeriveInput, attributes: &StateAttributes) -> Result<TokenStream> {
    let (ident, state) = (&input.ident, &attributes.state);
    let shaper = Shaper { state, ident, serde: OfType::parse(&input.attrs)?, is_recursive: Cell::new(false) };
    let shape = match &attributes.opaque {
        Some(opaque) => quote!(#state::Shape::Opaque(#opaque)),
        None => shaper.shape(input)?,
    };
    let back_type = shaper.is_recursive.get().then(|| shaper.back_type());
    let mut generics = input.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#state::Shaped));
    }
    let (generics, arguments, clause) = generics.split_for_impl();
    Ok(quote! {
        #back_type

        #[automatically_derived]
        impl #generics #state::Shaped for #ident #arguments #clause {
            const SHAPE: &'static #state::Shape = &#shape;
        }
    })
}

struct Shaper<'a> {
    /// The SDK's module.
    state: &'a Path,
    ident: &'a Ident,
    serde: OfType,
    is_recursive: Cell<bool>,
}

impl Shaper<'_> {
    fn name(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// A type that stands for this one within itself.
    fn back_type(&self) -> TokenStream {
        let (state, back, name) = (self.state, back(), self.name());
        quote! {
            struct #back;
            impl #state::Shaped for #back {
                const SHAPE: &'static #state::Shape = &#state::Shape::Back(#name);
            }
        }
    }

    fn shape(&self, input: &DeriveInput) -> Result<TokenStream> {
        if let Some(error) = &self.serde.unsayable {
            return Err(error.clone());
        }
        match &input.data {
            Data::Struct(data) if self.serde.tag.is_some() => Err(Error::new_spanned(
                &data.fields,
                "no shape can say the tag of a struct: make it an enum, or a field",
            )),
            Data::Struct(data) => self.of_struct(&data.fields),
            Data::Enum(data) => self.of_enum(data.variants.iter()),
            Data::Union(_) => Err(Error::new_spanned(self.ident, "a union is no state")),
        }
    }

    fn of_struct(&self, fields: &Fields) -> Result<TokenStream> {
        let (state, name) = (self.state, self.name());
        if self.serde.transparent {
            let inner = self.only_field(fields)?;
            let newtype = quote!(#state::Newtype { name: #name, transparent: true, #inner });
            return Ok(quote!(#state::Shape::Newtype(&#newtype)));
        }
        Ok(match fields {
            Fields::Named(_) => self.of_named(&name, fields, self.serde.rename_all)?,
            Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => {
                let field = &unnamed.unnamed[0];
                let (source, inner) = (source(&field.ty), self.of_positional(field)?.1);
                let newtype =
                    quote!(#state::Newtype { name: #name, transparent: false, source: #source, shape: #inner });
                quote!(#state::Shape::Newtype(&#newtype))
            }
            Fields::Unnamed(_) => self.of_tuple(&name, fields)?,
            Fields::Unit => quote!(#state::Shape::UnitStruct(#name)),
        })
    }

    /// The field that a transparent struct is: its source and its shape.
    fn only_field(&self, fields: &Fields) -> Result<TokenStream> {
        let mut written = Vec::new();
        for field in fields {
            let serde = OfField::parse(&field.attrs)?;
            let is_nothing = matches!(&field.ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "PhantomData"));
            if !serde.skipped.write && !is_nothing {
                written.push((field, serde));
            }
        }
        match written.as_slice() {
            [(field, serde)] => {
                let (source, shape) = (source(&field.ty), self.of_field_type(field, serde)?);
                Ok(quote!(source: #source, shape: #shape))
            }
            _ => {
                Err(Error::new_spanned(fields, "a transparent struct is one field, and here that is not the only one"))
            }
        }
    }

    /// A struct's fields, or a variant's.
    fn of_named(&self, name: &str, fields: &Fields, rules: Names<Rule>) -> Result<TokenStream> {
        let (state, deny) = (self.state, self.serde.deny_unknown_fields);
        let fields = fields.iter().map(|field| self.of_named_field(field, rules)).collect::<Result<Vec<_>>>()?;
        Ok(
            quote!(#state::Shape::Struct(&#state::Struct { name: #name, deny_unknown_fields: #deny, fields: &[#(#fields)*] })),
        )
    }

    /// The field and a comma; nothing, when it is neither written nor read.
    fn of_named_field(&self, field: &Field, rules: Names<Rule>) -> Result<TokenStream> {
        let serde = OfField::parse(&field.attrs)?;
        if serde.skipped.write && serde.skipped.read {
            return Ok(TokenStream::new());
        }
        let shape = self.of_field_type(field, &serde)?;
        let (state, skipped, sometimes, is_some) = (self.state, serde.skipped, serde.sometimes, serde.is_some);
        let default = serde.default || self.serde.default;
        let name = field.ident.as_ref().map(|ident| ident.unraw().to_string()).unwrap_or_default();
        let (written, read) = serde.names.or(rules.write.of_field(&name), rules.read.of_field(&name));
        let written = optional(!skipped.write, &written);
        let read = if skipped.read { Vec::new() } else { read };
        let source = source(&field.ty);
        let names = quote!(written: #written, sometimes: #sometimes, is_some: #is_some, read: &[#(#read),*]);
        Ok(quote!(#state::Field { #names, default: #default, source: #source, shape: #shape },))
    }

    fn of_tuple(&self, name: &str, fields: &Fields) -> Result<TokenStream> {
        let state = self.state;
        let elements = fields.iter().map(|field| {
            let ((default, shape), source) = (self.of_positional(field)?, source(&field.ty));
            Ok(quote!(#state::Element { default: #default, source: #source, shape: #shape }))
        });
        let elements = elements.collect::<Result<Vec<_>>>()?;
        Ok(quote!(#state::Shape::Tuple(&#state::Tuple { name: #name, elements: &[#(#elements),*] })))
    }

    /// Has it a default, and its shape.
    fn of_positional(&self, field: &Field) -> Result<(bool, TokenStream)> {
        let serde = OfField::parse(&field.attrs)?;
        if serde.skipped.write || serde.skipped.read || serde.sometimes {
            let why = "no shape can say that a field without a name is not written or not read: give the fields names";
            return Err(Error::new_spanned(field, why));
        }
        Ok((serde.default || self.serde.default, self.of_field_type(field, &serde)?))
    }

    fn of_field_type(&self, field: &Field, serde: &OfField) -> Result<TokenStream> {
        let state = self.state;
        let opaque = opaque_field(&field.attrs)?;
        match (&serde.unsayable, opaque) {
            (Some(error), None) => return Err(error.clone()),
            (Some(error), Some(_)) if OfField::flattens(&field.attrs) => return Err(error.clone()),
            (_, Some(opaque)) => return Ok(quote!(&#state::Shape::Opaque(#opaque))),
            (None, None) => {}
        }
        let (ty, is_recursive) = without_itself(self.ident, &field.ty);
        self.is_recursive.set(self.is_recursive.get() || is_recursive);
        Ok(quote!(<#ty as #state::Shaped>::SHAPE))
    }

    fn of_enum<'v>(&self, variants: impl ExactSizeIterator<Item = &'v Variant>) -> Result<TokenStream> {
        let (state, name, deny) = (self.state, self.name(), self.serde.deny_unknown_fields);
        if variants.len() == 0 {
            return Err(Error::new_spanned(self.ident, "an enum without variants has no values, so it is no state"));
        }
        let tag = match (&self.serde.tag, &self.serde.content) {
            (None, _) => quote!(#state::Tag::Outside),
            (Some(tag), None) => quote!(#state::Tag::Inside(#tag)),
            (Some(tag), Some(content)) => quote!(#state::Tag::Beside(#tag, #content)),
        };
        let variants = variants.map(|variant| self.of_variant(variant)).collect::<Result<Vec<_>>>()?;
        Ok(quote! {
            #state::Shape::Enum(&#state::Enum { name: #name, tag: #tag, deny_unknown_fields: #deny, variants: &[#(#variants)*] })
        })
    }

    /// The variant and a comma; nothing, when it is neither written nor read.
    fn of_variant(&self, variant: &Variant) -> Result<TokenStream> {
        refuse(&variant.attrs)?;
        let serde = OfVariant::parse(&variant.attrs)?;
        if let Some(error) = serde.unsayable {
            return Err(error);
        }
        if serde.skipped.write && serde.skipped.read {
            return Ok(TokenStream::new());
        }
        let all = self.serde.rename_all_fields;
        let rules = Names { write: serde.rename_all.write.or(all.write), read: serde.rename_all.read.or(all.read) };
        let held = self.held(variant, rules)?;
        let (state, skipped, other) = (self.state, serde.skipped, serde.other);
        let name = variant.ident.unraw().to_string();
        let rules = self.serde.rename_all;
        let (written, read) = serde.names.or(rules.write.of_variant(&name), rules.read.of_variant(&name));
        let written = optional(!skipped.write, &written);
        let read = if skipped.read { Vec::new() } else { read };
        Ok(quote!(#state::Variant { written: #written, read: &[#(#read),*], other: #other, held: #held },))
    }

    /// What a variant holds.
    fn held(&self, variant: &Variant, rules: Names<Rule>) -> Result<TokenStream> {
        let held = match &variant.fields {
            Fields::Unit => return Ok(quote!(::core::option::Option::None)),
            Fields::Named(_) => {
                let held = self.of_named("", &variant.fields, rules)?;
                quote!(&#held)
            }
            Fields::Unnamed(unnamed) if unnamed.unnamed.len() == 1 => self.of_positional(&unnamed.unnamed[0])?.1,
            Fields::Unnamed(_) => {
                let held = self.of_tuple("", &variant.fields)?;
                quote!(&#held)
            }
        };
        Ok(quote!(::core::option::Option::Some(#held)))
    }
}

fn optional(is_there: bool, name: &str) -> TokenStream {
    if is_there { quote!(::core::option::Option::Some(#name)) } else { quote!(::core::option::Option::None) }
}
