//! Derives `plugin_abi::State`: the declaration of a process's state, as `plugin_abi::state` describes it.
//!
//! ```text
//! #[serde(…)] ─ serde_attributes ─┐
//! #[state(…)] ─ state_attributes ─┼─► shape: `Shaped`, what serde writes and reads ─┐
//! fields, variants ───────────────┘                                                 ├─► chain: `State`
//! from = … ─────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A shape says exactly what serde does. What it cannot say does not compile, with one sentence that says why and what to write instead;
//! so each attribute of serde's is named here, and one that is not is refused.

mod case;
mod chain;
mod recursion;
mod serde_attributes;
mod shape;
mod source;
mod state_attributes;

use proc_macro2::TokenStream;
use quote::quote;
use state_attributes::StateAttributes;
use syn::{DeriveInput, Result};

/// See `plugin_abi::state`.
#[proc_macro_derive(State, attributes(state))]
pub fn derive_state(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = syn::parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let attributes = StateAttributes::of_type(&input.attrs)?;
    let shaped = shape::shaped(input, &attributes)?;
    let state = chain::state(input, &attributes);
    Ok(quote! {
        const _: () = {
            #shaped
            #state
        };
    })
}

#[cfg(test)]
mod tests;
