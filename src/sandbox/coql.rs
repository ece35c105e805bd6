//! COQL as far as leads are looked for with it: one select, criteria in pairs, a limit. After Zoho's COQL page and Kaizen 171
//! (read 2026-11-22). Where they say nothing the sandbox is strict: a backslash in a text and a criterion on a multi-line
//! field are refused (inferred).

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::answer::SandboxAnswer;
use super::fields;
use crate::clock::UtcTime;

/// Records in one answer.
const LIMIT_MAX: usize = 200;
/// Paging ends here.
const REACH_MAX: usize = 10_000;

/// A query that was understood.
#[derive(Debug)]
pub(super) struct Query {
    pub columns: Vec<String>,
    pub offset: usize,
    pub limit: usize,
    condition: Condition,
}

#[derive(Debug)]
enum Condition {
    Both(Box<Condition>, Box<Condition>),
    Either(Box<Condition>, Box<Condition>),
    Equals(String, String),
    CreatedBetween(UtcTime, UtcTime),
    IsNull(String, bool),
}

impl Query {
    /// Reads a query, or answers as the CRM does to one it cannot read.
    pub(super) fn parse(text: &str, external_field: Option<&str>) -> Result<Self, SandboxAnswer> {
        let tokens = tokens(text)?;
        Parser { tokens, at: 0, external_field }.query()
    }

    /// Whether a record fits; `created_at` stands for its Created_Time.
    pub(super) fn fits(&self, record: &Map<String, Value>, created_at: UtcTime) -> bool {
        self.condition.holds(record, created_at)
    }
}

impl Condition {
    fn holds(&self, record: &Map<String, Value>, created_at: UtcTime) -> bool {
        let text = |field: &str| record.get(field).and_then(Value::as_str).unwrap_or_default();
        match self {
            Self::Both(one, other) => one.holds(record, created_at) && other.holds(record, created_at),
            Self::Either(one, other) => one.holds(record, created_at) || other.holds(record, created_at),
            Self::Equals(field, value) => text(field).to_lowercase() == value.to_lowercase(),
            Self::CreatedBetween(from, until) => *from <= created_at && created_at <= *until,
            Self::IsNull(field, is_null) => text(field).is_empty() == *is_null,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Symbol(char),
}

fn tokens(text: &str) -> Result<Vec<Token>, SandboxAnswer> {
    let (mut tokens, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => {
                let (value, length) = quoted(rest)?;
                tokens.push(Token::Text(value));
                length
            }
            '(' | ')' | ',' | '=' => {
                tokens.push(Token::Symbol(first));
                1
            }
            c if c.is_alphanumeric() || c == '_' => {
                let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..length].to_owned()));
                length
            }
            _ => return Err(syntax(rest)),
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// A text in quotes, a quote in it doubled; with the length it takes.
fn quoted(rest: &str) -> Result<(String, usize), SandboxAnswer> {
    let (mut value, mut chars) = (String::new(), rest.char_indices().skip(1).peekable());
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' if chars.peek().is_some_and(|(_, next)| *next == '\'') => {
                chars.next();
                value.push('\'');
            }
            '\'' => return Ok((value, at + 1)),
            '\\' => break,
            c => value.push(c),
        }
    }
    Err(syntax(rest))
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    external_field: Option<&'a str>,
}

