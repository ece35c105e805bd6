//! Conditions that stand in the statement as they are written here. SQLite uses a partial index only where it can read the
//! index's condition in the statement, and PostgreSQL's reused plans likewise: a bound 'pending' is opaque to both. Unlike
//! `diesel::dsl::sql` these keep the statement among the prepared ones.

/// Makes a unit struct that is a condition: `literal_condition! { IsReady = "jobs.state = 'pending'" }`.
#[macro_export]
macro_rules! literal_condition {
    ($(#[$meta:meta])* $vis:vis $name:ident = $text:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, diesel::query_builder::QueryId, diesel::expression::ValidGrouping)]
        $vis struct $name;

        impl diesel::expression::Expression for $name {
            type SqlType = diesel::sql_types::Bool;
        }

        impl<DB: diesel::backend::Backend> diesel::query_builder::QueryFragment<DB> for $name {
            fn walk_ast<'b>(&'b self, mut out: diesel::query_builder::AstPass<'_, 'b, DB>) -> diesel::QueryResult<()> {
                out.push_sql(concat!("(", $text, ")"));
                Ok(())
            }
        }

        impl<Source> diesel::expression::AppearsOnTable<Source> for $name {}
        impl<Source> diesel::expression::SelectableExpression<Source> for $name {}
    };
}

/// Makes a statement written by hand one that is loaded from: `hand_written_query! { Hops -> (Text, Text) }`. Its `QueryFragment`
/// is the caller's. Prepared statements are told apart by their text.
#[macro_export]
macro_rules! hand_written_query {
    ($name:ident $(<$life:lifetime>)? -> $answers:ty) => {
        impl $(<$life>)? diesel::query_builder::QueryId for $name $(<$life>)? {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }

        impl $(<$life>)? diesel::query_builder::Query for $name $(<$life>)? {
            type SqlType = $answers;
        }

        impl<$($life,)? C> diesel::query_dsl::RunQueryDsl<C> for $name $(<$life>)? {}
    };
}

pub use {hand_written_query, literal_condition};
