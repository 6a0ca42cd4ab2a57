//! `#[state(…)]`.

use proc_macro2::Span;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, LitInt, LitStr, Path, Result, Type, parse_quote};

/// On a type.
pub(crate) struct StateAttributes {
    pub(crate) name: Option<LitStr>,
    pub(crate) version: u32,
    pub(crate) from: Option<Type>,
    pub(crate) one_way: bool,
    pub(crate) opaque: Option<LitStr>,
    /// What `plugin_abi::state` is called here.
    pub(crate) state: Path,
}

impl StateAttributes {
    pub(crate) fn of_type(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self {
            name: None,
            version: 1,
            from: None,
            one_way: false,
            opaque: None,
            state: parse_quote!(::plugin_abi::state),
        };
        for_each(attributes, |meta| found.take(meta))?;
        if found.one_way && found.from.is_none() {
            return Err(Error::new(
                Span::call_site(),
                "`one_way` says that there is no way back to the type of `from`, which is missing",
            ));
        }
        Ok(found)
    }

    fn take(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("name") {
            self.name = Some(not_empty(meta)?);
        } else if meta.path.is_ident("version") {
            self.version = version(meta)?;
        } else if meta.path.is_ident("from") {
            self.from = Some(meta.value()?.parse()?);
        } else if meta.path.is_ident("one_way") {
            self.one_way = true;
        } else if meta.path.is_ident("opaque") {
            self.opaque = Some(not_empty(meta)?);
        } else if meta.path.is_ident("crate") {
            let root: Path = meta.value()?.parse()?;
            self.state = syn::parse2(quote!(#root::state))?;
        } else {
            return Err(meta.error("a state has name, version, from, one_way, opaque and crate"));
        }
        Ok(())
    }
}

/// What a field's `#[state(opaque = "…")]` says.
pub(crate) fn opaque_field(attributes: &[Attribute]) -> Result<Option<LitStr>> {
    let mut opaque = None;
    for_each(attributes, |meta| {
        if !meta.path.is_ident("opaque") {
            return Err(meta.error("a field of a state has opaque = \"…\" alone"));
        }
        opaque = Some(not_empty(meta)?);
        Ok(())
    })?;
    Ok(opaque)
}

/// A variant has none.
pub(crate) fn refuse(attributes: &[Attribute]) -> Result<()> {
    for_each(attributes, |meta| Err(meta.error("`state` stands on types and their fields")))
}

fn for_each(attributes: &[Attribute], mut take: impl FnMut(&ParseNestedMeta<'_>) -> Result<()>) -> Result<()> {
    let ours = attributes.iter().filter(|attribute| attribute.path().is_ident("state"));
    ours.into_iter().try_for_each(|attribute| attribute.parse_nested_meta(|meta| take(&meta)))
}

fn not_empty(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let text: LitStr = meta.value()?.parse()?;
    if text.value().is_empty() { Err(Error::new(text.span(), "an empty name names nothing")) } else { Ok(text) }
}

fn version(meta: &ParseNestedMeta<'_>) -> Result<u32> {
    let number: LitInt = meta.value()?.parse()?;
    match number.base10_parse() {
        Ok(0) => Err(Error::new(number.span(), "versions of a state begin with 1")),
        version => version,
    }
}
