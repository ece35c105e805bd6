//! Opens Stripe's page for an order: up to three tries under one key, within what a person waits.

use std::time::Duration;

use rocket::tokio::time::{sleep, timeout};

use super::actions;
use super::model::Begun;
use super::session::{self, Session};
use crate::app::App;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::integrations::stripe::api::Stripe;
use crate::integrations::{Failure, FailureClass};
use crate::random;

/// All tries together: somebody waits for the page.
const BUDGET: Duration = Duration::from_secs(10);
/// One try; whatever came of it is found by the next, under the same key.
const TRY: Duration = Duration::from_secs(4);
/// Pauses between the tries, as Stripe's own packages make them; each is cut by up to a half, so that not all come at once.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];

/// Why no page was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOpened {
    NotSetUp,
    /// What we sent, or our key.
    Refused,
    Unreachable,
}

/// Opens it, and keeps which one it is. `spent` of what a person waits is gone already.
pub async fn open(app: &App, begun: &Begun, spent: Duration) -> Result<Session, NotOpened> {
    let Some(key) = &app.config.stripe.secret_key else { return Err(NotOpened::NotSetUp) };
    let form = match session::form(begun) {
        Ok(form) => form,
        Err(why) => return Err(give_up(app, begun, &Failure::of_record(FailureClass::Validation, why.to_string())).await),
    };
    let stripe = Stripe::new(app.transport.as_ref(), &app.config.stripe.api_url, key);
    let left = BUDGET.saturating_sub(spent);
    match timeout(left, ask(&stripe, &form, &begun.idempotency_key())).await.unwrap_or_else(|_elapsed| Err(late(left))) {
        Ok(session) => keep(app, begun, session).await,
        Err(failure) => Err(give_up(app, begun, &failure).await),
    }
}

/// Asks until there is an answer that another try cannot better. The key makes repeats harmless.
async fn ask(stripe: &Stripe<'_>, form: &str, key: &str) -> Result<Session, Failure> {
    for pause in PAUSES {
        match once(stripe, form, key).await {
            // A Stripe that is merely busy (429) is not asked again, as its own packages do not.
            Err(failure) if matches!(failure.class, FailureClass::Network | FailureClass::ServerError) => {
                sleep(pause.mul_f64(1.0 - random::fraction() / 2.0)).await;
            }
            done => return done,
        }
    }
    once(stripe, form, key).await
}

async fn once(stripe: &Stripe<'_>, form: &str, key: &str) -> Result<Session, Failure> {
    let called = timeout(TRY, stripe.post("/v1/checkout/sessions", form, key)).await;
    let body = called.map_err(|_elapsed| late(TRY))?.result?;
    session::read(&body).ok_or_else(|| Failure::of_unknown_effect(FailureClass::Unknown, "Stripe's answer holds no open session"))
}

fn late(after: Duration) -> Failure {
    Failure::of_unknown_effect(FailureClass::Network, format!("Stripe did not answer within {} s", after.as_secs()))
}

async fn keep(app: &App, begun: &Begun, session: Session) -> Result<Session, NotOpened> {
    let (now, of, opened) = (app.clock.now(), begun.clone(), session.clone());
    let write = move |tx: &mut Tx<'_>| actions::opened(tx, now, &of, &opened);
    match app.store.write("orders.checkout_opened", &begun.reference, write).await {
        Ok(()) => Ok(session),
        // Asked again, Stripe answers with the same session.
        Err(cause) => {
            tracing::warn!(line.id = %begun.line, error = %Error::from(cause), "A checkout was opened at Stripe and could not be written down");
            Err(NotOpened::Unreachable)
        }
    }
}

async fn give_up(app: &App, begun: &Begun, failure: &Failure) -> NotOpened {
    use FailureClass::{ServerError, Unknown, Validation};
    // Stripe's own sentence may repeat an address: it stands on the order's page, not in the log.
    tracing::warn!(line.id = %begun.line, class = failure.class.as_str(), "Stripe opened no checkout; the order's page says why");
    // Stripe answers a key with what it answered first: also with its refusals of what was sent, and with its own faults.
    // Not so where another call is at work under the key (409) and where no answer came: then it is the same session we want.
    let needs_new_key = match failure.class {
        Validation => true,
        ServerError | Unknown => failure.effect_unknown,
        _ => false,
    };
    let (now, of, why) = (app.clock.now(), begun.clone(), failure.message.clone());
    let write = move |tx: &mut Tx<'_>| actions::refused(tx, now, &of, (&why, needs_new_key));
    if let Err(cause) = app.store.write("orders.checkout_refused", &begun.reference, write).await {
        tracing::warn!(line.id = %begun.line, error = %Error::from(cause), "What Stripe said to a checkout could not be written down");
    }
    self::why(failure)
}

/// What a failure of Stripe comes to for whoever asked.
pub(super) fn why(failure: &Failure) -> NotOpened {
    use FailureClass::{Network, RateLimited, ServerError};
    if matches!(failure.class, Network | ServerError | RateLimited) { NotOpened::Unreachable } else { NotOpened::Refused }
}
