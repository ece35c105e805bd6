//! The store's promises (DESIGN 4), each shown on both engines.

mod basics;
mod broken_disk;
mod bulk;
mod faults;
mod gathered;
mod group;
mod hang;
mod limits;
mod paging;
mod races;
mod reruns;
pub mod rows;
mod schema;
mod start;
mod unknown;
mod weight;
mod wire;
