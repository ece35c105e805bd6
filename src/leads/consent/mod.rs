//! What people agree to when they send a form: a wording a language, as rows that are never changed. Another wording is
//! another version; a lead keeps the text and the version it was shown.

mod actions;
mod pages;
mod queries;
mod views;

pub use queries::{current, find};

use chrono::NaiveDateTime;
use rocket::{Route, routes};

use crate::seller::Language;

/// The page of forms and their wordings.
pub fn routes() -> Vec<Route> {
    routes![pages::show, pages::replace]
}

/// A version of what is agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    pub language: Language,
    /// Counts from 1, in each language.
    pub version: i64,
    pub text: String,
    pub created_at: NaiveDateTime,
    /// `user:3`, or `system` for the first.
    pub created_by: String,
}

impl Wording {
    /// As forms and leads name it: `en-1`.
    pub fn name(&self) -> String {
        format!("{}-{}", self.language.as_str(), self.version)
    }

    /// Reads such a name.
    fn parse_name(name: &str) -> Option<(Language, i64)> {
        let (language, version) = name.split_once('-')?;
        Some((Language::parse(language)?, version.parse().ok()?))
    }
}
