//! The stable C ABI between the cargo-system runtime and its plugins ([`abi`]), and the safe SDK that plugins are
//! written in (everything else).

pub mod abi;
