//! Columns of text, as wide as what stands in them, and on a terminal no wider than that.

use crate::shown;

/// As much of the last column stays, if there is as much, before others are left out.
const LAST_MIN: usize = 20;

/// Under their heads, two spaces apart; the last column is not filled up.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    within(head, rows, &[], None)
}

/// The same, no wider than `width`: the columns of `least` are left out for it, in this order, as far as need be, and the last one is cut.
pub(crate) fn within<const N: usize>(
    head: [&str; N],
    rows: &[[String; N]],
    least: &[usize],
    width: Option<usize>,
) -> String {
    without(None, head, rows, least, width)
}

/// The same, without that column.
pub(crate) fn without<const N: usize>(
    left_out: Option<usize>,
    head: [&str; N],
    rows: &[[String; N]],
    least: &[usize],
    width: Option<usize>,
) -> String {
    let longest = |column: usize| {
        let longest = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        longest.max(head[column].chars().count())
    };
    let mut columns: Vec<(usize, usize)> =
        (0..N).filter(|column| Some(*column) != left_out).map(|column| (column, longest(column))).collect();
    if let Some(width) = width {
        fit(&mut columns, least, width);
    }
    let line = |cell: &dyn Fn(usize) -> String| {
        let cells: Vec<_> =
            columns.iter().map(|(column, width)| format!("{:width$}", shown::cut(&cell(*column), *width))).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    let rows = rows.iter().map(|row| line(&|column| row[column].clone()));
    std::iter::once(line(&|column| head[column].to_owned())).chain(rows).collect()
}

/// Leaves columns out, and cuts the last one.
fn fit(columns: &mut Vec<(usize, usize)>, least: &[usize], width: usize) {
    let before_last =
        |columns: &[(usize, usize)]| columns.iter().rev().skip(1).map(|(_, width)| width + 2).sum::<usize>();
    let last = columns.last().map_or(0, |(_, width)| *width);
    for left_out in least {
        if before_last(columns) + last.min(LAST_MIN) <= width {
            break;
        }
        columns.retain(|(column, _)| column != left_out);
    }
    let room = width.saturating_sub(before_last(columns));
    if let Some((_, width)) = columns.last_mut() {
        *width = room.min(*width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let rows =
            [["1".to_owned(), "é".to_owned(), String::new()], ["222".to_owned(), "b".to_owned(), "c".to_owned()]];
        assert_eq!(table(["A", "BB", "C"], &rows), "A    BB  C\n1    é\n222  b   c\n");
    }

    #[test]
    fn a_narrow_table_leaves_out_what_matters_least_and_cuts_the_last_column() {
        let rows = [["1", "22", "333", &"x".repeat(40)].map(str::to_owned)];
        let narrow = |width| within(["A", "B", "C", "D"], &rows, &[2, 1], Some(width));
        assert!(narrow(60).contains(&"x".repeat(40)), "{}", narrow(60));
        assert_eq!(narrow(32), format!("A  B   C    D\n1  22  333  {}…\n", "x".repeat(19)));
        assert_eq!(narrow(30), format!("A  B   D\n1  22  {}…\n", "x".repeat(22)));
        assert_eq!(narrow(10), "A  D\n1  xxxxxx…\n");
        for width in 0..60 {
            assert!(narrow(width).lines().all(|line| line.chars().count() <= width.max(2)), "{width}");
        }
    }
}
