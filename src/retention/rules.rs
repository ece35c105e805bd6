//! The rules: what is forgotten, after how long, and the walk over what is due. How long personal values are kept is said in
//! `db::personal_data` alone; a test fails for a registered column without a rule.

use chrono::TimeDelta;

use super::{inbox_queries, queries};
use crate::app::App;
use crate::clock::UtcTime;
use crate::config::Retention;
use crate::db::personal_data::{self, Kept};
use crate::db::{Conn, Tx, WriteError};
use crate::error::{Error, Result};

/// Something that is forgotten when it is old enough.
#[derive(Debug)]
pub struct Rule {
    pub table: &'static str,
    /// The registered columns it takes care of.
    pub columns: &'static [&'static str],
    after: Age,
    way: Way,
}

/// After how long.
#[derive(Clone, Copy, Debug)]
enum Age {
    /// As the registry says of the rule's columns.
    Registered,
    Days(u32),
    /// As `THROUGHLINE_KEEP_DONE_JOBS_DAYS` says.
    DoneJobs,
    /// As `THROUGHLINE_KEEP_FAILED_JOBS_DAYS` says.
    FailedJobs,
    /// As `THROUGHLINE_KEEP_QUARANTINED_DAYS` says.
    Quarantined,
    /// As `THROUGHLINE_KEEP_SPAM_DAYS` says.
    Spam,
    /// As `THROUGHLINE_KEEP_RECEIPTS_DAYS` says.
    Receipts,
}

/// The place of a row on the walk: its time and its id.
pub(super) type Place = (UtcTime, i64);

