//! What the page of statistics shows, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::filter::ReceiptFilter;
use super::statistics::{LOOKED_MAX, TypeFigures};
use crate::web::{Shell, Stamp, Times, format};

/// How the types of events fare.
#[derive(Template, WebTemplate)]
#[template(path = "inbox/statistics.html")]
pub struct StatisticsPage {
    pub shell: Shell,
    pub rows: Vec<TypeLine>,
    pub looked: String,
}

/// A type of event with its figures.
pub struct TypeLine {
    pub event_type: String,
    pub href: String,
    pub received: String,
    pub handled: String,
    pub not_handled: String,
    pub refused: String,
    pub failed: String,
    pub has_failed: bool,
    pub duplicates: String,
    pub success: String,
    pub last: Option<Stamp>,
}

impl StatisticsPage {
    /// Puts the page together.
    pub fn new(shell: Shell, figures: &[TypeFigures]) -> Self {
        let times = shell.frame.times;
        Self {
            rows: figures.iter().map(|figures| TypeLine::new(figures, times)).collect(),
            looked: format!("Of each type the newest {} are looked at", format::number(LOOKED_MAX)),
            shell,
        }
    }
}

impl TypeLine {
    fn new(figures: &TypeFigures, times: Times) -> Self {
        let (good, all) = figures.success();
        let filter = ReceiptFilter { event_type: Some(figures.event_type.clone()), ..ReceiptFilter::default() };
        Self {
            href: filter.href(None, ""),
            event_type: figures.event_type.clone(),
            received: format::capped(figures.received, LOOKED_MAX),
            handled: format::number(good),
            not_handled: format::number(figures.not_handled),
            refused: format::number(figures.refused),
            failed: format::number(figures.failed),
            has_failed: figures.failed > 0,
            duplicates: format::number(figures.duplicates),
            success: format::percent(good, all),
            last: figures.last_at.map(|at| times.stamp(at)),
        }
    }
}
