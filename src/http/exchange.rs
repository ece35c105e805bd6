//! What is written down about a call to a provider, with its secrets taken out.

use std::sync::{Arc, Mutex, PoisonError};

/// One call, as an attempt records it. `request` and `response` are redacted and cut to 16 KiB each.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// `zoho`.
    pub provider: &'static str,
    /// `POST /crm/v8/Leads/upsert`.
    pub call: String,
    /// None: there was no answer.
    pub status: Option<u16>,
    pub duration_ms: i64,
    /// The provider's own id of the request, where it gives one.
    pub request_id: Option<String>,
    pub request: String,
    pub response: String,
}

/// Collects the calls made on behalf of one job or one person. Clones share the list.
#[derive(Clone, Debug, Default)]
pub struct CallLog(Arc<Mutex<Vec<Exchange>>>);

impl CallLog {
    /// Writes down a call.
    pub fn record(&self, exchange: Exchange) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
    }

    /// Takes what was recorded so far, oldest first.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
