//! Currencies as columns: their three letters, as Text on both engines.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;

use crate::money::Currency;

/// Gives the type of another row its place in queries.
#[derive(AsExpression, FromSqlRow)]
#[diesel(foreign_derive, sql_type = Text)]
#[expect(dead_code, reason = "it only names the type that Diesel's derives are for")]
struct Column(Currency);

impl<DB: Backend> ToSql<Text, DB> for Currency
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.code().to_sql(out)
    }
}

impl<DB: Backend> FromSql<Text, DB> for Currency
where
    String: FromSql<Text, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let code = <String as FromSql<Text, DB>>::from_sql(raw)?;
        Self::from_code(&code).ok_or_else(|| format!("`{code}` is not a currency that prices can have").into())
    }
}
