//! What customers ask of Stripe counts like what jobs ask of it: its connection shows the calls, and whether it works.

use super::closing::NotClosed;
use super::opening::NotOpened;
use crate::app::App;
use crate::connections::stripe_limits;
use crate::http::Meter;
use crate::integrations::stripe::PROVIDER;
use crate::outbox::{Verdict, limits};

const OUTAGE: &str = "For a checkout Stripe did not answer in time, or was not able to";

/// Whether a failure speaks of Stripe as a whole.
pub(super) trait OfStripe {
    fn is_outage(&self) -> bool;
}

impl OfStripe for NotOpened {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Unreachable)
    }
}

impl OfStripe for NotClosed {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Stripe(why) if why.is_outage())
    }
}

/// Does what asks Stripe, and writes down how many calls that were and what they say of it. A customer is not kept waiting by our limits.
pub(super) async fn followed<T, E: OfStripe>(app: &App, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let meter = Meter::default();
    let done = meter.around(work).await;
    let told = match &done {
        Ok(_) => (Verdict::Works, None),
        Err(why) if why.is_outage() => (Verdict::Fails, Some(OUTAGE.to_owned())),
        Err(_) => (Verdict::SaysNothing, None),
    };
    if meter.calls() > 0
        && let Err(cause) = limits::note(app, PROVIDER, &stripe_limits(), meter.calls(), told).await
    {
        tracing::warn!(error = %cause, "Calls of a checkout could not be counted");
    }
    done
}
