//! What an order's page shows of its booking, as finished text.

use super::model::{Step, StepKind};
use super::{due, failed_queries};
use crate::orders::views::ToDo;
use crate::orders::{Order, Standing};
use crate::outbox::waiting::Waiting;
use crate::outbox::{JobRow, JobState};
use crate::web::parts::Pill;
use crate::web::{Stamp, Times, format};

/// What was read.
#[derive(Default)]
pub struct Booking {
    pub steps: Vec<Step>,
    pub job: Option<JobRow>,
    /// Why the job waits.
    pub waiting: Option<Waiting>,
}

/// The panel; None: nothing of the order is to be booked.
pub struct BookingPanel {
    pub pill: Pill,
    pub rows: Vec<StepRow>,
    /// What went wrong or is waited for, in sentences.
    pub notes: Vec<String>,
    pub job: Option<i64>,
}

/// One step.
pub struct StepRow {
    pub label: &'static str,
    pub key: String,
    /// `done`, or why not.
    pub word: &'static str,
    pub amount: String,
    pub zoho_id: String,
    pub at: Option<Stamp>,
}

impl BookingPanel {
    /// Puts the panel together.
    pub fn of(booking: &Booking, standing: &Standing, times: Times) -> Option<Self> {
        let hindrance = due::hindrance(standing);
        if booking.steps.is_empty() && hindrance.is_none() {
            return None;
        }
        let (is_done, came_back) = (booking.is_done(), came_back(booking, standing));
        let job = booking.job.as_ref().filter(|_| !is_done);
        let word = match job.map(|job| job.state) {
            _ if is_done => "Done",
            Some(JobState::Dead) => "Failed",
            Some(JobState::Uncertain) => "Needs a look",
            Some(JobState::Cancelled) => "Cancelled",
            Some(JobState::Running) => "Running",
            Some(_) => "Waiting",
            None => "Needs a look",
        };
        let mut notes: Vec<String> = hindrance.map(str::to_owned).into_iter().collect();
        notes.extend(job.and_then(|job| job.last_error.as_ref()).map(|why| format!("The last try: {}", format::ended(why))));
        notes.extend(booking.waiting.as_ref().filter(|_| job.is_some()).map(|waiting| waiting.in_words(times)));
        if job.is_some_and(|job| job.state == JobState::Dead) && due::obstacle(standing, &booking.steps).is_none() {
            notes.push("Mend what it says, then run its job again: what is booked stays booked.".into());
        }
        notes.extend(came_back.map(str::to_owned));
        Some(Self {
            pill: if came_back.is_some() { Pill { tone: "warn", icon: "triangle-alert", label: "By hand" } } else { Pill::of(word) },
            rows: booking.steps.iter().map(|step| StepRow::new(step, times)).collect(),
            notes,
            job: booking.job.as_ref().map(|job| job.id.0),
        })
    }
}

impl Booking {
    fn is_done(&self) -> bool {
        self.steps.iter().all(|step| step.done_at.is_some()) && !self.steps.is_empty()
    }

    /// What a person has to do about it.
    pub fn to_do(&self, order: &Order) -> Vec<ToDo> {
        let stopped = self.job.as_ref().filter(|job| failed_queries::STOPPED.contains(&job.state) && !self.is_done());
        let failed = stopped.map(|job| {
            let (text, after) = match due::obstacle(&order.standing, &self.steps) {
                _ if job.state == JobState::Uncertain => {
                    ("Nobody knows whether its last step was booked. Look at it in Zoho Books, then decide on the page of ", ".")
                }
                None => ("Its booking failed and says why. Mend that, then run ", " again."),
                Some(_) => ("Look at it in Stripe, book it in Zoho Books by hand, then mark ", " as done."),
            };
            ToDo { text: text.into(), job: Some(job.id.0), after }
        });
        failed.into_iter().chain(came_back(self, &order.standing).map(ToDo::from)).collect()
    }
}

/// A refund that failed after its credit note was booked.
fn came_back(booking: &Booking, standing: &Standing) -> Option<&'static str> {
    let credited: i64 = booking.steps.iter().filter(|step| step.kind == StepKind::CreditNote).map(|step| step.amount_minor).sum();
    (credited > standing.refunded_minor).then_some(
        "A refund came back after its credit note was asked for: take the credit note and its refund back in Zoho Books by hand.",
    )
}

impl StepRow {
    fn new(step: &Step, times: Times) -> Self {
        let label = match step.kind {
            StepKind::Customer => "Customer",
            StepKind::Invoice => "Invoice",
            StepKind::Payment => "Payment",
            StepKind::CreditNote => "Credit note",
            StepKind::Refund => "Refund paid out",
        };
        let is_customer = step.kind == StepKind::Customer;
        Self {
            label,
            key: if is_customer { String::new() } else { step.key.clone() },
            word: if step.done_at.is_some() { "Booked" } else { "To do" },
            amount: if is_customer { String::new() } else { step.amount().map(|amount| amount.to_string()).unwrap_or_default() },
            zoho_id: step.zoho_id.clone().unwrap_or_default(),
            at: step.done_at.map(|at| times.stamp(at)),
        }
    }
}
