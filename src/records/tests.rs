//! What files are read as, and what is said of those that cannot be.

use super::*;

fn read(text: impl Into<Vec<u8>>) -> (Format, Vec<String>, Vec<Record>) {
    let (format, mut records) = Records::open(Cursor::new(text.into())).expect("it can be read");
    let header = records.header().to_vec();
    let mut all = Vec::new();
    while let Some(record) = records.next_record().expect("it goes on") {
        all.push(record);
    }
    (format, header, all)
}

fn refused(text: impl Into<Vec<u8>>) -> String {
    Records::open(Cursor::new(text.into())).err().expect("it is refused")
}

fn cells(record: &Record) -> Vec<&str> {
    match &record.content {
        Content::Cells(cells) => cells.iter().map(String::as_str).collect(),
        other => panic!("{other:?}"),
    }
}

fn why(record: &Record) -> &str {
    match &record.content {
        Content::Broken { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_from_excel_is_read_with_its_mark_its_semicolons_and_its_line_breaks() {
    let text = "\u{feff}Name;\"E-Mail\";Note\r\n\"Ada; Countess\";ada@example.com;\"line one\nline \"\"two\"\"\"\r\n\r\nBob;;x";
    let (format, header, records) = read(text);
    assert_eq!(format, Format::Csv { separator: ';' });
    assert_eq!(header, ["Name", "E-Mail", "Note"]);
    assert_eq!(cells(&records[0]), ["Ada; Countess", "ada@example.com", "line one\nline \"two\""]);
    assert_eq!(cells(&records[1]), ["Bob", "", "x"]);
    assert_eq!([records[0].line, records[1].line], [2, 5], "where they begin, as an editor counts");
    assert_eq!((records.len(), records[1].ends_at), (2, text.len() as u64));
}

#[test]
fn each_separator_is_recognised_outside_of_quotation_marks() {
    for separator in [',', ';', '\t', '|'] {
        let (format, header, _) = read(format!("\"a,b;c|d\"{separator}e\n1{separator}2\n"));
        assert_eq!((format, header.len()), (Format::Csv { separator }, 2));
    }
    assert_eq!(read("name\nAda\n").0, Format::Csv { separator: ',' });
}

#[test]
fn one_object_a_line_is_read_and_what_is_none_is_told() {
    let (format, _, records) = read("{\"name\":\"Ada\"}\n\n  \r\n[1]\n{\"name\":\n{\"a\":1}x\n{\"name\":\"Bob\"}");
    assert_eq!(format, Format::Ndjson);
    let lines: Vec<_> = records.iter().map(|record| record.line).collect();
    assert_eq!(lines, [1, 4, 5, 6, 7]);
    assert!(matches!(&records[4].content, Content::Object(members) if members["name"] == "Bob"));
    assert_eq!(
        [why(&records[1]), why(&records[2]), why(&records[3])],
        ["is not a JSON object", "is JSON that breaks off", "is not JSON (column 8)"]
    );
}

#[test]
fn files_that_are_something_else_are_refused_by_name() {
    let lines = [
        refused("PK\u{3}\u{4}rest"),
        refused([0x1f, 0x8b, 8, 0]),
        refused([0xff, 0xfe, b'a', 0]),
        refused(b"name\nJos\xe9\n".to_vec()),
        refused(b"name\nprice \x80 5\n".to_vec()),
        refused("[{\"name\":\"Ada\"}]"),
        refused(" \n"),
        refused(vec![b','; COLUMNS_MAX + 5]),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    the file is an Excel workbook or another ZIP file: save it as “CSV UTF-8”
    the file is compressed with gzip: unpack it first
    the file is encoded in UTF-16: save it as UTF-8 (in Excel: “CSV UTF-8”)
    the file is not UTF-8 (byte 0xe9 in line 2; it looks like Windows-1252 or ISO 8859): save it as UTF-8
    the file is not UTF-8 (byte 0x80 in line 2; it looks like Windows-1252 or another code page): save it as UTF-8
    the file is a JSON array: write one object a line (NDJSON), for example with `jq -c '.[]'`
    the file is empty
    the first record, which names the columns, has more than 200 columns
    ");
}

#[test]
fn a_record_without_end_is_passed_over_and_the_next_is_read() {
    let long = "x".repeat(10 * 1024 * 1024);
    let (_, _, records) = read(format!("name,note\nAda,{long}\nBob,ok\n"));
    assert!(why(&records[0]).starts_with("is longer than 256 KiB"));
    assert_eq!((cells(&records[1]), records[1].line), (vec!["Bob", "ok"], 3));
    let (_, _, records) = read(format!("{{\"name\":\"{long}\"}}\n{{\"name\":\"Bob\"}}\n"));
    assert!(why(&records[0]).starts_with("is longer than 256 KiB"));
    assert!(matches!(records[1].content, Content::Object(_)));
}

#[test]
fn a_quotation_mark_that_is_never_closed_takes_the_rest_and_says_so() {
    let rest = "a line\n".repeat(100_000);
    let (_, _, records) = read(format!("name,note\nAda,\"open\n{rest}"));
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].line, why(&records[0])), (2, "is longer than 256 KiB: is a quotation mark missing?"));
}

#[test]
fn a_record_with_a_thousand_columns_or_broken_bytes_is_refused_alone() {
    let wide = ",".repeat(1_000);
    let mut text = format!("name,note\nAda{wide}\nBob,ok\n{}", "Eve,ok\n".repeat(20_000)).into_bytes();
    text.extend(b"Jos\xe9,x\nZoe,ok\n");
    let (_, _, records) = read(text);
    assert_eq!(why(&records[0]), "has more than 200 columns");
    assert_eq!(cells(&records[1]), ["Bob", "ok"]);
    let last = &records[records.len() - 2..];
    assert_eq!((why(&last[0]), cells(&last[1])), ("is not UTF-8", vec!["Zoe", "ok"]));
}

#[test]
fn columns_without_a_name_or_with_the_same_get_one_of_their_own() {
    assert_eq!(read("a,,a,a\n1,2,3,4\n").1, ["a", "column 2", "a 2", "a 3"]);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        if let Ok((_, mut records)) = Records::open(Cursor::new(bytes)) {
            while let Ok(Some(_)) = records.next_record() {}
        }
    }
}
