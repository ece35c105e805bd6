//! Invoice, payment, credit note and refund. Each is looked for by our key, then made, and compared with what it should be.

use chrono::NaiveDate;

use super::book_job::Story;
use super::customer::not_found_yet;
use super::desk::{Desk, ask};
use super::model::{Step, StepKind};
use super::queries::Booked;
use crate::clock::UtcTime;
use crate::integrations::zoho::books::{Document, DocumentKind, Made, NewDocument, NewLine, NewPayment, NewRefund};
use crate::integrations::{Failure, FailureClass};
use crate::money::{Currency, Money};

pub(super) async fn invoice(desk: &mut Desk<'_>, story: &Story, step: &Step) -> Result<Booked, Failure> {
    let on = day(story, story.order.standing.paid_at.unwrap_or(step.asked_at));
    let amount = amount(step)?;
    document(desk, story, step, (DocumentKind::Invoice, on, lines(story, amount))).await
}

pub(super) async fn credit_note(desk: &mut Desk<'_>, story: &Story, step: &Step) -> Result<Booked, Failure> {
    let name = format!("Refund of {}", story.done(StepKind::Invoice, 0).map_or("the order", |invoice| invoice.key.as_str()));
    let line = NewLine { name, description: None, quantity: 1, each: amount(step)? };
    document(desk, story, step, (DocumentKind::CreditNote, day(story, step.asked_at), vec![line])).await
}

async fn document(
    desk: &mut Desk<'_>,
    story: &Story,
    step: &Step,
    (kind, on, lines): (DocumentKind, NaiveDate, Vec<NewLine>),
) -> Result<Booked, Failure> {
    let number = &step.key;
    let new = &NewDocument {
        customer_id: story.id_of(StepKind::Customer, 0)?,
        number: number.clone(),
        reference: story.order.line_id.clone(),
        on,
        lines,
    };
    let document = match ask!(desk, |books| books.document_by_number(kind, number))? {
        Some(document) => document,
        None => match ask!(desk, |books| books.create_document(kind, new))? {
            Made::New(document) => document,
            Made::Taken(refusal) => ask!(desk, |books| books.document_by_number(kind, number))?.ok_or_else(|| not_found_yet(&refusal))?,
        },
    };
    check(story, step, (kind, &document))?;
    let id = &document.id;
    if document.is_draft {
        ask!(desk, |books| books.issue(kind, id))?;
    }
    Ok(Booked { zoho_id: document.id, account_id: None })
}

pub(super) async fn payment(desk: &mut Desk<'_>, story: &Story, step: &Step) -> Result<Booked, Failure> {
    let invoice_id = &story.id_of(StepKind::Invoice, 0)?;
    let there = ask!(desk, |books| books.payments_of(invoice_id))?.into_iter().find(|payment| payment.reference == step.key);
    let payment = match there {
        Some(payment) => payment,
        None => {
            let new = &NewPayment {
                customer_id: story.id_of(StepKind::Customer, 0)?,
                invoice_id: invoice_id.clone(),
                reference: step.key.clone(),
                amount: amount(step)?,
                on: day(story, story.order.standing.paid_at.unwrap_or(step.asked_at)),
                description: "Paid through Stripe".into(),
            };
            ask!(desk, |books| books.create_payment(new))?
        }
    };
    Ok(Booked { zoho_id: payment.id, account_id: payment.account_id })
}

pub(super) async fn refund(desk: &mut Desk<'_>, story: &Story, step: &Step) -> Result<Booked, Failure> {
    let note_id = &story.id_of(StepKind::CreditNote, step.number)?;
    let there = ask!(desk, |books| books.refunds_of(note_id))?.into_iter().find(|(_, reference)| *reference == step.key);
    if let Some((zoho_id, _)) = there {
        return Ok(Booked { zoho_id, account_id: None });
    }
    let account_id = account(desk, story).await?;
    let new = &NewRefund { reference: step.key.clone(), amount: amount(step)?, on: day(story, step.asked_at), account_id };
    let zoho_id = ask!(desk, |books| books.refund(note_id, new))?;
    Ok(Booked { zoho_id, account_id: None })
}

/// The account that the payment went to: its money goes back from there.
async fn account(desk: &mut Desk<'_>, story: &Story) -> Result<String, Failure> {
    if let Some(account) = story.done(StepKind::Payment, 0).and_then(|payment| payment.account_id.clone()) {
        return Ok(account);
    }
    let payment_id = &story.id_of(StepKind::Payment, 0)?;
    let payment = ask!(desk, |books| books.payment(payment_id))?;
    payment.account_id.ok_or_else(|| {
        Failure::of_record(FailureClass::Validation, "Zoho Books names no account of the payment, so it is not known where its refund comes from: refund the credit note there by hand")
    })
}

fn amount(step: &Step) -> Result<Money, Failure> {
    step.amount()
        .ok_or_else(|| Failure::of_record(FailureClass::Validation, format!("{} is no currency that can be booked", step.currency)))
}

/// The lines of the order where they come to what was paid, else one over the whole.
fn lines(story: &Story, amount: Money) -> Vec<NewLine> {
    let total: i64 = story.lines.iter().map(|line| line.total_minor).sum();
    let is_whole = story.lines.iter().all(|line| line.unit_minor.checked_mul(line.quantity) == Some(line.total_minor));
    if story.lines.is_empty() || total != amount.amount_minor || !is_whole {
        let name = format!("Order {}", story.order.id);
        return vec![NewLine { name, description: story.order.reference.clone(), quantity: 1, each: amount }];
    }
    let line = |line: &crate::orders::OrderLine| NewLine {
        name: line.name.clone(),
        description: Some(line.sku.clone()),
        quantity: line.quantity,
        each: Money::new(line.unit_minor, amount.currency),
    };
    story.lines.iter().map(line).collect()
}

/// Whether it is ours, and comes to what it should.
fn check(story: &Story, step: &Step, (kind, found): (DocumentKind, &Document)) -> Result<(), Failure> {
    let (what, amount) = (kind.words(), amount(step)?);
    if found.reference != story.order.line_id {
        let message = format!("The number {} belongs to another {what} in Zoho Books: renumber that one, then run this again", step.key);
        return Err(Failure::of_record(FailureClass::Validation, message));
    }
    if found.total_minor == Some(amount.amount_minor) && found.currency == amount.currency.code() {
        return Ok(());
    }
    let theirs = match (found.total_minor, Currency::from_code(&found.currency)) {
        (Some(minor), Some(currency)) => Money::new(minor, currency).to_string(),
        _ => "another sum".into(),
    };
    let message = format!(
        "Zoho Books makes the {what} {} {theirs} where the order comes to {amount}: correct the taxes and roundings of the organisation, delete the {what} there, then run this again",
        step.key
    );
    Err(Failure::of_record(FailureClass::Validation, message))
}

fn day(story: &Story, at: UtcTime) -> NaiveDate {
    at.and_utc().with_timezone(&story.zone).date_naive()
}
