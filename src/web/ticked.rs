//! Rows that were ticked on a page of a list: which, where the list was, and what came of it.

use super::fields::Fields;
use super::flash::{Back, Flash};
use super::theme::local_path;

/// More than any page shows.
const ROWS_MAX: usize = 200;
/// Refusals that are told one by one.
const TOLD_MAX: usize = 3;

/// Ticked rows.
#[derive(Clone, Debug)]
pub struct Ticked {
    pub ids: Vec<i64>,
    back: String,
}

/// What rows are called, and what became of those that were dealt with: `job`, `jobs`, `will run again now`.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub one: &'static str,
    pub many: &'static str,
    pub done: &'static str,
}

impl Ticked {
    /// From the form below a list; `list` is the path of the list, to which the answer leads back with its filter.
    pub fn of(fields: &Fields, list: &str) -> Self {
        let back = local_path(fields.text("back"));
        let is_list = back.strip_prefix(list).is_some_and(|rest| rest.is_empty() || rest.starts_with('?'));
        let mut ids: Vec<i64> = fields.all("id").filter_map(|id| id.parse().ok()).take(ROWS_MAX).collect();
        ids.dedup();
        Self { ids, back: if is_list { back } else { list.to_owned() } }
    }

    /// Back to the list, with what came of it: how many were done, and who was left alone and why.
    pub fn answer(self, told: Told, left: &[(i64, String)]) -> Back {
        let back = Back::to(self.back);
        if self.ids.is_empty() {
            return back.saying(Flash::warn(format!("Nothing was done: tick one of the {} first.", told.many)));
        }
        let count = i64::try_from(self.ids.len() - left.len()).unwrap_or_default();
        let done = format!("{} {}.", super::format::counted(count, told.one, told.many), told.done);
        if left.is_empty() {
            return back.saying(Flash::ok(done));
        }
        let some = left.iter().take(TOLD_MAX).map(|(id, why)| format!(" #{id}: {why}"));
        let more = left.len().saturating_sub(TOLD_MAX);
        let more = if more == 0 { String::new() } else { format!(" And {more} more.") };
        back.saying(Flash::warn(format!("{done} Left alone: {}.{}{more}", left.len(), some.collect::<String>())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_the_list_with_its_filter_and_nowhere_else() {
        let of = |back: &str| {
            let body = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("back", back)
                .append_pair("id", "7")
                .append_pair("id", "x")
                .finish();
            Ticked::of(&Fields::parse(body.as_bytes()).expect("a form"), "/outbox")
        };
        assert_eq!(of("/outbox?state=failed&before=9").back, "/outbox?state=failed&before=9");
        for elsewhere in ["https://evil.example", "//evil.example", "/leads", "/outbox/7", "/outboxes", ""] {
            assert_eq!(of(elsewhere).back, "/outbox", "{elsewhere}");
        }
        assert_eq!(of("/outbox").ids, [7]);
    }
}
