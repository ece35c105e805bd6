//! An import: one file of an older system's leads, and how far it is.

use diesel::prelude::*;

use super::plan::Plan;
use crate::clock::UtcTime;
use crate::db::schema::imports;
use crate::db::{id_type, text_enum};

id_type! {
    /// A row of `imports`.
    pub struct ImportId;
}

impl ImportId {
    /// How jobs and audit rows name it.
    pub fn subject(self) -> String {
        format!("import:{self}")
    }
}

text_enum! {
    /// What has become of a file.
    pub enum ImportState {
        /// Uploaded; nobody has started it.
        Staged => "staged",
        Running => "running",
        Done => "done",
        /// Ended by a person; what was imported until then stays.
        Cancelled => "cancelled",
    }
}

/// An import as its row holds it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = imports)]
pub struct Import {
    pub id: ImportId,
    /// The older system, as people call it: a row is imported once from each.
    pub source: String,
    pub file_name: String,
    /// SHA-256 of the file.
    pub file_hash: String,
    pub file_bytes: i64,
    /// JSON: [`Plan`].
    pub plan: String,
    pub state: ImportState,
    #[diesel(embed)]
    pub standing: Standing,
    pub last_error: Option<String>,
    pub created_by: String,
    pub created_at: UtcTime,
    pub finished_at: Option<UtcTime>,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = imports)]
pub struct Standing {
    /// Records of the file that were worked through.
    pub rows_done: i64,
    pub bytes_done: i64,
    /// Taken over and put on their way to the CRM.
    pub queued: i64,
    /// Taken over as sent, or as cancelled.
    pub sent: i64,
    /// Taken over as failed.
    pub failed: i64,
    /// There already.
    pub skipped: i64,
    pub refused: i64,
    /// Of those taken over: kept with a note.
    pub noted: i64,
}

impl Standing {
    /// Leads that were taken over.
    pub fn imported(self) -> i64 {
        self.queued + self.sent + self.failed
    }
}

impl Import {
    /// What was recognised and chosen. Fails only where somebody else wrote the row.
    pub fn plan(&self) -> anyhow::Result<Plan> {
        Ok(serde_json::from_str(&self.plan)?)
    }

    /// Whether its file has come to its end: of one that is still being uploaded, or was cut off, nobody knows the digest.
    pub fn has_come(&self) -> bool {
        !self.file_hash.is_empty()
    }
}

/// A file that somebody wants imported.
#[derive(Clone, Debug)]
pub struct NewImport {
    pub source: String,
    pub file_name: String,
    pub file_hash: String,
    pub file_bytes: i64,
    pub plan: Plan,
    pub state: ImportState,
    /// `user:3`, `cli`.
    pub created_by: String,
}
