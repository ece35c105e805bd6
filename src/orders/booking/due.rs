//! What of an order has to be in the books: worked out each time the order changes, and asked for in the same transaction.

use diesel::QueryResult;

use super::model::{NewStep, Step, StepKind};
use super::{BookOrder, queries};
use crate::clock::UtcTime;
use crate::db::Tx;
use crate::digest::sha256_hex;
use crate::line::LineId;
use crate::money::Currency;
use crate::orders::{Attention, Order, OrderId, OrderState, Standing};
use crate::outbox::{JobState, NewJob, enqueue};

/// So much of the line's id makes our numbers differ from those of another installation.
const TAIL: usize = 6;

/// Our number of an order's invoice: `TL-12-9F03A1`.
pub fn document_number(order: OrderId, line_id: &str) -> String {
    let hex: String = line_id.chars().filter(char::is_ascii_alphanumeric).collect();
    let tail = hex.get(hex.len().saturating_sub(TAIL)..).unwrap_or(&hex).to_ascii_uppercase();
    format!("TL-{order}-{tail}")
}

/// Why an order is not booked, where it could be; None: it is, or there is nothing to book.
pub fn hindrance(standing: &Standing) -> Option<&'static str> {
    if !is_settled(standing) {
        return None;
    }
    let attentions = standing.attentions();
    if attentions.contains(&Attention::AmountDiffers) {
        return Some("It is not booked: what came in is not what the order comes to.");
    }
    if attentions.contains(&Attention::CurrencyDiffers) {
        return Some("It is not booked: its sums are in more than one currency.");
    }
    let is_known = standing.currency.as_deref().is_some_and(|code| Currency::from_code(code).is_some());
    (!is_known).then_some("It is not booked: its currency is not known.")
}

/// Why what was asked for and is still open is not booked; None: nothing of ours stands in the way.
pub fn obstacle(standing: &Standing, steps: &[Step]) -> Option<&'static str> {
    let invoice = steps.iter().find(|step| step.kind == StepKind::Invoice && step.done_at.is_none())?;
    let has_changed = invoice.amount_minor != standing.paid_minor;
    hindrance(standing).or_else(|| {
        has_changed.then_some("What was paid has changed since it was to be booked: look at the order in Stripe, and book it by hand")
    })
}

/// Whether an order is paid, and nothing stands in the way of booking it.
pub fn is_due(standing: &Standing) -> bool {
    is_settled(standing) && hindrance(standing).is_none()
}

fn is_settled(standing: &Standing) -> bool {
    matches!(standing.state, OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded)
}

/// The steps that nobody has asked for yet. The invoice is over what was paid; where nothing was to pay there is no payment.
/// Refunds are booked by the difference to what is booked of them already, and never beyond what was paid.
pub fn missing(number: &str, standing: &Standing, known: &[Step]) -> Vec<NewStep> {
    if !is_due(standing) {
        return Vec::new();
    }
    let mut missing = Vec::new();
    if known.is_empty() {
        let step = |kind, key: String| NewStep { kind, number: 0, key, amount_minor: standing.paid_minor };
        missing.push(step(StepKind::Customer, customer_key(number, standing)));
        missing.push(step(StepKind::Invoice, number.to_owned()));
        if standing.paid_minor > 0 {
            missing.push(step(StepKind::Payment, number.to_owned()));
        }
    }
    let credited = known.iter().filter(|step| step.kind == StepKind::CreditNote);
    let (count, booked_minor) = credited.fold((0, 0), |(count, sum), step| (count + 1, sum + step.amount_minor));
    let amount_minor = standing.refunded_minor.min(standing.paid_minor) - booked_minor;
    if amount_minor > 0 {
        let nth = count + 1;
        let key = format!("{number}-R{nth}");
        missing.push(NewStep { kind: StepKind::CreditNote, number: nth, key: key.clone(), amount_minor });
        missing.push(NewStep { kind: StepKind::Refund, number: nth, key, amount_minor });
    }
    missing
}

/// One customer for each mail address and currency: all documents of a customer are in one currency.
fn customer_key(number: &str, standing: &Standing) -> String {
    let currency = standing.currency.as_deref().unwrap_or_default();
    match &standing.email {
        Some(mail) => format!("mail:{}:{currency}", mail.to_lowercase()),
        None => format!("order:{number}"),
    }
}

/// Asks for what is missing, and enqueues the job that makes it, on this line. Jobs of one customer run one after the other.
pub fn enqueue_due(tx: &mut Tx<'_>, now: UtcTime, order: &Order, line_id: &str) -> QueryResult<()> {
    let Order { id, line_id: own_line, standing, .. } = order;
    if !is_settled(standing) {
        return Ok(());
    }
    let order = *id;
    let known = queries::steps(tx.conn(), order)?;
    let missing = missing(&document_number(order, own_line), standing, &known);
    let Some(first) = missing.first() else { return Ok(()) };
    if is_booked_by_hand(tx, order, &known)? {
        return Ok(());
    }
    let currency = standing.currency.as_deref().unwrap_or_default();
    for step in &missing {
        queries::ask(tx, now, (order, currency), step)?;
    }
    let customer = known.iter().find(|step| step.kind == StepKind::Customer).map_or(&first.key, |step| &step.key);
    // Keys of jobs are no place for addresses.
    let (unique_key, order_key) = (format!("orders.book:{order}"), format!("orders.book:{}", sha256_hex(customer)));
    let job = NewJob {
        job: &BookOrder { order },
        line: &LineId::from_stored(line_id.to_owned()),
        subject: &order.subject(),
        unique_key: Some(&unique_key),
        order_key: Some(&order_key),
        run_at: now,
    };
    enqueue(tx, now, &job).map(drop)
}

/// A person has ended the job before its invoice was made: whatever the books have of the order, they keep themselves.
fn is_booked_by_hand(tx: &mut Tx<'_>, order: OrderId, known: &[Step]) -> QueryResult<bool> {
    let is_invoice_open = known.iter().any(|step| step.kind == StepKind::Invoice && step.done_at.is_none());
    if !is_invoice_open {
        return Ok(false);
    }
    let last = queries::job_of(tx.conn(), order)?;
    Ok(last.is_some_and(|job| matches!(job.state, JobState::Cancelled | JobState::Succeeded)))
}

#[cfg(test)]
#[path = "due_tests.rs"]
mod tests;
