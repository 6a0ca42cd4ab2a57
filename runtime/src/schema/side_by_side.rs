//! Two texts beside each other, equal lines on one height.

use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::fmt::Write as _;

/// `old` on the left, `new` on the right, under these headings; a mark stands before each line that the other does not have.
#[must_use]
pub fn side_by_side<'a>(old: (&str, &'a str), new: (&str, &'a str)) -> String {
    let (left, right): (Vec<_>, Vec<_>) = (old.1.lines().collect(), new.1.lines().collect());
    let width = left.iter().copied().chain([old.0]).map(|line| line.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    row(&mut text, width, (' ', old.0), (' ', new.0));
    for operation in capture_diff_slices(Algorithm::Myers, &left, &right) {
        let (left, right) = (&left[operation.old_range()], &right[operation.new_range()]);
        let is_equal = matches!(operation, DiffOp::Equal { .. });
        for at in 0..left.len().max(right.len()) {
            let mark = |mark, line: Option<&&'a str>| match line {
                Some(line) => (if is_equal { ' ' } else { mark }, *line),
                None => (' ', ""),
            };
            row(&mut text, width, mark('-', left.get(at)), mark('+', right.get(at)));
        }
    }
    text
}

fn row(into: &mut String, width: usize, left: (char, &str), right: (char, &str)) {
    let line = format!("{} {:width$}  {} {}", left.0, left.1, right.0, right.1);
    let _ = writeln!(into, "{}", line.trim_end());
}
