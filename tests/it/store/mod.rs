//! The store's promises (DESIGN 4), each shown on both engines.

mod basics;
mod paging;
mod rows;
