//! Files of records, as other programs write them: CSV, or one JSON object a line. Read record by record, in memory that does not grow with it: a record that is too long is passed
//! over to its end and told as a mistake, so that neither a missing quotation mark nor a hostile line can fill the memory.

use std::io::{BufRead, BufReader, Cursor, Read};

use csv_core::ReadRecordResult;
use serde_json::{Map, Value};

/// A record of a lead is far shorter; a transcript of the chatbot may come near.
const RECORD_MAX_BYTES: usize = 256 * 1024;
/// Columns of one record.
pub const COLUMNS_MAX: usize = 200;
/// What is looked at to tell what a file is.
const HEAD_BYTES: usize = 64 * 1024;
/// What is kept of a record that cannot be read.
const SHOWN_BYTES: usize = 2_000;
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
const BOM: &[u8] = b"\xef\xbb\xbf";

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text in columns; the first record names them.
    Csv { separator: char },
    /// One JSON object a line.
    Ndjson,
}

/// One record, as it came.
#[derive(Debug)]
pub struct Record {
    /// In the file; 1 for the first.
    pub line: u64,
    /// Where it ends, in bytes from the beginning.
    pub ends_at: u64,
    pub content: Content,
}

impl Record {
    /// Where it ends, as rows of the database count bytes.
    pub fn ends_at(&self) -> i64 {
        i64::try_from(self.ends_at).unwrap_or(i64::MAX)
    }
}

/// What a record holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Cells(Vec<String>),
    Object(Map<String, Value>),
    /// It cannot be read: why, and its beginning.
    Broken {
        why: String,
        shown: String,
    },
}

/// The records of a file. Header and byte order mark are behind it.
pub struct Records {
    input: Box<dyn BufRead + Send>,
    parser: Parser,
    /// Of a CSV file.
    header: Vec<String>,
    read_bytes: u64,
}

enum Parser {
    Csv {
        core: Box<csv_core::Reader>,
        output: Vec<u8>,
        ends: Vec<usize>,
        /// Ends of lines between records, which the core does not see.
        skipped_lines: u64,
    },
    Ndjson {
        line: u64,
    },
}

impl Records {
    /// Looks at the beginning of a file and says what it is, or why it cannot be read, in words.
    pub fn open(mut input: impl Read + Send + 'static) -> Result<(Format, Self), String> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        input.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(unreadable)?;
        refuse_other_kinds(&head)?;
        let begin = if head.starts_with(BOM) { BOM.len() } else { 0 };
        refuse_other_encodings(&head[begin..], head.len() == HEAD_BYTES)?;
        let format = format_of(&head[begin..])?;
        let whole = BufReader::with_capacity(HEAD_BYTES, Cursor::new(head.split_off(begin)).chain(input));
        let parser = match format {
            Format::Ndjson => Parser::Ndjson { line: 0 },
            Format::Csv { separator } => {
                let core = csv_core::ReaderBuilder::new().delimiter(u8::try_from(separator).unwrap_or(b',')).build();
                Parser::Csv { core: Box::new(core), output: vec![0; RECORD_MAX_BYTES], ends: vec![0; COLUMNS_MAX + 1], skipped_lines: 0 }
            }
        };
        let mut records = Self { input: Box::new(whole), parser, header: Vec::new(), read_bytes: begin as u64 };
        if let Format::Csv { .. } = format {
            records.header = match records.next_record()?.map(|record| record.content) {
                Some(Content::Cells(names)) if names.len() > COLUMNS_MAX => {
                    return Err(format!("the file has {} columns; {COLUMNS_MAX} is the most", names.len()));
                }
                Some(Content::Cells(names)) => unique(names),
                Some(Content::Broken { why, .. }) => return Err(format!("the first record, which names the columns, {why}")),
                _ => return Err("the file is empty".into()),
            };
        }
        Ok((format, records))
    }

