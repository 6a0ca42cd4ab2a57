//! A type as a person writes it.

use quote::ToTokens as _;
use syn::Type;

/// The type's text, spaced as rustfmt does.
pub(crate) fn source(ty: &Type) -> String {
    let mut text = String::new();
    for word in ty.to_token_stream().to_string().split_whitespace() {
        // Tokens come with spaces anywhere; only between two words there has to be one.
        let is_word = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
        if is_word(text.chars().next_back()) && (is_word(word.chars().next()) || word.starts_with('\'')) {
            text.push(' ');
        }
        text.push_str(word);
    }
    text.replace(',', ", ").replace(';', "; ").replace('+', " + ").replace("->", " -> ").replace(",  ", ", ")
}
