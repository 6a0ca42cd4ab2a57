//! `State`: which versions a type can be made of and written as.

use crate::state_attributes::StateAttributes;
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{DeriveInput, Type, parse_quote};

/// The implementation of `State`.
pub(crate) fn state(input: &DeriveInput, attributes: &StateAttributes) -> TokenStream {
    let (ident, version, state) = (&input.ident, attributes.version, &attributes.state);
    // The bare name: it survives that the type moves to another module.
    let name = attributes.name.as_ref().map_or_else(|| ident.unraw().to_string(), syn::LitStr::value);
    let bare = ident.unraw().to_string();
    let before = before(attributes);
    let older = attributes.from.as_ref().map(|from| older(attributes, from));
    let none = quote!(::core::result::Result::Err(#state::StateError::no_version(Self::CHAIN, version)));
    let mut generics = input.generics.clone();
    if !generics.params.is_empty() {
        let bounds = quote!(#state::__private::Serialize + #state::__private::DeserializeOwned);
        let bounds: syn::WherePredicate = parse_quote!(Self: #state::Shaped + #bounds + ::core::marker::Send + 'static);
        generics.make_where_clause().predicates.push(bounds);
    }
    // A type with parameters is checked where it is listed.
    let check = generics
        .params
        .is_empty()
        .then(|| quote!(const _: () = #state::__private::check(<#ident as #state::State>::CHAIN);));
    let (read, write) = older.unwrap_or_else(|| (none.clone(), none));
    let (generics, arguments, clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #generics #state::State for #ident #arguments #clause {
            const CHAIN: &'static #state::Chain = &#state::Chain {
                name: #name,
                path: ::core::concat!(::core::module_path!(), "::", #bare),
                version: #version,
                shape: <Self as #state::Shaped>::SHAPE,
                before: #before,
            };

            fn from_version(version: u32, bytes: &[u8]) -> ::core::result::Result<Self, #state::StateError> {
                if version == #version {
                    return #state::__private::read(bytes);
                }
                #read
            }

            fn to_version(&self, version: u32) -> ::core::result::Result<::std::vec::Vec<u8>, #state::StateError> {
                if version == #version {
                    return #state::__private::write(self);
                }
                #write
            }
        }

        #check
    }
}

fn before(attributes: &StateAttributes) -> TokenStream {
    let (state, has_way_down) = (&attributes.state, !attributes.one_way);
    let Some(from) = &attributes.from else { return quote!(::core::option::Option::None) };
    quote! {
        ::core::option::Option::Some(&#state::Before {
            chain: <#from as #state::State>::CHAIN,
            has_way_down: #has_way_down,
        })
    }
}

/// How it is read from an older version, and how it is written as one.
fn older(attributes: &StateAttributes, from: &Type) -> (TokenStream, TokenStream) {
    let state = &attributes.state;
    // By `TryFrom`, which every `From` is.
    let read = quote! {
        if version > Self::CHAIN.version {
            return ::core::result::Result::Err(#state::StateError::no_version(Self::CHAIN, version));
        }
        let before = <#from as #state::State>::from_version(version, bytes)?;
        <Self as ::core::convert::TryFrom<#from>>::try_from(before)
            .map_err(|error| #state::StateError::no_way(<#from as #state::State>::CHAIN, Self::CHAIN, &error))
    };
    if attributes.one_way {
        return (read, quote!(::core::result::Result::Err(#state::StateError::one_way(Self::CHAIN, version))));
    }
    let write = quote! {
        if version > <#from as #state::State>::CHAIN.version {
            return ::core::result::Result::Err(#state::StateError::no_version(Self::CHAIN, version));
        }
        let (_copied, copy) = #state::__private::copy(self)?;
        let before = <#from as ::core::convert::TryFrom<Self>>::try_from(copy)
            .map_err(|error| #state::StateError::no_way(Self::CHAIN, <#from as #state::State>::CHAIN, &error))?;
        #state::State::to_version(&before, version)
    };
    (read, write)
}
