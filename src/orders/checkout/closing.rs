//! Before an order gets another page at Stripe, the one it has is looked at, and closed where somebody could still pay there: one order
//! is never paid twice.

use std::time::Duration;

use rocket::tokio::time::timeout;
use serde_json::Value;

use super::actions;
use super::model::Begun;
use super::opening::NotOpened;
use super::session::{self, PageState};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::integrations::stripe::api::Stripe;
use crate::integrations::{Failure, FailureClass};

/// One call. None is made twice: whoever asks again asks again.
const CALL: Duration = Duration::from_secs(3);

/// Why no other page may be opened.
#[derive(Debug)]
pub enum NotClosed {
    /// It is paid, or being paid; or our own database refused.
    Own(Error),
    Stripe(NotOpened),
}

/// Makes sure that nobody can pay on the order's page any more, and tells the order as it is to be opened anew.
pub async fn close(app: &App, begun: &Begun) -> Result<Begun, NotClosed> {
    let Some(key) = &app.config.stripe.secret_key else { return Err(NotClosed::Stripe(NotOpened::NotSetUp)) };
    let stripe = Stripe::new(app.transport.as_ref(), &app.config.stripe.api_url, key);
    let session = begun.checkout.session_id.as_deref().unwrap_or_default();
    match settle(&stripe, session, &format!("{}:expire", begun.idempotency_key())).await {
        Ok(PageState::Expired) => {}
        Ok(PageState::Complete) => return Err(NotClosed::Own(actions::paid_already())),
        // It would have to be closed, and is not: another page beside it could be paid too.
        Ok(PageState::Open) => return Err(NotClosed::Stripe(NotOpened::Unreachable)),
        Err(failure) => {
            tracing::warn!(line.id = %begun.line, class = failure.class.as_str(), "The page of an order could not be looked at; no other is opened");
            return Err(NotClosed::Stripe(super::opening::why(&failure)));
        }
    }
    let (now, of) = (app.clock.now(), begun.clone());
    let next = move |tx: &mut Tx<'_>| actions::next(tx, now, &of);
    app.store.write("orders.next_checkout", &begun.reference, next).await.map_err(|cause| NotClosed::Own(cause.into()))
}

/// How the session stands, after it was closed if it was open.
async fn settle(stripe: &Stripe<'_>, session: &str, key: &str) -> Result<PageState, Failure> {
    let path = format!("/v1/checkout/sessions/{session}");
    let look = || async { timeout(CALL, stripe.get(&path)).await.map_err(|_elapsed| late())?.result };
    match look().await {
        Ok(body) if state(&body)? != PageState::Open => return state(&body),
        Ok(_open) => {}
        // Of another account, or of another mode: nobody can pay there for us.
        Err(failure) if failure.class == FailureClass::NotFound && failure.of_record => return Ok(PageState::Expired),
        Err(failure) => return Err(failure),
    }
    let expire = format!("{path}/expire");
    match timeout(CALL, stripe.post(&expire, "", key)).await.map_err(|_elapsed| late())?.result {
        Ok(body) => state(&body),
        // Somebody was faster: the customer, or the clock. Stripe's words are not read; how it stands is asked again.
        Err(failure) if failure.class == FailureClass::Validation => state(&look().await?),
        Err(failure) => Err(failure),
    }
}

fn state(body: &Value) -> Result<PageState, Failure> {
    session::state(body).ok_or_else(|| Failure::of_call(FailureClass::Unknown, "Stripe does not say how the session stands"))
}

fn late() -> Failure {
    Failure::of_unknown_effect(FailureClass::Network, format!("Stripe did not answer within {} s", CALL.as_secs()))
}
