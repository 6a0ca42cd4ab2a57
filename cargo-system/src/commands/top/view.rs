//! What `top` shows, and what its keys do. Pure: no terminal, no node, no clock.
//!
//! ```text
//! list ─ / ─► filter is typed ─ Enter, Esc ─► list
//!   └─ k ─► "kill <…>?" ─ y ─► killed; anything else ─► list
//! ```

use super::{has_functions, row, summary};
use crate::shown;
use crate::which::{SortBy, Which};
use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::{Cell, Paragraph, Row, Table};
use runtime::protocol::{Selection, Top};

const KEYS: &str = "q quit  ↑↓ choose  k kill  / filter  s sort";
/// The order in which `s` goes.
const SORTS: [(SortBy, &str); 6] = [
    (SortBy::Cpu, "cpu"),
    (SortBy::Memory, "memory"),
    (SortBy::Mailbox, "mailbox"),
    (SortBy::Polls, "polls"),
    (SortBy::Uptime, "uptime"),
    (SortBy::Pid, "pid"),
];

/// What a key asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    Leave,
    /// Measure these from now on.
    Select(Selection),
    Kill(String),
}

#[derive(Debug, PartialEq, Eq)]
enum Mode {
    List,
    Filter(String),
    Question(String),
}

/// See the file's head.
#[derive(Debug)]
pub(super) struct View {
    top: Option<Top>,
    mode: Mode,
    sort: usize,
    filter: Option<String>,
    limit: u32,
    chosen: usize,
    said: Option<String>,
    colours: bool,
}

impl View {
    pub(super) fn new(which: &Which, colours: bool) -> Self {
        Self {
            top: None,
            mode: Mode::List,
            sort: SORTS.iter().position(|(sort, _)| *sort == which.sort).unwrap_or(0),
            filter: which.filter.clone(),
            limit: which.count.max(100),
            chosen: 0,
            said: None,
            colours,
        }
    }

    /// New numbers. Who was chosen stays chosen, where it stands now.
    pub(super) fn show(&mut self, top: Top) {
        let chosen = self.chosen_pid();
        let place = chosen.and_then(|pid| top.processes.iter().position(|process| process.pid == pid));
        self.chosen = place.unwrap_or(self.chosen).min(top.processes.len().saturating_sub(1));
        self.top = Some(top);
    }

    /// A sentence below, until the next key.
    pub(super) fn say(&mut self, text: String) {
        self.said = Some(text);
    }

    fn chosen_pid(&self) -> Option<String> {
        // The first line is a place, and no choice.
        let process = self.top.as_ref()?.processes.get(self.chosen)?;
        (self.chosen > 0 || matches!(self.mode, Mode::Question(_))).then(|| process.pid.clone())
    }

    fn selection(&self) -> Selection {
        Selection { sort: SORTS[self.sort].0.into(), limit: Some(self.limit), filter: self.filter.clone() }
    }

    pub(super) fn press(&mut self, key: KeyCode, modifiers: KeyModifiers) -> Action {
        self.said = None;
        if modifiers.contains(KeyModifiers::CONTROL) {
            let leaves = matches!(key, KeyCode::Char('c' | 'd'));
            return if leaves { Action::Leave } else { Action::Nothing };
        }
        match std::mem::replace(&mut self.mode, Mode::List) {
            Mode::List => self.press_in_list(key),
            Mode::Filter(text) => self.press_in_filter(text, key),
            Mode::Question(pid) if key == KeyCode::Char('y') => Action::Kill(pid),
            Mode::Question(pid) => {
                self.say(format!("{pid} goes on"));
                Action::Nothing
            }
        }
    }

