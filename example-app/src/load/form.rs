//! What the load page's forms send, and what of it makes sense.

use serde::Deserialize;

const JOBS_MAX: u32 = 1_000_000;

/// A form as it is sent: one of these.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    Jobs(String),
    Schedulers(String),
    Failures(String),
    Reset(#[expect(dead_code, reason = "a button sends its value, which is empty")] String),
    Highlight(String),
}

pub(super) fn jobs(text: &str) -> Result<u32, String> {
    let number = text.trim().parse().ok().filter(|number| *number <= JOBS_MAX);
    number.ok_or_else(|| format!("jobs: a whole number from 0 to {JOBS_MAX}"))
}

pub(super) fn schedulers(text: &str) -> Result<u32, String> {
    text.trim().parse().map_err(|_| "schedulers: a whole number".to_owned())
}

/// Percent in, of a million out.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a million")]
pub(super) fn failures(text: &str) -> Result<u32, String> {
    let percent = text.trim().parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.map(|percent| (percent * 1e4).round() as u32).ok_or_else(|| "failures: percent, from 0 to 100".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_sense_is_taken() {
        assert_eq!(jobs(" 10000 "), Ok(10_000));
        assert_eq!(schedulers("2"), Ok(2));
        assert_eq!(failures("0.1"), Ok(1000));
        assert_eq!(failures("100"), Ok(1_000_000));
    }

    #[test]
    fn what_does_not_is_said() {
        for text in ["", "-1", "1e3", "1000001", "99999999999999999999", "<b>", "1.5"] {
            assert!(jobs(text).is_err(), "{text}");
        }
        for text in ["", "-0.1", "100.1", "NaN", "inf", "many"] {
            assert!(failures(text).is_err(), "{text}");
        }
        assert!(schedulers("-1").is_err() && schedulers("4294967296").is_err());
    }
}
