//! What `throughline import` says of a file and of what came of it.

use std::fmt::Write;

use throughline::imports::plan::{Field, Plan};
use throughline::imports::survey::Survey;
use throughline::imports::{Format, Standing};

/// What an import would do.
pub fn survey(plan: &Plan, found: &Survey) -> String {
    let mut text = String::new();
    let form = match plan.format {
        Format::Csv { separator: '\t' } => "CSV, separated by tabs".to_owned(),
        Format::Csv { separator } => format!("CSV, separated by “{separator}”"),
        Format::Ndjson => "NDJSON".to_owned(),
    };
    let _infallible = writeln!(text, "{form}; {} rows\n\nColumns:", found.rows);
    for column in &plan.order {
        let held = match plan.field(column) {
            Field::Keep => "kept with the lead as it is (say --mapping COLUMN=FIELD if it is something else)",
            Field::Drop => "left out",
            field => field.as_str(),
        };
        let _infallible = writeln!(text, "  {column} -> {held}");
    }
    if !plan.has(Field::Status) && !plan.has(Field::ZohoLeadId) {
        text.push_str("\nNO COLUMN SAYS WHICH LEADS WERE SENT: all of them would be sent to Zoho CRM.\n");
    }
    let _infallible = writeln!(text, "\nThe first rows, as they would be stored:");
    for (line, row) in &found.first {
        let contact = &row.lead.new.contact;
        let reach = contact.email.as_deref().or(contact.phone.as_deref()).unwrap_or("no contact");
        let (state, kind) = (row.lead.status.as_str(), row.lead.new.kind.as_str());
        let _infallible =
            writeln!(text, "  line {line}: {} <{reach}>, {kind}, {state}, received {} UTC", contact.name, row.lead.received_at);
    }
    let _infallible = write!(
        text,
        "\n  to be queued   {}\n  sent already   {}\n  failed         {}\n  cancelled      {}\n  refused        {}\n\
         Of these, imported before or twice in the file, and skipped: {}\n",
        found.queued, found.sent, found.failed, found.cancelled, found.refused, found.there
    );
    for (note, rows) in &found.notes {
        let _infallible = writeln!(text, "Note on {rows}: {note}");
    }
    for mistake in &found.mistakes {
        let _infallible = writeln!(text, "line {}: {}", mistake.line, mistake.why);
    }
    if found.refused > i64::try_from(found.mistakes.len()).unwrap_or(i64::MAX) {
        text.push_str("(and more)\n");
    }
    text.push_str("Nothing was imported.\n");
    // It tells of a file that anybody may have made: nothing of it may steer the terminal.
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// What came of an import.
pub fn report(done: Standing) -> String {
    format!(
        "{} rows: {} imported ({} queued for Zoho CRM, {} as sent or cancelled, {} as failed), {} skipped as already there, {} refused.\n{}",
        done.rows_done,
        done.imported(),
        done.queued,
        done.sent,
        done.failed,
        done.skipped,
        done.refused,
        if done.noted > 0 { format!("{} were kept with a note, which stands on their pages.\n", done.noted) } else { String::new() },
    )
}
