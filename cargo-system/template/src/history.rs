//! What was said last.

use plugin_abi::State;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// So much is kept for those who come later.
const LEN_MAX: usize = 100;

/// Something that somebody said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, State)]
pub(crate) struct Line {
    pub(crate) who: String,
    pub(crate) text: String,
}

/// The last lines, oldest first.
#[derive(Default, Serialize, Deserialize, State)]
pub(crate) struct History {
    lines: VecDeque<Line>,
}

impl History {
    pub(crate) fn push(&mut self, line: Line) {
        if self.lines.len() == LEN_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        self.lines.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_in_order() {
        let mut history = History::default();
        for n in 0..=LEN_MAX {
            history.push(Line { who: "ann".to_owned(), text: n.to_string() });
        }
        let texts: Vec<_> = history.lines().into_iter().map(|line| line.text).collect();
        assert_eq!(texts.len(), LEN_MAX);
        assert_eq!((texts[0].as_str(), texts[LEN_MAX - 1].as_str()), ("1", "100"));
    }
}
