//! What a person may enter.

/// A whole number, with spaces around it if need be. `None`: it is something else, or too large.
pub(crate) fn parse(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn whole_numbers_are_taken() {
        assert_eq!(parse("10"), Some(10));
        assert_eq!(parse(" -1 "), Some(-1));
        assert_eq!(parse("9999999999"), Some(9_999_999_999));
    }

    #[test]
    fn anything_else_is_not() {
        for text in ["", " ", "12ab", "1.5", "1e3", "0x10", "99999999999999999999", "<b>1</b>"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