    fn press_in_list(&mut self, key: KeyCode) -> Action {
        let last = self.top.as_ref().map_or(0, |top| top.processes.len().saturating_sub(1));
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return Action::Leave,
            KeyCode::Up => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Down => self.chosen = (self.chosen + 1).min(last),
            KeyCode::Home => self.chosen = 0,
            KeyCode::End => self.chosen = last,
            KeyCode::Char('/') => self.mode = Mode::Filter(String::new()),
            KeyCode::Char('s') => {
                self.sort = (self.sort + 1) % SORTS.len();
                return Action::Select(self.selection());
            }
            KeyCode::Char('k') => {
                let process = self.top.as_ref().and_then(|top| top.processes.get(self.chosen));
                if let Some(process) = process {
                    self.mode = Mode::Question(process.pid.clone());
                }
            }
            _ => {}
        }
        Action::Nothing
    }

    fn press_in_filter(&mut self, mut text: String, key: KeyCode) -> Action {
        match key {
            KeyCode::Enter => {
                self.filter = Some(text).filter(|text| !text.is_empty());
                return Action::Select(self.selection());
            }
            KeyCode::Esc => return Action::Nothing,
            KeyCode::Backspace => _ = text.pop(),
            KeyCode::Char(c) if text.len() < 100 => text.push(c),
            _ => {}
        }
        self.mode = Mode::Filter(text);
        Action::Nothing
    }

    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let [head, list, foot] =
            Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)]).areas(frame.area());
        let text = self.top.as_ref().map_or_else(|| "measuring …".to_owned(), summary);
        frame.render_widget(Paragraph::new(text), head);
        frame.render_widget(Paragraph::new(self.foot()), foot);
        let Some(top) = &self.top else { return };
        let columns = columns(list.width, has_functions(&top.processes, Some(list.width.into())));
        let room = usize::from(list.height).saturating_sub(1);
        let begin = (self.chosen + 1).saturating_sub(room.max(1));
        let rows = top.processes.iter().enumerate().skip(begin).take(room).map(|(place, process)| {
            let cells = row(process);
            let style = if place == self.chosen { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
            Row::new(columns.iter().map(|(column, _)| {
                let cell = Cell::new(shown::cut(&cells[*column], 200));
                if *column == 1 { cell.style(self.heat(process.cpu_percent)) } else { cell }
            }))
            .style(style)
        });
        let head = Row::new(columns.iter().map(|(column, _)| super::HEAD[*column]));
        let head = head.style(Style::new().add_modifier(Modifier::BOLD));
        frame.render_widget(Table::new(rows, columns.iter().map(|(_, width)| *width)).header(head), list);
    }

    fn heat(&self, percent: Option<f64>) -> Style {
        match percent {
            Some(percent) if self.colours && percent >= 50.0 => Style::new().fg(Color::Red),
            Some(percent) if self.colours && percent >= 5.0 => Style::new().fg(Color::Yellow),
            _ => Style::new(),
        }
    }

    fn foot(&self) -> String {
        match (&self.mode, &self.said) {
            (Mode::Question(pid), _) => format!("kill {pid}? y/n"),
            (Mode::Filter(text), _) => format!("filter: {}_", shown::cut(text, 100)),
            (Mode::List, Some(said)) => shown::cut(said, 200),
            (Mode::List, None) => {
                let filter = self.filter.as_ref().map(|filter| format!("  filter {}", shown::cut(filter, 30)));
                format!("{KEYS}: {}{}", SORTS[self.sort].1, filter.unwrap_or_default())
            }
        }
    }
}

