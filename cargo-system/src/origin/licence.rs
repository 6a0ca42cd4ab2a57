//! What a package says of its licence, as CycloneDX has it.

use serde::Serialize;
use spdx::Expression;

/// See the file's head.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Licence {
    /// An expression of SPDX.
    Expression { expression: String },
    /// Anything else.
    Named { license: Name },
}

/// A licence that SPDX does not know.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Name {
    name: String,
}

impl Licence {
    /// `MIT/Apache-2.0`, as it was written once, is `MIT OR Apache-2.0`.
    pub(super) fn of(text: &str) -> Self {
        let written = Expression::canonicalize(text).ok().flatten().unwrap_or_else(|| text.to_owned());
        match Expression::parse(&written) {
            Ok(_) => Self::Expression { expression: written },
            Err(_) => Self::Named { license: Name { name: text.to_owned() } },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_spdx_knows_is_an_expression_and_anything_else_a_name() {
        let expression = |text: &str| Licence::Expression { expression: text.to_owned() };
        for text in ["MIT OR Apache-2.0", "MIT/Apache-2.0", "MIT / Apache-2.0"] {
            assert_eq!(Licence::of(text), expression("MIT OR Apache-2.0"), "{text}");
        }
        let both = "(MIT OR Apache-2.0) AND Unicode-3.0";
        assert_eq!(Licence::of(both), expression(both));
        let own = Licence::Named { license: Name { name: "Ours alone".to_owned() } };
        assert_eq!(Licence::of("Ours alone"), own);
    }
}
