//! What the terminal shows: data on stdout, talk on stderr, and with `--json-output` nothing but JSON on
//! stdout.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::future::Future;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Row, TableStyle, Width};
use indicatif::{ProgressBar, ProgressStyle};
use owo_colors::OwoColorize as _;
use serde::Serialize;
use serde_json::{Map, Value};

use super::failure::{Failure, Result};
use crate::config;

/// How long something may take before a spinner says that it goes on.
const QUIET_FOR: Duration = Duration::from_secs(1);
/// The narrowest that a column of running text may become in a table; below, a table turns into blocks.
const NARROWEST_COLUMN: u16 = 12;

/// Where a command writes to, and how.
#[derive(Clone)]
pub(crate) struct Output {
    pub json: bool,
    pub verbose: bool,
    /// The name that the program was started by: `keyward` or `vamscli`.
    pub program: String,
    /// What moves on the terminal now; it makes room for what is said meanwhile.
    moving: RefCell<ProgressBar>,
}

/// A failure as JSON.
#[derive(Serialize)]
struct FailureJson<'a> {
    error: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    code: &'a str,
    #[serde(flatten)]
    members: Map<String, Value>,
}

/// What a table shows; a column that is `whole` is never broken into lines (an id is there to be copied).
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

struct Column {
    title: &'static str,
    whole: bool,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { columns: Vec::new(), rows: Vec::new() }
    }

    /// A column whose text may be broken into lines where the terminal is narrow.
    pub(crate) fn column(mut self, title: &'static str) -> Self {
        self.columns.push(Column { title, whole: false });
        self
    }

    /// A column whose text stays in one piece.
    pub(crate) fn whole_column(mut self, title: &'static str) -> Self {
        self.columns.push(Column { title, whole: true });
        self
    }

    fn without_empty_columns(mut self) -> Self {
        let is_used =
            |index: usize| self.rows.iter().any(|row| row.get(index).is_some_and(|cell| !cell.is_empty()));
        let used: Vec<bool> = (0..self.columns.len()).map(is_used).collect();
        let mut keep = used.iter();
        self.columns.retain(|_| keep.next().is_none_or(|used| *used));
        for row in &mut self.rows {
            let mut keep = used.iter();
            row.retain(|_| keep.next().is_none_or(|used| *used));
        }
        self
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: &[String; N]) {
        self.rows.push(cells.iter().map(|cell| printable(cell)).collect());
    }
}

/// `text` without what could move the cursor or turn the direction of writing: it may come from anybody.
pub(crate) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for character in text.chars() {
        let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if character.is_control() || turns {
            let _ = write!(clean, "{}", character.escape_default());
        } else {
            clean.push(character);
        }
    }
    clean
}

impl Output {
    pub(crate) fn new(program: String, json: bool, verbose: bool) -> Self {
        Self { json, verbose, program, moving: RefCell::new(ProgressBar::hidden()) }
    }

