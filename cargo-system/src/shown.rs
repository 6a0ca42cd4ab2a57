//! Numbers for people: times, sizes, shares. Short, so that they fit columns.

use std::time::Duration;

/// Such as `1.5 s`, `340 us`.
pub(crate) fn time(nanoseconds: u64) -> String {
    let time = Duration::from_nanos(nanoseconds);
    match nanoseconds {
        0..1_000_000 => format!("{} us", time.as_micros()),
        1_000_000..1_000_000_000 => format!("{} ms", time.as_millis()),
        1_000_000_000..60_000_000_000 => format!("{:.1} s", time.as_secs_f64()),
        _ => duration(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
    }
}

/// The two largest units that are not zero.
pub(crate) fn duration(ms: u64) -> String {
    let seconds = Duration::from_millis(ms).as_secs();
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} m {} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {} m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86400, seconds / 3600 % 24),
    }
}

/// Such as `12.0 MiB`.
#[expect(clippy::cast_precision_loss, reason = "a size for people")]
pub(crate) fn size(bytes: i64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes.unsigned_abs() < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// The same, of what cannot be negative.
pub(crate) fn bytes(bytes: u64) -> String {
    size(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// Percent of one processor.
pub(crate) fn percent(percent: Option<f64>) -> String {
    percent.map_or_else(String::new, |percent| format!("{percent:.1}"))
}

/// Cut off at so many characters, with an ellipsis where something was cut; control characters are shown as such.
pub(crate) fn cut(text: &str, width: usize) -> String {
    let clean: Vec<char> =
        text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
    if clean.len() <= width {
        return clean.into_iter().collect();
    }
    clean.into_iter().take(width.saturating_sub(1)).chain((width > 0).then_some('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let times = [999, 1_500_000, 1_500_000_000, 3_723_000_000_000].map(time);
        assert_eq!(times, ["0 us", "1 ms", "1.5 s", "1 h 2 m"]);
        assert_eq!(
            [-5, 1023, 1536, 12 << 20, 3 << 40, -2048].map(size),
            ["-5 B", "1023 B", "1.5 KiB", "12.0 MiB", "3.0 TiB", "-2.0 KiB"]
        );
        assert_eq!((percent(Some(99.96)), percent(None)), ("100.0".to_owned(), String::new()));
    }

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("a\x1b[2J", 20), "a\\u{1b}[2J");
        assert_eq!(cut("abc", 0), "");
    }
}
