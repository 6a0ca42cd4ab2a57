//! serde's `rename_all`: how it makes a name of a field's or a variant's.

use syn::LitStr;

/// A rule of `rename_all`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Rule {
    /// There is none: the name as it stands.
    #[default]
    None,
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Rule {
    pub(crate) fn parse(text: &LitStr) -> syn::Result<Self> {
        Ok(match text.value().as_str() {
            "lowercase" => Self::Lower,
            "UPPERCASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => return Err(syn::Error::new(text.span(), "serde has no such rule for names")),
        })
    }

    /// This rule, or the other if there is none.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::None { other } else { self }
    }

    /// What a variant, written in Pascal case, is called.
    pub(crate) fn of_variant(self, name: &str) -> String {
        match self {
            Self::None | Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => first_in_lower_case(name),
            Self::Snake => name.char_indices().fold(String::new(), |mut snake, (at, letter)| {
                if at > 0 && letter.is_uppercase() {
                    snake.push('_');
                }
                snake.push(letter.to_ascii_lowercase());
                snake
            }),
            Self::ScreamingSnake => Self::Snake.of_variant(name).to_ascii_uppercase(),
            Self::Kebab => Self::Snake.of_variant(name).replace('_', "-"),
            Self::ScreamingKebab => Self::ScreamingSnake.of_variant(name).replace('_', "-"),
        }
    }

    /// What a field, written in snake case, is called.
    pub(crate) fn of_field(self, name: &str) -> String {
        match self {
            Self::None | Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => name.split('_').map(first_in_upper_case).collect(),
            Self::Camel => first_in_lower_case(&Self::Pascal.of_field(name)),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn first_in_lower_case(name: &str) -> String {
    let (first, rest) = split_first(name);
    first.to_ascii_lowercase() + rest
}

fn first_in_upper_case(name: &str) -> String {
    let (first, rest) = split_first(name);
    first.to_ascii_uppercase() + rest
}

fn split_first(name: &str) -> (&str, &str) {
    name.split_at(name.chars().next().map_or(0, char::len_utf8))
}
