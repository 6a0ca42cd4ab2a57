//! What stands on a page: its calculations, newest first.
//!
//! It is a part of the session's state, so it goes with it from version to version. Everything is rendered here; an element has an id, and
//! whatever is sent again goes to where the id is.

use crate::html::escape;
use plugin_abi::State;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt;

/// So many are kept. There are always some that have ended among them: a session has fewer that have not.
const LEN_MAX: usize = 200;
/// What is longer was not entered on the page: so much of it is shown.
const INPUT_LEN_MAX: usize = 100;

/// See the file's head.
#[derive(Default, Serialize, Deserialize, State)]
pub(crate) struct List {
    last_id: u64,
    items: VecDeque<Item>,
}

/// ∑(1..to), and what has become of it.
#[derive(Serialize, Deserialize, State)]
struct Item {
    id: u64,
    to: String,
    progress: Progress,
}

/// What becomes of a calculation.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, State)]
pub(crate) enum Progress {
    Calculating,
    Result(i128),
    Error,
    Busy,
    Invalid,
}

impl List {
    /// The id that the next one will have.
    pub(crate) fn next_id(&self) -> u64 {
        self.last_id + 1
    }

    /// Puts one on top. Returns what the page has to show for it.
    pub(crate) fn push(&mut self, to: &str, progress: Progress) -> String {
        self.last_id = self.next_id();
        let item = Item { id: self.last_id, to: to.trim().chars().take(INPUT_LEN_MAX).collect(), progress };
        let fragment = item.render();
        self.items.push_front(item);
        fragment + &self.shorten().unwrap_or_default()
    }

    /// Drops the oldest one that has ended, if there are too many. Returns what tells the page.
    fn shorten(&mut self) -> Option<String> {
        if self.items.len() <= LEN_MAX {
            return None;
        }
        let oldest = self.items.iter().rposition(|item| item.progress != Progress::Calculating)?;
        let gone = self.items.remove(oldest)?;
        Some(format!("<li id=\"c{}\" data-gone></li>", gone.id))
    }

    /// One has got on. Returns what the page has to show.
    pub(crate) fn set(&mut self, id: u64, progress: Progress) -> Option<String> {
        let item = self.items.iter_mut().find(|item| item.id == id)?;
        item.progress = progress;
        Some(item.render())
    }

    /// All of it.
    pub(crate) fn render(&self) -> String {
        let items: String = self.items.iter().map(Item::render).collect();
        format!("<ol id=\"list\">{items}</ol>")
    }
}

impl Item {
    /// New ones go to the top of the list.
    fn render(&self) -> String {
        let Self { id, to, progress } = self;
        let class = match progress {
            Progress::Calculating => "calculating",
            Progress::Result(_) => "result",
            Progress::Error | Progress::Busy => "error",
            Progress::Invalid => "invalid",
        };
        format!("<li id=\"c{id}\" class=\"{class}\" data-into=\"list\">∑(1..{}) = {progress}</li>", escape(to))
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calculating => f.write_str("calculating"),
            Self::Result(sum) => write!(f, "{sum}"),
            Self::Error => f.write_str("error"),
            Self::Busy => f.write_str("too many at once"),
            Self::Invalid => f.write_str("invalid input"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the list shows, without the markup around it.
    fn texts(list: &List) -> Vec<String> {
        list.items.iter().map(|item| format!("{} {}", item.to, item.progress)).collect()
    }

    #[test]
    fn the_newest_stands_on_top_and_keeps_its_id() {
        let mut list = List::default();
        assert_eq!(list.next_id(), 1);
        list.push(" 10 ", Progress::Calculating);
        list.push("12ab", Progress::Invalid);
        assert_eq!(texts(&list), ["12ab invalid input", "10 calculating"]);
        let shown = "<li id=\"c1\" class=\"result\" data-into=\"list\">∑(1..10) = 55</li>";
        assert_eq!(list.set(1, Progress::Result(55)).as_deref(), Some(shown));
        assert!(list.render().starts_with("<ol id=\"list\"><li id=\"c2\"") && list.render().contains(shown));
        assert_eq!(list.set(3, Progress::Error), None);
    }

    #[test]
    fn markup_in_the_input_is_text_on_the_page() {
        let shown = List::default().push("<script>\"&", Progress::Invalid);
        assert!(shown.contains("∑(1..&lt;script&gt;&quot;&amp;) = invalid input"), "{shown}");
    }

    #[test]
    fn a_sum_beyond_64_bits_is_shown() {
        let shown = List::default().push("9999999999", Progress::Result(49_999_999_995_000_000_000));
        assert!(shown.ends_with("∑(1..9999999999) = 49999999995000000000</li>"), "{shown}");
    }

    #[test]
    fn a_long_input_is_cut() {
        let shown = List::default().push(&"9".repeat(1_000_000), Progress::Invalid);
        assert!(shown.len() < 300, "{}", shown.len());
    }

    #[test]
    fn the_oldest_that_has_ended_makes_room() {
        let mut list = List::default();
        list.push("-1", Progress::Calculating);
        for n in 2..=LEN_MAX {
            assert!(!list.push(&n.to_string(), Progress::Busy).contains("data-gone"), "{n}");
        }
        let shown = list.push("new", Progress::Busy);
        assert!(shown.ends_with("<li id=\"c2\" data-gone></li>"), "{shown}");
        assert_eq!(list.items.len(), LEN_MAX);
        assert_eq!(texts(&list).last().map(String::as_str), Some("-1 calculating"));
    }
}
