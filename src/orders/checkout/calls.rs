//! What customers ask of Stripe shows on its connection like what jobs ask: how many calls, when it last worked, what failed last. A
//! failure holds no job back, since only checkouts may fail; jobs find out by themselves.

use std::time::Duration;

use rocket::tokio::time::timeout;

use crate::app::App;
use crate::connections::stripe_limits;
use crate::http::Meter;
use crate::integrations::stripe::PROVIDER;
use crate::outbox::limits::{self, Seen};

/// A customer waits no longer for the count.
const NOTE: Duration = Duration::from_secs(1);

/// Does what asks Stripe, and writes down what came of its calls.
pub(super) async fn followed<T>(app: &App, work: impl Future<Output = T>) -> T {
    let meter = Meter::default();
    let done = meter.around(work).await;
    if let Some(seen) = seen(&meter) {
        match timeout(NOTE, limits::note(app, PROVIDER, &stripe_limits(), meter.calls(), seen)).await {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => tracing::warn!(error = %cause, "Calls of a checkout could not be counted"),
            Err(_elapsed) => tracing::warn!("Calls of a checkout were not counted in time"),
        }
    }
    done
}

/// What the last call says of Stripe; None: there was none.
fn seen(meter: &Meter) -> Option<Seen> {
    if meter.calls() == 0 {
        return None;
    }
    let status = meter.last_status();
    let why = match status {
        None => "Stripe did not answer in time",
        Some(429) => "Stripe asked to slow down",
        Some(401 | 403) => "Stripe refuses our key",
        Some(500..) => "Stripe met a fault of its own",
        Some(_) => return Some(Seen::Works),
    };
    let status = status.map(|status| format!(" [HTTP {status}]")).unwrap_or_default();
    Some(Seen::Failed(format!("For a checkout: {why}{status}")))
}
