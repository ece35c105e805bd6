//! An uploaded file of products.

use diesel::prelude::*;

use super::columns::Plan;
use crate::clock::UtcTime;
use crate::db::schema::product_imports;
use crate::db::{id_type, text_enum};
use crate::error::Result;

id_type! {
    /// A row of `product_imports`.
    pub struct ImportId;
}

impl ImportId {
    /// As ledgers name it.
    pub fn subject(self) -> String {
        format!("product_import:{self}")
    }
}

text_enum! {
    /// Where an import stands.
    pub enum ImportState {
        /// Uploaded; waits for somebody to start it.
        Staged => "staged",
        Running => "running",
        Done => "done",
        Cancelled => "cancelled",
    }
}

/// A row of `product_imports`, without its file.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = product_imports)]
pub struct ProductImport {
    pub id: ImportId,
    pub file_name: String,
    pub state: ImportState,
    pub plan: String,
    pub row_count: i64,
    #[diesel(embed)]
    pub standing: Standing,
    pub last_error: Option<String>,
    pub created_by: String,
    pub created_at: UtcTime,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = product_imports)]
pub struct Standing {
    pub rows_done: i64,
    pub created: i64,
    pub changed: i64,
    pub unchanged: i64,
}

impl ProductImport {
    /// What its columns hold.
    pub fn plan(&self) -> Result<Plan> {
        use anyhow::Context;
        Ok(serde_json::from_str(&self.plan).context("reading the plan of an import of products")?)
    }
}

/// A file that is to be kept until somebody starts its import.
#[derive(Clone, Debug)]
pub struct NewImport {
    pub file_name: String,
    pub content: Vec<u8>,
    pub plan: Plan,
    pub row_count: i64,
    pub created_by: String,
}
