//! Connections: tokens, connecting, and the key that seals them.

mod books;
mod connect;
mod custody;
mod keys;

use std::sync::Arc;

use secrecy::SecretString;
use throughline::app::{App, Parts};
use throughline::connections::{ConnectForm, Occasion};

use crate::harness::{TestApp, Whole};

fn form(refresh_token: &str) -> ConnectForm {
    ConnectForm { client_id: None, client_secret: None, refresh_token: SecretString::from(refresh_token) }
}

fn by_cli() -> Occasion {
    Occasion::Any { actor: "cli".into(), address: None }
}

/// The same database and sandbox, as another process sees them: with connections and a writer of its own.
fn other_process(test: &TestApp, whole: &Whole) -> App {
    let app = &whole.app;
    App::new(Parts {
        store: test.open_store(|_| {}),
        clock: app.clock.clone(),
        transport: Arc::clone(&app.transport),
        vault: app.vault.clone(),
        config: app.config.clone(),
        process_id: "test-2".into(),
    })
}
