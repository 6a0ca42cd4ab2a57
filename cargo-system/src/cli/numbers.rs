//! Whole numbers on the command line: of what is none is said how to write it.

use clap::builder::{StringValueParser, TypedValueParser};
use std::ops::RangeInclusive;

/// Seconds that are waited for.
pub(super) fn parse_seconds(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "write a whole number of seconds, such as 60".to_owned())
}

/// How many, within the range.
pub(crate) fn count<T>(range: RangeInclusive<i64>) -> impl TypedValueParser<Value = T>
where
    T: TryFrom<i64> + Clone + Send + Sync + 'static,
{
    StringValueParser::new().try_map(move |text| {
        let number = text.parse::<i64>().map_err(|_| "write a whole number, such as 20".to_owned())?;
        let fits = T::try_from(number).ok().filter(|_| range.contains(&number));
        fits.ok_or_else(|| format!("{number} is not in {}..={}", range.start(), range.end()))
    })
}