    /// The names of the columns of a CSV file.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The next record; None at the end of the file. Fails where the file itself can no longer be read.
    pub fn next_record(&mut self) -> Result<Option<Record>, String> {
        match self.parser {
            Parser::Csv { .. } => self.next_csv(),
            Parser::Ndjson { .. } => self.next_line(),
        }
    }

    fn next_csv(&mut self) -> Result<Option<Record>, String> {
        let Parser::Csv { core, output, ends, skipped_lines } = &mut self.parser else { return Ok(None) };
        // The second half of a CR LF and empty lines: else a record would be said to stand where the one before it ended.
        loop {
            let input = self.input.fill_buf().map_err(unreadable)?;
            let between = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            *skipped_lines += input[..between].iter().filter(|byte| **byte == b'\n').count() as u64;
            self.input.consume(between);
            self.read_bytes += between as u64;
            if between == 0 {
                break;
            }
        }
        let line = core.line() + *skipped_lines;
        let (mut written, mut ended, mut broken) = (0, 0, None);
        let is_end = loop {
            let input = self.input.fill_buf().map_err(unreadable)?;
            let (result, read, wrote, closed) = core.read_record(input, &mut output[written..], &mut ends[ended..]);
            self.input.consume(read);
            self.read_bytes += read as u64;
            written += wrote;
            ended += closed;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    broken.get_or_insert_with(|| too_long(output));
                    written = 0;
                }
                ReadRecordResult::OutputEndsFull => {
                    let why = format!("has more than {COLUMNS_MAX} columns");
                    broken.get_or_insert_with(|| Content::Broken { why, shown: shown(&output[..written]) });
                    (written, ended) = (0, 0);
                }
                ReadRecordResult::Record => break false,
                ReadRecordResult::End => break ended == 0 && broken.is_none(),
            }
        };
        if is_end {
            return Ok(None);
        }
        let content = broken.unwrap_or_else(|| cells(&output[..written], &ends[..ended]));
        Ok(Some(Record { line, ends_at: self.read_bytes, content }))
    }

    fn next_line(&mut self) -> Result<Option<Record>, String> {
        loop {
            let mut text = Vec::new();
            let mut is_long = false;
            let is_end = loop {
                let available = self.input.fill_buf().map_err(unreadable)?;
                if available.is_empty() {
                    break text.is_empty();
                }
                let end = available.iter().position(|byte| *byte == b'\n');
                let part = &available[..end.unwrap_or(available.len())];
                let room = RECORD_MAX_BYTES - text.len();
                is_long |= part.len() > room;
                text.extend_from_slice(&part[..part.len().min(room)]);
                let read = end.map_or(available.len(), |end| end + 1);
                self.input.consume(read);
                self.read_bytes += read as u64;
                if end.is_some() {
                    break false;
                }
            };
            if is_end {
                return Ok(None);
            }
            let Parser::Ndjson { line } = &mut self.parser else { return Ok(None) };
            *line += 1;
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let content = if is_long { too_long(&text) } else { object(&text) };
            return Ok(Some(Record { line: *line, ends_at: self.read_bytes, content }));
        }
    }
}

fn too_long(text: &[u8]) -> Content {
    let why = format!("is longer than {} KiB: is a quotation mark missing?", RECORD_MAX_BYTES / 1024);
    Content::Broken { why, shown: shown(text) }
}

fn cells(text: &[u8], ends: &[usize]) -> Content {
    let mut begin = 0;
    let mut found = Vec::with_capacity(ends.len());
    for end in ends {
        match std::str::from_utf8(&text[begin..*end]) {
            Ok(cell) => found.push(cell.to_owned()),
            Err(_) => return Content::Broken { why: "is not UTF-8".into(), shown: shown(text) },
        }
        begin = *end;
    }
    Content::Cells(found)
}

