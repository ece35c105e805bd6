//! Storage: one set of queries for SQLite and PostgreSQL, reads from a pool, writes through a writer that commits them
//! in groups. Knows no feature.

mod clock_offset;
mod columns;
mod conn;
mod currency;
mod desk;
mod fair_share;
mod fault;
mod found;
mod gathered;
mod inbox;
pub mod keyset;
mod link;
mod literal;
mod lock;
mod mark;
pub mod migrate;
mod outage;
pub mod personal_data;
mod readers;
mod retention;
pub mod schema;
mod seat;
mod slow;
mod store;
mod strike;
mod target;
mod task;
mod tx;
mod wal;
mod writer;

pub use columns::{id_type, json_text, text_enum};
pub use conn::{Conn, Engine, on_backend};
pub use fault::{WriteRefusal, is_unavailable};
pub use found::{Found, find};
pub use gathered::GatheredRow;
pub use literal::{hand_written_query, literal_condition};
pub use lock::{DatabaseLock, lock_database};
pub use store::{ReadError, Store, StoreOptions};
pub use strike::{Strike, Strikes};
pub use target::sqlite_path;
pub use task::WriteError;
pub use tx::{Topic, Tx};
