//! What every handler and every job is handed: the doors to the outside, and nothing that knows a feature.

use std::ops::Deref;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::db::Store;
use crate::http::Transport;
use crate::mail::Mailer;
use crate::vault::Vault;

/// The running program's shared parts. Clones are cheap and share everything.
#[derive(Clone)]
pub struct App {
    parts: Arc<Parts>,
    mailer: Mailer,
}

/// See [`App`].
pub struct Parts {
    pub store: Store,
    pub clock: Clock,
    pub transport: Arc<dyn Transport>,
    pub vault: Vault,
    pub config: Config,
    /// This process's id in `processes`, in leases and in logs.
    pub process_id: String,
}

impl App {
    /// Puts the parts together. Mails leave as the settings say.
    pub fn new(parts: Parts) -> Self {
        Self { mailer: Mailer::of(&parts.config), parts: Arc::new(parts) }
    }

    /// The same with another way for mails.
    #[must_use]
    pub fn with_mailer(self, mailer: Mailer) -> Self {
        Self { mailer, ..self }
    }

    /// The way mails leave.
    pub fn mailer(&self) -> &Mailer {
        &self.mailer
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}