impl Parser<'_> {
    fn query(mut self) -> Result<Query, SandboxAnswer> {
        self.keyword("select")?;
        let mut columns = vec![self.column()?];
        while self.symbol(',') {
            columns.push(self.column()?);
        }
        self.clause("from")?;
        if self.word()? != "Leads" {
            return Err(invalid("the module name given seems to be invalid", &json!({ "clause": "from" })));
        }
        self.clause("where")?;
        let condition = self.pair()?;
        let (offset, limit) = if self.is_keyword("limit") { self.limit()? } else { (0, LIMIT_MAX) };
        if self.at < self.tokens.len() {
            return Err(self.wrong());
        }
        if limit > LIMIT_MAX || offset + limit > REACH_MAX {
            return Err(SandboxAnswer::error_about(
                400,
                "LIMIT_EXCEEDED",
                "exceeded the limit",
                &json!({ "clause": "limit", "limit": LIMIT_MAX }),
            ));
        }
        Ok(Query { columns, offset, limit, condition })
    }

    /// One criterion, or two with a word between them; more must be grouped by brackets.
    fn pair(&mut self) -> Result<Condition, SandboxAnswer> {
        let one = Box::new(self.criterion()?);
        if self.is_keyword("and") {
            return Ok(Condition::Both(one, Box::new(self.criterion()?)));
        }
        if self.is_keyword("or") {
            return Ok(Condition::Either(one, Box::new(self.criterion()?)));
        }
        Ok(*one)
    }

    fn criterion(&mut self) -> Result<Condition, SandboxAnswer> {
        if self.symbol('(') {
            let inside = self.pair()?;
            return if self.symbol(')') { Ok(inside) } else { Err(self.wrong()) };
        }
        let field = self.column()?;
        if field == "Description" {
            return Err(invalid("data type not supported", &json!({ "column_name": field, "data_type": "textarea" })));
        }
        if self.symbol('=') {
            return Ok(Condition::Equals(field, self.text()?));
        }
        if self.is_keyword("is") {
            let is_null = !self.is_keyword("not");
            self.keyword("null")?;
            return Ok(Condition::IsNull(field, is_null));
        }
        self.keyword("between")?;
        let from = self.time(&field)?;
        self.keyword("and")?;
        Ok(Condition::CreatedBetween(from, self.time(&field)?))
    }

    fn limit(&mut self) -> Result<(usize, usize), SandboxAnswer> {
        let first = self.number()?;
        if self.symbol(',') { Ok((first, self.number()?)) } else { Ok((0, first)) }
    }

    fn time(&mut self, field: &str) -> Result<UtcTime, SandboxAnswer> {
        let text = self.text()?;
        let details = json!({ "column_name": field, "expected_data_type": "datetime" });
        let wrong = || invalid("value given seems to be invalid for the column", &details);
        if field != "Created_Time" {
            return Err(invalid("invalid query formed", &json!({ "column_name": field, "operator": "between" })));
        }
        DateTime::parse_from_rfc3339(&text).map(|at| at.naive_utc()).map_err(|_| wrong())
    }

    fn column(&mut self) -> Result<String, SandboxAnswer> {
        let name = self.word()?;
        let is_known = ["id", "Created_Time", "Modified_Time"].contains(&name.as_str()) || fields::is_known(&name, self.external_field);
        if is_known { Ok(name) } else { Err(invalid("column given seems to be invalid", &json!({ "column_name": name }))) }
    }

    fn word(&mut self) -> Result<String, SandboxAnswer> {
        let Some(Token::Word(word)) = self.tokens.get(self.at) else { return Err(self.wrong()) };
        self.at += 1;
        Ok(word.clone())
    }

    fn text(&mut self) -> Result<String, SandboxAnswer> {
        let Some(Token::Text(text)) = self.tokens.get(self.at) else { return Err(self.wrong()) };
        self.at += 1;
        Ok(text.clone())
    }

    fn number(&mut self) -> Result<usize, SandboxAnswer> {
        let wrong = self.wrong();
        self.word()?.parse().map_err(|_| wrong)
    }

    fn symbol(&mut self, symbol: char) -> bool {
        let is_next = self.tokens.get(self.at) == Some(&Token::Symbol(symbol));
        self.at += usize::from(is_next);
        is_next
    }

    fn is_keyword(&mut self, keyword: &str) -> bool {
        let is_next = matches!(self.tokens.get(self.at), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(is_next);
        is_next
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), SandboxAnswer> {
        if self.is_keyword(keyword) { Ok(()) } else { Err(self.wrong()) }
    }

    /// A clause that every query must have.
    fn clause(&mut self, name: &str) -> Result<(), SandboxAnswer> {
        let missing = SandboxAnswer::error_about(400, "SYNTAX_ERROR", "missing clause", &json!({ "clause": name }));
        if self.is_keyword(name) { Ok(()) } else { Err(missing) }
    }

    fn wrong(&self) -> SandboxAnswer {
        syntax(&self.tokens.get(self.at).map(|token| format!("{token:?}")).unwrap_or_default())
    }
}

fn syntax(near: &str) -> SandboxAnswer {
    let near: String = near.chars().take(30).collect();
    SandboxAnswer::error_about(
        400,
        "SYNTAX_ERROR",
        "error occurred while parsing the query",
        &json!({ "near": near, "line": 1, "column": 1 }),
    )
}

fn invalid(message: &str, details: &Value) -> SandboxAnswer {
    SandboxAnswer::error_about(400, "INVALID_QUERY", message, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Value {
        let answer = Query::parse(text, None).expect_err(text);
        let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
        json!({ "status": answer.status, "code": body["code"], "details": body["details"] })
    }

    #[test]
    fn criteria_stand_in_pairs_and_quotes_are_doubled() {
        let record = json!({ "Email": "O'Neil@example.com", "Last_Name": "O" });
        let fits = |text: &str| Query::parse(text, None).expect(text).fits(record.as_object().expect("an object"), UtcTime::default());
        assert!(fits("select id from Leads where Email = 'o''neil@example.com' limit 1"));
        assert!(!fits("select id from Leads where Email = 'x'' or Last_Name = ''O'"));
        assert!(fits("SELECT id, Description FROM Leads WHERE ((Email is not null and Last_Name = 'O') and Company is null)"));
        assert!(!fits("select id from Leads where Created_Time between '1970-01-01T01:00:00+00:00' and '1970-01-01T02:00:00+00:00'"));
        let paged = Query::parse("select id from Leads where Email is null limit 400, 200", None).expect("a query");
        assert_eq!((paged.offset, paged.limit), (400, 200));
    }

    #[test]
    fn what_zoho_refuses_is_refused_with_its_code() {
        assert_eq!(refusal("select id from Leads")["details"], json!({ "clause": "where" }));
        assert_eq!(refusal("update Leads set Email = 'x'")["code"], "SYNTAX_ERROR");
        for ungrouped in
            ["Email is null and Phone is null and Company is null", "Email = 'a\\'b'", "Email = 'a' 'b'", "Email = 'a", "(Email is null"]
        {
            assert_eq!(refusal(&format!("select id from Leads where {ungrouped}"))["code"], "SYNTAX_ERROR", "{ungrouped}");
        }
        assert_eq!(refusal("select Shoe_Size from Leads where Email is null")["details"]["column_name"], "Shoe_Size");
        assert_eq!(refusal("select id from Leads where Description = 'x'")["code"], "INVALID_QUERY");
        assert_eq!(refusal("select id from Leads where Email is null limit 201")["code"], "LIMIT_EXCEEDED");
        assert_eq!(refusal("select id from Leads where Email is null limit 9900, 200")["code"], "LIMIT_EXCEEDED");
    }
}
