//! The book's examples: each chapter is the documentation of a module here, so that `cargo test --doc` compiles what it shows, and README's, too.
//!
//! A test (`tests/tests/documents.rs`) sees to it that each chapter with examples is listed.

#![forbid(unsafe_code)]

/// A module for each chapter, known to documentation tests alone.
macro_rules! chapters {
    ($($name:ident: $file:literal),* $(,)?) => {
        $(
            #[cfg(doctest)]
            #[doc = include_str!($file)]
            mod $name {}
        )*
    };
}

chapters! {
    readme: "../../README.md",
    axum: "src/axum.md",
    configuration: "src/configuration.md",
    operations: "src/operations.md",
    plugins: "src/plugins.md",
    processes: "src/processes.md",
    sessions: "src/sessions.md",
    start: "src/start.md",
    state: "src/state.md",
    supervision: "src/supervision.md",
    tokio: "src/tokio.md",
    upgrades: "src/upgrades.md",
}
