//! What a user wants to be told by mail, chosen on the account page.

use crate::clock::UtcTime;
use crate::db::text_enum;

use super::model::UserId;

text_enum! {
    /// When a user is told of new leads.
    pub enum NewLeadMails {
        AtOnce => "at_once",
        Daily => "daily",
        Off => "off",
    }
}

/// The hour at which a daily mail comes, unless another is chosen.
pub const DAILY_AT: &str = "08:00";

/// A user's choice, with what a mail to them needs.
#[derive(Clone, Debug)]
pub struct MailChoice {
    pub user: UserId,
    pub name: String,
    pub email: String,
    pub new_leads: NewLeadMails,
    /// `08:00`, in the seller's zone.
    pub daily_at: String,
    /// Since when they are told at all.
    pub since: UtcTime,
}

/// Every half hour of a day.
pub fn times_of_day() -> Vec<String> {
    (0..48).map(|half| format!("{:02}:{:02}", half / 2, half % 2 * 30)).collect()
}
