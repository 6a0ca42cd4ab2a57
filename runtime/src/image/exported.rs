//! Names of functions that an application gives the console: which may be. Pure.

/// What the console has itself.
const BUILT_IN: &[&str] =
    &["help", "info", "kill", "print", "processes", "profile", "send", "stack", "top", "tree", "versions", "whereis"];
/// Words of the console's language.
const WORDS: &[&str] = &[
    "as",
    "async",
    "await",
    "break",
    "call",
    "case",
    "catch",
    "const",
    "continue",
    "curry",
    "debug",
    "default",
    "do",
    "else",
    "eval",
    "exit",
    "export",
    "false",
    "fn",
    "for",
    "global",
    "go",
    "goto",
    "if",
    "import",
    "in",
    "is",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "let",
    "loop",
    "match",
    "module",
    "new",
    "nil",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "shared",
    "spawn",
    "static",
    "super",
    "switch",
    "sync",
    "this",
    "thread",
    "throw",
    "true",
    "try",
    "type_of",
    "until",
    "use",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "Fn",
];
const LEN_MAX: usize = 64;

/// Whether the console has something else by that name.
pub(crate) fn is_taken(name: &str) -> bool {
    BUILT_IN.contains(&name) || WORDS.contains(&name)
}

/// Or what is wrong with one of them.
pub(super) fn check(names: &[&str]) -> Result<(), String> {
    for (index, name) in names.iter().enumerate() {
        let shown: String = name.chars().take(LEN_MAX).collect();
        let refused = |why: &str| Err(format!("its console function {shown:?} {why}"));
        let is_word = name.len() <= LEN_MAX
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_word {
            return refused("cannot be called so: a name is a letter, and letters, digits and _ behind it");
        }
        if is_taken(name) {
            return refused("has a name that the console has itself");
        }
        if names[..index].contains(name) {
            return refused("is there twice");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_of_their_own() {
        assert_eq!(check(&["sums", "a_1", "Total"]), Ok(()));
        for (names, says) in [
            (&["top"][..], "has itself"),
            (&["while"], "has itself"),
            (&["a", "b", "a"], "is there twice"),
            (&[""], "cannot be called so"),
            (&["1a"], "cannot be called so"),
            (&["a b"], "cannot be called so"),
            (&["größe"], "cannot be called so"),
            (&["a\u{1b}[2J"], "cannot be called so"),
        ] {
            let error = check(names).expect_err(says);
            assert!(error.contains(says), "{error}");
        }
    }
}
