//! Walks the chain from its beginning and names what does not fit: rows changed, moved, put in, taken out, cut off at the
//! end. It cannot find out that somebody with the right to write everything made the whole chain anew: for that, note its
//! end somewhere else and give it to the next walk ([`Noted`]).

use diesel::prelude::*;

use super::chain::{self, AuditRow, PersonalValue, commitment};
use super::seal::{Head, head};
use crate::db::schema::audit;
use crate::db::{Conn, Store};
use crate::error::{Error, Result};

/// Rows read at a time.
const PAGE: i64 = 1_000;
/// Findings kept: the first tells where to look, a thousand more tell nothing.
const BROKEN_MAX: usize = 20;

/// A place where the chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The place in the chain.
    pub seq: i64,
    /// The row of `audit`, where there is one.
    pub id: Option<i64>,
    /// In a sentence.
    pub why: String,
}

/// The end of a chain as it was noted earlier, outside of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    pub seq: i64,
    pub seal: String,
}

impl std::str::FromStr for Noted {
    type Err = String;

    /// Reads `SEQ:SEAL`, as `audit verify` prints it.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':').and_then(|(seq, seal)| Some((seq.parse().ok()?, seal.trim().to_lowercase())));
        match parts {
            Some((seq, seal)) if seal.len() == 64 => Ok(Self { seq, seal }),
            _ => Err("write it as it was printed: the number, a colon, and 64 characters".into()),
        }
    }
}

/// What a walk along the chain found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Rows in the chain.
    pub sealed: i64,
    /// Rows that wait for the sealer.
    pub unsealed: i64,
    /// Personal values that were erased since they were sealed.
    pub erased: i64,
    /// The end of the chain.
    pub end: Option<Noted>,
    /// The first findings, in the order of the chain.
    pub broken: Vec<Broken>,
}

/// Verifies every sealed row, and that the noted end is still part of the chain.
pub async fn verify(store: &Store, noted: Option<Noted>) -> Result<Verified> {
    let (last, unsealed) = store.read(|conn| beginning(conn).map_err(Error::from)).await?;
    let mut walk = Walk { noted, found: Verified { unsealed, ..Verified::default() }, ..Walk::default() };
    let Some(Head { last_seq, last_seal }) = last.head else {
        walk.found(0, None, "the end of the chain is gone: the row of audit_chain was deleted".into());
        return Ok(walk.found);
    };
    loop {
        let after = walk.seq;
        let rows = store.read(move |conn| page(conn, after, last_seq).map_err(Error::from)).await?;
        let Some(reached) = rows.last().and_then(|row| row.seal_seq) else { break };
        rows.iter().for_each(|row| walk.step(row));
        walk.seq = reached;
    }
    walk.end(&Head { last_seq, last_seal }, last.greatest_seq);
    Ok(walk.found)
}

struct Last {
    head: Option<Head>,
    greatest_seq: i64,
}

fn beginning(conn: &mut Conn) -> QueryResult<(Last, i64)> {
    // In this order: the sealer moves both at once, so that the end may only be later than the greatest seen before it.
    let greatest_seq: Option<i64> = audit::table.select(diesel::dsl::max(audit::seal_seq)).first(conn)?;
    let head = head(conn)?;
    let unsealed = audit::table.filter(audit::seal_seq.is_null()).count().get_result(conn)?;
    Ok((Last { head, greatest_seq: greatest_seq.unwrap_or_default() }, unsealed))
}

fn page(conn: &mut Conn, after: i64, to: i64) -> QueryResult<Vec<AuditRow>> {
    audit::table
        .filter(audit::seal_seq.gt(after))
        .filter(audit::seal_seq.le(to))
        .order(audit::seal_seq)
        .limit(PAGE)
        .select(AuditRow::as_select())
        .load(conn)
}

/// A walk along the chain.
#[derive(Default)]
struct Walk {
    /// The place reached.
    seq: i64,
    /// The seal there; None after a gap, where the next row's link cannot be checked.
    seal: Option<String>,
    noted: Option<Noted>,
    found: Verified,
}

impl Walk {
    fn step(&mut self, row: &AuditRow) {
        let seq = row.seal_seq.unwrap_or_default();
        let before = if self.seq == 0 { Some(String::new()) } else { self.seal.take() };
        let is_gap = seq > self.seq + 1;
        if is_gap {
            self.missing(self.seq + 1, seq - 1);
        }
        self.seq = seq;
        self.found.sealed += 1;
        let seal = row.seal.clone().unwrap_or_default();
        let commitments = chain::read(row.commitments.as_deref()).unwrap_or_default();
        if let Some(before) = before.filter(|_| !is_gap)
            && row.seal_at(seq, &before, &commitments) != seal
        {
            self.found(seq, Some(row.id), "was changed or moved after it was sealed, or the row before it was".into());
        } else {
            self.values(seq, row, &commitments);
        }
        if self.noted.as_ref().is_some_and(|noted| noted.seq == seq && noted.seal != seal) {
            self.found(seq, Some(row.id), "does not carry the seal that was noted: the chain was made anew".into());
        }
        self.found.end = Some(Noted { seq, seal: seal.clone() });
        self.seal = Some(seal);
    }

    /// Whether the personal values are those that were committed to, or were erased.
    fn values(&mut self, seq: i64, row: &AuditRow, commitments: &chain::ByValue) {
        let salts = chain::read(row.salts.as_deref()).unwrap_or_default();
        for which in PersonalValue::ALL {
            let name = which.as_str();
            let why = match (row.value(which), commitments.get(name), salts.get(name)) {
                (Some(value), Some(committed), Some(salt)) if commitment(salt, which, value) == *committed => continue,
                (None, None, None) => continue,
                (None, Some(_), None) => {
                    self.found.erased += 1;
                    continue;
                }
                (Some(_), Some(_), Some(_)) => format!("its `{name}` is not the one that was sealed"),
                (Some(_), Some(_), None) => format!("its `{name}` was erased, and another was put in its place"),
                (Some(_), None, _) => format!("its `{name}` was put in after it was sealed"),
                (None, Some(_), Some(_)) => format!("its `{name}` was taken out, and not by erasing it"),
                (None, None, Some(_)) => format!("it has a salt for a `{name}` that was never sealed"),
            };
            self.found(seq, Some(row.id), why);
        }
    }

    fn end(&mut self, head: &Head, greatest_seq: i64) {
        if self.seq < head.last_seq {
            self.missing(self.seq + 1, head.last_seq);
        } else if self.seal.as_deref().unwrap_or_default() != head.last_seal {
            self.found(self.seq, None, "the last row does not carry the seal with which the chain ends".into());
        }
        if greatest_seq > head.last_seq {
            self.found(greatest_seq, None, format!("stands beyond the end of the chain, which is at {}: it was put in", head.last_seq));
        }
        if let Some(noted) = self.noted.as_ref().filter(|noted| noted.seq > head.last_seq) {
            self.found(noted.seq, None, format!("was noted, yet the chain ends at {}: its end was cut off", head.last_seq));
        }
    }

    fn missing(&mut self, first: i64, last: i64) {
        let why =
            if first == last { "is missing: the row was deleted".into() } else { format!("to {last} are missing: the rows were deleted") };
        self.found(first, None, why);
    }

    fn found(&mut self, seq: i64, id: Option<i64>, why: String) {
        if self.found.broken.len() < BROKEN_MAX {
            self.found.broken.push(Broken { seq, id, why });
        }
    }
}
