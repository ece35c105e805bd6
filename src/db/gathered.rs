//! Rows that nobody reads back in the transaction that writes them. Those of a whole group are inserted together, after the
//! last closure and before COMMIT: one statement where each closure had its own.

use std::any::Any;

use diesel::QueryResult;

use super::conn::Conn;

/// A row that may be written at the end of its group.
pub trait GatheredRow: Send + Sized + 'static {
    /// Inserts rows of many closures. An error rolls the group back and runs each closure again alone, so that only the one
    /// whose row it is suffers for it.
    fn insert_all(conn: &mut Conn, rows: Vec<Self>) -> QueryResult<()>;
}

/// What closures gave, by sort.
#[derive(Default)]
pub(super) struct Gathered(Vec<Box<dyn Rows>>);

trait Rows: Any + Send {
    /// Takes the other's rows if they are of the same sort.
    fn takes(&mut self, other: &mut dyn Any) -> bool;
    fn insert(self: Box<Self>, conn: &mut Conn) -> QueryResult<()>;
}

struct Of<R>(Vec<R>);

impl<R: GatheredRow> Rows for Of<R> {
    fn takes(&mut self, other: &mut dyn Any) -> bool {
        let Some(same) = other.downcast_mut::<Self>() else { return false };
        self.0.append(&mut same.0);
        true
    }

    fn insert(self: Box<Self>, conn: &mut Conn) -> QueryResult<()> {
        R::insert_all(conn, self.0)
    }
}

impl Gathered {
    pub(super) fn push<R: GatheredRow>(&mut self, row: R) {
        self.add(Box::new(Of(vec![row])));
    }

    /// What one closure gave joins what its group gave.
    pub(super) fn absorb(&mut self, other: Self) {
        other.0.into_iter().for_each(|rows| self.add(rows));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert_all(self, conn: &mut Conn) -> QueryResult<()> {
        self.0.into_iter().try_for_each(|rows| rows.insert(conn))
    }

    fn add(&mut self, mut rows: Box<dyn Rows>) {
        if !self.0.iter_mut().any(|mine| mine.takes(rows.as_mut())) {
            self.0.push(rows);
        }
    }
}