fn object(text: &[u8]) -> Content {
    match serde_json::from_slice(text) {
        Ok(Value::Object(members)) if members.len() <= COLUMNS_MAX => Content::Object(members),
        Ok(Value::Object(_)) => Content::Broken { why: format!("has more than {COLUMNS_MAX} members"), shown: shown(text) },
        Ok(_) => Content::Broken { why: "is not a JSON object".into(), shown: shown(text) },
        Err(cause) if cause.is_eof() => Content::Broken { why: "is JSON that breaks off".into(), shown: shown(text) },
        Err(cause) => Content::Broken { why: format!("is not JSON (column {})", cause.column()), shown: shown(text) },
    }
}

/// The beginning of what cannot be read, as text that both engines can store.
fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(SHOWN_BYTES)]).replace('\0', "\u{fffd}")
}

/// A name that came before gets a number.
fn unique(names: Vec<String>) -> Vec<String> {
    let mut given: Vec<String> = Vec::with_capacity(names.len());
    for (place, name) in names.into_iter().enumerate() {
        let name = name.trim().replace('\0', "");
        let name = if name.is_empty() { format!("column {}", place + 1) } else { name };
        let fits = |name: &String| !given.contains(name);
        let name = std::iter::once(name.clone()).chain((2..).map(|number| format!("{name} {number}"))).find(fits).unwrap_or(name);
        given.push(name);
    }
    given
}

fn unreadable(cause: impl std::fmt::Display) -> String {
    format!("the file cannot be read: {cause}")
}

fn refuse_other_kinds(head: &[u8]) -> Result<(), String> {
    let told = match head {
        [b'P', b'K', 3, 4, ..] => "an Excel workbook or another ZIP file: save it as “CSV UTF-8”",
        [0xd0, 0xcf, 0x11, 0xe0, ..] => "an old Excel workbook: save it as “CSV UTF-8”",
        [0x1f, 0x8b, ..] => "compressed with gzip: unpack it first",
        [b'%', b'P', b'D', b'F', ..] => "a PDF",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "encoded in UTF-16: save it as UTF-8 (in Excel: “CSV UTF-8”)",
        _ => return Ok(()),
    };
    Err(format!("the file is {told}"))
}

/// The beginning must be UTF-8; a record further down that is not is refused by itself.
fn refuse_other_encodings(head: &[u8], is_cut: bool) -> Result<(), String> {
    let Err(cause) = std::str::from_utf8(head) else { return Ok(()) };
    // The head may end in the middle of a character.
    if is_cut && cause.error_len().is_none() {
        return Ok(());
    }
    let line = head[..cause.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
    let byte = head.get(cause.valid_up_to()).copied().unwrap_or_default();
    let guess = if byte >= 0xa0 { "Windows-1252 or ISO 8859" } else { "Windows-1252 or another code page" };
    Err(format!("the file is not UTF-8 (byte {byte:#04x} in line {line}; it looks like {guess}): save it as UTF-8"))
}

fn format_of(head: &[u8]) -> Result<Format, String> {
    match head.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Err("the file is empty".into()),
        Some(b'{') => Ok(Format::Ndjson),
        Some(b'[') => Err("the file is a JSON array: write one object a line (NDJSON), for example with `jq -c '.[]'`".into()),
        Some(_) => Ok(Format::Csv { separator: separator(head) }),
    }
}

/// The separator that stands most often in the first line, outside of quotation marks.
fn separator(head: &[u8]) -> char {
    let (mut counts, mut is_quoted) = ([0_usize; SEPARATORS.len()], false);
    for byte in head {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' | b'\r' if !is_quoted => break,
            byte if !is_quoted => {
                if let Some(place) = SEPARATORS.iter().position(|separator| separator == byte) {
                    counts[place] += 1;
                }
            }
            _ => {}
        }
    }
    // The first of the most: `max_by_key` would give the last.
    let best = (0..SEPARATORS.len()).rev().max_by_key(|place| counts[*place]).unwrap_or_default();
    char::from(SEPARATORS[best])
}

#[cfg(test)]
mod tests;
