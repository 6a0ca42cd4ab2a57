//! Columns of text, as wide as what stands in them.

/// Under their heads, two spaces apart; the last column is not filled up.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let longest = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        longest.max(head[column].chars().count())
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |cells: [&str; N]| {
        let cells: Vec<_> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    let rows = rows.iter().map(|row| line(std::array::from_fn(|column| row[column].as_str())));
    std::iter::once(line(head)).chain(rows).collect()
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
}
