//! Contacts and companies: who is matched with whom, the linker behind the intake, timelines and their pages.

mod aside;
mod confirming;
mod ends;
mod feed;
mod linking;
mod matching;
mod pages;
mod plans;
mod scenario;