/// How it is done. Each step is one chunk of the bulk channel.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// A reader looks for rows that are due, from one place to the next, so that rows which stay are passed once a sweep and
    /// not once a chunk; the writer looks at each again before it forgets it.
    Walk { find: Find, forget: Forget },
    /// Everything that is old enough goes: the oldest rows are always the next ones.
    Oldest(fn(&mut Tx<'_>, UtcTime) -> diesel::QueryResult<usize>),
}

type Find = fn(&mut Conn, before: UtcTime, after: Option<Place>) -> diesel::QueryResult<Vec<Place>>;
type Forget = fn(&mut Tx<'_>, before: UtcTime, ids: &[i64]) -> diesel::QueryResult<usize>;

/// Every rule. Jobs are removed before what is left of them is emptied.
pub const RULES: &[Rule] = &[
    Rule {
        table: "jobs",
        columns: &[],
        after: Age::DoneJobs,
        way: Way::Walk { find: queries::done_jobs, forget: queries::remove_done_jobs },
    },
    Rule {
        table: "jobs",
        columns: &[],
        after: Age::FailedJobs,
        way: Way::Walk { find: queries::dead_jobs, forget: queries::remove_dead_jobs },
    },
    Rule {
        table: "jobs",
        columns: &["last_error", "note"],
        after: Age::Registered,
        way: Way::Walk { find: queries::talking_jobs, forget: queries::silence_jobs },
    },
    Rule {
        table: "job_attempts",
        columns: &["message", "request", "response"],
        after: Age::Registered,
        way: Way::Walk { find: queries::oldest_attempts, forget: queries::remove_attempts },
    },
    // As long as jobs that failed are kept by default: an operation is asked about as long as what it did can be seen.
    Rule {
        table: "bulk_operations",
        columns: &[],
        after: Age::Days(365),
        way: Way::Walk { find: queries::oldest_operations, forget: queries::remove_operations },
    },
    Rule { table: "job_progress", columns: &["message"], after: Age::Registered, way: Way::Oldest(queries::remove_progress) },
    Rule {
        table: "audit",
        columns: &["address"],
        after: Age::Registered,
        way: Way::Walk { find: queries::audited_addresses, forget: queries::erase_addresses },
    },
    Rule { table: "import_pieces", columns: &["data"], after: Age::Registered, way: Way::Oldest(queries::remove_staged_files) },
    Rule { table: "import_refusals", columns: &["why", "content"], after: Age::Registered, way: Way::Oldest(queries::remove_refusals) },
    // What they did stands in the audit.
    Rule { table: "product_imports", columns: &[], after: Age::Days(90), way: Way::Oldest(queries::remove_product_imports) },
    Rule {
        table: "leads",
        columns: &["provider_response"],
        after: Age::Registered,
        way: Way::Walk { find: queries::answered_leads, forget: queries::empty_answers },
    },
    Rule {
        table: "leads",
        columns: &[],
        after: Age::Quarantined,
        way: Way::Walk { find: queries::quarantined_leads, forget: queries::purge_quarantined },
    },
    Rule { table: "leads", columns: &[], after: Age::Spam, way: Way::Walk { find: queries::spam_leads, forget: queries::purge_spam } },
    Rule {
        table: "idempotency_answers",
        columns: &["answer", "body_hash", "key_hash"],
        after: Age::Registered,
        way: Way::Oldest(queries::remove_idempotency_keys),
    },
    Rule {
        table: "mails",
        columns: &["reader", "to_name", "to_address", "reply_name", "reply_address", "letter"],
        after: Age::Registered,
        way: Way::Walk { find: queries::oldest_mails, forget: queries::remove_mails },
    },
    Rule { table: "replied_addresses", columns: &["address_hash"], after: Age::Registered, way: Way::Oldest(queries::remove_replied) },
    // Removed before what is left of the others is emptied.
    Rule {
        table: "receipts",
        columns: &[],
        after: Age::Receipts,
        way: Way::Walk { find: inbox_queries::oldest_receipts, forget: inbox_queries::remove_receipts },
    },
    Rule {
        table: "receipts",
        columns: &["headers", "body", "address", "reason"],
        after: Age::Registered,
        way: Way::Walk { find: inbox_queries::full_receipts, forget: inbox_queries::empty_receipts },
    },
    Rule {
        table: "refused_webhooks",
        columns: &["address", "headers", "body"],
        after: Age::Registered,
        way: Way::Oldest(inbox_queries::remove_refused),
    },
    Rule { table: "refused_webhook_counts", columns: &[], after: Age::Days(90), way: Way::Oldest(inbox_queries::remove_refused_counts) },
    // Nobody is told of a lead so long after it came.
    Rule {
        table: "lead_news",
        columns: &[],
        after: Age::Days(30),
        way: Way::Walk { find: queries::oldest_news, forget: queries::remove_news },
    },
    Rule { table: "oauth_states", columns: &["session_id"], after: Age::Registered, way: Way::Oldest(queries::remove_oauth_states) },
    // The longest window of a provider is a day.
    Rule { table: "call_usage", columns: &[], after: Age::Days(3), way: Way::Oldest(queries::remove_call_usage) },
    Rule { table: "token_refreshes", columns: &[], after: Age::Days(90), way: Way::Oldest(queries::remove_refreshes) },
];

impl Rule {
    /// After how many days it forgets.
    pub fn days(&self, settings: Retention) -> u32 {
        let registered = || self.columns.iter().filter_map(|column| personal_data::kept(self.table, column));
        match self.after {
            Age::Registered => {
                registered().find_map(|kept| if let Kept::Days(days) = kept { Some(days) } else { None }).unwrap_or(u32::MAX)
            }
            Age::Days(days) => days,
            Age::DoneJobs => settings.done_jobs_days,
            Age::FailedJobs => settings.failed_jobs_days,
            Age::Quarantined => settings.quarantined_days,
            Age::Spam => settings.spam_days,
            Age::Receipts => settings.receipts_days,
        }
    }
}

/// Forgets everything that is old enough; tells how many rows were removed or emptied.
pub async fn sweep(app: &App) -> Result<usize> {
    let now = app.clock.now();
    let mut forgotten = 0;
    for rule in RULES {
        let days = i64::from(rule.days(app.config.retention));
        // A clock near the beginning of time has nothing old enough.
        let Some(before) = TimeDelta::try_days(days).and_then(|age| now.checked_sub_signed(age)) else { continue };
        let count = match rule.way {
            Way::Walk { find, forget } => walk(app, before, find, forget).await?,
            Way::Oldest(forget) => from_the_oldest(app, before, forget).await?,
        };
        if count > 0 {
            tracing::info!(table = rule.table, rows = count, kept_days = days, "Rows that were kept long enough were removed or emptied");
        }
        forgotten += count;
    }
    Ok(forgotten)
}

async fn walk(app: &App, before: UtcTime, find: Find, forget: Forget) -> Result<usize> {
    let (mut after, mut forgotten) = (None, 0);
    loop {
        let found = app.store.read(move |conn| find(conn, before, after).map_err(Error::from)).await?;
        let Some(last) = found.last() else { return Ok(forgotten) };
        after = Some(*last);
        let ids: Vec<i64> = found.into_iter().map(|(_, id)| id).collect();
        forgotten += chunk(app, move |tx| forget(tx, before, &ids)).await?;
    }
}

async fn from_the_oldest(app: &App, before: UtcTime, forget: fn(&mut Tx<'_>, UtcTime) -> diesel::QueryResult<usize>) -> Result<usize> {
    let mut forgotten = 0;
    loop {
        let count = chunk(app, move |tx| forget(tx, before)).await?;
        forgotten += count;
        if count == 0 {
            return Ok(forgotten);
        }
    }
}

async fn chunk(app: &App, forget: impl Fn(&mut Tx<'_>) -> diesel::QueryResult<usize> + Send + 'static) -> Result<usize> {
    let look_twice = move |tx: &mut Tx<'_>| {
        let count = forget(tx)?;
        if count == 0 {
            tx.wrote_nothing();
        }
        Ok(count)
    };
    let done: std::result::Result<usize, WriteError<Error>> = app.store.write_bulk("retention.forget", look_twice).await;
    Ok(done?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Retention =
        Retention { done_jobs_days: 90, failed_jobs_days: 365, quarantined_days: 30, spam_days: 7, receipts_days: 400 };

    #[test]
    fn every_registered_column_with_an_end_has_a_rule_that_keeps_it_no_longer() {
        let mut missing = Vec::new();
        for (table, column, days) in personal_data::ending() {
            let rules = RULES.iter().filter(|rule| rule.table == table && rule.columns.contains(&column));
            if !rules.map(|rule| rule.days(SETTINGS)).any(|kept| kept == days) {
                missing.push(format!("{table}.{column} after {days} days"));
            }
        }
        assert!(missing.is_empty(), "src/retention/rules.rs forgets these never, or not in time: {missing:?}");
    }

    #[test]
    fn no_rule_names_a_column_that_is_to_stay() {
        for rule in RULES {
            for column in rule.columns {
                assert!(matches!(personal_data::kept(rule.table, column), Some(Kept::Days(_))), "{}.{column}", rule.table);
            }
        }
    }
}
