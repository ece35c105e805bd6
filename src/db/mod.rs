//! Storage: one set of queries for SQLite and PostgreSQL, reads from a pool, writes through a writer that commits them
//! in groups. Knows no feature.

mod columns;
mod conn;
pub mod schema;
mod store;

pub use columns::{id_type, text_enum};
pub use conn::{Conn, Engine, on_backend};
pub use store::{ReadError, Store, Topic, Tx, WriteError};
