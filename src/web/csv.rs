//! Lists as CSV files (RFC 4180, UTF-8): streamed page by page, so that a list of any length costs the memory of one page.
//! Texts that a spreadsheet would run as a formula are made harmless.

use std::io::Cursor;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use rocket::http::{ContentType, Header};
use rocket::response::stream::ReaderStream;
use rocket::response::{self, Responder};
use rocket::tokio::sync::Semaphore;
use rocket::{Request, Response};

use super::format;
use super::list_form::ListForm;
use crate::Result;
use crate::clock::UtcTime;
use crate::db::{Conn, Store};

/// What spreadsheets take for the beginning of a formula, in both widths (OWASP, "CSV Injection", read 2026-11).
pub const FORMULA_STARTS: &[char] = &['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A cell as it was before a program that writes CSV put an apostrophe before what a spreadsheet would take for a formula.
pub fn bare(cell: String) -> String {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(FORMULA_STARTS) => rest.to_owned(),
        _ => cell,
    }
}

/// Excel reads a file as UTF-8 only if it begins with this.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Pieces of files that are read at once in this process: however many files are on their way, pages find a reader.
static READS: Semaphore = Semaphore::const_new(2);

/// One value of a row. Numbers and times are ours and stay as they are; texts are neutralised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell(String);

impl Cell {
    fn text(text: &str) -> Self {
        let is_formula = text.starts_with(FORMULA_STARTS);
        Self(if is_formula { format!("'{text}") } else { text.to_owned() })
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self(number.to_string())
    }
}

impl From<bool> for Cell {
    fn from(is_so: bool) -> Self {
        Self(is_so.to_string())
    }
}

impl From<UtcTime> for Cell {
    fn from(at: UtcTime) -> Self {
        Self(format::rfc3339(at))
    }
}

/// Nothing is an empty cell.
impl<T> From<Option<T>> for Cell
where
    Self: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or_else(|| Self(String::new()), Self::from)
    }
}

/// A row of a file.
pub type Row = Vec<Cell>;

/// `row![lead.id.0, &lead.name, lead.email.as_ref()]`
macro_rules! row {
    ($($value:expr),+ $(,)?) => { vec![$($crate::web::csv::Cell::from($value)),+] };
}
pub(crate) use row;

/// What a file is called, its columns, and how it was asked for.
#[derive(Clone, Debug)]
pub struct Outline {
    /// Without its ending.
    pub name: String,
    pub header: &'static [&'static str],
    pub form: ListForm,
}

/// A file on its way. What is sent once the answer has begun cannot be taken back: where the database goes away in the
/// middle, the last line says that the file is incomplete.
pub struct CsvFile {
    name: String,
    head: String,
    rest: BoxStream<'static, String>,
}

impl CsvFile {
    /// A list that is read in pages: `read` gives the rows from one place, and where the next page begins. The first page is
    /// read before anything is answered, so that a refusal is still an error page.
    pub async fn of_pages<P: Send + 'static>(
        store: &Store,
        outline: Outline,
        start: P,
        read: impl Fn(&mut Conn, P) -> Result<(Vec<Row>, Option<P>)> + Send + Sync + 'static,
    ) -> Result<Self> {
        let (store, read) = (store.clone(), Arc::new(read));
        let page = move |place: P| {
            let (store, read) = (store.clone(), read.clone());
            async move {
                // It is never closed, so this only waits.
                let _turn = READS.acquire().await;
                store.read(move |conn| read(conn, place)).await
            }
        };
        let (rows, on) = page(start).await?;
        let rest = stream::unfold((on, page), |(place, page)| async move {
            Some(match page(place?).await {
                Ok((rows, on)) => (lines(&rows), (on, page)),
                Err(cause) => {
                    tracing::warn!(error = %cause, "A CSV file ended early");
                    (torn(), (None, page))
                }
            })
        });
        Ok(Self { rest: rest.boxed(), ..Self::whole(outline, &rows) })
    }

    /// A list that is short by nature.
    pub fn whole(outline: Outline, rows: &[Row]) -> Self {
        // A program that says `Accept: text/csv` knows UTF-8 without being told.
        let mark = if outline.form.in_address { BYTE_ORDER_MARK } else { "" };
        let head = format!("{mark}{}{}", line(outline.header.iter().copied()), lines(rows));
        Self { name: outline.name, head, rest: stream::empty().boxed() }
    }
}

impl<'r> Responder<'r, 'static> for CsvFile {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let parts = stream::iter([self.head]).chain(self.rest).map(Cursor::new);
        let mut answer = Response::build();
        answer
            .header(ContentType::CSV)
            .header(Header::new("Content-Disposition", format!("attachment; filename=\"{}.csv\"", self.name)))
            .streamed_body(ReaderStream::from(parts));
        Ok(answer.finalize())
    }
}

fn lines(rows: &[Row]) -> String {
    rows.iter().map(|row| line(row.iter().map(|cell| cell.0.as_str()))).collect()
}

fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    // Into memory, and each line is a file of its own to the writer: neither can fail.
    let _into_memory = writer.write_record(cells);
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn torn() -> String {
    line(["INCOMPLETE: the database stopped answering here. Export again."].into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_made_text() {
        for bad in ["=1+1", "+971 50", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            assert_eq!(Cell::from(bad).0, format!("'{bad}"), "{bad:?}");
        }
        for good in ["", "Ada", "a=b", " =1", "ada@example.com", "'=1"] {
            assert_eq!(Cell::from(good).0, good);
        }
        assert_eq!(Cell::from(-5).0, "-5", "a number of ours is no formula");
        assert_eq!(Cell::from(Some("=x")).0, "'=x");
        assert_eq!(Cell::from(None::<&str>).0, "");
    }

    #[test]
    fn quotes_commas_line_breaks_and_every_script_survive() {
        let rows = [row!["a,b", "say \"x\"", "one\r\ntwo", "سارة 🎈"]];
        let read: Vec<Vec<String>> = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(lines(&rows).as_bytes())
            .records()
            .map(|record| record.expect("reads back").iter().map(str::to_owned).collect())
            .collect();
        assert_eq!(read, [["a,b", "say \"x\"", "one\r\ntwo", "سارة 🎈"]]);
    }
}