    /// Writes `value` as JSON to stdout: the one answer in JSON mode.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(|error| {
            Failure::new("internal", format!("The answer couldn't be written as JSON: {error}."))
        })?;
        self.line(&text)
    }

    /// Writes a line of data to stdout.
    #[expect(clippy::unused_self, reason = "everything that prints is a method of the output")]
    pub(crate) fn line(&self, text: &str) -> Result<()> {
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(|error| unwritten(&error))
    }

    /// Writes bytes that are not for a terminal (a script, a manual page) to stdout.
    #[expect(clippy::unused_self, reason = "everything that prints is a method of the output")]
    pub(crate) fn raw(&self, bytes: &[u8]) -> Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| unwritten(&error))
    }

    /// `Label:  value` lines, the values below each other.
    pub(crate) fn fields(&self, fields: &[(&str, String)]) -> Result<()> {
        let widest = fields.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
        for (label, value) in fields {
            let gap = " ".repeat(widest - label.chars().count());
            self.line(&format!("{}{gap}  {}", format!("{label}:").dimmed(), printable(value)))?;
        }
        Ok(())
    }

    /// A secret that is shown this once.
    pub(crate) fn secret(&self, label: &str, secret: &str) -> Result<()> {
        self.line(&format!("{}  {}", format!("{label}:").dimmed(), printable(secret).green().bold()))
    }

    /// A table as wide as the terminal allows, without columns that are empty all the way down; blocks where
    /// it would break ids apart.
    pub(crate) fn table(&self, table: Table) -> Result<()> {
        let table = &table.without_empty_columns();
        let widest = |index: usize, title: &str| {
            let cells = table.rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count());
            u16::try_from(cells.max().unwrap_or(0).max(title.len())).unwrap_or(u16::MAX)
        };
        let widths: Vec<u16> =
            table.columns.iter().enumerate().map(|(index, column)| widest(index, column.title)).collect();
        let gaps = u16::try_from(widths.len().saturating_sub(1)).unwrap_or(0).saturating_mul(2);
        let narrowest = table
            .columns
            .iter()
            .zip(&widths)
            .map(|(column, &width)| if column.whole { width } else { width.min(NARROWEST_COLUMN) });
        let narrowest = narrowest.fold(gaps, u16::saturating_add);
        let terminal = terminal_width();
        if terminal.is_some_and(|terminal| terminal < narrowest) {
            return self.blocks(table);
        }

        let mut drawn = comfy_table::Table::new();
        drawn.load_style(TableStyle::new());
        drawn.enforce_styling();
        drawn.style_text_only();
        if let Some(terminal) = terminal {
            drawn.set_content_arrangement(ContentArrangement::Dynamic).set_width(terminal);
        }
        let title = |column: &Column| Cell::new(column.title).add_attribute(comfy_table::Attribute::Bold);
        drawn.set_header(Row::from(table.columns.iter().map(title).collect::<Vec<_>>()));
        for row in &table.rows {
            drawn.add_row(row.iter().map(|cell| state_colour(Cell::new(cell), cell)).collect::<Vec<_>>());
        }
        let last = table.columns.len().saturating_sub(1);
        for (index, drawn) in drawn.column_iter_mut().enumerate() {
            let gap = if index == last { 0 } else { 2 };
            drawn.set_padding((0, gap));
            let whole = table.columns.get(index).is_some_and(|column| column.whole);
            if let Some(width) = widths.get(index).filter(|_| whole) {
                drawn
                    .set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width.saturating_add(gap))));
            }
        }
        self.line(&drawn.trim_fmt())
    }

    fn blocks(&self, table: &Table) -> Result<()> {
        for (index, row) in table.rows.iter().enumerate() {
            if index > 0 {
                self.line("")?;
            }
            let fields: Vec<(&str, String)> =
                table.columns.iter().map(|column| column.title).zip(row.iter().cloned()).collect();
            self.fields(&fields)?;
        }
        Ok(())
    }

    /// `✓ ...`, on stderr.
    pub(crate) fn success(&self, text: &str) {
        if !self.json {
            self.say(&format!("{} {}", "✓".green().bold(), printable(text)));
        }
    }

    /// A remark, on stderr; commands in it in backticks.
    pub(crate) fn note(&self, text: &str) {
        if !self.json {
            self.say(&printable(&self.in_own_name(text)));
        }
    }

    /// Something to mind, on stderr, also in JSON mode.
    pub(crate) fn warning(&self, text: &str) {
        self.say(&format!("{} {}", "warning:".yellow().bold(), printable(&self.in_own_name(text))));
    }

    /// Detail that `--verbose` asks for, on stderr.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose {
            self.say(&printable(text).dimmed().to_string());
        }
    }

    /// Why the command failed: JSON on stdout in JSON mode, else words on stderr.
    pub(crate) fn failure(&self, failure: &Failure) {
        let hint = failure.hint.as_ref().map(|hint| self.in_own_name(hint));
        if self.json {
            let mut members = failure.members.clone();
            let error = members.remove("error").unwrap_or_else(|| failure.message.clone().into());
            // Whoever reads stdout may be gone; there is nobody else to tell.
            let _ = self.json(&FailureJson { error, hint, code: &failure.code, members });
            return;
        }
        self.say(&format!("{} {}", "error:".red().bold(), printable(&failure.message)));
        if let Some(hint) = hint {
            self.say(&format!("{} {}", "hint:".cyan().bold(), printable(&hint)));
        }
    }

    /// Waits for `work`; when it takes long, a spinner on the terminal says so.
    pub(crate) async fn waiting<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        if let Ok(done) = tokio::time::timeout(QUIET_FOR, work.as_mut()).await {
            return done;
        }
        let spinner = self.spinner(what);
        let done = work.await;
        spinner.finish_and_clear();
        done
    }

    /// A spinner on stderr, seen on a terminal only.
    pub(crate) fn spinner(&self, what: &str) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let spinner = ProgressBar::new_spinner().with_message(what.to_owned());
        spinner.enable_steady_tick(Duration::from_millis(120));
        self.moving.replace(spinner.clone());
        spinner
    }

    /// A bar on stderr that fills as `total` things are done, seen on a terminal only.
    pub(crate) fn bar(&self, what: &str, total: u64) -> ProgressBar {
        if self.json {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(total).with_message(what.to_owned()).with_style(style);
        self.moving.replace(bar.clone());
        bar
    }

    /// `text` with the commands in it under the name that this program was started by.
    pub(crate) fn in_own_name(&self, text: &str) -> String {
        text.replace("`keyward ", &format!("`{} ", self.program))
    }

    pub(crate) fn say(&self, text: &str) {
        self.moving.borrow().suspend(|| {
            // A stderr that nobody reads is no reason to fail.
            let _ = writeln!(anstream::stderr(), "{text}");
        });
    }
}

fn state_colour(cell: Cell, text: &str) -> Cell {
    use comfy_table::Color;
    match text {
        "Active" | "CONFIRMED" | "done" => cell.fg(Color::Green),
        "Expired" | "Disabled" | "User disabled" | "refused" | "failed" => cell.fg(Color::Red),
        "FORCE_CHANGE_PASSWORD" | "RESET_REQUIRED" | "Overlap" => cell.fg(Color::Yellow),
        _ => cell,
    }
}

/// The terminal's width; without a terminal what `COLUMNS` says, else `None`: lines as long as they are.
fn terminal_width() -> Option<u16> {
    if io::stdout().is_terminal() {
        return comfy_table::Table::new().width();
    }
    config::environment("COLUMNS")?.parse().ok().filter(|&columns| columns > 0)
}

/// A reader that has seen enough (`| head`) is no failure.
fn unwritten(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::answered(0);
    }
    Failure::new("file", format!("The output couldn't be written: {error}."))
}