/// Columns of a row, with their widths: as many as there is room for. Functions are more than memory is where there is little.
fn columns(width: u16, has_functions: bool) -> Vec<(usize, Constraint)> {
    let all = [
        (0, Constraint::Length(12)),
        (1, Constraint::Length(6)),
        (2, Constraint::Length(10)),
        (3, Constraint::Length(8)),
        (4, Constraint::Length(11)),
        (5, Constraint::Length(16)),
        (6, Constraint::Min(18)),
        (7, Constraint::Min(10)),
    ];
    let wanted: &[usize] = match (width, has_functions) {
        (0..60, _) => &[0, 1, 7],
        (60..100, true) => &[0, 1, 4, 6, 7],
        (60..100, false) => &[0, 1, 2, 4, 7],
        (_, true) => &[0, 1, 2, 3, 4, 5, 6, 7],
        (_, false) => &[0, 1, 2, 3, 4, 5, 7],
    };
    all.into_iter().filter(|(column, _)| wanted.contains(column)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::top_of_two;
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn view() -> View {
        let which = Which { sort: SortBy::Cpu, count: 20, filter: None };
        let mut view = View::new(&which, false);
        view.show(top_of_two());
        view
    }

    fn screen(view: &View, columns: u16, rows: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a screen");
        terminal.draw(|frame| view.draw(frame)).expect("drawn");
        let buffer = terminal.backend().buffer();
        let line = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned() + "\n";
        (0..rows).map(line).collect()
    }

    fn press(view: &mut View, keys: &str) -> Action {
        let mut last = Action::Nothing;
        for key in keys.chars() {
            let key = if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) };
            last = view.press(key, KeyModifiers::NONE);
        }
        last
    }

    #[test]
    fn a_narrow_screen_has_what_matters() {
        let expected = "\
10001 processes, 3 busy; processes use 9
PID          CPU %  TYPE
<4.1>        98.8   example_app::session
<12.3>       0.0    door (example_app::s

q quit  ↑↓ choose  k kill  / filter  s s
";
        assert_eq!(screen(&view(), 40, 6), expected);
        for (columns, rows) in [(1, 1), (2, 40), (200, 2), (0, 0)] {
            screen(&view(), columns, rows);
        }
    }

    #[test]
    fn a_wide_screen_has_all() {
        let expected = "\
10001 processes, 3 busy; processes use 99.5 %, schedulers 101.0 % of 2 × 100 %
PID          CPU %  MEMORY     MAILBOX  STATE       VERSION          TYPE
<4.1>        98.8   1.5 KiB    3        long runner 0.1.1+3f2a91bc   example_app::session::Session
<12.3>       0.0    1.5 KiB    3        waiting     0.1.1+3f2a91bc   door (example_app::session::Ses
q quit  ↑↓ choose  k kill  / filter  s sort: cpu
";
        assert_eq!(screen(&view(), 100, 5), expected);
    }

    #[test]
    fn functions_have_a_column_where_there_is_room() {
        let mut view = view();
        let mut top = top_of_two();
        top.processes[0].current = Some("count sum.rs:7".to_owned());
        view.show(top);
        assert!(screen(&view, 60, 6).contains("count sum.rs:7"), "{}", screen(&view, 60, 6));
        assert!(screen(&view, 140, 6).contains("count sum.rs:7"), "{}", screen(&view, 140, 6));
        assert!(!screen(&view, 59, 6).contains("FUNCTION"), "{}", screen(&view, 59, 6));
    }

    #[test]
    fn a_kill_is_asked_about() {
        let mut view = view();
        assert_eq!(press(&mut view, "k"), Action::Nothing);
        assert!(screen(&view, 40, 6).contains("kill <4.1>? y/n"));
        assert_eq!(press(&mut view, "n"), Action::Nothing);
        assert!(screen(&view, 40, 6).contains("<4.1> goes on"));
        view.press(KeyCode::Down, KeyModifiers::NONE);
        assert_eq!(press(&mut view, "ky"), Action::Kill("<12.3>".to_owned()));
        let mut moved = top_of_two();
        moved.processes.swap(0, 1);
        press(&mut view, "k");
        view.show(moved);
        assert_eq!(press(&mut view, "y"), Action::Kill("<12.3>".to_owned()), "who was asked about, wherever it is now");
    }

    #[test]
    fn keys_choose_what_is_measured() {
        let mut view = view();
        let Action::Select(by_memory) = press(&mut view, "s") else { panic!("it selects") };
        assert_eq!(by_memory.sort, SortBy::Memory.into());
        let Action::Select(filtered) = press(&mut view, "/door\n") else { panic!("it selects") };
        assert_eq!(filtered.filter.as_deref(), Some("door"));
        assert_eq!(press(&mut view, "q"), Action::Leave);
        assert_eq!(view.press(KeyCode::Char('c'), KeyModifiers::CONTROL), Action::Leave);
    }
}
