//! Text in HTML.

/// Text that a person may have entered, for HTML: it is shown, and does nothing.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn markup_is_text() {
        assert_eq!(escape("<b title='a\"b'>&"), "&lt;b title=&#39;a&quot;b&#39;&gt;&amp;");
    }
}
