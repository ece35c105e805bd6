//! The refused rows of an import as a file in the form of the one they came in, with line and reason in front: to be mended and
//! imported again.

use std::io::{Cursor, Write};

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use rocket::http::{ContentType, Header};
use rocket::response::stream::ReaderStream;
use rocket::response::{self, Responder};
use rocket::{Request, Response};
use serde_json::{Map, Value, json};

use super::model::Import;
use super::plan::Plan;
use super::queries::{self, Refusal};
use crate::app::App;
use crate::error::{Error, Result};
use crate::records::Format;
use crate::web::csv::FORMULA_STARTS;

/// Writes the whole file, some rows at a time.
pub async fn write_refused(app: &App, import: &Import, out: &mut impl Write) -> Result<()> {
    let mut parts = parts(app, import)?;
    while let Some(part) = parts.next().await {
        out.write_all(part?.as_bytes())
            .map_err(|cause| Error::Unavailable(format!("the file of refused rows cannot be written: {cause}")))?;
    }
    Ok(())
}

/// The same as an answer, as it is read.
pub struct RefusedRows {
    name: String,
    parts: BoxStream<'static, Result<String>>,
}

impl RefusedRows {
    /// Of this import.
    pub fn of(app: &App, import: &Import) -> Result<Self> {
        Ok(Self { name: file_name(import), parts: parts(app, import)? })
    }
}

impl<'r> Responder<'r, 'static> for RefusedRows {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let told = self.parts.map(|part| {
            Cursor::new(part.unwrap_or_else(|cause| {
                tracing::warn!(error = %cause, "A file of refused rows ended early");
                "INCOMPLETE: the database stopped answering here. Fetch it again.\r\n".to_owned()
            }))
        });
        let kind = if self.name.ends_with(".csv") { ContentType::CSV } else { ContentType::new("application", "x-ndjson") };
        // Names of files are kept without quotes and control characters (`upload::plain_name`); a header takes ASCII.
        let name: String = self.name.chars().map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' { c } else { '_' }).collect();
        Response::build()
            .header(kind)
            .header(Header::new("Content-Disposition", format!("attachment; filename=\"{name}\"")))
            .streamed_body(ReaderStream::from(told))
            .ok()
    }
}

fn parts(app: &App, import: &Import) -> Result<BoxStream<'static, Result<String>>> {
    let (app, plan, id) = (app.clone(), import.plan()?, import.id);
    let head = stream::iter([Ok(head(&plan))]);
    let rows = stream::unfold(Some((app, plan, 0)), move |from| async move {
        let (app, plan, after) = from?;
        match app.store.read(move |conn| queries::refusals(conn, id, after).map_err(Error::from)).await {
            Ok(rows) => {
                let last = rows.last()?.id;
                Some((Ok(rows.iter().map(|row| line(&plan, row)).collect()), Some((app, plan, last))))
            }
            Err(cause) => Some((Err(cause), None)),
        }
    });
    Ok(head.chain(rows).boxed())
}

/// How the file is called: `leads.refused.csv`.
pub fn file_name(import: &Import) -> String {
    let stem = import.file_name.rsplit_once('.').map_or(import.file_name.as_str(), |(stem, _)| stem);
    let ending = if matches!(import.plan().map(|plan| plan.format), Ok(Format::Ndjson)) { "ndjson" } else { "csv" };
    format!("{stem}.refused.{ending}")
}

fn head(plan: &Plan) -> String {
    match plan.format {
        Format::Ndjson => String::new(),
        Format::Csv { separator } => {
            let names = ["import_line", "import_why"].into_iter().chain(plan.order.iter().map(String::as_str));
            csv_line(names, separator)
        }
    }
}

fn line(plan: &Plan, refusal: &Refusal) -> String {
    let content: Value = serde_json::from_str(&refusal.content).unwrap_or_default();
    match plan.format {
        Format::Ndjson => {
            let mut members =
                Map::from_iter([("import_line".to_owned(), refusal.line.into()), ("import_why".to_owned(), json!(refusal.why))]);
            match content {
                Value::Object(own) => members.extend(own),
                other => drop(members.insert("import_text".into(), other)),
            }
            format!("{}\n", Value::Object(members))
        }
        Format::Csv { separator } => {
            let cells: Vec<String> = match content {
                Value::Array(cells) => cells.into_iter().map(|cell| cell.as_str().unwrap_or_default().to_owned()).collect(),
                other => vec![other.as_str().unwrap_or_default().to_owned()],
            };
            let line = refusal.line.to_string();
            csv_line([line.as_str(), &refusal.why].into_iter().chain(cells.iter().map(String::as_str)), separator)
        }
    }
}

/// One line of CSV. What a spreadsheet would take for a formula gets an apostrophe, which reading takes off again.
fn csv_line<'a>(cells: impl Iterator<Item = &'a str>, separator: char) -> String {
    let cells: Vec<String> = cells.map(|cell| cell_of(cell, separator)).collect();
    format!("{}\r\n", cells.join(&separator.to_string()))
}

fn cell_of(cell: &str, separator: char) -> String {
    let guard = if cell.starts_with(FORMULA_STARTS) { "'" } else { "" };
    let needs_quotes = cell.contains(['"', '\n', '\r', separator]);
    if needs_quotes { format!("\"{guard}{}\"", cell.replace('"', "\"\"")) } else { format!("{guard}{cell}") }
}
